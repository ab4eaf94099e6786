"""How right and how fast measurements are: tables in Markdown.

    python Testing/Benchmarks/measurements.py --data ../shared/data [--all] [--out TABLES.md]

Parts: closed forms (ball, ellipsoid, box, cylinder on three grids), the digital phantom of the IBSI with its published
values, pyradiomics' reference values on real images, and CPU seconds and memory of each family on a segment of seven
million voxels.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "MedDeepRegSeg"))

from measurements_phantom import AXIS_LENGTHS, PUBLISHED, phantom, tolerance
from measurements_reference import BY_ANOTHER_DEFINITION, Compared, compared

from MedDeepRegSegLib.segmentation.measurement_families import FAMILIES
from MedDeepRegSegLib.segmentation.measurements import measure
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.segmentation.texture_matrices import TextureSettings

SEGMENT = Segment(1, "segment", (1.0, 0.0, 0.0))
GRIDS = ((1.0, 1.0, 1.0), (0.8, 0.8, 2.0), (0.5, 0.5, 8.0))
TURN = np.array(sitk.Euler3DTransform((0, 0, 0), 0.5, 0.3, 0.2).GetMatrix()).reshape(3, 3)
Inside = Callable[[np.ndarray], np.ndarray]


def closed_forms() -> Iterator[tuple[str, str, str, float, float]]:
    """Yield shape, grid, measurement, true value and measured value. All shapes are turned against the grid."""
    a, b, c = 24.0, 16.0, 10.0
    p = 1.6075  # Knud Thomsen's surface, within 1.1 %
    edges = np.array([30.0, 24.0, 16.0])
    x, y, z = edges
    r, h = 12.0, 30.0
    root = np.sqrt(5) / 4
    shapes: dict[str, tuple[Inside, dict[str, float]]] = {
        "ball, 40 mm across": (
            lambda q: (q**2).sum(axis=1) <= 400,
            {"volume_mm3": 4 / 3 * np.pi * 8000, "surface": 1600 * np.pi, "largest_diameter_mm": 40, "elongation": 1},
        ),
        "ellipsoid 48 x 32 x 20 mm": (
            lambda q: ((q / (a, b, c)) ** 2).sum(axis=1) <= 1,
            {
                "volume_mm3": 4 / 3 * np.pi * a * b * c,
                "surface": 4 * np.pi * (((a * b) ** p + (a * c) ** p + (b * c) ** p) / 3) ** (1 / p),
                "largest_diameter_mm": 2 * a,
                "major_axis_mm": a / root,
                "minor_axis_mm": b / root,
                "least_axis_mm": c / root,
                "elongation": b / a,
                "flatness": c / a,
            },
        ),
        "box 30 x 24 x 16 mm": (
            lambda q: (np.abs(q) <= edges / 2).all(axis=1),
            {
                "volume_mm3": x * y * z,
                "surface": 2 * (x * y + y * z + x * z),
                "largest_diameter_mm": np.linalg.norm(edges),
                "oriented_box_length_mm": x,
                "oriented_box_width_mm": y,
                "oriented_box_height_mm": z,
            },
        ),
        "cylinder 24 x 30 mm": (
            lambda q: (np.hypot(q[:, 0], q[:, 1]) <= r) & (np.abs(q[:, 2]) <= h / 2),
            {
                "volume_mm3": np.pi * r**2 * h,
                "surface": 2 * np.pi * r * (r + h),
                "largest_diameter_mm": np.hypot(h, 2 * r),
                "major_axis_mm": 4 * h / np.sqrt(12),
            },
        ),
    }
    for shape, (inside, truth) in shapes.items():
        for spacing in GRIDS:
            (found,) = measure(_drawn(inside, spacing), [SEGMENT], families=["shape"])
            grid = " x ".join(f"{step:g}" for step in spacing)
            for name, value in truth.items():
                names = ("surface_mm2", "surface_mesh_mm2") if name == "surface" else (name,)
                for each in names:
                    yield shape, grid, each, value, _number(found.value(each))


def _drawn(inside: Inside, spacing: tuple[float, float, float]) -> sitk.Image:
    size = [int(64 / step) for step in spacing]
    indices = np.indices(size[::-1])[::-1].reshape(3, -1).T
    points = (indices - (np.array(size) - 1) / 2) * spacing
    image = sitk.GetImageFromArray(inside(points @ TURN).reshape(size[::-1]).astype(np.uint8))
    image.SetSpacing(spacing)
    return image


def published() -> Iterator[tuple[str, float, float, float]]:
    """Yield name, published value, tolerance and measured value of the digital phantom."""
    labels, image = phantom()
    families, texture = ("shape", "intensity", "texture"), TextureSettings(bin_width=1)
    (found,) = measure(labels, [SEGMENT], image, families=families, texture=texture)
    for name, (value, given) in (PUBLISHED | AXIS_LENGTHS).items():
        yield name, value, tolerance(value, given), _number(found.value(name))


def costs(size: int = 256) -> Iterator[tuple[str, float, float, int]]:
    """Yield family, CPU and wall seconds, and peak memory so far (MiB), of a ball in noise that fills ``size`` cubed."""
    axis = (np.arange(size, dtype=np.float32) - (size - 1) / 2) ** 2
    ball = axis[:, None, None] + axis[None, :, None] + axis[None, None, :] <= (0.47 * size) ** 2
    noise = np.random.default_rng(0).normal(0, 150, ball.shape).astype(np.float32)
    labels = sitk.GetImageFromArray(ball.astype(np.uint8))
    image = sitk.DiscreteGaussian(sitk.GetImageFromArray(noise), 1.0)
    yield f"nothing ({np.count_nonzero(ball)} voxels)", 0.0, 0.0, _peak_mib()
    for family in FAMILIES:
        cpu, wall = time.process_time(), time.perf_counter()
        measure(labels, [SEGMENT], image if family.needs_image else None, families=[family.name])
        yield family.name, time.process_time() - cpu, time.perf_counter() - wall, _peak_mib()


def _peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(line)} |" for line in lines] + [""]


def _reference_tables(rows: list[Compared], *, everything: bool) -> list[str]:
    exact = [row for row in rows if row.feature not in BY_ANOTHER_DEFINITION]
    equal = sum(abs(row.difference) < 1e-6 for row in exact)
    lines = [
        f"{len(rows)} values of {len({row.feature for row in rows})} features. {equal} of the {len(exact)} that are"
    ]
    lines[0] += " defined in the same way are equal to six digits or more."
    lines += ["", "Defined in another way, or further off:", ""]
    shown = [row for row in rows if everything or abs(row.difference) >= 1e-6]
    lines += _table(
        ["case", "pyradiomics", "MedDeep", "reference", "measured", "difference", "why"],
        [
            [
                row.case,
                row.feature,
                row.own_name,
                f"{row.theirs:.6g}",
                f"{row.ours:.6g}",
                f"{100 * row.difference:+.3f} %",
                BY_ANOTHER_DEFINITION.get(row.feature, ""),
            ]
            for row in shown
        ],
    )
    return lines


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of real images; without, that part is left out")
    parser.add_argument("--all", action="store_true", help="every reference value, also the equal ones")
    parser.add_argument("--size", type=int, default=256, help="edge of the image that is timed, voxels (default: 256)")
    parser.add_argument("--out", type=Path, help="file for the tables too")
    args = parser.parse_args()
    lines = ["## Closed forms", ""]
    lines += _table(
        ["shape", "grid, mm", "measurement", "true", "measured", "difference"],
        [
            [shape, grid, name, f"{true:.5g}", f"{found:.5g}", f"{100 * (found / true - 1):+.2f} %"]
            for shape, grid, name, true, found in closed_forms()
        ],
    )
    rows = [
        [name, f"{value:g}", f"{found:.4g}", "yes" if abs(found - value) <= within else "no"]
        for name, value, within, found in published()
    ]
    lines += ["## Digital phantom of the IBSI", ""]
    agree = sum(row[-1] == "yes" for row in rows)
    lines += [f"{agree} of {len(rows)} published values are met within their tolerance or last digit.", ""]
    lines += ["The IBSI divides the variances behind axis lengths by N - 1, MedDeep and pyradiomics by N.", ""]
    lines += _table(["measurement", "published", "measured", "met"], rows)
    if args.data is not None:
        found = list(compared(args.data / "07_pyradiomics"))
        lines += ["## Reference values of pyradiomics", "", *_reference_tables(found, everything=args.all)]
    lines += [f"## Cost at {args.size} cubed", ""]
    lines += _table(
        ["family", "CPU s", "wall s", "peak MiB"],
        [[name, f"{cpu:.1f}", f"{wall:.1f}", str(peak)] for name, cpu, wall, peak in costs(args.size)],
    )
    text = "\n".join(lines)
    sys.stdout.write(text)
    if args.out is not None:
        args.out.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
