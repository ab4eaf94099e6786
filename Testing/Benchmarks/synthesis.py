"""How many label maps and pairs of views a second the synthesis makes, on the CPU and on a GPU where there is one.

    python Testing/Benchmarks/synthesis.py [--sides 64 96] [--seconds 20]

Prints Markdown. A label map has 1.3 times the side of the views, as in training; a pair is two rendered views of one.
"""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "MedDeepRegSeg"))

from MedDeepRegSegLib.synthesis.label_maps import random_label_map
from MedDeepRegSegLib.synthesis.pairs import make_pair
from MedDeepRegSegLib.synthesis.randomness import Randomness

MAP_SIDE = 1.3
FEWEST = 3


def rate(make: Callable[[int], object], device: str, seconds: float) -> float:
    """Return how often a second ``make`` (of a seed) runs, after once to warm up."""

    def wait() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    make(0)
    wait()
    count, start = 0, time.perf_counter()
    while count < FEWEST or time.perf_counter() - start < seconds:
        count += 1
        make(count)
        # Waiting every time costs less than a hundredth, and the clock is right.
        wait()
    return count / (time.perf_counter() - start)


def row(name: str, side: int, device: str, seconds: float) -> str:
    """Return a line of the table."""
    size, map_side = (side,) * 3, round(MAP_SIDE * side)
    map_size = (map_side,) * 3
    maps = [random_label_map(map_size, Randomness(0, seed, device=device)) for seed in range(4)]
    map_rate = rate(lambda seed: random_label_map(map_size, Randomness(1, seed, device=device)), device, seconds)
    pair_rate = rate(lambda seed: make_pair(maps[seed % 4], size, Randomness(2, seed, device=device)), device, seconds)
    return f"| {name} | {side} | {map_rate:.1f} | {pair_rate:.1f} |"


def load() -> str:
    """Return how busy the machine is with other work, where it can tell."""
    return f"load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown load"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sides", type=int, nargs="+", default=[64, 96], help="voxels along each side of a view")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each measurement")
    args = parser.parse_args()
    cores = os.cpu_count() or 1
    print(f"{platform.machine()}, {cores} cores, {load()} before the start, torch {torch.__version__}\n")
    print("| device | side of a view | label maps a second | pairs a second |")
    print("|---|---:|---:|---:|")
    for threads in dict.fromkeys((1, cores)):
        torch.set_num_threads(threads)
        for side in args.sides:
            print(row(f"CPU, {threads} thread{'s' * (threads > 1)}", side, "cpu", args.seconds), flush=True)
    if torch.cuda.is_available():
        for side in args.sides:
            print(row(torch.cuda.get_device_name(), side, "cuda", args.seconds), flush=True)
    print(f"\n{load()} at the end")


if __name__ == "__main__":
    main()
