"""Foreground masks on phantoms and real images: Dice (or volume), per structure and voxel size.

    python Testing/Benchmarks/foreground.py [--data ../shared/data] [--spacings 1 2 3 5]

Prints Markdown. The phantoms are exact; their variants are a table behind the back, contrast agent in heart and vessels,
a field of view cut to the middle half, axes turned by 12 degrees, and slices of 5 mm. The lungs of the real CT have a
reference that is the output of a network; a second network of the same makers is measured against it in the same way, which
shows how well two references agree.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "MedDeepRegSeg"))

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.foreground import foreground_mask
from MedDeepRegSegLib.volumes.phantoms import Phantom, chest_phantom, head_phantom
from MedDeepRegSegLib.volumes.reading import read_volume

LUNG_LABELS = (10, 11, 12, 13, 14)
LUNG_PARTS = ("lungs", "lung vessels", "lung nodule")


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """Return the Dice overlap of two masks."""
    return float(2 * (one & other).sum() / max(one.sum() + other.sum(), 1))


def masked(image: sitk.Image, what: str) -> tuple[np.ndarray | None, str]:
    """Return a mask, or None and what the refusal says; with it the seconds."""
    start = time.perf_counter()
    try:
        mask = sitk.GetArrayFromImage(foreground_mask(image, what))
    except InputError as error:
        return None, f"refused: {error}"
    return mask, f"{time.perf_counter() - start:.1f} s"


def named(phantom: Phantom, labels: np.ndarray, *names: str) -> np.ndarray:
    """Return the voxels of the labels of these names."""
    return np.isin(labels, [value for value, name in phantom.names.items() if name in names])


def variants(phantom: Phantom) -> dict[str, tuple[sitk.Image, sitk.Image]]:
    """Return CT and labels of a phantom as other scans would show it."""
    ct, labels = phantom.ct, phantom.labels
    found = {"as it is": (ct, labels)}
    values, marks = sitk.GetArrayFromImage(ct), sitk.GetArrayFromImage(labels)
    table = values.copy()
    back = int(np.flatnonzero((marks > 0).any(axis=(0, 2))).max())
    rows = max(1, round(3 / ct.GetSpacing()[1]))
    table[:, back + 2 : back + 2 + rows, 5:-5] = 200
    found["table"] = (_like(table, ct), labels)
    enhanced = values.copy()
    enhanced[named(phantom, marks, "heart", "aorta", "great vessels", "lung vessels")] += 250
    found["contrast"] = (_like(enhanced, ct), labels)
    depth = ct.GetSize()[2]
    found["cut"] = (ct[:, :, depth // 4 : 3 * depth // 4], labels[:, :, depth // 4 : 3 * depth // 4])
    found["turned 12 degrees"] = tuple(_turned(each, air) for each, air in ((ct, -1000), (labels, 0)))  # type: ignore[assignment]
    found["slices of 5 mm"] = tuple(_thick(each, air) for each, air in ((ct, -1000), (labels, 0)))  # type: ignore[assignment]
    return found


def _like(values: np.ndarray, image: sitk.Image) -> sitk.Image:
    new = sitk.GetImageFromArray(values)
    new.CopyInformation(image)
    return new


def _turned(image: sitk.Image, air: float) -> sitk.Image:
    turn = sitk.Euler3DTransform()
    turn.SetRotation(np.deg2rad(12), np.deg2rad(5), 0)
    grid = sitk.Image(image.GetSize(), sitk.sitkUInt8)
    grid.SetSpacing(image.GetSpacing())
    grid.SetDirection(turn.GetMatrix())
    middle = [(size - 1) / 2 for size in image.GetSize()]
    center = np.array(image.TransformContinuousIndexToPhysicalPoint(middle))
    grid.SetOrigin((center - np.array(grid.TransformContinuousIndexToPhysicalPoint(middle))).tolist())
    kind = sitk.sitkNearestNeighbor if air == 0 else sitk.sitkLinear
    return sitk.Resample(image, grid, sitk.Transform(), kind, air)


def _thick(image: sitk.Image, air: float) -> sitk.Image:
    spacing = (*image.GetSpacing()[:2], 5.0)
    size = [*image.GetSize()[:2], max(4, int(image.GetSize()[2] * image.GetSpacing()[2] / 5.0))]
    kind = sitk.sitkNearestNeighbor if air == 0 else sitk.sitkLinear
    return sitk.Resample(
        image, size, sitk.Transform(), kind, image.GetOrigin(), spacing, image.GetDirection(), air, image.GetPixelID()
    )


def phantom_rows(spacing: float) -> list[str]:
    """Return lines of the table for both phantoms at one voxel size."""
    rows = []
    chest = chest_phantom(seed=1, spacing_mm=spacing, size=[round(mm / spacing) for mm in (372, 276, 312)])
    for variant, (image, label_image) in variants(chest).items():
        labels = sitk.GetArrayFromImage(label_image)
        for what, truth in (("body", labels > 0), ("lungs", named(chest, labels, *LUNG_PARTS))):
            rows.append(_row(("chest CT", spacing, variant), what, image, truth))
        mask, note = masked(image, "thorax")
        inside = "-" if mask is None else f"{(mask > 0)[named(chest, labels, 'heart')].mean():.3f}"
        rows.append(f"| chest CT | {spacing:g} | {variant} | thorax | part of the heart inside: {inside} | {note} |")
    head = head_phantom(seed=1, spacing_mm=spacing, size=[round(mm / spacing) for mm in (190, 240, 225)])
    for variant, (image, label_image) in variants(head).items():
        labels = sitk.GetArrayFromImage(label_image)
        for what, truth in (("head", labels > 0), ("skull", named(head, labels, "skull"))):
            rows.append(_row(("head CT", spacing, variant), what, image, truth))
        rows.append(_row(("head CT", spacing, variant), "brain", image, None))
    marks = sitk.GetArrayFromImage(head.labels)
    rows.append(_row(("head MR", spacing, "as it is"), "head", head.mr, marks > 0))
    return rows


def _row(case: tuple[str, float, str], what: str, image: sitk.Image, truth: np.ndarray | None) -> str:
    name, spacing, variant = case
    mask, note = masked(image, what)
    if mask is None:
        figure = "-"
    elif truth is None:
        figure = f"{(mask > 0).sum() * np.prod(image.GetSpacing()) / 1000:.0f} ml"
    else:
        figure = f"{dice(mask > 0, truth):.4f}"
    return f"| {name} | {spacing:g} | {variant} | {what} | {figure} | {note} |"


def real_rows(data: Path) -> list[str]:
    """Return lines of the table for the real images that are there."""
    rows = []
    folder = data / "06_totalsegmentator"
    if (folder / "example_ct_sm.nii.gz").is_file():
        image = sitk.ReadImage(str(folder / "example_ct_sm.nii.gz"))
        truth = np.isin(sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "example_seg.nii.gz"))), LUNG_LABELS)
        fast = np.isin(sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "example_seg_fast.nii.gz"))), LUNG_LABELS)
        rows.append(_row(("06 abdomen CT", 3, "as it is"), "lungs", image, truth))
        rows.append(
            f"| 06 abdomen CT | 3 | a second network against the reference | lungs | {dice(fast, truth):.4f} | - |"
        )
        rows.append(_row(("06 abdomen CT", 3, "as it is"), "body", image, None))
        rows.append(
            _row(("06 abdomen CT", 3, "all slices"), "lungs", sitk.ReadImage(str(folder / "example_ct.nii.gz")), None)
        )
    for name in ("ct_head_slicer_64", "ct_head_ge_tilt", "ct_liver_dicom_seg"):
        path = data / "12_dicom" / name
        if not path.is_dir():
            continue
        try:
            image = read_volume(path)
        except InputError as error:
            rows.append(f"| 12 {name} | - | - | - | - | cannot be read: {error} |")
            continue
        for what in ("body", "lungs") if "liver" in name else ("head", "skull", "brain"):
            rows.append(_row((f"12 {name}", min(image.GetSpacing()), "as it is"), what, image, None))
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[3] / "shared" / "data")
    parser.add_argument("--spacings", type=float, nargs="*", default=[1, 2, 3, 5])
    arguments = parser.parse_args()
    sys.stdout.write("| image | mm | variant | structure | Dice or volume | time |\n|---|---|---|---|---|---|\n")
    sys.stdout.write("".join(f"{row}\n" for row in real_rows(arguments.data)))
    for spacing in arguments.spacings:
        sys.stdout.write("".join(f"{row}\n" for row in phantom_rows(spacing)))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
