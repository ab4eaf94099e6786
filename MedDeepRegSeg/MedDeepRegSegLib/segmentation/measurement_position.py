"""Where a segment lies, and its extent along the patient's axes and its own.

The principal axes are those of the second moments of the voxel centers; axis lengths, elongation and flatness are as
the Image Biomarker Standardisation Initiative defines them (Zwanenburg et al., Radiology 2020).
"""

import numpy as np

from MedDeepRegSegLib.segmentation.measured_shape import LPS_TO_RAS, MeasuredShape, row_ends
from MedDeepRegSegLib.segmentation.measurement import MM, NO_UNITS, Measurement

_AXES = (("right", "R"), ("anterior", "A"), ("superior", "S"))
_LENGTHS = (
    ("major_axis_mm", "Major axis length", ("IBSI", "TDIC", "Major Axis Length")),
    ("minor_axis_mm", "Minor axis length", ("IBSI", "P9VJ", "Minor Axis Length")),
    ("least_axis_mm", "Least axis length", ("IBSI", "7J51", "Least Axis Length")),
)
_RANKS = ("length", "width", "height")
_ORDER = ("first", "second", "third")
_NOTHING = np.full(3, np.nan)


def measure_position(shape: MeasuredShape | None, _units: str = "") -> list[Measurement]:
    """Return center, bounding box, oriented box with its axes, axis lengths, elongation and flatness."""
    center = lower = upper = deviations = middle = _NOTHING
    axes = np.full((3, 3), np.nan)
    extents = oriented = np.zeros(3)
    if shape is not None:
        place, covariance = shape.moments
        center = place * LPS_TO_RAS
        deviations, axes = principal_axes(covariance)
        axes = _turned(axes * LPS_TO_RAS)
        lower, upper = _extent(shape, np.eye(3))
        extents = upper - lower
        lowest, highest = _extent(shape, axes)
        oriented = highest - lowest
        middle = (lowest + highest) / 2 @ axes
    found = [
        Measurement(
            f"center_{name}_mm",
            f"Center {letter}",
            _number(center[axis]),
            "mm",
            f"Center of mass, RAS, toward {name}.",
            None,
            MM,
        )
        for axis, (name, letter) in enumerate(_AXES)
    ]
    for kind, corner in (("minimum", lower), ("maximum", upper)):
        found += [
            Measurement(
                f"box_{kind}_{name}_mm",
                f"Box {kind} {letter}",
                _number(corner[axis]),
                "mm",
                f"{kind.capitalize()} of the bounding box along the patient's axes, RAS, toward {name}.",
                None,
                MM,
            )
            for axis, (name, letter) in enumerate(_AXES)
        ]
    found += [
        Measurement(
            f"box_size_{name}_mm",
            f"Box size {letter}",
            float(extents[axis]),
            "mm",
            f"Extent along the axis toward {name}.",
            None,
            MM,
        )
        for axis, (name, letter) in enumerate(_AXES)
    ]
    found += [
        Measurement(
            f"oriented_box_{rank}_mm",
            f"Oriented box {rank}",
            float(oriented[number]),
            "mm",
            "Extent along a principal axis, longest axis first.",
            None,
            MM,
        )
        for number, rank in enumerate(_RANKS)
    ]
    found += [
        Measurement(
            f"oriented_box_center_{name}_mm",
            f"Oriented box center {letter}",
            _number(middle[axis]),
            "mm",
            f"Center of the box along the principal axes, RAS, toward {name}.",
            None,
            MM,
        )
        for axis, (name, letter) in enumerate(_AXES)
    ]
    found += [
        Measurement(
            f"oriented_box_{rank}_axis_{name}",
            f"Oriented box {rank} axis {letter}",
            _number(axes[number, axis]),
            "",
            f"Part toward {name} of the {_ORDER[number]} principal axis, a direction of length 1 in RAS.",
            None,
            NO_UNITS,
        )
        for number, rank in enumerate(_RANKS)
        for axis, (name, letter) in enumerate(_AXES)
    ]
    lengths = 4 * deviations
    found += [
        Measurement(
            name,
            title,
            0.0 if shape is None else float(lengths[number]),
            "mm",
            "Four standard deviations of the voxels along a principal axis.",
            code,
            MM,
        )
        for number, (name, title, code) in enumerate(_LENGTHS)
    ]
    for name, title, number, code in (("elongation", "Elongation", 1, "Q3CK"), ("flatness", "Flatness", 2, "N17B")):
        ratio = deviations[number] / deviations[0] if shape is not None and deviations[0] > 0 else np.nan
        part = "second" if number == 1 else "least"
        found.append(
            Measurement(
                name,
                title,
                _number(ratio),
                "",
                f"The {part} principal axis over the major one: 1 for a ball, 0 for {'a line' if number == 1 else 'a sheet'}.",
                ("IBSI", code, title),
                NO_UNITS,
            )
        )
    return found


def principal_axes(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the standard deviations (3,) along the principal axes, largest first, and the axes (3, 3) as rows."""
    variances, vectors = np.linalg.eigh(covariance)
    # A sheet or a line has no extent across; what is left there is the error of the arithmetic.
    variances[variances < 1e-12 * variances.max()] = 0
    return np.sqrt(variances[::-1]), vectors[:, ::-1].T


def _turned(axes: np.ndarray) -> np.ndarray:
    """Return axes (3, 3), rows, with the same sign for the same shape: the largest part positive, right-handed."""
    largest = np.abs(axes).argmax(axis=1)
    axes = axes * np.sign(axes[np.arange(3), largest])[:, None]
    return axes * [[1], [1], [np.sign(np.linalg.det(axes))]]


def _extent(shape: MeasuredShape, axes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where the voxels begin and end along each of the axes (3, 3), rows in RAS, (3,) mm each.

    The ends of the rows of voxels are enough: a linear function over a row is largest at one of its ends.
    """
    ends = np.concatenate(row_ends(shape.mask, 0)) + shape.start
    along = shape.to_lps(ends.astype(float)) @ (axes * LPS_TO_RAS).T
    half = np.abs(axes * LPS_TO_RAS @ shape.matrix[:3, :3]).sum(axis=1) / 2  # from the center of a voxel to its outline
    return along.min(axis=0) - half, along.max(axis=0) + half


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
