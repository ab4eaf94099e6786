"""From how far the linear stage of a registration finds home: success, error, floor, seconds.

    python Testing/Benchmarks/registration_capture.py --out DIR [--shared FOLDER] [--roles development phantom ...]
                                                      [--count N] [--kind rigid] [--engine meddeep]

The moving image of every pair is turned about a random axis by up to 45 degrees, shifted by up to 100 mm, and cut so that
it shows from all down to 40 % of the body; it comes on a plain grid, with slices 5 mm thick, or oblique. Error: mean
distance of places in the body from where they belong. Floor: the error of the same stage from the aligned start, images
whole. Excess: error less floor. The pairs are those of features_pairs.py: "development" ones may be used to choose
settings, "held out" ones not; and phantoms. Writes capture.csv, capture.md and capture.png.
"""

import argparse
import csv
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from features_pairs import DEVELOPMENT, HELD_OUT, Pair, load_pairs
from features_tables import markdown
from numpy.typing import NDArray

from MedDeepRegSegLib.jobs.outputs import write_text
from MedDeepRegSegLib.jobs.progress import no_progress
from MedDeepRegSegLib.registration import global_matching
from MedDeepRegSegLib.registration.canonical import CanonicalImage, grid_around
from MedDeepRegSegLib.registration.known import known_rigid
from MedDeepRegSegLib.registration.linear import Linear
from MedDeepRegSegLib.registration.search import LinearSearch, search_linear
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.registration.threads import one_thread
from MedDeepRegSegLib.registration.transforms import transform_points
from MedDeepRegSegLib.segmentation.foreground import foreground_mask
from MedDeepRegSegLib.volumes.geometry import volume_center, volume_corners
from MedDeepRegSegLib.volumes.phantoms import chest_phantom, head_phantom
from MedDeepRegSegLib.volumes.resampling import isotropic_grid, resample_to

SUCCESS_MM, LARGEST_DEGREES, LARGEST_MM = 5.0, 45.0, 100.0
OVERLAPS = (1.0, 0.8, 0.6, 0.4)
STYLES = ("plain", "thick slices", "oblique")
_SPACING_MM, _SLICE_MM, _POINTS = 2.0, 5.0, 2000


@dataclass(frozen=True)
class Row:
    """One case; lengths in mm."""

    pair: str
    role: str
    seed: int
    style: str
    degrees: float
    offset: float
    overlap: float
    error: float
    floor: float
    success: bool
    agreement: float | None
    ambiguous: bool
    search_s: float
    encoding_s: float


class Clock:
    """CPU-seconds of encoding, told apart from the rest of the search."""

    def __init__(self) -> None:
        self.encoding = 0.0
        self._make = global_matching.shipped_encoder
        global_matching.shipped_encoder = self._timed

    def _timed(self, *given):
        began = time.process_time()
        encode = self._make(*given)
        self.encoding += time.process_time() - began

        def timed(values):
            began = time.process_time()
            try:
                return encode(values)
            finally:
                self.encoding += time.process_time() - began

        return timed


def phantoms() -> Iterator[Pair]:
    """Return CT against MR of phantoms: a head and a chest."""
    for name, phantom in (("head phantom", head_phantom(5)), ("chest phantom", chest_phantom(5))):
        body = sitk.Cast(foreground_mask(phantom.ct, "body"), sitk.sitkUInt8)
        yield Pair(name, "phantom", phantom.ct, phantom.mr, body)


def places(pair: Pair) -> NDArray[np.float64]:
    """Return places (N, 3), LPS mm, spread over the body."""
    index = np.argwhere(sitk.GetArrayViewFromImage(pair.body) > 0)[:, ::-1]
    index = index[np.random.default_rng(0).choice(len(index), _POINTS)]
    return np.array([pair.body.TransformIndexToPhysicalPoint([int(v) for v in place]) for place in index])


