"""Compare growing by clicks side by side with other programs: Dice, clicks needed, seconds and memory, with and without a box.

    python Testing/Benchmarks/growing.py --out DIR [--data DIR] [--methods NAME ...] [--cases PART ...] [--role ROLE]
                                         [--box | --no-box] [--margin 2] [--clicks 10] [--limit N] [--tables]

Cases are described in growing_cases.py, the simulated clicks are those of the library, the methods in growing_methods.py;
`pip install --no-deps -r Testing/Benchmarks/peers.txt` installs the peers. The box is the true bounding box with 2 voxels
around it, given from the first click on. Every method runs on every case in a process of its own with one thread. Settings
may be chosen by the development cases; held-out ones are reported only.

Writes growing.csv, growing.md, curves and pictures to DIR. Results are kept in DIR/results: a run that was stopped goes on
where it ended, and methods can be added later. `--methods network --model FOLDER --label NAME` keeps the results of other
weights beside them.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "MedDeepRegSeg"))

from growing_cases import VERSION, Case, cases, left_out
from growing_methods import BOX_ONLY, METHODS, PACKAGES
from growing_pictures import pictures
from growing_tables import write_all

from MedDeepRegSegLib.jobs.outputs import write_text

_TIMEOUT_S = 1800
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")
_SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
_NO_BOX = "no box"


def run(case: Case, method: str, margin: int | None, result: Path, args: argparse.Namespace) -> dict:
    """Run one method on one case in a process of its own; write and return the row."""
    result.parent.mkdir(parents=True, exist_ok=True)
    result.unlink(missing_ok=True)
    command = [sys.executable, str(Path(__file__).with_name("growing_run.py")), method, case.name]
    command += ["--data", str(args.data), "--out", str(result), "--clicks", str(args.clicks)]
    command += [] if margin is None else ["--margin", str(margin)]
    command += ["--model", str(args.model)] if args.model and method == "network" else []
    failure = f"not done within {_TIMEOUT_S} s"
    try:
        done = subprocess.run(
            command,
            env=os.environ | dict.fromkeys(_THREADS, "1"),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        failure = f"exit {done.returncode}: {lines[-1][-300:] if lines else 'nothing was said'}".replace("|", "/")
    except subprocess.TimeoutExpired:
        pass
    row = read(result, 0)
    if row is None:
        row = {"version": VERSION, "failure": failure, "asked": args.clicks}
        write_text(result, json.dumps(row))
    return row


def read(result: Path, clicks: int) -> dict | None:
    """Return the row of a result; None without one, or when the case has changed or fewer clicks were asked for."""
    if not result.is_file():
        return None
    row = json.loads(result.read_text(encoding="utf-8"))
    return row if row.get("version") == VERSION and row["asked"] >= clicks else None


def result_path(folder: Path, case: str, method: str, margin: int | None) -> Path:
    """Return the file of a result."""
    box = "no_box" if margin is None else f"box_{margin}"
    return folder / "results" / case / f"{method.replace(' ', '_')}-{box}.json"


def chosen_methods(names: list[str] | None) -> list[str]:
    """Return the methods to run; those that cannot run here are named and left out."""
    wanted = names or list(METHODS)
    for name in wanted:
        if name not in METHODS:
            sys.exit(f"method {name!r} is not there, expected one of: {', '.join(METHODS)}")
    missing = [
        name
        for name in wanted
        if any(find_spec(package.partition(".")[0]) is None for package in PACKAGES.get(name, ()))
    ]
    if "network" in wanted and find_spec("MedDeepRegSegLib.segmentation.growing_session") is None:
        missing.append("network")
    if missing:
        print(f"{', '.join(missing)}: left out, not installed (pip install --no-deps -r Testing/Benchmarks/peers.txt)")
    return [name for name in wanted if name not in missing]


def chosen_cases(args: argparse.Namespace) -> list[Case]:
    """Return the cases of the role whose name holds one of ``--cases``, mixed: any beginning of the list is a sample."""
    chosen = [
        case
        for case in cases(args.data)
        if args.role in ("all", case.role) and (not args.cases or any(part in case.name for part in args.cases))
    ]
    return sorted(chosen, key=lambda case: hashlib.sha256(case.name[::-1].encode()).hexdigest())[: args.limit]


def gather(args: argparse.Namespace, chosen: list[Case]) -> list[dict]:
    """Return the rows of all results that are there for the chosen cases, whichever run made them."""
    rows = []
    for case in chosen:
        for path in sorted((args.out / "results" / case.name).glob("*.json")):
            row = read(path, args.clicks)
            method, _, box = path.stem.rpartition("-")
            if row is not None and box in ("no_box", f"box_{args.margin}"):
                known = {"case": case.name, "group": case.source.group, "role": case.role}
                known |= {"method": method.replace("_", " "), "box": _NO_BOX if box == "no_box" else "box"}
                rows.append(known | row)
    return rows


def main() -> None:
    """Run what is missing, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=_SHARED)
    parser.add_argument("--methods", nargs="+", help=f"of: {', '.join(METHODS)}; by default all")
    parser.add_argument("--model", type=Path, help="folder of the weights of the network, other than the shipped ones")
    parser.add_argument("--label", help="name under which the results of --model are kept")
    parser.add_argument("--cases", nargs="+", help="parts of names of cases")
    parser.add_argument("--role", choices=("development", "held-out", "all"), default="all")
    parser.add_argument("--box", action=argparse.BooleanOptionalAction, help="only with or only without a box")
    parser.add_argument("--margin", type=int, default=2, help="voxels around the true box")
    parser.add_argument("--clicks", type=int, default=10)
    parser.add_argument("--limit", type=int, help="number of cases, a mixed sample")
    parser.add_argument("--again", action="store_true", help="run the methods again where there are results")
    parser.add_argument("--tables", action="store_true", help="run nothing; write the tables of what is there")
    parser.add_argument("--list", action="store_true", help="list cases and what is left out, then end")
    args = parser.parse_args()
    if args.model and not args.label:
        parser.error("--model needs --label, the name under which its results are kept")
    chosen = chosen_cases(args)
    if args.list:
        for case in sorted(chosen, key=lambda case: case.name):
            print(f"{case.name}: {case.source.group}, {case.role}")
        for what, reason in left_out(args.data).items():
            print(f"left out: {what}: {reason}")
        print(f"{len(chosen)} cases, {sum(case.role == 'held-out' for case in chosen)} held-out")
        return
    margins = [None, args.margin] if args.box is None else [args.margin if args.box else None]
    methods = [] if args.tables else chosen_methods(args.methods)
    for case in chosen:
        for method in methods:
            name = args.label if args.label and method == "network" else method
            for margin in margins:
                result = result_path(args.out, case.name, name, margin)
                if (margin is None and method in BOX_ONLY) or (read(result, args.clicks) and not args.again):
                    continue
                row = run(case, method, margin, result, args)
                said = row["failure"] or " ".join(f"{one:.2f}" for one in row["dice"])
                print(f"{case.name}, {name}, {_NO_BOX if margin is None else 'box'}: {said}", flush=True)
    args.out.mkdir(parents=True, exist_ok=True)
    rows = gather(args, chosen)
    if not rows:
        sys.exit("no results: no case could be run")
    print(write_all(args.out, rows, args.clicks, left_out(args.data)))
    pictures(args.out, chosen, args.data)


if __name__ == "__main__":
    main()
