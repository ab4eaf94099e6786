"""Measure how well the parts of the brain are found: Dice of each, on synthetic and on real heads.

    python Testing/Benchmarks/subdivision.py --out DIR [--model NAME|FOLDER] [--parts synthetic,real,slabs] [--quick]

Prints a table and writes subdivision.csv, subdivision.md and metrics_subdivision.json to DIR. Synthetic heads are renderings
of a label map that was not trained on (Testing/Benchmarks/subdivision_cases.py); none of the real heads was trained on.
"""

import argparse
import csv
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from subdivision_cases import Case, real_head, renderings, slabs, tissue_of

from MedDeepRegSegLib.jobs.outputs import write_json, write_text
from MedDeepRegSegLib.models.subdivision_loader import LoadedSubdivision, load_subdivision
from MedDeepRegSegLib.segmentation.subdivision import subdivide

_COMMAND = "python Testing/Benchmarks/subdivision.py --out DIR"


def cases(args: argparse.Namespace) -> Iterator[Case]:
    """Yield what is to be measured."""
    if "synthetic" in args.parts:
        for case in renderings(args.shared):
            if not args.quick or case.name in ("t1, whole head", "ct, whole head"):
                yield case
    if "real" in args.parts:
        yield real_head(args.shared)
    if "slabs" in args.parts:
        yield from slabs(args.shared)


def measure(case: Case, loaded: LoadedSubdivision) -> tuple[dict[str, float], float]:
    """Return the Dice of each part of the truth, and the seconds."""
    begun = time.perf_counter()
    labels, segments = subdivide(case.image, loaded)
    seconds = time.perf_counter() - begun
    array = sitk.GetArrayViewFromImage(labels)
    found = {segment.name: array == segment.value for segment in segments}
    if "gray matter" in case.truth:
        parts, found = found, {}
        for name, mask in parts.items():
            found[tissue_of(name)] = found.get(tissue_of(name), False) | mask
    empty = np.zeros(array.shape, bool)
    return {name: _dice(found.get(name, empty), mask) for name, mask in case.truth.items()}, seconds


def _dice(found: np.ndarray, truth: np.ndarray) -> float:
    return float(2 * (found & truth).sum() / max(found.sum() + truth.sum(), 1))


def without_sides(scores: dict[str, float]) -> dict[str, float]:
    """Return the mean of both sides."""
    joined: dict[str, list[float]] = {}
    for name, value in scores.items():
        joined.setdefault(name.removeprefix("Left ").removeprefix("Right ").lower(), []).append(value)
    return {name: float(np.mean(values)) for name, values in joined.items()}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="brain")
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[3] / "shared")
    parser.add_argument("--parts", type=lambda text: text.split(","), default=["synthetic", "real", "slabs"])
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    loaded = load_subdivision(args.model)
    rows = []
    for case in cases(args):
        scores, seconds = measure(case, loaded)
        row = {
            "case": case.name,
            "mean": float(np.mean(list(scores.values()))),
            "seconds": seconds,
            **without_sides(scores),
        }
        rows.append(row)
        words = ", ".join(f"{name} {value:.3f}" for name, value in row.items() if name not in ("case", "seconds"))
        print(f"{case.name} ({seconds:.1f} s): {words}", flush=True)
    _write(rows, args.out)


def _write(rows: list[dict], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys(name for row in rows for name in row))
    with (out / "subdivision.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    lines = []
    for wanted in (lambda row: "gray matter" not in row, lambda row: "gray matter" in row):
        own = [row for row in rows if wanted(row)]
        if own:
            lines += ["| Dice | " + " | ".join(row["case"] for row in own) + " |", "|---|" + "---|" * len(own)]
            for name in [name for name in names if name in own[0] and name != "case"]:
                lines.append(f"| {name} | " + " | ".join(f"{row.get(name, float('nan')):.3g}" for row in own) + " |")
            lines.append("")
    write_text(out / "subdivision.md", "\n".join(lines))
    metrics = []
    for row in rows:
        for name, value in row.items():
            if name not in ("case", "seconds"):
                metrics.append(
                    {"name": f"Dice, {name}", "value": value, "unit": "", "dataset": row["case"], "command": _COMMAND}
                )
    write_json(out / "metrics_subdivision.json", {"metrics": metrics})


if __name__ == "__main__":
    main()
