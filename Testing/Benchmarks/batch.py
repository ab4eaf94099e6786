"""What several workers gain over a table of cases: seconds of `meddeep batch --command grow` with one and more.

    OMP_NUM_THREADS=1 python Testing/Benchmarks/batch.py --out DIR [--cases 8] [--workers 1 2]

Prints Markdown. Each case grows the left eye of a drawn head of its own with the classic method, in a process of its own.
Runs with different workers are rounds of one run, in turn, so that a busy machine harms all alike.
"""

import argparse
import csv
import statistics
import subprocess
import sys
import time
from pathlib import Path

import SimpleITK as sitk

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "MedDeepRegSeg"))

from MedDeepRegSegLib.volumes.phantoms import head_phantom


def write_cases(folder: Path, count: int) -> Path:
    """Write drawn heads and the table of a point in each left eye; returns the table."""
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / "cases.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "image", "positive", "method", "segment"])
        for number in range(count):
            phantom = head_phantom(number, spacing_mm=3.0, size=(64, 80, 75))
            sitk.WriteImage(phantom.mr, str(folder / f"head-{number}.nii.gz"))
            left, posterior, superior = phantom.landmarks["left eye"]
            point = f"{-left:.1f} {-posterior:.1f} {superior:.1f}"
            writer.writerow([f"head-{number}", f"head-{number}.nii.gz", point, "classic", "Left eye"])
    return table


def seconds(table: Path, out: Path, workers: int) -> float:
    """Run the batch into a new folder and return how long it took; every case must be done."""
    command = [sys.executable, "-m", "MedDeepRegSegLib.cli", "batch", str(table), "--command", "grow", "--quiet"]
    began = time.perf_counter()
    subprocess.run([*command, "--out", str(out), "--workers", str(workers)], check=True)
    taken = time.perf_counter() - began
    with (out / "summary.csv").open(encoding="utf-8") as file:
        assert all(row["status"] == "done" for row in csv.DictReader(file))
    return taken


def main() -> None:
    """Compare numbers of workers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="new folder for cases and results")
    parser.add_argument("--cases", type=int, default=8)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    table = write_cases(args.out, args.cases)
    found: dict[int, list[float]] = {workers: [] for workers in args.workers}
    for number in range(args.rounds):
        for workers in args.workers:
            found[workers].append(seconds(table, args.out / f"round-{number}-workers-{workers}", workers))
    first = statistics.median(found[args.workers[0]])
    print(f"| workers | seconds for {args.cases} cases, median (range) of {args.rounds} | ratio |\n|---|---|---|")
    for workers, times in found.items():
        middle = statistics.median(times)
        print(f"| {workers} | {middle:.1f} ({min(times):.1f} to {max(times):.1f}) | {middle / first:.2f} |")


if __name__ == "__main__":
    main()
