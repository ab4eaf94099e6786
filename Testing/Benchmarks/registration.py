"""Measure registration on a real pair, on a template pair and on phantoms: error, folds, inverse, time, memory.

    python Testing/Benchmarks/registration.py --out DIR [--quick] [--shared FOLDER] [--seeds N]

Every case runs in a process of its own, so that time and peak memory are its own. Writes registration.csv,
registration.md and a checkerboard (PNG) of each pair to DIR, and prints the table.

Truth: "exact" errors are distances from the known place in the phantom. The averages of the template pair share one
space but not every fold, so an ideal result has some millimeters there too ("template"). The demo pair has no truth:
"consistency" compares the registration of the moved with that of the unmoved MR through the known movement.
"""

import argparse
import csv
import json
import multiprocessing
import resource
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.jobs.outputs import write_text
from MedDeepRegSegLib.registration.canonical import grid_around
from MedDeepRegSegLib.registration.known import known_composite
from MedDeepRegSegLib.registration.quality import dice
from MedDeepRegSegLib.registration.registration import register
from MedDeepRegSegLib.registration.result import RegistrationResult
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.registration.transforms import transform_points
from MedDeepRegSegLib.segmentation.foreground import foreground_mask
from MedDeepRegSegLib.segmentation.overlay import checkerboard_picture, write_png
from MedDeepRegSegLib.volumes.geometry import volume_center, volume_corners
from MedDeepRegSegLib.volumes.phantoms import deform_phantom, head_phantom
from MedDeepRegSegLib.volumes.resampling import resample_to

ROTATION_DEGREES, SHIFT_MM, DEFORMATION_MM = 15.0, 20.0, 8.0
TEMPLATES = "03_ct_mr_template_pair"
POINTS = 3000


@dataclass(frozen=True)
class Row:
    """One line of the table; errors and distances in mm."""

    pair: str
    seed: int
    truth: str
    before: float
    linear: float
    mean: float
    median: float
    p95: float
    largest: float
    dice: float | None
    folds: float
    sd_log_jacobian: float
    inverse_p95: float
    cpu_s: float
    wall_s: float
    peak_mb: int
    light: str


@dataclass(frozen=True)
class Case:
    """A pair and how to measure it."""

    pair: str
    seed: int
    kind: str
    shared: str
    out: str


def points_of(image: sitk.Image) -> np.ndarray:
    """Return points spread over the body, (N, 3) LPS mm."""
    index = np.argwhere(sitk.GetArrayFromImage(foreground_mask(image, "body")))[:, ::-1]
    index = index[np.random.default_rng(0).choice(len(index), POINTS)]
    direction = np.array(image.GetDirection()).reshape(3, 3)
    return (index * image.GetSpacing()) @ direction.T + image.GetOrigin()


def wider(image: sitk.Image, spacing: float) -> sitk.Image:
    """Return an empty grid that shows the moved image whole."""
    corners = volume_corners(image)
    return grid_around(corners.min(axis=0), corners.max(axis=0), spacing, 25.0).image()


def load(case: Case) -> tuple[sitk.Image, sitk.Image]:
    """Return the fixed and the unmoved moving image of a real pair."""
    if case.pair == "demo":
        from MedDeepRegSegLib.volumes.samples import sample_path

        names = [sample_path("ct-head-atlas"), sample_path("mr-head-t1")]
    else:
        folder = Path(case.shared) / TEMPLATES
        files = {
            "template head": ("scct_unsmooth_96x96x96.nii.gz", "sct1_unsmooth_96x96x96.nii.gz"),
            "template brain": ("scct_unsmooth_SS_0.01.nii.gz", "betsct1_unsmooth.nii.gz"),
        }
        names = [folder / name for name in files[case.pair]]
    fixed, moving = (sitk.ReadImage(str(name)) for name in names)
    return fixed, moving


def move(image: sitk.Image, seed: int) -> tuple[sitk.Transform, sitk.Image]:
    """Return a known movement (moved to unmoved points) and the moved image."""
    known = known_composite(
        image,
        volume_center(image),
        seed=seed,
        rotation_degrees=ROTATION_DEGREES,
        shift_mm=SHIFT_MM,
        magnitude_mm=DEFORMATION_MM,
    )
    return known, resample_to(image, wider(image, max(1.0, min(image.GetSpacing()))), known)


def stage_errors(result: RegistrationResult, known: sitk.Transform, points: np.ndarray, truth: np.ndarray):
    """Return errors after the linear stage and at the end, in the unmoved moving space."""
    linear = [stage for stage in result.stages if stage.measure == "similarity" and stage.transform][-1].transform
    return tuple(
        np.linalg.norm(transform_points(known, transform_points(transform, points)) - truth, axis=1)
        for transform in (linear, result.transform)
    )


