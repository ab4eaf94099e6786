"""A sheet that shows samples beside what they were made of: one slice each, with segments outlined.

Slices are shown as they were taken: tilted volumes are turned so that their axes run along those of the patient. A cut along
the patient's axes would show a narrow band of a tilted slab.
"""

import itertools
from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.augmentation.settings import SampleDraws
from MedDeepRegSegLib.segmentation.overlay import montage, slice_picture
from MedDeepRegSegLib.segmentation.overlay_plane import Axis, closest_axis, plane_through
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.volumes.modality import display_window

_AXES: tuple[Axis, ...] = ("sagittal", "coronal", "axial")
_THICK = 1.6  # slices so much thicker than pixels are shown as they were taken
_BACKGROUND = (0.11, 0.12, 0.14)


class PreviewSheet:
    """Draws samples of one image, all at the same place and in the same gray scale.

    Parameters
    ----------
    image : SimpleITK.Image
        What samples are made of; shown first.
    labels : SimpleITK.Image, optional
        Its label map; the slice is where most of it is.
    segments : sequence of Segment
        Names and colors of labels.
    size : int
        Pixels along the longer side of each picture.
    """

    def __init__(
        self, image: sitk.Image, labels: sitk.Image | None, segments: Sequence[Segment] = (), *, size: int = 240
    ) -> None:
        self._segments = tuple(segments)
        self._size = size
        self._window_level = display_window(image)
        self._turn = _upright(image)
        image, labels = _turned(image, self._turn), None if labels is None else _turned(labels, self._turn)
        spacing = [image.GetSpacing()[closest_axis(image, through)] for through in range(3)]
        through = int(np.argmax(spacing)) if max(spacing) > _THICK * min(spacing) else 2
        self._axis = _AXES[through]
        self._through = through
        plane = plane_through(image, self._axis, labels=labels)
        self._place = plane.origin[through]
        self._longest_mm = plane.mm_per_pixel * max(plane.shape)
        self._pictures: list[np.ndarray] = []
        self._captions: list[str] = []
        self._draw(image, labels, "Original")

    def add(self, image: sitk.Image, labels: sitk.Image | None, draws: SampleDraws, name: str) -> None:
        """Draw a sample."""
        self._draw(
            _turned(image, self._turn),
            None if labels is None else _turned(labels, self._turn),
            f"{name}: {happened(draws)}",
        )

    def picture(self, title: str) -> np.ndarray:
        """Return the sheet, (H, W, 3) uint8."""
        # All on ground of one size, so that rows and captions stand in line.
        height, width = (max(picture.shape[axis] for picture in self._pictures) for axis in (0, 1))
        pictures = [_centered(picture, height, width) for picture in self._pictures]
        columns = max(1, min(len(self._pictures), round(np.sqrt(1.6 * len(self._pictures)))))
        return montage(pictures, columns=columns, captions=self._captions, title=title, background=_BACKGROUND, size=12)

    def _draw(self, image: sitk.Image, labels: sitk.Image | None, caption: str) -> None:
        low, high = _reach(image, self._through)
        position = float(np.clip(self._place, low, high))  # a cropped sample may end before it
        plane = plane_through(image, self._axis, position=position)
        longest_mm = plane.mm_per_pixel * max(plane.shape)
        self._pictures.append(
            slice_picture(
                image,
                self._axis,
                position=position,
                labels=labels,
                segments=self._segments or None,
                window_level=self._window_level,
                size=max(16, round(self._size * longest_mm / self._longest_mm)),  # of one scale
                fill=0.12,
                line_width=1.5,
                letters=False,
                scale_bar=False,
            )
        )
        self._captions.append(caption)


def happened(draws: SampleDraws) -> str:
    """Return what happened to a sample, in a few words."""
    names = [part.name.replace("_", " ") for part in fields(SampleDraws) if part.name != "crop"]
    happening = [name for name in names if getattr(draws, name.replace(" ", "_")) is not None]
    return ", ".join(happening) or "unchanged"


def _upright(image: sitk.Image) -> np.ndarray:
    """Return the smallest turn, (3, 3) in LPS, that puts the axes of an image along those of the patient."""
    direction = np.array(image.GetDirection()).reshape(3, 3)
    # The closest of the 48 ways in which the axes can run along the patient's. Mirrored ones are never the closest.
    order = max(itertools.permutations(range(3)), key=lambda rows: np.abs(direction[list(rows), range(3)]).sum())
    straight = np.zeros((3, 3))
    straight[list(order), range(3)] = np.sign(direction[list(order), range(3)])
    return straight @ direction.T


def _turned(image: sitk.Image, turn: np.ndarray) -> sitk.Image:
    """Return an image with its axes and origin turned about the origin of LPS; its voxels are the same."""
    result = sitk.Image(image)  # shares the voxels
    result.SetOrigin((turn @ image.GetOrigin()).tolist())
    # Rounded, so that the axes of the straight image are exactly those of the patient.
    result.SetDirection((turn @ np.array(image.GetDirection()).reshape(3, 3)).round(6).ravel().tolist())
    return result


def _reach(image: sitk.Image, through: int) -> tuple[float, float]:
    """Return where the centers of the outermost voxels lie along an LPS axis, mm."""
    size = image.GetSize()
    corners = [
        image.TransformIndexToPhysicalPoint((i, j, k))[through]
        for i in (0, size[0] - 1)
        for j in (0, size[1] - 1)
        for k in (0, size[2] - 1)
    ]
    return min(corners), max(corners)


def _centered(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return a picture in the middle of a black ground of this size."""
    ground = np.zeros((height, width, 3), np.uint8)
    top, left = (height - picture.shape[0]) // 2, (width - picture.shape[1]) // 2
    ground[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return ground
