"""The list of augmentation presets in a combo box, kept by name in the parameter node."""

import logging

from slicer.i18n import tr as _

from MedDeepRegSegLib.augmentation.preset import load_preset, preset_names
from MedDeepRegSegLib.errors import InputError

NONE = "none"
"""Stands for no augmentation."""


class AugmentationPresets:
    """Fills a combo box with the presets and stores the one that was picked.

    Parameters
    ----------
    box:
        A ``QComboBox``.
    panel:
        The panel, of which the parameter node is followed.
    parameter:
        Name of the parameter that holds the name of the preset.
    none:
        Whether to offer no augmentation, too.
    """

    def __init__(self, box, panel, parameter: str, *, none: bool = False) -> None:
        self._box, self._panel, self._parameter = box, panel, parameter
        self._names: list[str] = []
        self._descriptions: list[str] = []
        if none:
            self._add(NONE, _("None"), _("The cases are learned as they are. Only to see what augmentation gains."))
        for name in sorted(preset_names(), key=lambda name: (name != "default", name.lower())):
            try:
                preset = load_preset(name)
            except InputError as error:  # one damaged file must not keep the module from opening
                logging.warning("%s", error)
            else:
                self._add(name, preset.title, preset.description)
        box.connect("currentIndexChanged(int)", self.onPicked)

    def _add(self, name: str, title: str, description: str) -> None:
        self._names.append(name)
        self._descriptions.append(description)
        self._box.addItem(title)

    def update(self) -> str:
        """Show the preset of the parameter node, and return what it is for."""
        name = getattr(self._panel.parameterNode, self._parameter)
        index = self._names.index(name) if name in self._names else -1  # a scene may come from another computer
        blocked = self._box.blockSignals(True)
        self._box.currentIndex = index
        self._box.blockSignals(blocked)
        return self._descriptions[index] if index >= 0 else ""

    def obstacle(self) -> str | None:
        """Return what to do where the preset is not there, else None."""
        known = getattr(self._panel.parameterNode, self._parameter) in self._names
        return None if known else _("Pick a preset of augmentation.")

    def onPicked(self, index: int) -> None:
        """Store the preset that was picked."""
        if self._panel.parameterNode is not None and index >= 0:
            setattr(self._panel.parameterNode, self._parameter, self._names[index])
