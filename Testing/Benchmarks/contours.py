"""How exact fitted ellipses and lines and aligned contours are, on drawn shapes with exact truth.

    python Testing/Benchmarks/contours.py [--repeats N] [--out TABLE.csv]

Ellipses are fitted to contours of masks drawn with voxels of 1 mm, of gray images with noise, and to points with noise,
gaps and a share of points that belong elsewhere. Contours of three joined balls are aligned after a known movement, whole
and with a third of them cut off.
"""

import argparse
import csv
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "MedDeepRegSeg"))

from MedDeepRegSegLib.segmentation.contour_alignment import align_contours
from MedDeepRegSegLib.segmentation.contours import mask_contours
from MedDeepRegSegLib.segmentation.edge_contours import edge_contours
from MedDeepRegSegLib.segmentation.ellipse_fitting import fit_ellipse
from MedDeepRegSegLib.segmentation.line_fitting import fit_line
from MedDeepRegSegLib.segmentation.surface_points import surface_points

Row = dict[str, str | int | float]
SPACING = 3.0


def axis_errors(points: np.ndarray, major: float, minor: float, *, tolerance: float = 1.0) -> list[float]:
    """Return the errors of both axes of the ellipse through points, percent."""
    fit = fit_ellipse(points, tolerance_mm=tolerance)
    return [100 * abs(fit.major_mm / major - 1), 100 * abs(fit.minor_mm / minor - 1)]


def drawn_ellipse(generator: np.random.Generator, noise: float | None) -> tuple[sitk.Image, float, float]:
    """Return an ellipse of random size, place and angle as a mask, or as a gray image with noise, and its axes in mm."""
    major = generator.uniform(20, 60)
    minor = major * generator.uniform(0.4, 1.0)
    angle = generator.uniform(0, np.pi)
    rows, columns = np.indices((80, 84))
    x, y = columns - 41 - generator.uniform(-3, 3), rows - 39 - generator.uniform(-3, 3)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    level = np.hypot(along / (major / 2), across / (minor / 2))
    if noise is None:
        return sitk.GetImageFromArray((level <= 1).astype(np.uint8)[None]), major, minor
    slope = np.hypot(along / (major / 2) ** 2, across / (minor / 2) ** 2) / np.maximum(level, 1e-9)
    gray = 100 * np.clip((1 - level) / np.maximum(slope, 1e-9) + 0.5, 0, 1) + generator.normal(0, noise, level.shape)
    return sitk.GetImageFromArray(gray[None].astype(np.float32)), major, minor


def points_on_ellipse(generator: np.random.Generator, *, arc: float, noise: float, wrong: float) -> np.ndarray:
    """Return 200 points of an ellipse of 40 by 24 mm."""
    t = generator.uniform(0, arc, 200)
    flat = np.stack([20 * np.cos(t), 12 * np.sin(t)], axis=1) + generator.normal(0, noise, (200, 2))
    count = int(wrong * 200)
    flat[:count] = generator.uniform(-25, 25, (count, 2))
    return np.column_stack([flat, np.zeros(200)])


def ellipse_cases() -> Iterator[tuple[str, Callable[[np.random.Generator], list[float]]]]:
    """Yield the name of each case of ellipses, and what returns the errors of the axes in percent."""

    def of_mask(generator):
        image, major, minor = drawn_ellipse(generator, None)
        return axis_errors(mask_contours(image)[0].points, major, minor)

    def of_image(generator):
        image, major, minor = drawn_ellipse(generator, 10.0)
        return axis_errors(edge_contours(image)[0].points, major, minor)

    def of_points(arc, noise, wrong):
        def errors(generator):
            points = points_on_ellipse(generator, arc=arc * 2 * np.pi, noise=noise, wrong=wrong)
            return axis_errors(points, 40, 24)

        return errors

    yield "mask, 20 to 60 voxels", of_mask
    yield "edge of an image, noise a tenth of the contrast", of_image
    yield "points, noise 0.3 mm", of_points(1.0, 0.3, 0.0)
    yield "points, noise 0.3 mm, 30 % elsewhere", of_points(1.0, 0.3, 0.3)
    yield "points, noise 0.3 mm, a third missing", of_points(2 / 3, 0.3, 0.0)
    yield "points, noise 0.3 mm, a third missing, 20 % elsewhere", of_points(2 / 3, 0.3, 0.2)


