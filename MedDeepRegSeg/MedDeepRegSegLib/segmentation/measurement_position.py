"""Where a segment lies, and its extent along the patient's axes and its own.

The principal axes are those of the second moments of the voxel centers; axis lengths, elongation and flatness are as
the Image Biomarker Standardisation Initiative defines them (Zwanenburg et al., Radiology 2020).
"""

import numpy as np

from MedDeepRegSegLib.segmentation.measured_shape import LPS_TO_RAS, MeasuredShape
from MedDeepRegSegLib.segmentation.measurement import MM, NO_UNITS, Measurement

_AXES = (("right", "R"), ("anterior", "A"), ("superior", "S"))
_LENGTHS = (
    ("major_axis_mm", "Major axis length", ("IBSI", "TDIC", "Major Axis Length")),
    ("minor_axis_mm", "Minor axis length", ("IBSI", "P9VJ", "Minor Axis Length")),
    ("least_axis_mm", "Least axis length", ("IBSI", "7J51", "Least Axis Length")),
)
_NOTHING = np.full(3, np.nan)


def measure_position(shape: MeasuredShape | None, _units: str = "") -> list[Measurement]:
    """Return center, bounding box, oriented box, principal axes, elongation and flatness."""
    center = lower = upper = deviations = _NOTHING
    extents = oriented = np.zeros(3)
    if shape is not None:
        places = shape.to_lps(shape.voxel_indices().astype(float))
        center = places.mean(axis=0) * LPS_TO_RAS
        faces = _face_corners(shape) * LPS_TO_RAS
        lower, upper = faces.min(axis=0), faces.max(axis=0)
        extents = upper - lower
        deviations, axes = principal_axes(places)
        along = faces @ (axes * LPS_TO_RAS).T
        oriented = np.ptp(along, axis=0)
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
        for number, rank in enumerate(("length", "width", "height"))
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


def principal_axes(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the standard deviations (3,) of points (N, 3) along their principal axes, largest first, and the axes (3, 3) as rows."""
    centered = places - places.mean(axis=0)
    variances, vectors = np.linalg.eigh(centered.T @ centered / len(places))
    return np.sqrt(np.maximum(variances[::-1], 0)), vectors[:, ::-1].T


def _face_corners(shape: MeasuredShape) -> np.ndarray:
    """Return the corners of the boundary voxels, (N, 3) LPS mm: the exact outline of the voxels."""
    padded = np.pad(shape.mask, 1)
    inner = padded.copy()
    for axis in range(3):
        inner &= np.roll(padded, 1, axis) & np.roll(padded, -1, axis)
    border = np.argwhere(padded & ~inner)[:, ::-1] - 1 + shape.start
    halves = np.array(np.meshgrid([-0.5, 0.5], [-0.5, 0.5], [-0.5, 0.5])).reshape(3, -1).T
    corners = np.unique((border[:, None, :] + halves[None]).reshape(-1, 3), axis=0)
    return shape.to_lps(corners)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
