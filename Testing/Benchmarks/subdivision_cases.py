"""Heads whose parts are known: renderings of a label map that was not trained on, and a real T1."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.synthesis.contrast import draw_contrast
from MedDeepRegSegLib.synthesis.parts import BRAIN_PARTS
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.real_maps import RealMaps, convert
from MedDeepRegSegLib.synthesis.rendering import acquire
from MedDeepRegSegLib.synthesis.tissue_contrast import draw_tissue_contrast

HELD_OUT = "training_seg_11.nii.gz"
"""The map that the network that ships was not trained on."""

REAL = "real T1, brain alone (OASIS, FreeSurfer)"

_SEVERITY = 0.15
_STYLES = ("t1", "t2", "flair", "ct", "random")
# FreeSurfer's label 31 and 63 are the choroid plexus, 77 and 80 lesions, 251 to 255 the corpus callosum.
_LIKE = {31: 4, 63: 43, 77: 2, 80: 2, 251: 2, 252: 2, 253: 41, 254: 41, 255: 41}


@dataclass(frozen=True, eq=False)
class Case:
    """An image and its truth.

    Attributes
    ----------
    name : str
    image : SimpleITK.Image
    truth : dict
        Name of a part, with its side in front, to a mask (z, y, x).
    """

    name: str
    image: sitk.Image
    truth: dict[str, np.ndarray]


def renderings(shared: Path, wanted: tuple[str, ...] | None = None) -> Iterator[Case]:
    """Yield images of the held-out map: whole heads as T1, T2, FLAIR, CT and in random contrast, and stripped ones.

    ``wanted`` names the ones to make; all without.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / HELD_OUT).write_bytes((shared / "data" / "09_brain_label_maps" / HELD_OUT).read_bytes())
        convert(folder, folder / "maps.npz")
        maps = RealMaps(folder / "maps.npz")
    for number, style in enumerate(_STYLES):
        for stripped in (False, True):
            name = f"{style}, {'brain alone' if stripped else 'whole head'}"
            if wanted is None or name in wanted:
                yield _rendering(maps, style, stripped, name, Randomness(7, number))


def _rendering(maps: RealMaps, style: str, stripped: bool, name: str, random: Randomness) -> Case:
    whole = maps.whole(random)
    if style == "random":
        contrast = draw_contrast(whole, random, _SEVERITY)
    else:
        contrast = draw_tissue_contrast(whole, maps.values, random, style)  # type: ignore[arg-type]
    image = acquire(whole, contrast, random, _SEVERITY)
    if style == "ct":
        image = 2000 * image - 1000
    if stripped:
        image = image.masked_fill(~maps.brain(whole.labels, with_fluid=False), 0.0)
    labels = np.array(maps.values)[whole.labels.numpy()]
    picture = sitk.GetImageFromArray(image.numpy())
    return Case(name, picture, _truth(labels))


def real_head(shared: Path) -> Case:
    """Return a T1 of OASIS, brain alone, with the segmentation of FreeSurfer."""
    with np.load(shared / "data" / "10_brain_t1_with_segmentation" / "voxelmorph_scan" / "test_scan.npz") as data:
        values, labels = (data[name].transpose(2, 1, 0) for name in ("vol", "seg"))
    image = sitk.GetImageFromArray(np.ascontiguousarray(values, np.float32))
    image.SetDirection((1, 0, 0, 0, 0, -1, 0, -1, 0))  # axes to the left, down and to the front
    return Case(REAL, image, _truth(labels.astype(int)))


def _truth(labels: np.ndarray) -> dict[str, np.ndarray]:
    for value, like in _LIKE.items():
        labels = np.where(labels == value, like, labels)
    found = {}
    for part in BRAIN_PARTS:
        if not part.shown:
            continue
        for prefix, values in (("left ", part.labels), ("right ", part.right)) if part.right else (("", part.labels),):
            mask = np.isin(labels, values)
            if mask.any():
                found[(prefix + part.name).capitalize()] = mask
    return found