def line_error(generator: np.random.Generator, wrong: float) -> float:
    """Return the angle between a line of 60 mm and the fit through its points with noise, degrees."""
    direction = generator.normal(size=3)
    direction /= np.linalg.norm(direction)
    points = np.outer(np.linspace(-30, 30, 150), direction) + generator.normal(0, 0.3, (150, 3))
    count = int(wrong * 150)
    points[:count] = generator.uniform(-30, 30, (count, 3))
    fit = fit_line(points, tolerance_mm=1.0)
    return float(np.degrees(np.arccos(min(1.0, abs(np.dot(fit.direction, direction))))))


def body(matrix: np.ndarray | None = None, *, cut: float = np.inf) -> sitk.Image:
    """Return a mask of three joined balls; ``matrix`` maps its places to those of the body at rest."""
    size = np.array([36, 40, 44])
    origin = -SPACING * size / 2
    here = np.stack(np.indices(size[::-1])[::-1], axis=-1) * SPACING + origin
    rest = here if matrix is None else here @ matrix[:3, :3].T + matrix[:3, 3]
    inside = ((rest / (25, 32, 40)) ** 2).sum(-1) <= 1
    inside |= (((rest - (20, 10, 15)) / (12, 14, 12)) ** 2).sum(-1) <= 1
    inside |= (((rest - (-8, -25, -20)) / (10, 15, 14)) ** 2).sum(-1) <= 1
    image = sitk.GetImageFromArray((inside & (here[..., 2] < cut)).astype(np.uint8))
    image.SetSpacing([SPACING] * 3)
    image.SetOrigin(origin.tolist())
    return image


def alignment_error(generator: np.random.Generator, kind: str, cut: float) -> tuple[float, float, float]:
    """Return the true mean error on the body, the mean error that is told (both mm), and the seconds."""
    stretch = {"rigid": np.eye(3), "similarity": 1.1 * np.eye(3), "affine": np.diag([1.08, 0.95, 1.05])}[kind]
    matrix = np.eye(4)
    turn = generator.normal(size=3)
    turn *= np.radians(generator.uniform(5, 30)) / np.linalg.norm(turn)
    matrix[:3, :3] = Rotation.from_rotvec(turn).as_matrix() @ stretch
    matrix[:3, 3] = generator.normal(0, 8, 3)
    began = time.process_time()
    found = align_contours(surface_points(body(matrix, cut=cut), count=4000), body(), kind=kind)
    seconds = time.process_time() - began
    fixed = surface_points(body(), count=300).points
    true = (fixed - matrix[:3, 3]) @ np.linalg.inv(matrix[:3, :3]).T
    got = np.array([found.transform.TransformPoint(point) for point in fixed.tolist()])
    return float(np.linalg.norm(got - true, axis=1).mean()), found.mean_mm, seconds


def told(case: str, unit: str, errors: list[float], **more: float) -> Row:
    """Return a row of the table and print it."""
    row: Row = {
        "Case": case,
        "Unit": unit,
        "Mean error": round(float(np.mean(errors)), 3),
        "95th percentile": round(float(np.percentile(errors, 95)), 3),
        "Largest": round(float(np.max(errors)), 3),
        **{name: round(value, 3) for name, value in more.items()},
    }
    print(f"{case:58s} " + "  ".join(f"{name} {value}" for name, value in row.items() if name != "Case"), flush=True)
    return row


def main() -> None:
    """Print the table, and write it where wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=40, help="ellipses and lines of each case (default: 40)")
    parser.add_argument("--movements", type=int, default=4, help="movements of each alignment (default: 4)")
    parser.add_argument("--out", type=Path, metavar="TABLE.csv", help="table to write")
    args = parser.parse_args()
    rows = []
    for name, errors in ellipse_cases():
        generator = np.random.default_rng(0)
        rows.append(told(f"ellipse: {name}", "% of axis", [e for _ in range(args.repeats) for e in errors(generator)]))
    for wrong in (0.0, 0.3):
        generator = np.random.default_rng(0)
        angles = [line_error(generator, wrong) for _ in range(args.repeats)]
        rows.append(told(f"line: noise 0.3 mm, {wrong:.0%} elsewhere", "degree", angles))
    for kind in ("rigid", "similarity", "affine"):
        for cut, what in ((np.inf, "whole"), (15.0, "a third missing")):
            generator = np.random.default_rng(0)
            found = [alignment_error(generator, kind, cut) for _ in range(args.movements)]
            told_mm, seconds = float(np.mean([f[1] for f in found])), float(np.median([f[2] for f in found]))
            more = {"Told (mm)": told_mm, "CPU seconds": seconds}
            rows.append(told(f"alignment: {kind}, {what}, voxels of 3 mm", "mm", [f[0] for f in found], **more))
    if args.out is not None:
        with args.out.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[-1]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
