"""Growing by clicks, as a state machine without widgets: clicks, answers, taking back, confirming, canceling.

The Segment Editor effect feeds it with points and shows its texts; the network works in a child process
(:class:`~MedDeepRegSegLib.panels.grow_session.GrowSession`), so no method here waits for it.
"""

from collections.abc import Callable, Sequence

import numpy as np
from slicer.i18n import tr as _

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.geometry import to_lps
from MedDeepRegSegLib.mrml.grow_preview import GrowPreview
from MedDeepRegSegLib.panels.grow_session import GrowSession
from MedDeepRegSegLib.panels.grow_strokes import SPACING_MM, Stroke, Target, last_answered, point_of_ras, points_of
from MedDeepRegSegLib.panels.grow_texts import status_text, suggestion_text
from MedDeepRegSegLib.segmentation.growing_exchange import Answer, Point


class GrowInteraction:
    """Grows one structure after the other in a volume.

    Parameters
    ----------
    session:
        The child process.
    commit:
        ``commit(image, mode)`` puts a mask (oriented image data in world coordinates) into the selected segment;
        ``mode`` is ``add``, ``replace`` or ``remove``.
    onChanged:
        Called when texts or states may have changed.
    shown:
        ``shown(image)`` returns the part of a mask that may be changed, for the preview; all of it by default.
    """

    def __init__(
        self,
        session: GrowSession,
        commit: Callable,
        onChanged: Callable[[], None] = lambda: None,
        shown: Callable = lambda image: image,
    ) -> None:
        self._session, self._commit, self._onChanged, self._shown = session, commit, onChanged, shown
        self._target = Target()
        self._preview: GrowPreview | None = None
        self._strokes: list[Stroke] = []
        self._drawn: Stroke | None = None
        self._begun = self._confirmWanted = False
        self._error = ""
        self.uncertaintyShown = False

    @property
    def clicks(self) -> int:
        """How many clicks and scribbles there are."""
        return len(self._strokes)

    @property
    def drawing(self) -> bool:
        """Whether a stroke is being drawn."""
        return self._drawn is not None

    @property
    def computing(self) -> bool:
        """Whether a click waits for its mask."""
        return any(stroke.answer is None for stroke in self._strokes)

    @property
    def suggestion(self) -> tuple[Point, bool] | None:
        """Where the next click would help most (LPS mm), and whether it would be inside; None where nothing is known."""
        answer = self._strokes[-1].answer if self._strokes else None
        if answer is None or answer.suggestion is None:
            return None
        return answer.suggestion, answer.suggestion_positive

    @property
    def preview(self) -> GrowPreview | None:
        """What is shown of the volume that is grown in."""
        return self._preview

    @property
    def status(self) -> str:
        """What the user should know now."""
        if self._error:
            return self._error
        if self._target.volume is None:
            return _("Pick a source volume.")
        last = last_answered(self._strokes)
        preparing = self._session.message if self._session.running and not self._session.ready else ""
        answer = None if last is None else last.answer
        return status_text(self.clicks, answer, preparing=preparing, computing=self.computing)

    def follow(self, target: Target) -> None:
        """Say what is grown in and what gets it. Another segment ends the preview, another volume the session too."""
        before = self._target
        if target == before:
            return
        if target.volume is not before.volume:
            self.close()
        elif target.segmentation is not before.segmentation or target.segmentID != before.segmentID:
            self.cancel()
        self._target = target
        corrects = "correct" in (target.mode, before.mode) and target.mode != before.mode
        if target.roi is not before.roi or target.adapt != before.adapt or corrects:
            self._begun = False
            self._replay()
        self._onChanged()

    def prepare(self) -> None:
        """Start the child process and let it read the volume, so that the first click is answered sooner.

        Raises
        ------
        InputError
            If there is no volume, or it cannot be used.
        """
        self._session.open(self._target.volume, self._target.adapt)
        if self._preview is None:
            self._preview = GrowPreview(self._target.volume)

    def beginStroke(self, ras: Sequence[float], positive: bool) -> None:
        """Begin a click or a scribble at a point (RAS mm)."""
        self._error = ""
        self._drawn = Stroke(positive, [point_of_ras(ras)])

    def extendStroke(self, ras: Sequence[float]) -> None:
        """Go on with the scribble."""
        point = point_of_ras(ras)
        if self._drawn and np.linalg.norm(np.subtract(point, self._drawn.points[-1])) >= SPACING_MM:
            self._drawn.points.append(point)
            self._showPoints()

    def endStroke(self) -> None:
        """Send the click or scribble.

        Raises
        ------
        InputError
            If the volume or the box cannot be used. The click is not kept then.
        """
        stroke, self._drawn = self._drawn, None
        if stroke is None:
            return
        self.prepare()
        if not self._begun:
            self._begin()
        self._strokes.append(stroke)
        stroke.number = self._session.click(stroke.points, stroke.positive)
        self._show()

    def click(self, ras: Sequence[float], positive: bool = True) -> None:
        """Place one point (RAS mm)."""
        self.beginStroke(ras, positive)
        self.endStroke()

    def takeSuggestion(self) -> bool:
        """Place the suggested click; returns whether there was one."""
        if self.suggestion is None:
            return False
        point, positive = self.suggestion
        self.click(to_lps(np.array(point))[0], positive)  # LPS to RAS is its own inverse
        return True

    def undo(self) -> bool:
        """Take the last click back; returns whether there was one."""
        self._reset()
        if not self._strokes:
            return False
        self._session.undo(self._strokes.pop().number)
        self._show()
        return True

    def cancel(self) -> None:
        """Drop all clicks and the preview. The segment stays as it was; the process waits for the next click."""
        self._reset()
        if self._strokes:
            self._session.drop()
        self._forget()

    def confirm(self) -> bool:
        """Put what has grown into the segment once the last click is answered; returns whether there is something."""
        if not self._strokes:
            return False
        if self.computing:
            self._confirmWanted = True
            return True
        last = self._strokes[-1]
        image = self._preview.oriented_mask(last.mask, last.answer.offset)
        self._commit(image, "replace" if self._target.mode == "correct" else self._target.mode)
        self._reset()
        self._forget()  # last: where the segment cannot be changed, the clicks stay
        return True

    def showUncertainty(self, on: bool) -> None:
        """Show or hide where the network is in doubt."""
        self.uncertaintyShown = on
        if not on and self._preview is not None:
            self._preview.show_uncertainty(None, (0, 0, 0))
        self._askUncertainty()
        self._onChanged()

    def poll(self) -> None:
        """Take the answers of the child process; call it often."""
        if not self._session.running:
            return
        answers = self._session.poll()
        for answer, array in answers:
            self._take(answer, array)
        failure = self._session.takeFailure()
        if failure:
            self._reset()
            self._forget()
            self._error = _("Growing stopped: {reason}").format(reason=failure)
        elif any(answer.kind != "uncertainty" for answer, _array in answers):
            self._show()
        self._onChanged()
        if self._confirmWanted and not self.computing:
            self._confirmWanted = False
            self.confirm()

    def close(self) -> None:
        """Drop everything and end the child process: the volume, the scene or the effect goes away."""
        self._reset()
        self._session.close()
        self._forget()
        self._preview = None
        self._target = Target()
        self._onChanged()

    def fail(self, message: str) -> None:
        """Say why something could not be done; a stroke that is being drawn is dropped."""
        self._reset()
        self._error = message
        self._onChanged()

    def _reset(self) -> None:
        self._drawn, self._confirmWanted, self._error = None, False, ""

    def _forget(self) -> None:
        self._strokes.clear()
        self._begun = False
        self._show()

    def _begin(self) -> None:
        target = self._target
        corrected = target.segmentation if target.mode == "correct" else None
        self._session.begin(target.name, roi=target.roi, segmentation=corrected, segmentID=target.segmentID)
        self._begun = True

    def _replay(self) -> None:
        """Begin anew with the same clicks: the box or the start has changed."""
        if not self._strokes:
            return
        try:
            self.prepare()
            self._begin()
        except InputError as error:
            self._error = str(error)
            return
        for stroke in self._strokes:
            stroke.answer, stroke.mask = None, None
            stroke.number = self._session.click(stroke.points, stroke.positive)

    def _take(self, answer: Answer, array) -> None:
        if answer.kind == "uncertainty":
            if self.uncertaintyShown and self._strokes:
                self._preview.show_uncertainty(array, answer.offset)
            return
        stroke = next((stroke for stroke in self._strokes if stroke.number == answer.number), None)
        if stroke is not None and answer.kind == "step":
            stroke.answer, stroke.mask = answer, array
            self._askUncertainty()
        elif stroke is not None:  # refused
            self._strokes.remove(stroke)
            self._error, self._confirmWanted = answer.message, False

    def _askUncertainty(self) -> None:
        if self.uncertaintyShown and self._strokes and not self.computing:
            self._session.askUncertainty()

    def _show(self) -> None:
        if self._preview is not None and not self._strokes:
            self._preview.clear()
        elif self._preview is not None:
            last = last_answered(self._strokes)
            mask, offset = (None, (0, 0, 0)) if last is None else (last.mask, last.answer.offset)
            segment = self._target.segment
            color = segment.GetColor() if segment is not None else (0.3, 0.8, 0.4)
            self._preview.show_mask(self._shown(self._preview.oriented_mask(mask, offset)), color)
            self._showPoints()
        self._onChanged()

    def _showPoints(self) -> None:
        if self._preview is None:
            return
        strokes = [*self._strokes, *([] if self._drawn is None else [self._drawn])]
        self._preview.show_points(points_of(strokes, True), points_of(strokes, False))
        point, positive = self.suggestion or (None, True)
        self._preview.show_suggestion(point, suggestion_text(positive))
