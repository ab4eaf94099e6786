"""How well the classic region growing follows simulated clicks, beside ITK's ConfidenceConnected.

    python Testing/Benchmarks/growing_classic.py --data FOLDER [--out TABLE.csv] [--all] [--clicks 1 3 5]

FOLDER is that of the real images. The first click is the innermost point of the object, each further one the center
of the largest error, positive where something is missing and negative where something is too much.
ConfidenceConnected gets the positive clicks and, for every object and count, the multiplier that the truth likes best.
"""

import argparse
import csv
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "MedDeepRegSeg"))

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.growing import grow

# Image, labels, and the label values with names. The names are those of the sources.
SETS: dict[str, tuple[str, str, dict[int, str]]] = {
    "ct": (
        "06_totalsegmentator/example_ct_sm.nii.gz",
        "06_totalsegmentator/example_seg.nii.gz",
        {
            1: "spleen",
            2: "kidney_right",
            3: "kidney_left",
            5: "liver",
            7: "pancreas",
            14: "lung_lower_right",
            31: "vertebra_L1",
            52: "aorta",
            63: "inferior_vena_cava",
            86: "autochthon_left",
        },
    ),
    "mr": (
        "06_totalsegmentator/example_mr_sm.nii.gz",
        "06_totalsegmentator/example_seg_mr.nii.gz",
        {1: "spleen", 2: "kidney_right", 3: "kidney_left", 5: "liver"},
    ),
    "spine_ct": (
        "08_tptbox_spine_ct_mr/sub-ct_label-22_ct.nii.gz",
        "08_tptbox_spine_ct_mr/sub-ct_seg-vert_label-22_msk.nii.gz",
        {22: "vertebra_L3"},
    ),
}
FEWEST_VOXELS = 100


def dice(a: np.ndarray, b: np.ndarray) -> float:
    """Return the Dice overlap of two boolean arrays."""
    return float(2 * np.sum(a & b) / max(np.sum(a) + np.sum(b), 1))


def innermost(mask: np.ndarray, spacing: tuple[float, ...]) -> tuple[int, ...]:
    """Return the voxel of ``mask`` farthest from its outside; the border of the array counts as outside."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    return tuple(int(part) for part in np.unravel_index(np.argmax(depth), mask.shape))


def next_click(truth: np.ndarray, found: np.ndarray, spacing: tuple[float, ...]) -> tuple[tuple[int, ...], bool] | None:
    """Return the center of the largest error and whether it is missing (positive click); None without error."""
    best = None
    for error, positive in ((truth & ~found, True), (found & ~truth, False)):
        labels, count = ndimage.label(error)
        if count:
            sizes = np.bincount(labels.ravel())
            sizes[0] = 0
            if best is None or sizes.max() > best[0]:
                best = (sizes.max(), labels == sizes.argmax(), positive)
    return None if best is None else (innermost(best[1], spacing), best[2])


def points(image: sitk.Image, voxels: list[tuple[int, ...]]) -> np.ndarray:
    """Return voxels (k, j, i) as LPS mm, (N, 3)."""
    return np.array([image.TransformIndexToPhysicalPoint(voxel[::-1]) for voxel in voxels]).reshape(-1, 3)


def confidence_connected(image: sitk.Image, positive: list[tuple[int, ...]], truth: np.ndarray) -> np.ndarray:
    """Return ITK's region growing with the multiplier that has the best Dice with the truth."""
    smooth = sitk.CurvatureFlow(sitk.Cast(image, sitk.sitkFloat32), 0.0625, 5)
    best, best_dice = np.zeros(truth.shape, bool), -1.0
    for multiplier in (1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0):
        mask = sitk.ConfidenceConnected(
            smooth, [voxel[::-1] for voxel in positive], numberOfIterations=2, multiplier=multiplier
        )
        found = sitk.GetArrayFromImage(mask) > 0
        if dice(found, truth) > best_dice:
            best, best_dice = found, dice(found, truth)
    return best


def classic(image: sitk.Image, positive: list[tuple[int, ...]], negative: list[tuple[int, ...]]) -> np.ndarray:
    """Return our region growing; nothing where it refuses."""
    try:
        return sitk.GetArrayFromImage(grow(image, points(image, positive), points(image, negative))) > 0
    except InputError as error:
        print(f"  refused: {error}", file=sys.stderr)
        return np.zeros(image.GetSize()[::-1], bool)


def clicked(
    image: sitk.Image, truth: np.ndarray, count: int, method: Callable[..., np.ndarray]
) -> Iterator[tuple[np.ndarray, float]]:
    """Yield the mask after each click and the seconds it took."""
    spacing = image.GetSpacing()[::-1]
    positive, negative = [innermost(truth, spacing)], []
    for _ in range(count):
        start = time.perf_counter()
        found = method(image, positive, negative)
        yield found, time.perf_counter() - start
        click = next_click(truth, found, spacing)
        if click is not None:
            (positive if click[1] else negative).append(click[0])


def cases(data: Path, *, every: bool) -> Iterator[tuple[str, sitk.Image, np.ndarray]]:
    """Yield name, image and truth of each object."""
    for group, (image_name, label_name, names) in SETS.items():
        if not (data / image_name).is_file():
            print(f"{group}: {data / image_name} is absent, left out", file=sys.stderr)
            continue
        image = sitk.ReadImage(str(data / image_name))
        labels = sitk.GetArrayFromImage(sitk.ReadImage(str(data / label_name)))
        chosen = {int(value): names.get(int(value), f"label_{value}") for value in np.unique(labels) if value}
        for value, name in (chosen if every else names).items():
            truth = labels == value
            if truth.sum() >= FEWEST_VOXELS:
                yield f"{group}/{name}", image, truth


def main() -> int:
    """Run the benchmark and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the real images")
    parser.add_argument("--out", type=Path, help="table to write, CSV")
    parser.add_argument("--all", action="store_true", help="all labels, not only the chosen organs")
    parser.add_argument("--clicks", type=int, nargs="+", default=[1, 3, 5])
    options = parser.parse_args()
    rows = []
    for name, image, truth in cases(options.data, every=options.all):
        row: dict[str, object] = {"object": name}

        def itk(image: sitk.Image, positive: list, negative: list, truth: np.ndarray = truth) -> np.ndarray:
            return confidence_connected(image, positive, truth)

        for title, method in (("ours", classic), ("itk", itk)):
            seconds = []
            for number, (found, taken) in enumerate(clicked(image, truth, max(options.clicks), method), start=1):
                seconds.append(taken)
                if number in options.clicks:
                    row[f"{title}@{number}"] = round(dice(found, truth), 3)
            if title == "ours":
                row["seconds"] = round(float(np.median(seconds)), 2)
        rows.append(row)
        print(row, flush=True)
    if not rows:
        return 2
    means = {key: round(float(np.mean([row[key] for row in rows])), 3) for key in rows[0] if key != "object"}
    print({"object": "mean", **means})
    if options.out:
        with options.out.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows([*rows, {"object": "mean", **means}])
    return 0


if __name__ == "__main__":
    sys.exit(main())
