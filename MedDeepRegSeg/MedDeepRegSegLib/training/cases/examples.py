"""Pictures of what a network found in validation cases, beside the truth, while it is trained."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.segmentation.overlay import legend_picture, montage, slice_picture, write_png
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.training.cases.validation import CheckedCase

_SIDE = 320  # pixels


def draw_examples(
    checked: Sequence[CheckedCase],
    classes: Sequence[Segment],
    spacing_mm: Sequence[float],
    path: Path,
    title: str = "",
) -> None:
    """Draw the slice of each case that shows most of the truth, as it is and with what was found, as PNG.

    Parameters
    ----------
    checked : sequence of CheckedCase
    classes : sequence of Segment
        Of the dataset; output k of the network is the one at k - 1.
    spacing_mm : sequence of float
        Of the grid, along x, y, z.
    path : Path
        ``.png`` to write.
    title : str
    """
    own = [Segment(number, one.name, one.color) for number, one in enumerate(classes, start=1)]
    pictures, captions = [], []
    for one in checked:
        truth = np.maximum(one.case.classes, 0).astype(np.uint8 if len(own) < 256 else np.uint16)
        slices = np.count_nonzero(truth, axis=(1, 2))
        index = int(slices.argmax()) if slices.any() else truth.shape[0] // 2
        image = _image(one.case.values[0], spacing_mm)
        known = [score for score in one.dice if score is not None]
        words = f"Dice {np.mean(known):.2f}" if known else "nothing to find"
        for labels, caption in ((truth, f"{one.case.name}: drawn"), (one.found, f"found, {words}")):
            shown = _image(labels.astype(truth.dtype), spacing_mm)
            pictures.append(slice_picture(image, "axial", index=index, labels=shown, segments=own, size=_SIDE))
            captions.append(caption)
    if not pictures:
        return
    picture = montage(pictures, columns=2, captions=captions, title=title)
    legend = legend_picture([(one.name, one.color) for one in own], width=picture.shape[1])
    write_png(np.concatenate([picture, legend]), path)


def _image(array: np.ndarray, spacing_mm: Sequence[float]) -> sitk.Image:
    image = sitk.GetImageFromArray(np.ascontiguousarray(array))
    image.SetSpacing([float(step) for step in spacing_mm])
    return image