def measure(case: Case) -> list[dict]:
    """Run one case and return its rows."""
    settings = RegistrationSettings(kind=case.kind)
    overlap = None
    if case.pair == "phantom head":
        fixed_phantom = head_phantom(case.seed)
        known = known_composite(
            fixed_phantom.ct,
            (0, 0, 0),
            seed=case.seed,
            rotation_degrees=ROTATION_DEGREES,
            shift_mm=SHIFT_MM,
            magnitude_mm=DEFORMATION_MM,
        )
        moved = deform_phantom(fixed_phantom, known, wider(fixed_phantom.ct, 2.0))
        fixed, moving = fixed_phantom.ct, moved.mr
        points = points_of(fixed)
        truth, kind = points, "exact"
        result, cost = timed(fixed, moving, settings)
        carried = resample_to(moved.labels, fixed, result.transform, interpolation="nearest", outside=0)
        overlap = float(np.mean([dice(fixed_phantom.labels, carried, label) for label in fixed_phantom.names]))
    else:
        fixed, unmoved = load(case)
        known, moving = move(unmoved, case.seed)
        points = points_of(fixed)
        if case.pair == "demo":
            truth = transform_points(register(fixed, unmoved, settings).transform, points)
            kind = "consistency"
        else:
            truth, kind = points, "template"
        result, cost = timed(fixed, moving, settings)
    linear, final = stage_errors(result, known, points, truth)
    before = np.linalg.norm(transform_points(known, points) - truth, axis=1)
    name = f"{case.pair.replace(' ', '_')}_{case.seed}"
    for axis in ("axial", "coronal", "sagittal"):
        write_png(checkerboard_picture(fixed, result.registered, axis), Path(case.out) / f"{name}_{axis}.png")
    quality = result.quality
    row = Row(
        pair=case.pair,
        seed=case.seed,
        truth=kind,
        before=float(before.mean()),
        linear=float(linear.mean()),
        mean=float(final.mean()),
        median=float(np.median(final)),
        p95=float(np.percentile(final, 95)),
        largest=float(final.max()),
        dice=overlap,
        folds=quality.folding_fraction,
        sd_log_jacobian=quality.sd_log_jacobian,
        inverse_p95=quality.inverse_p95_mm,
        light=quality.light,
        **cost,
    )
    rows = [row]
    if kind == "template":
        # What two registrations of the same pair agree on, free of the averages' own disagreement.
        unmoved_truth = transform_points(register(fixed, unmoved, settings).transform, points)
        linear, final = stage_errors(result, known, points, unmoved_truth)
        rows.append(
            replace(
                row,
                truth="consistency",
                before=float(np.linalg.norm(transform_points(known, points) - unmoved_truth, axis=1).mean()),
                linear=float(linear.mean()),
                mean=float(final.mean()),
                median=float(np.median(final)),
                p95=float(np.percentile(final, 95)),
                largest=float(final.max()),
            )
        )
    return [asdict(item) for item in rows]


def timed(fixed: sitk.Image, moving: sitk.Image, settings: RegistrationSettings) -> tuple[RegistrationResult, dict]:
    """Register and return the result and what it cost."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = register(fixed, moving, settings)
    cost = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return result, {**cost, "peak_mb": peak}


def cases(args: argparse.Namespace) -> Iterator[Case]:
    """Return what to measure; pairs whose files are absent are named and left out."""
    pairs = ["phantom head"] if args.quick else ["demo", "phantom head"]
    if not args.quick:
        if (Path(args.shared) / TEMPLATES).is_dir():
            pairs += ["template brain", "template head"]
        else:
            print(f"template pairs are left out: no {Path(args.shared) / TEMPLATES} (--shared)")
    for pair in pairs:
        for seed in range(1, 1 + (1 if args.quick else args.seeds)):
            yield Case(pair, seed, args.kind, str(args.shared), str(args.out))


def table(rows: list[dict]) -> str:
    """Return the rows as Markdown."""

    def text(value: object) -> str:
        if value is None:
            return "-"
        return f"{value:.3g}" if isinstance(value, float) else str(value)

    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(text(row[name]) for name in names) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[3] / "shared" / "data")
    parser.add_argument("--kind", choices=("rigid", "affine", "deformable"), default="deformable")
    parser.add_argument("--seeds", type=int, default=3, help="known movements of each pair")
    parser.add_argument("--quick", action="store_true", help="one phantom pair only")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    rows: list[dict] = []
    context = multiprocessing.get_context("spawn")
    for case in cases(args):
        with context.Pool(1) as pool:
            found = pool.apply(measure, (case,))
        rows += found
        for row in found:
            print(json.dumps(row), flush=True)
    with (args.out / "registration.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    write_text(args.out / "registration.md", table(rows))
    print(table(rows))


if __name__ == "__main__":
    main()