def move(pair: Pair, known: sitk.AffineTransform, style: str) -> sitk.Image:
    """Return the moving image where ``known`` leads from, in one style of acquisition."""
    back = known.GetInverse()
    if style == "oblique":  # not a voxel is changed
        moved = isotropic_grid(pair.moving, _SPACING_MM)
        moved = resample_to(pair.moving, moved)
        turn = np.array(back.GetMatrix()).reshape(3, 3)
        moved.SetDirection((turn @ np.array(moved.GetDirection()).reshape(3, 3)).ravel().tolist())
        moved.SetOrigin(back.TransformPoint(moved.GetOrigin()))
        return moved
    box = transform_points(back, volume_corners(pair.moving))
    grid = grid_around(box.min(axis=0), box.max(axis=0), _SPACING_MM).image()
    if style == "thick slices":
        size, spacing = list(grid.GetSize()), [_SPACING_MM, _SPACING_MM, _SLICE_MM]
        size[2] = int(np.ceil(size[2] * _SPACING_MM / _SLICE_MM))
        origin = grid.GetOrigin()
        grid = sitk.Image(size, sitk.sitkUInt8)
        grid.SetSpacing(spacing)
        grid.SetOrigin(origin)
    return resample_to(pair.moving, grid, known)


def cut(image: sitk.Image, shown: NDArray[np.float64], overlap: float, generator: np.random.Generator) -> sitk.Image:
    """Return the image cut along one of its axes, from one side, so that it shows a part of the places ``shown``."""
    axis, upper = int(generator.integers(3)), bool(generator.integers(2))
    if overlap >= 1:
        return image
    index = np.array([image.TransformPhysicalPointToContinuousIndex(place.tolist())[axis] for place in shown])
    size, at = list(image.GetSize()), [0, 0, 0]
    edge = int(np.clip(round(np.quantile(index, 1 - overlap if upper else overlap)), 4, size[axis] - 4))
    at[axis], size[axis] = (edge, size[axis] - edge) if upper else (0, edge)
    return sitk.RegionOfInterest(image, size, at)


def search(fixed: CanonicalImage, moving: CanonicalImage, settings: RegistrationSettings, start=None) -> LinearSearch:
    """Run the stage as an engine does."""
    with one_thread():
        return search_linear(fixed, moving, settings, start=start, progress=no_progress, cancel=None)


def measure(pair: Pair, settings: RegistrationSettings, count: int, first: int, clock: Clock) -> tuple[list[Row], dict]:
    """Run the cases of a pair; return them, and its floor and the errors of an identity and of an exchange."""
    fixed, points = CanonicalImage(pair.fixed, what="fixed"), places(pair)
    home = CanonicalImage(pair.moving, what="moving")
    aligned = Linear(np.eye(3), np.zeros(3), fixed.center)
    floor = _mean(search(fixed, home, settings, aligned).best.linear(points) - points)
    same = _mean(search(fixed, fixed, settings).best.linear(points) - points)
    rows, exchanged = [], float("nan")
    for seed in range(first, first + count):
        generator = np.random.default_rng(seed)
        degrees, offset = generator.uniform(0, LARGEST_DEGREES), generator.uniform(0, LARGEST_MM)
        known = known_rigid(volume_center(pair.fixed), seed=seed, rotation_degrees=degrees, shift_mm=offset)
        style, overlap = STYLES[seed % len(STYLES)], OVERLAPS[seed % len(OVERLAPS)]
        image = cut(move(pair, known, style), transform_points(known.GetInverse(), points), overlap, generator)
        moving = CanonicalImage(image, what="moving")
        clock.encoding, began = 0.0, time.process_time()
        found = search(fixed, moving, settings)
        spent = time.process_time() - began - clock.encoding
        error = _mean(transform_points(known, found.best.linear(points)) - points)
        if seed == first:
            back = search(moving, fixed, settings).best.linear
            exchanged = _mean(back(found.best.linear(points)) - points)
        rows.append(
            Row(
                pair.name, pair.role, seed, style, degrees, offset, overlap, error, floor, error < SUCCESS_MM,
                found.agreement, found.rival is not None, spent, clock.encoding,
            )
        )  # fmt: skip
        print(rows[-1], flush=True)
    return rows, {"pair": pair.name, "floor": floor, "identity": same, "exchanged": exchanged}


