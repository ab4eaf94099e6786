"""Keys that mean something else while a structure grows: Ctrl+Z and Z take a click back, Esc drops the preview."""

from collections.abc import Callable

import qt
import slicer

_WAITS = "MedDeepGrowWaits"


class GrowShortcuts:
    """Takes keys from the Segment Editor and gives them back.

    Qt calls neither of two shortcuts of the same key, so those of the editor (undo, leave the effect) are switched off
    while ours are on.

    Parameters
    ----------
    actions:
        Key, as ``"Ctrl+Z"``, and what it does.
    """

    def __init__(self, actions: dict[str, Callable[[], None]]) -> None:
        self._actions = actions
        self._own = []
        self._window = None  # from whose shortcuts the keys were taken

    def setEnabled(self, enabled: bool) -> None:
        """Take the keys, or give them back."""
        if enabled == bool(self._own):
            return
        window = slicer.util.mainWindow() if enabled else self._window
        if window is None:
            return
        if enabled:
            self._window = window
            for rival in self._shortcuts(window):
                if rival.enabled and rival.key.toString() in self._actions:
                    rival.enabled = False
                    rival.setProperty(_WAITS, True)
            self._own = [self._make(window, key, action) for key, action in self._actions.items()]
            return
        for shortcut in self._own:
            shortcut.enabled = False
            shortcut.setParent(None)
            shortcut.deleteLater()
        self._own, self._window = [], None
        for rival in self._shortcuts(window):  # looked for anew: the editor may have made its shortcuts anew meanwhile
            if rival.property(_WAITS):
                rival.enabled = True
                rival.setProperty(_WAITS, False)

    @staticmethod
    def _make(window, key: str, action: Callable[[], None]):
        shortcut = qt.QShortcut(window)
        shortcut.key = qt.QKeySequence(key)
        shortcut.connect("activated()", action)
        return shortcut

    @staticmethod
    def _shortcuts(window) -> list:
        return [child for child in window.children() if child.className() == "QShortcut"]
