"""The form of rated signs, generated from the description of the pathology."""

from collections.abc import Callable, Mapping

import qt
from slicer.i18n import tr as _

from MedDeepDiagnosisLib.pathology import Pathology


class SignsForm:
    """One choice for each rated sign; the first choice of each means that it was not rated.

    Parameters
    ----------
    layout:
        A QFormLayout that gets the rows.
    pathology:
        Says which signs there are, and the words of their scales.
    onChanged:
        Called without arguments when the user rates a sign.
    """

    def __init__(self, layout, pathology: Pathology, onChanged: Callable[[], None]) -> None:
        self._boxes = {}
        self._words = {}
        self._quiet = False
        for feature in pathology.features:
            if feature.group != "rated":
                continue
            box = qt.QComboBox()
            box.objectName = f"{feature.name}ComboBox"
            box.toolTip = feature.description
            box.addItem(_("not rated"))
            self._words[feature.name] = [step.word for step in feature.words]
            for step in feature.words:
                box.addItem(f"{step.value} - {step.word}")
            box.connect("currentIndexChanged(int)", lambda _index: self._changed(onChanged))
            layout.addRow(f"{feature.title}:", box)
            self._boxes[feature.name] = box

    def _changed(self, onChanged: Callable[[], None]) -> None:
        if not self._quiet:
            onChanged()

    @property
    def ratings(self) -> dict[str, str]:
        """The chosen words by sign; signs that were not rated are absent."""
        return {
            name: self._words[name][box.currentIndex - 1] for name, box in self._boxes.items() if box.currentIndex > 0
        }

    def setRatings(self, ratings: Mapping[str, str]) -> None:
        """Show these ratings; a word that the scale does not have shows as not rated."""
        self._quiet = True
        try:
            for name, box in self._boxes.items():
                words = self._words[name]
                box.currentIndex = words.index(ratings[name]) + 1 if ratings.get(name) in words else 0
        finally:
            self._quiet = False