def _mean(differences: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(differences, axis=1).mean())


def summary(rows: list[Row]) -> list[dict]:
    """Return one line for each role and one for each overlap and style."""
    groups: list[tuple[str, list[Row]]] = [("all", rows)]
    for name in ("role", "pair", "overlap", "style"):
        values = sorted({getattr(row, name) for row in rows})
        groups += [(f"{name} {value}", [row for row in rows if getattr(row, name) == value]) for value in values]
    return [
        {
            "cases": title,
            "number": len(group),
            "success": float(np.mean([row.success for row in group])),
            "median error": float(np.median([row.error for row in group])),
            "median excess": float(np.median([row.error - row.floor for row in group])),
            "largest error": max(row.error for row in group),
            "search CPU-s, median": float(np.median([row.search_s for row in group])),
            "search CPU-s, largest": max(row.search_s for row in group),
            "encoding CPU-s": float(np.median([row.encoding_s for row in group])),
        }
        for title, group in groups
    ]


def draw(rows: list[Row], path: Path) -> None:
    """Draw success against rotation, offset and overlap."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(11, 3.5), sharey=True)
    for axis, name, bins in (
        (axes[0], "degrees", np.linspace(0, LARGEST_DEGREES, 4)),
        (axes[1], "offset", np.linspace(0, LARGEST_MM, 5)),
        (axes[2], "overlap", np.array([0.3, 0.5, 0.7, 0.9, 1.1])),
    ):
        values = np.array([getattr(row, name) for row in rows])
        place = np.digitize(values, bins[1:-1])
        good = np.array([row.success for row in rows])
        shown = [number for number in range(len(bins) - 1) if (place == number).any()]
        axis.plot(
            [values[place == number].mean() for number in shown],
            [100 * good[place == number].mean() for number in shown],
            "o-",
        )
        axis.set_xlabel({"degrees": "rotation, degrees", "offset": "offset, mm", "overlap": "part shown"}[name])
        axis.grid(alpha=0.3)
    axes[0].set_ylabel(f"success (error below {SUCCESS_MM:g} mm), %")
    axes[0].set_ylim(0, 103)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def pairs(shared: Path, roles: Iterable[str]) -> Iterator[Pair]:
    """Return the pairs of the roles."""
    for role in roles:
        if role == "phantom":
            yield from phantoms()
        else:
            yield from load_pairs(shared, DEVELOPMENT if role == "development" else HELD_OUT)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[3] / "shared" / "data")
    parser.add_argument("--roles", nargs="+", choices=("development", "held out", "phantom"), default=["development"])
    parser.add_argument("--kind", choices=("rigid", "similarity", "affine"), default="rigid")
    parser.add_argument("--engine", choices=("meddeep", "classic"), default="meddeep")
    parser.add_argument("--count", type=int, default=8, help="cases of each pair")
    parser.add_argument("--first", type=int, default=1, help="seed of the first case")
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    settings = RegistrationSettings(kind=args.kind, engine=args.engine)
    rows: list[Row] = []
    checks: list[dict] = []
    clock = Clock()
    for pair in pairs(args.shared, args.roles):
        found, check = measure(pair, settings, args.count, args.first, clock)
        rows += found
        checks.append(check)
        print(check, flush=True)
    with (args.out / "capture.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(asdict(rows[0])))
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    text = (
        f"Kind {args.kind}, engine {args.engine}. Lengths in mm.\n\n{markdown(summary(rows))}\n\n{markdown(checks)}\n"
    )
    write_text(args.out / "capture.md", text)
    draw(rows, args.out / "capture.png")
    print(text)


if __name__ == "__main__":
    main()
