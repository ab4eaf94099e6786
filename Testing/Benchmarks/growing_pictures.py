"""Pictures of the growing benchmark: a slice through the first click, truth and result after 1, 3 and 5 clicks."""

import json
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from growing_cases import Case, load

SHOWN = (
    "ct-liver",
    "ct-pancreas",
    "ct-kidney_left",
    "mr-spleen",
    "spine_ct-vertebra_L3",
    "brain-hippocampus_left",
    "brain2-tumor",
    "stroke-lesion",
)
"""Cases that are drawn."""
_AFTER = (1, 3, 5)
_TRUTH, _FOUND = "#33dd55", "#ffaa00"


def pictures(folder: Path, cases: list[Case], data: Path) -> list[Path]:
    """Draw one PNG for each case of :data:`SHOWN` that has results; return their paths."""
    try:
        import matplotlib

        matplotlib.use("Agg")
    except ImportError:
        print("no pictures: matplotlib is not installed")
        return []
    done = []
    for case in cases:
        results = [path for path in sorted((folder / "results" / case.name).glob("*.npz")) if path.stat().st_size]
        if case.name in SHOWN and results:
            image, truth = load(case, data)
            (folder / "pictures").mkdir(exist_ok=True)
            path = folder / "pictures" / f"{case.name}.png"
            draw(path, image, truth, results)
            done.append(path)
    return done


def draw(path: Path, image: sitk.Image, truth: np.ndarray, results: list[Path]) -> None:
    """Draw a row for each result, a column for each number of clicks."""
    from matplotlib import pyplot

    values = sitk.GetArrayViewFromImage(image)
    level = int(truth.sum(axis=(1, 2)).argmax())
    rows, columns = (np.flatnonzero(truth[level].any(axis=axis)) for axis in (1, 0))
    margin = max(12, len(rows) // 3, len(columns) // 3)
    cut = tuple(
        slice(max(part[0] - margin, 0), min(part[-1] + margin, size))
        for part, size in zip((rows, columns), truth.shape[1:], strict=True)
    )
    low, high = np.percentile(values[level][cut], (1, 99))
    figure, axes = pyplot.subplots(
        len(results), len(_AFTER), figsize=(3 * len(_AFTER), 2.6 * len(results)), squeeze=False
    )
    spacing = image.GetSpacing()
    for line, result in zip(axes, results, strict=True):
        row = json.loads(result.with_suffix(".json").read_text(encoding="utf-8"))
        with np.load(result) as masks:
            for panel, count in zip(line, _AFTER, strict=True):
                panel.imshow(values[level][cut], cmap="gray", vmin=low, vmax=high, aspect=spacing[1] / spacing[0])
                panel.set_axis_off()
                name = f"after_{count}"
                if name not in masks:
                    panel.set_title("nothing was wrong", fontsize=8)
                    continue
                for mask, color in ((truth, _TRUTH), (masks[name], _FOUND)):
                    if mask[level][cut].any():
                        panel.contour(mask[level][cut], [0.5], colors=color, linewidths=1)
                _mark(panel, row["clicks"][:count], level, cut)
                panel.set_title(
                    f"{result.stem.replace('_', ' ')}\n{count}: Dice {row['dice'][count - 1]:.2f}", fontsize=8
                )
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    pyplot.close(figure)


def _mark(panel, clicks: list[dict], level: int, cut: tuple[slice, ...]) -> None:
    """Draw the clicks; those of other slices small."""
    for click in clicks:
        k, j, i = click["voxel"]
        place = (i - cut[1].start, j - cut[0].start)
        inside = 0 <= place[0] < cut[1].stop - cut[1].start and 0 <= place[1] < cut[0].stop - cut[0].start
        if inside:
            size = 7 if k == level else 3
            panel.plot(*place, "+" if click["positive"] else "x", color="cyan" if click["positive"] else "red", ms=size)
