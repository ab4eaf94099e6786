"""Run one method on one case and write what was measured. registration.py starts it, in a process of its own.

python Testing/Benchmarks/registration_run.py METHOD CASE_FOLDER RESULT.json [--linear]
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import registration_peers as peers
import SimpleITK as sitk
from registration_cases import Files
from registration_measures import measure, timed

from MedDeepRegSegLib.jobs.outputs import write_text
from MedDeepRegSegLib.registration.engines import find_engine
from MedDeepRegSegLib.registration.registration import register
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.segmentation.overlay import checkerboard_picture, write_png
from MedDeepRegSegLib.volumes.resampling import resample_to


def ours(engine: str, job: peers.Job) -> peers.Found:
    """Register with one of this project's engines."""
    fixed, moving = (sitk.ReadImage(str(path)) for path in (job.fixed, job.moving))
    kind = "affine" if job.linear else "deformable"
    result = register(fixed, moving, RegistrationSettings(kind=kind, engine=engine))
    linear = [stage.transform for stage in result.stages if stage.transform is not None and _is_linear(stage.transform)]
    return peers.Found(result.transform, linear[-1] if linear else None, result.inverse)


def _is_linear(transform: sitk.Transform) -> bool:
    return peers.as_matrix(transform) is not None


def prepared(method: str, job: peers.Job) -> Callable[[], peers.Found]:
    """Return the work of a method; what it imports is imported here, and does not count as its time."""
    if method == "itk-elastix":
        itk = import_module("itk")
        _ = itk.ElastixRegistrationMethod, itk.ParameterObject
        return partial(peers.elastix, peers.with_mask(job))
    if method == "antspyx":
        import_module("ants")
        return partial(peers.ants, job)
    if method == "picsl-greedy":
        import_module("picsl_greedy")
        return partial(peers.greedy, job)
    if method == "convexadam":
        import_module("convexAdam.convex_adam_MIND")
        start = peers.elastix(peers.with_mask(replace(job, linear=True)))
        return partial(peers.convexadam, job, start.transform)
    if method == "simpleitk":
        return partial(peers.simpleitk, job)
    find_engine(method)
    if find_spec("torch") is not None:
        import_module("torch")
    return partial(ours, method, job)


def main() -> None:
    """Run, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("method")
    parser.add_argument("case", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--linear", action="store_true")
    args = parser.parse_args()
    files = Files(args.case)
    with tempfile.TemporaryDirectory() as scratch:
        job = peers.Job(files.fixed, files.moving, Path(scratch), args.linear)
        found, cost = timed(prepared(args.method, job))
        unmoved = None
        if files.unmoved[0].is_file():
            still = peers.Job(files.fixed, files.unmoved[0], Path(scratch), args.linear)
            unmoved = prepared(args.method, still)()
    row = measure(found, files, unmoved) | cost
    fixed, moving = (sitk.ReadImage(str(path)) for path in (files.fixed, files.moving))
    carried = resample_to(moving, fixed, found.transform)
    for axis in ("axial", "coronal", "sagittal"):
        write_png(checkerboard_picture(fixed, carried, axis), args.result.with_name(f"{args.method}_{axis}.png"))
    write_text(args.result, json.dumps(row, indent=1))


if __name__ == "__main__":
    main()
