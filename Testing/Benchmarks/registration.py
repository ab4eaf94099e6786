"""Compare registration side by side with other programs: error, overlap, folds, inverse, time and memory.

    python Testing/Benchmarks/registration.py --out DIR [--quick] [--linear] [--methods NAME ...] [--role ROLE] [--seeds N]

Pairs and their truth are described in registration_cases.py, the other programs and their settings in
registration_peers.py; `pip install --no-deps -r Testing/Benchmarks/peers.txt` installs them. Every method registers the same
files in a process of its own with two threads. Settings may be chosen by the development pairs; held-out ones are reported only.

Writes registration.csv, registration.md, two plots and checkerboards of every result to DIR. Results are kept in
DIR/results: a run that was stopped goes on where it ended, and `--methods NAME --again` runs one method again.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import SimpleITK as sitk
from registration_cases import VERSION, Case, Files, cases, prepare
from registration_found import Found, read_found
from registration_measures import measure
from registration_peers import PEERS, THREADS, Job
from registration_tables import write_all

from MedDeepRegSegLib.jobs.outputs import write_text
from MedDeepRegSegLib.registration.engines import engine_names
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.segmentation.overlay import checkerboard_picture, write_png
from MedDeepRegSegLib.volumes.resampling import resample_to

_TIMEOUT_S = 3600
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")
_SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def run(method: str, case: Case, files: Files, result: Path) -> dict:
    """Run one method on one case in a process of its own, measure, and write and return the row."""
    result.parent.mkdir(parents=True, exist_ok=True)
    linear = case.mode == "linear"
    with tempfile.TemporaryDirectory() as scratch:
        try:
            found, cost = found_by(method, files, files.moving, Path(scratch) / "moved", linear=linear)
            unmoved = None
            if files.unmoved[0].is_file():
                unmoved, _ = found_by(method, files, files.unmoved[0], Path(scratch) / "unmoved", linear=linear)
            row = measure(found, files, unmoved) | cost | {"failure": None}
        except RuntimeError as error:
            row = {"failure": str(error).replace("|", "/")}
        else:
            fixed, moving = (sitk.ReadImage(str(path)) for path in (files.fixed, files.moving))
            carried = resample_to(moving, fixed, found.transform)
            for axis in ("axial", "coronal", "sagittal"):
                write_png(checkerboard_picture(fixed, carried, axis), result.with_name(f"{method}_{axis}.png"))
    row["version"] = VERSION
    write_text(result, json.dumps(row, indent=1))
    return row


def found_by(method: str, files: Files, moving: Path, folder: Path, *, linear: bool) -> tuple[Found, dict]:
    """Return what a method finds, and what it cost.

    Raises
    ------
    RuntimeError
        When it fails, with the last that it said.
    """
    folder.mkdir()
    job = Job(files.fixed, moving, folder, linear, files.mask)
    if method == "convexadam":
        start, _ = found_by("itk-elastix", files, moving, folder / "start", linear=True)
        job = replace(job, start=folder / "start.tfm")
        sitk.WriteTransform(start.transform, str(job.start))
    command = [sys.executable, str(Path(__file__).with_name("registration_run.py")), method]
    command += [str(path) for path in (job.fixed, job.moving, job.folder)] + ["--mask", str(job.mask)]
    command += ["--linear"] if linear else []
    command += ["--start", str(job.start)] if job.start else []
    threads = dict.fromkeys(_THREADS, str(THREADS))
    try:
        done = subprocess.run(
            command,
            cwd=folder,  # elastix writes files to where it runs
            env=os.environ | threads,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        msg = f"not done within {_TIMEOUT_S} s"
        raise RuntimeError(msg) from None
    cost = folder / "cost.json"
    if not cost.is_file():
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        msg = f"exit {done.returncode}: {lines[-1][-300:] if lines else 'nothing was said'}"
        raise RuntimeError(msg)
    return read_found(method, job), json.loads(cost.read_text(encoding="utf-8"))


def read(result: Path) -> dict | None:
    """Return the row of a result; None when there is none, or one of a case that has changed since."""
    if not result.is_file():
        return None
    row = json.loads(result.read_text(encoding="utf-8"))
    return row if row.get("version") == VERSION else None


def _reason(text: str, code: int) -> str:
    """Return the last line that says something about a failure."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"exit {code}: {lines[-1][-300:] if lines else 'nothing was said'}".replace("|", "/")


def chosen_methods(names: list[str] | None) -> list[str]:
    """Return the methods to run; peers that are not installed are named and left out."""
    wanted = names or [RegistrationSettings().engine, *PEERS]
    for name in wanted:
        if name not in PEERS and name not in engine_names():
            sys.exit(f"method {name!r} is not there, expected one of: {', '.join((*engine_names(), *PEERS))}")
    missing = [name for name in wanted if any(find_spec(package) is None for package in PEERS.get(name, ()))]
    if missing:
        print(f"{', '.join(missing)}: left out, not installed (pip install --no-deps -r Testing/Benchmarks/peers.txt)")
    return [name for name in wanted if name not in missing]


def chosen_cases(args: argparse.Namespace) -> list[Case]:
    """Return the cases of the chosen role whose name holds one of ``--cases``."""
    role = args.role.replace("-", " ")
    every = cases("linear" if args.linear else "deformable", args.seeds, quick=args.quick)
    return [
        case
        for case in every
        if role in ("all", case.role) and (not args.cases or any(part in case.name for part in args.cases))
    ]


def gather(args: argparse.Namespace, chosen: list[Case]) -> list[dict]:
    """Return the rows of all results that are there for the chosen cases, whichever run made them."""
    rows = []
    for case in chosen:
        for path in sorted((args.out / "results" / case.name).glob("*.json")):
            row = read(path)
            if row is not None:
                rows.append({"case": case.name, "kind": case.kind, "role": case.role, "method": path.stem} | row)
    order = [*engine_names(), *PEERS]
    return sorted(rows, key=lambda row: order.index(row["method"]) if row["method"] in order else -1)


def main() -> None:
    """Run what is missing, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--shared", type=Path, default=_SHARED)
    parser.add_argument("--methods", nargs="+", help="engines of this project and peers; by default all peers and ours")
    parser.add_argument("--cases", nargs="+", help="parts of names of cases")
    parser.add_argument("--role", choices=("development", "held-out", "all"), default="all")
    parser.add_argument("--seeds", type=int, default=1, help="known movements of each pair")
    parser.add_argument("--linear", action="store_true", help="rigid and affine truth only; compare the linear stages")
    parser.add_argument("--quick", action="store_true", help="one phantom pair only")
    parser.add_argument("--again", action="store_true", help="run the methods again where there are results")
    parser.add_argument("--tables", action="store_true", help="run nothing; write the tables of what is there")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    chosen = chosen_cases(args)
    for case in [] if args.tables else chosen:
        files = prepare(case, args.shared, args.out / "cases" / str(VERSION))
        for method in chosen_methods(args.methods) if files else []:
            result = args.out / "results" / case.name / f"{method}.json"
            if case.mode == "linear" and method == "convexadam":
                continue  # it has no linear stage
            if files is None or (read(result) and not args.again):
                continue
            row = run(method, case, files, result)
            said = row["failure"] or f"{row['before_mm']:.2f} -> {row['mean_mm']:.2f} mm, {row['cpu_s']:.0f} CPU s"
            print(f"{case.name}, {method}: {said}", flush=True)
    rows = gather(args, chosen)
    if not rows:
        sys.exit("no results: no case could be run")
    print(write_all(args.out, rows, tuple(PEERS)))


if __name__ == "__main__":
    main()
