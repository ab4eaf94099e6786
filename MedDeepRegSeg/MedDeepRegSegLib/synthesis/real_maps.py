"""Real label maps of heads as a source of anatomy: brain structures, cerebrospinal fluid, skull and skin.

The maps are those that SynthSeg learns from (B. Billot et al., Medical Image Analysis 2023; Apache 2.0). They hold labels
only, no image of a person. :func:`convert` packs them into one compressed file that numpy alone can read.
"""

import argparse
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.synthesis.label_maps import LabelMap
from MedDeepRegSegLib.synthesis.randomness import Randomness

BRAIN = (2, 3, 4, 5, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 24, 26, 28, 30, 85, 136, 163)
"""Structures of the head, the left one of two; FreeSurfer's numbers."""
SYNTHSEG = "training_seg_*.nii.gz"
"""Names of SynthSeg's label maps."""

_RIGHT_OF = {41: 2, 42: 3, 43: 4, 44: 5, 46: 7, 47: 8, 49: 10, 50: 11, 51: 12, 52: 13, 53: 17, 54: 18, 58: 26, 60: 28}
_RIGHT_OF |= {62: 30, 137: 136, 164: 163, 57: 25}
_BONE = (515, 516)
_NOT_BRAIN_FROM = 500
_FLUID = 24  # cerebrospinal fluid around the brain
# Outside of the brain, what is the same in every map: air, muscle and fat, nose, skin, skull, spine.
_NAMED = (0, *BRAIN, 507, 509, 511, *_BONE)
_MOST = 120
_MARGIN = 8


def convert(folder: Path, out: Path, pattern: str = SYNTHSEG) -> int:
    """Pack the label maps of a folder into ``out`` (.npz), cropped to the head; returns their number.

    Parameters
    ----------
    folder : Path
    out : Path
    pattern : str
        Names of the files, with ``*`` for any letters. Other maps than SynthSeg's must have voxels of 1 mm, 0 around the
        body, and labels from 500 for what is around the structure that they are about.

    Raises
    ------
    InputError
        When the folder has none, or one cannot be used.
    """
    from MedDeepRegSegLib.jobs.outputs import atomic_path

    files = sorted(Path(folder).glob(pattern))
    if not files:
        msg = f"{folder} has no {pattern}: give the folder of SynthSeg's label maps, or the names of your own"
        raise InputError(msg)
    maps = [_cropped(file) for file in files]
    values = np.unique(np.concatenate([np.unique(part) for part in maps]))
    if len(values) > _MOST or values[0] != 0:
        msg = f"the maps hold {len(values)} labels from {values[0]}, expected up to {_MOST} from 0: give SynthSeg's label maps"
        raise InputError(msg)
    packed: dict[str, Any] = {
        f"map{number}": np.searchsorted(values, part).astype(np.uint8) for number, part in enumerate(maps)
    }
    with atomic_path(out) as temporary, temporary.open("wb") as file_handle:
        np.savez_compressed(file_handle, values=values, **packed)
    return len(maps)


