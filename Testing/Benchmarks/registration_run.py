"""Run one method and leave its files and its cost. registration.py starts it, in a process of its own.

python Testing/Benchmarks/registration_run.py METHOD FIXED MOVING FOLDER [--mask FILE] [--start FILE] [--linear]
"""

import argparse
import json
import resource
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from registration_peers import PEERS, RUN, Job


def ours(engine: str, job: Job) -> None:
    """Register with one of this project's engines; leave the transforms."""
    import SimpleITK as sitk

    from MedDeepRegSegLib.registration.registration import register
    from MedDeepRegSegLib.registration.settings import RegistrationSettings
    from MedDeepRegSegLib.registration.transforms import as_matrix, write_transform

    fixed, moving = (sitk.ReadImage(str(path)) for path in (job.fixed, job.moving))
    kind = "affine" if job.linear else "deformable"
    result = register(fixed, moving, RegistrationSettings(kind=kind, engine=engine))
    # A B-spline or field is no matrix; the last stage that is one has the whole linear map.
    linear = [stage.transform for stage in result.stages if stage.transform and as_matrix(stage.transform) is not None]
    write_transform(linear[-1], job.folder / "linear.tfm")
    if not job.linear:
        write_transform(result.transform, job.folder / "transform.h5")
        write_transform(result.inverse, job.folder / "inverse.h5")


def prepared(method: str, job: Job) -> Callable[[], None]:
    """Return the work of a method. What it imports is imported here, and does not count as its time."""
    if method in PEERS:
        for package in (*PEERS[method][:1], *(["convexAdam.convex_adam_MIND"] if method == "convexadam" else [])):
            module = import_module(package)
            if package == "itk":
                _ = module.ElastixRegistrationMethod, module.ParameterObject  # loads its libraries
        return partial(RUN[method], job)
    from MedDeepRegSegLib.registration.engines import find_engine

    find_engine(method)
    if find_spec("torch") is not None:
        import_module("torch")
    return partial(ours, method, job)


def cpu_seconds() -> float:
    """Return user and system seconds of this process and of those that it started and that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    """Run and write the cost: CPU and wall seconds, largest memory, MB."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("method")
    for name in ("fixed", "moving", "folder"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--mask", type=Path)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--linear", action="store_true")
    args = parser.parse_args()
    work = prepared(args.method, Job(args.fixed, args.moving, args.folder, args.linear, args.mask, args.start))
    cpu, wall = cpu_seconds(), time.perf_counter()
    work()
    cost = {"cpu_s": cpu_seconds() - cpu, "wall_s": time.perf_counter() - wall}
    cost["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    (args.folder / "cost.json").write_text(json.dumps(cost), encoding="utf-8")


if __name__ == "__main__":
    main()
