"""Real label maps of heads as a source of anatomy: brain structures, cerebrospinal fluid, skull and skin.

The maps are those that SynthSeg learns from (B. Billot et al., Medical Image Analysis 2023; Apache 2.0). They hold labels
only, no image of a person. :func:`convert` packs them into one compressed file that numpy alone can read.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.synthesis.label_maps import LabelMap
from MedDeepRegSegLib.synthesis.randomness import Randomness

BRAIN = (2, 3, 4, 5, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 24, 26, 28, 30, 85, 136, 163)
"""Structures of the head, the left one of two; FreeSurfer's numbers."""
_RIGHT_OF = {41: 2, 42: 3, 43: 4, 44: 5, 46: 7, 47: 8, 49: 10, 50: 11, 51: 12, 52: 13, 53: 17, 54: 18, 58: 26, 60: 28}
_RIGHT_OF |= {62: 30, 137: 136, 164: 163, 57: 25}
_BONE = (515, 516)
_NOT_BRAIN_FROM = 500
_MOST = 120


def convert(folder: Path, out: Path) -> int:
    """Pack the ``training_seg_*.nii.gz`` of a folder into ``out`` (.npz), cropped to the head; returns their number.

    Raises
    ------
    InputError
        When the folder has none.
    """
    import SimpleITK as sitk

    from MedDeepRegSegLib.jobs.outputs import atomic_path

    files = sorted(Path(folder).glob("training_seg_*.nii.gz"))
    if not files:
        msg = f"{folder} has no training_seg_*.nii.gz: give the folder of SynthSeg's label maps"
        raise InputError(msg)
    maps = []
    for file in files:
        image = sitk.DICOMOrient(sitk.ReadImage(str(file)), "LPS")
        if not np.allclose(image.GetSpacing(), 1.0, atol=1e-3):
            msg = f"{file.name} has voxels of {image.GetSpacing()} mm, expected 1 mm: resample it"
            raise InputError(msg)
        labels = sitk.GetArrayFromImage(image).astype(np.int16)
        index = np.argwhere(labels > 0)
        low, high = np.maximum(index.min(axis=0) - 8, 0), index.max(axis=0) + 9
        maps.append(labels[low[0] : high[0], low[1] : high[1], low[2] : high[2]])
    values = np.unique(np.concatenate([np.unique(part) for part in maps]))
    packed = {f"map{number}": np.searchsorted(values, part).astype(np.uint8) for number, part in enumerate(maps)}
    with atomic_path(out) as temporary, temporary.open("wb") as file_handle:
        np.savez_compressed(file_handle, values=values, **packed)
    return len(maps)


class RealMaps:
    """The packed maps, ready to draw from.

    Parameters
    ----------
    file : Path
        Made by :func:`convert`.
    device : str
    """

    def __init__(self, file: Path, device: str | torch.device = "cpu") -> None:
        with np.load(file, allow_pickle=False) as data:
            values = data["values"].tolist()
            self._maps = [torch.from_numpy(data[name]).to(device) for name in sorted(data.files) if name != "values"]
        if len(values) > _MOST or values[0] != 0:
            msg = f"{file} holds {len(values)} labels, expected at most {_MOST} with 0 first: make it with synthesis.real_maps"
            raise InputError(msg)
        index = {value: number for number, value in enumerate(values)}
        self._count = len(values)
        self._bone = tuple(index[value] for value in _BONE if value in index)
        self._outside_brain = torch.tensor([value >= _NOT_BRAIN_FROM for value in values], device=device)
        # The two sides of the brain look alike but are different classes.
        self._alike = {index[right]: index[left] for right, left in _RIGHT_OF.items() if right in index and left in index}
        named = [value for value in values if value in BRAIN or value in _RIGHT_OF or value in (*_BONE, 511)]
        self.class_values = tuple(named)
        table = [named.index(value) if value in named else -1 for value in values]
        self._classes = torch.tensor(table, device=device)

    def draw(self, random: Randomness) -> LabelMap:
        """Return one of the maps; in three of ten, the brain alone."""
        labels = random.choice(self._maps)
        if random.chance(0.3):
            labels = labels.masked_fill(self._outside_brain[labels.long()], 0)
        bone = tuple(label for label in self._bone if random.chance(0.9))
        return LabelMap(labels.to(torch.int16), self._count, self._alike, bone, self._classes)


def main() -> None:
    """Pack a folder of maps."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True, metavar="MAPS.npz")
    args = parser.parse_args()
    print(f"packed {convert(args.folder, args.out)} label maps into {args.out}")


if __name__ == "__main__":
    main()