def _cropped(file: Path) -> np.ndarray:
    """Return the labels of a file (Z, Y, X), int16, in LPS order, cropped to the head with a margin."""
    import SimpleITK as sitk

    try:
        image = sitk.ReadImage(str(file))
    except RuntimeError as error:
        msg = f"{file.name} cannot be read as an image: give label maps as NIfTI files"
        raise InputError(msg) from error
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        msg = f"{file.name} is not a volume of one component: give label maps of three dimensions"
        raise InputError(msg)
    if not np.allclose(image.GetSpacing(), 1.0, atol=1e-3):
        msg = f"{file.name} has voxels of {image.GetSpacing()} mm, expected 1 mm: resample it"
        raise InputError(msg)
    labels = sitk.GetArrayFromImage(sitk.DICOMOrient(image, "LPS")).astype(np.int16)
    head = labels > 0
    if not head.any():
        msg = f"{file.name} has no label above 0: remove it"
        raise InputError(msg)
    along = [np.flatnonzero(head.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    return labels[tuple(slice(max(part[0] - _MARGIN, 0), part[-1] + _MARGIN + 1) for part in along)]


def _unpacked(file: Path) -> tuple[list[int], list[np.ndarray]]:
    """Return label values and maps (uint8) of a packed file. Nothing in it is ever unpickled."""
    try:
        with np.load(file, allow_pickle=False) as data:
            values = data["values"]
            maps = [data[name] for name in sorted(data.files) if name != "values"]
    # What is not a zip archive of arrays fails in as many ways as there are formats.
    except (
        OSError,
        EOFError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        msg = f"{file} does not hold packed label maps: make it with python -m MedDeepRegSegLib.synthesis.real_maps"
        raise InputError(msg) from error
    if values.ndim != 1 or values.dtype.kind not in "iu" or not 0 < len(values) <= _MOST or values[0] != 0:
        msg = f"{file} holds labels {values.shape}, expected 1 to {_MOST} whole numbers from 0: make it with synthesis.real_maps"
        raise InputError(msg)
    fine = [part.ndim == 3 and part.dtype == np.uint8 and part.size and part.max() < len(values) for part in maps]
    if not fine or not all(fine):
        msg = f"{file} holds no maps or broken ones, expected volumes of labels: make it with synthesis.real_maps"
        raise InputError(msg)
    return values.tolist(), maps


class RealMaps:
    """The packed maps, ready to draw from.

    Parameters
    ----------
    file : Path
        Made by :func:`convert`.
    device : str

    Raises
    ------
    InputError
        When the file is not one of those.
    """

    def __init__(self, file: Path, device: str | torch.device = "cpu") -> None:
        values, maps = _unpacked(Path(file))
        self.values = tuple(values)
        """FreeSurfer's number of each label."""
        self._maps = [torch.from_numpy(part).to(device) for part in maps]
        index = {value: number for number, value in enumerate(values)}
        self._count = len(values)
        self._bone = tuple(index[value] for value in _BONE if value in index)
        self._outside_brain = torch.tensor([value >= _NOT_BRAIN_FROM for value in values], device=device)
        self._not_solid = self._outside_brain | torch.tensor([value in (0, _FLUID) for value in values], device=device)
        # The two sides of the brain look alike but are different classes.
        self._alike = {
            index[right]: index[left] for right, left in _RIGHT_OF.items() if right in index and left in index
        }
        if not all(((part > 0) & ~self._outside_brain[part.long()]).any() for part in self._maps):
            msg = f"{file} holds a map without a brain (labels from 1 to {_NOT_BRAIN_FROM - 1}): leave it out"
            raise InputError(msg)
        self._frames = [_frame(labels, self._outside_brain) for labels in self._maps]
        named = [value for value in values if value in _NAMED or value in _RIGHT_OF]
        self.class_values = tuple(named)
        table = [named.index(value) if value in named else -1 for value in values]
        self._classes = torch.tensor(table, device=device)

    def draw(self, random: Randomness) -> LabelMap:
        """Return one of the maps; in three of ten, the brain alone."""
        number = random.integer(0, len(self._maps) - 1)
        labels = self._maps[number]
        if random.chance(0.3):
            labels = labels.masked_fill(self._outside_brain[labels.long()], 0)
        return self._map(number, labels, random)

    def whole(self, random: Randomness) -> LabelMap:
        """Return one of the maps, with the whole head."""
        number = random.integer(0, len(self._maps) - 1)
        return self._map(number, self._maps[number], random)

    def brain(self, labels: torch.Tensor, *, with_fluid: bool) -> torch.Tensor:
        """Return where labels (of a map of these) are of the brain, with the fluid around it or without."""
        if with_fluid:
            return (labels > 0) & ~self._outside_brain[labels.long()]
        return ~self._not_solid[labels.long()]

    def _map(self, number: int, labels: torch.Tensor, random: Randomness) -> LabelMap:
        bone = tuple(label for label in self._bone if random.chance(0.9))
        return LabelMap(
            labels.to(torch.int16),
            self._count,
            self._alike,
            bone=bone,
            classes=self._classes,
            frame=self._frames[number],
        )


def _frame(labels: torch.Tensor, outside_brain: torch.Tensor) -> torch.Tensor:
    """Return center and half extent of the brain, (2, 3), voxels."""
    brain = (labels > 0) & ~outside_brain[labels.long()]
    sides = [torch.nonzero(brain.any(dim=axes[0]).any(dim=axes[1])).flatten() for axes in ((2, 1), (2, 0), (1, 0))]
    low, high = (torch.stack([part[end] for part in sides]).float() for end in (0, -1))
    return torch.stack([(low + high) / 2, ((high - low) / 2).clamp_min(1.0)])


def main() -> None:
    """Pack a folder of maps."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True, metavar="MAPS.npz")
    parser.add_argument("--pattern", default=SYNTHSEG, help=f"names of the label maps (default: {SYNTHSEG})")
    args = parser.parse_args()
    try:
        count = convert(args.folder, args.out, args.pattern)
    except InputError as error:
        parser.error(str(error))
    print(f"packed {count} label maps into {args.out}")


if __name__ == "__main__":
    main()
