"""Curves and lines in the files that 3D Slicer writes (``.mrk.json``), several in one file; points are LPS mm."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import atomic_path
from MedDeepRegSegLib.volumes.point_files import SCHEMA

MarkupKind = Literal["ClosedCurve", "Curve", "Line"]
_FEWEST = {"ClosedCurve": 3, "Curve": 2, "Line": 2}


@dataclass(frozen=True)
class Markup:
    """A curve or line.

    Attributes
    ----------
    kind:
        ``ClosedCurve``, ``Curve`` or ``Line`` (of exactly two points).
    name:
        Name shown to the user; 3D Slicer takes it for the node.
    points:
        (N, 3) control points, LPS mm.
    color:
        Red, green and blue from 0 to 1.
    """

    kind: MarkupKind
    name: str
    points: np.ndarray
    color: tuple[float, float, float]


def write_markups(markups: Sequence[Markup], path: Path) -> None:
    """Write curves and lines to one file; 3D Slicer makes a node of each.

    Raises
    ------
    InputError
        If the name does not end with ``.mrk.json``, there is none, or points are too few or not finite.
    """
    path = Path(path)
    if not path.name.lower().endswith(".mrk.json"):
        msg = f"{path.name} is no name for a file of markups, expected one that ends with .mrk.json: rename it"
        raise InputError(msg)
    if not markups:
        msg = f"there are no curves to write to {path.name}, expected one or more"
        raise InputError(msg)
    entries = []
    for markup in markups:
        points = np.asarray(markup.points, float)
        fewest = _FEWEST[markup.kind]
        wrong = len(points) != 2 if markup.kind == "Line" else len(points) < fewest
        if points.ndim != 2 or points.shape[1] != 3 or wrong or not np.isfinite(points).all():
            msg = f"{markup.kind} {markup.name!r} has points of shape {points.shape}, expected finite (N, 3) with N from {fewest}"
            raise InputError(msg)
        entries.append(_entry(markup, points))
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps({"@schema": SCHEMA, "markups": entries}, indent=1) + "\n", encoding="utf-8")


def _entry(markup: Markup, points: np.ndarray) -> dict[str, Any]:
    color = [round(float(part), 4) for part in markup.color]
    return {
        "type": markup.kind,
        "name": markup.name,
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": True,  # a result is not to be moved by a stray click
        "controlPoints": [
            {"id": str(number), "position": [round(float(value), 5) for value in point], "positionStatus": "defined"}
            for number, point in enumerate(points, start=1)
        ],
        "display": {
            "visibility": True,
            "color": color,
            "selectedColor": color,
            "propertiesLabelVisibility": False,
            "pointLabelsVisibility": False,
            "glyphScale": 0.3,
            "useGlyphScale": True,
            "lineThickness": 0.3,
        },
    }


def read_markups(path: Path) -> tuple[Markup, ...]:
    """Return the curves and lines of a file that :func:`write_markups` wrote.

    Raises
    ------
    InputError
        If the file is absent or damaged.
    """
    try:
        entries = json.loads(Path(path).read_text(encoding="utf-8"))["markups"]
        return tuple(
            Markup(
                entry["type"],
                str(entry["name"]),
                np.array([point["position"] for point in entry["controlPoints"]], float).reshape(-1, 3),
                (float(red), float(green), float(blue)),
            )
            for entry in entries
            for red, green, blue in [entry["display"]["color"]]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"{path} cannot be read as curves ({error}): make it again with meddeep contours"
        raise InputError(msg) from error
