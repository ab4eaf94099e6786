"""Click one method through one case and leave what came of it. growing.py starts it, in a process of its own.

python Testing/Benchmarks/growing_run.py METHOD CASE --data FOLDER --out RESULT.json [--margin VOXELS] [--clicks N] [--model FOLDER]

Writes RESULT.json, and RESULT.npz with the masks after 1, 3 and 5 clicks.
"""

import argparse
import json
import sys
import time
from importlib import import_module
from pathlib import Path

import numpy as np
import SimpleITK as sitk

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "MedDeepRegSeg"))

from growing_cases import SOURCES, VERSION, Source, find_case, load
from growing_methods import METHODS, PACKAGES

from MedDeepRegSegLib.jobs.outputs import write_text
from MedDeepRegSegLib.segmentation.simulated_user import Box, Method, box_around, simulate


def run(
    method: str,
    image: sitk.Image,
    truth: np.ndarray,
    *,
    margin: int | None = None,
    clicks: int = 10,
    model: Path | None = None,
) -> tuple[dict, dict[int, np.ndarray]]:
    """Return the row of a result and the masks that are kept.

    ``margin`` is that of the box, voxels; None is no box. A method that fails after some clicks keeps what it had.
    """
    for package in PACKAGES.get(method, ()):
        import_module(package)  # does not count as its time
    before = peak_mb()
    box = None if margin is None else box_around(truth, margin)
    wall, cpu = time.perf_counter(), time.process_time()
    made = made_method(method, image, box, truth, margin=margin, model=model)
    start = {"start_s": time.perf_counter() - wall, "start_cpu_s": time.process_time() - cpu}
    course = simulate(made, truth, image.GetSpacing()[::-1], clicks)
    row = {
        "version": VERSION,
        "dice": course.dice,
        "seconds": course.seconds,
        "cpu_s": course.cpu_s,
        "clicks": [{"voxel": list(voxel), "positive": positive} for voxel, positive in course.clicks],
        "wrong_seeds": course.wrong_seeds,
        "refused": list(getattr(made, "refused", [])),
        "peak_mb": peak_mb(),
        "base_mb": before,
        "image_voxels": int(truth.size),
        "object_voxels": int(np.count_nonzero(truth)),
        "asked": clicks,
        "failure": None,
    }
    return row | start, course.masks


def made_method(
    method: str, image: sitk.Image, box: Box | None, truth: np.ndarray, *, margin: int | None, model: Path | None
) -> Method:
    """Return a method, ready to be clicked."""
    more: dict = {}
    if method == "network" and model is not None:
        more["model"] = model
    if method == "ellipsoid":
        more["margin"] = margin or 0
    return METHODS[method](image, box, truth, **more)


def peak_mb() -> int:
    """Return the largest memory that this process had, MB.

    VmHWM, not ru_maxrss: that one counts what the starting process had, too.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) // 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main(sources: tuple[Source, ...] = SOURCES) -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("method", choices=tuple(METHODS))
    parser.add_argument("case")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--margin", type=int)
    parser.add_argument("--clicks", type=int, default=10)
    parser.add_argument("--model", type=Path)
    args = parser.parse_args()
    image, truth = load(find_case(args.data, args.case, sources), args.data)
    row, masks = run(args.method, image, truth, margin=args.margin, clicks=args.clicks, model=args.model)
    np.savez_compressed(args.out.with_suffix(".npz"), **{f"after_{count}": mask for count, mask in masks.items()})
    write_text(args.out, json.dumps(row))


if __name__ == "__main__":
    main()
