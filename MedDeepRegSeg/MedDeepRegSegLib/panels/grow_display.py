"""What the effect shows of strokes and their answers: it keeps one preview, of the volume that is grown in."""

from collections.abc import Callable, Sequence

import numpy as np

from MedDeepRegSegLib.mrml.grow_preview import GrowPreview
from MedDeepRegSegLib.panels.grow_strokes import Stroke, last_answered, points_of, suggestion_of
from MedDeepRegSegLib.panels.grow_texts import suggestion_text
from MedDeepRegSegLib.segmentation.growing_exchange import Answer


class GrowDisplay:
    """Shows nothing until there is a volume.

    Parameters
    ----------
    shown:
        ``shown(image)`` returns the part of a mask (oriented image data in world coordinates) that may be changed.
    """

    def __init__(self, shown: Callable) -> None:
        self._shown = shown
        self.preview: GrowPreview | None = None

    def follow(self, volume) -> None:
        """Show in a volume; what is shown at the place where it was before goes.

        Raises
        ------
        InputError
            If the volume is under a transform that is not rigid.
        """
        if self.preview is not None and self.preview.outdated:
            self.preview.clear()
            self.preview = None
        if self.preview is None:
            self.preview = GrowPreview(volume)

    def show(self, strokes: Sequence[Stroke], drawn: Stroke | None, color: Sequence[float]) -> None:
        """Show the last mask, and all points; nothing where there are no strokes."""
        if self.preview is None:
            return
        if not strokes:
            self.preview.clear()
            return
        last = last_answered(strokes)
        mask, offset = (None, (0, 0, 0)) if last is None else (last.mask, last.answer.offset)
        self.preview.show_mask(self._shown(self.preview.oriented_mask(mask, offset)), color)
        self.showPoints(strokes, drawn)

    def showPoints(self, strokes: Sequence[Stroke], drawn: Stroke | None) -> None:
        """Show the points of the strokes, and of the one that is drawn, and the suggestion."""
        if self.preview is None:
            return
        every = [*strokes, *([] if drawn is None else [drawn])]
        self.preview.show_points(points_of(every, True), points_of(every, False))
        point, positive = suggestion_of(strokes) or (None, True)
        self.preview.show_suggestion(point, suggestion_text(positive))

    def showDoubt(self, answer: Answer, array: np.ndarray | None) -> None:
        """Show where the network is in doubt."""
        if self.preview is not None:
            self.preview.show_uncertainty(array, answer.offset)

    def hideDoubt(self) -> None:
        """Show it no more."""
        if self.preview is not None:
            self.preview.show_uncertainty(None, (0, 0, 0))
