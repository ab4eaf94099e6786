"""Measure how well the parts of the brain are found: Dice of each, on synthetic and on real heads.

    python Testing/Benchmarks/subdivision.py --out DIR [--model NAME|FOLDER] [--parts synthetic,real] [--quick]

Prints a table and writes subdivision.csv, subdivision.md and metrics_subdivision.json to DIR. Synthetic heads are renderings
of a label map that was not trained on (Testing/Benchmarks/subdivision_cases.py); the real head was not trained on.
"""

import argparse
import csv
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from subdivision_cases import REAL, Case, real_head, renderings

from MedDeepRegSegLib.jobs.outputs import write_json, write_text
from MedDeepRegSegLib.models.subdivision_loader import LoadedSubdivision, load_subdivision
from MedDeepRegSegLib.segmentation.subdivision import subdivide

_COMMAND = "python Testing/Benchmarks/subdivision.py --out DIR"
_QUICK = ("t1, whole head", "ct, whole head")


def cases(args: argparse.Namespace) -> Iterator[Case]:
    """Yield what is to be measured."""
    if "synthetic" in args.parts:
        yield from renderings(args.shared, wanted=_QUICK if args.quick else None)
    if "real" in args.parts:
        yield real_head(args.shared)


def measure(case: Case, loaded: LoadedSubdivision) -> tuple[dict[str, float], float]:
    """Return the Dice of each part of the truth, and the seconds."""
    begun = time.perf_counter()
    labels, segments = subdivide(case.image, loaded)
    seconds = time.perf_counter() - begun
    array = sitk.GetArrayViewFromImage(labels)
    found = {segment.name: array == segment.value for segment in segments}
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
    parser.add_argument("--parts", type=lambda text: text.split(","), default=["synthetic", "real"])
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
    lines += ["| Dice | " + " | ".join(row["case"] for row in rows) + " |", "|---|" + "---|" * len(rows)]
    for name in names[1:]:
        lines.append(f"| {name} | " + " | ".join(f"{row.get(name, float('nan')):.3g}" for row in rows) + " |")
    write_text(out / "subdivision.md", "\n".join(lines))
    metrics = []
    for row in rows:
        # Of every case the mean; of three, each part.
        shown = names[1:] if row["case"] in (*_QUICK, REAL) else ("mean",)
        for name in shown:
            if name in row and name != "seconds":
                dataset = row["case"] if row["case"] == REAL else f"rendering of a held-out label map: {row['case']}"
                metrics.append(
                    {"name": f"Dice, {name}", "value": row[name], "unit": "", "dataset": dataset, "command": _COMMAND}
                )
    write_json(out / "metrics_subdivision.json", {"metrics": metrics})


if __name__ == "__main__":
    main()
