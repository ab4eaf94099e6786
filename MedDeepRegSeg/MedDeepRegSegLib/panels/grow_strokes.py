"""Clicks and scribbles, and what they are meant for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from MedDeepRegSegLib.mrml.geometry import to_lps
from MedDeepRegSegLib.segmentation.growing_exchange import Answer, Point

MODES = ("add", "replace", "correct", "remove")
"""What confirming does to the segment; ``correct`` replaces it, and starts from what it holds."""

SPACING_MM = 2.0
"""Least distance of the points of a scribble, mm."""


@dataclass
class Stroke:
    """One click or one scribble, and what had grown after it."""

    positive: bool
    points: list[Point]
    """LPS mm."""
    number: int | None = None
    answer: Answer | None = None
    mask: np.ndarray | None = field(default=None, repr=False)
    """Cropped; None where nothing has grown."""

    def extend(self, point: Point) -> bool:
        """Add a point (LPS mm), unless it is too near to the last one; returns whether it was added."""
        far = bool(np.linalg.norm(np.subtract(point, self.points[-1])) >= SPACING_MM)
        if far:
            self.points.append(point)
        return far


@dataclass(frozen=True)
class Target:
    """What is grown in, and what gets it."""

    volume: object = None
    segmentation: object = None
    segmentID: str = ""
    roi: object = None
    box: tuple[float, ...] | None = None
    """Where the ROI is: two opposite corners, LPS mm; None where there is none or it is not placed yet."""
    mode: str = "add"
    adapt: bool = False
    """Whether the network learns from the corrections."""

    @property
    def segment(self):
        """The ``vtkSegment``, or None."""
        if self.segmentation is None or not self.segmentID:
            return None
        return self.segmentation.GetSegmentation().GetSegment(self.segmentID)

    @property
    def name(self) -> str:
        """Name of the structure."""
        segment = self.segment
        return (segment.GetName() if segment is not None else "") or "Structure"

    @property
    def color(self) -> tuple[float, float, float]:
        """Color of the segment."""
        segment = self.segment
        return segment.GetColor() if segment is not None else (0.3, 0.8, 0.4)

    def begins_as(self, other: "Target") -> bool:
        """Return whether a structure begins in the same way: the same box, start and learning."""
        same_start = self.mode == other.mode or "correct" not in (self.mode, other.mode)
        return self.roi is other.roi and self.box == other.box and self.adapt == other.adapt and same_start


def last_answered(strokes: Sequence[Stroke]) -> Stroke | None:
    """Return the last stroke that has an answer."""
    return next((stroke for stroke in reversed(strokes) if stroke.answer is not None), None)


def suggestion_of(strokes: Sequence[Stroke]) -> tuple[Point, bool] | None:
    """Return where the next click would help most (LPS mm), and whether it would be inside; None where it is not known."""
    answer = strokes[-1].answer if strokes else None
    if answer is None or answer.suggestion is None:
        return None
    return answer.suggestion, answer.suggestion_positive


def point_of_ras(ras: Sequence[float]) -> Point:
    """Return a point of the views (RAS mm) in LPS mm."""
    left, posterior, superior = to_lps(np.asarray(ras, dtype=float))[0]
    return float(left), float(posterior), float(superior)


def points_of(strokes: Iterable[Stroke], positive: bool) -> np.ndarray:
    """Return the points of all strokes of one sign, (N, 3) LPS mm."""
    points = [point for stroke in strokes if stroke.positive is positive for point in stroke.points]
    return np.array(points, dtype=float).reshape(-1, 3)
