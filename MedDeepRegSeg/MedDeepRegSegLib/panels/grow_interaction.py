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
from MedDeepRegSegLib.panels.grow_display import GrowDisplay
from MedDeepRegSegLib.panels.grow_session import GrowSession
from MedDeepRegSegLib.panels.grow_strokes import Stroke, Target, last_answered, point_of_ras, suggestion_of
from MedDeepRegSegLib.panels.grow_texts import failure_text, kept_text, status_text
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
        self._session, self._commit, self._onChanged = session, commit, onChanged
        self._display = GrowDisplay(shown)
        self._target = Target()
        self._strokes: list[Stroke] = []
        self._drawn: Stroke | None = None
        self._confirmWanted, self._error, self.uncertaintyShown = False, "", False
        self._beginNumber = self._doubtNumber = 0  # of the last commands of these kinds
        self._doubt: tuple[Answer, np.ndarray | None] | None = None  # not drawn yet

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
        return self._session.begun and any(stroke.answer is None for stroke in self._strokes)

    @property
    def suggestion(self) -> tuple[Point, bool] | None:
        """Where the next click would help most (LPS mm), and whether it would be inside; None where it is not known."""
        return suggestion_of(self._strokes)

    @property
    def target(self) -> Target:
        """What is grown in, and what gets it."""
        return self._target

    @property
    def preview(self) -> GrowPreview | None:
        """What is shown of the volume that is grown in."""
        return self._display.preview

    @property
    def status(self) -> str:
        """What the user should know now."""
        if self._error:
            return self._error
        if self._target.volume is None:
            return _("Pick a source volume.")
        if self._strokes and not self._session.begun:
            return kept_text()
        last = last_answered(self._strokes)
        answer = None if last is None else last.answer
        return status_text(self.clicks, answer, preparing=self._session.preparing, computing=self.computing)

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
        if not target.begins_as(before):
            self._session.begun = False
            self._replay()
        self._onChanged()

    def prepare(self) -> None:
        """Start the child process and let it read the volume, so that the first click is answered sooner.

        Raises InputError if there is no volume, or it cannot be used.
        """
        self._session.open(self._target.volume, self._target.adapt)
        self._display.follow(self._target.volume)

    def beginStroke(self, ras: Sequence[float], positive: bool) -> None:
        """Begin a click or a scribble at a point (RAS mm)."""
        self._error = ""
        self._drawn = Stroke(positive, [point_of_ras(ras)])

    def extendStroke(self, ras: Sequence[float]) -> None:
        """Go on with the scribble."""
        if self._drawn and self._drawn.extend(point_of_ras(ras)):
            self._display.showPoints(self._strokes, self._drawn)

    def endStroke(self) -> None:
        """Send the click or scribble; those before it too where the process does not know them.

        Raises InputError if the volume, the segment or the box cannot be used. The click is not kept then.
        """
        stroke, self._drawn = self._drawn, None
        if stroke is None:
            return
        self._catchUp()
        stroke.number = self._session.click(stroke.points, stroke.positive)
        self._strokes.append(stroke)
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
        stroke = self._strokes.pop()
        if self._session.begun:
            self._session.undo(stroke.number)
        self._show()
        self._askUncertainty()
        return True

    def cancel(self) -> None:
        """Drop all clicks and the preview. The segment stays as it was; the process waits for the next click."""
        self._reset()
        if self._strokes:
            self._session.drop()
        self._forget()

    def confirm(self) -> bool:
        """Put what has grown into the segment once the last click is answered; returns whether there are clicks.

        Raises InputError if nothing has grown, or the segment cannot be changed. The clicks stay then.
        """
        if not self._strokes:
            return False
        if not self._session.begun:
            self._catchUp()  # what is shown was grown in another box
        if self.computing:
            self._confirmWanted = True
            return True
        last = self._strokes[-1]
        if last.mask is None:
            msg = _("nothing has grown: the segment stays as it is; place another click, or press Esc")
            raise InputError(msg)
        image = self.preview.oriented_mask(last.mask, last.answer.offset)
        self._commit(image, "replace" if self._target.mode == "correct" else self._target.mode)
        self._reset()
        self._forget()  # last: where the segment cannot be changed, the clicks stay
        return True

    def showUncertainty(self, on: bool) -> None:
        """Show or hide where the network is in doubt."""
        self.uncertaintyShown = on
        if not on:
            self._display.hideDoubt()
        self._askUncertainty()
        self._onChanged()

    def poll(self) -> None:
        """Take the answers of the child process; call it often."""
        if not self._session.running:
            return
        answers = self._session.poll()
        for answer, array in answers:  # all of them before anything is drawn, which may fail: they come once
            self._take(answer, array)
        failure = self._session.takeFailure()
        if failure:  # a stroke that is being drawn goes on, and all strokes wait for the next process
            self._error, self._confirmWanted = failure_text(failure, self.clicks), False
        self._draw(answers)
        self._onChanged()
        if self._confirmWanted and not self.computing:
            self._confirmWanted = False
            self.confirm()

    def close(self) -> None:
        """Drop everything and end the child process: the volume, the scene or the effect goes away."""
        self._reset()
        self._session.close()
        self._forget()
        self._display.preview = None
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
        self._session.begun, self._doubt = False, None
        self._show()

    def _catchUp(self) -> None:
        """Let the process know the structure and all clicks, unless it does."""
        self.prepare()
        if self._session.begun:
            return
        self._beginNumber, self._error = self._session.begin(self._target), ""
        for stroke in self._strokes:
            stroke.answer, stroke.mask = None, None
            stroke.number = self._session.click(stroke.points, stroke.positive)

    def _replay(self) -> None:
        """Begin anew with the same clicks: the box or the start has changed."""
        if not self._strokes:
            return
        self._error = ""
        try:
            self._catchUp()
        except InputError as error:
            self._error = str(error)

    def _take(self, answer: Answer, array) -> None:
        if answer.kind == "uncertainty":
            if answer.number == self._doubtNumber:
                self._doubt = answer, array
            return
        if answer.kind == "refused" and self._session.begun and answer.number == self._beginNumber:
            self._strokes.clear()  # which the process has dropped too
            self._session.begun = False
            self._error, self._confirmWanted = answer.message, False
            return
        stroke = next((stroke for stroke in self._strokes if stroke.number == answer.number), None)
        if stroke is not None and answer.kind == "step":
            stroke.answer, stroke.mask = answer, array
        elif stroke is not None:  # refused
            self._strokes.remove(stroke)
            self._error, self._confirmWanted = answer.message, False

    def _draw(self, answers: Sequence[tuple[Answer, object]]) -> None:
        """Show what the answers have changed."""
        if any(answer.kind != "uncertainty" for answer, _array in answers):
            self._show()
        if any(answer.kind == "step" for answer, _array in answers):
            self._askUncertainty()
        doubt, self._doubt = self._doubt, None
        if doubt is not None and self.uncertaintyShown and self._strokes:
            self._display.showDoubt(*doubt)

    def _askUncertainty(self) -> None:
        if self.uncertaintyShown and self._strokes and self._session.begun and not self.computing:
            self._doubtNumber = self._session.askUncertainty()

    def _show(self) -> None:
        self._display.show(self._strokes, self._drawn, self._target.color)
        self._onChanged()
