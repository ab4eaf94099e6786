"""Points in the files that 3D Slicer writes: ``.mrk.json`` and ``.fcsv`` are read, ``.mrk.json`` is written.

Both say in which coordinate system they are; here points are LPS mm.
"""

import csv
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import atomic_path
from MedDeepRegSegLib.volumes.point_pairs import ListedPoint, Point

_SIGNS = {"LPS": (1.0, 1.0, 1.0), "RAS": (-1.0, -1.0, 1.0)}
# Old files give the coordinate system by number.
_SYSTEMS = {"0": "RAS", "1": "LPS", "RAS": "RAS", "LPS": "LPS"}
# The schema that 3D Slicer 5.x names in its own files.
SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)
_MILLIMETERS = {"mm": 1.0, "um": 0.001}
# Numbers of the states of a point in .fcsv; .mrk.json spells them out.
_STATES = {"0": "undefined", "1": "preview", "2": "defined", "3": "missing"}


def read_points(path: Path) -> tuple[ListedPoint, ...]:
    """Return all points in a markups file, also those that are not placed, which have no position.

    Raises
    ------
    InputError
        If the file is absent, of another format, damaged, without a coordinate system, or without points.
    """
    path = Path(path)
    name = path.name.lower()
    if not name.endswith((".json", ".fcsv")):
        msg = f"{path} is not a file of points, expected .mrk.json or .fcsv as 3D Slicer writes them"
        raise InputError(msg)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}"
        raise InputError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{path} is not a text file, expected .mrk.json or .fcsv as 3D Slicer writes them"
        raise InputError(msg) from error
    points = _from_json(path, text) if name.endswith(".json") else _from_fcsv(path, text)
    if all(position is None for _, position in points):
        msg = f"{path} holds no points with a position: place points and save them again"
        raise InputError(msg)
    return tuple(points)


def write_points(points: Sequence[ListedPoint], path: Path) -> None:
    """Write points as a point list (``.mrk.json``) that 3D Slicer opens, also those that are not placed.

    Raises
    ------
    InputError
        If the name does not end with ``.mrk.json``, a position is not finite, or the file cannot be written.
    """
    path = Path(path)
    if not path.name.lower().endswith(".mrk.json"):
        msg = f"{path.name} is no name for a file of points, expected one that ends with .mrk.json: rename it"
        raise InputError(msg)
    listed = []
    for number, (name, position) in enumerate(points, start=1):
        entry: dict[str, Any] = {"id": str(number), "label": name, "positionStatus": "undefined"}
        if position is not None:
            if not all(math.isfinite(value) for value in position):
                msg = f"point {number} ({name!r}) has a position that is not finite: leave it out"
                raise InputError(msg)
            entry |= {"position": [float(value) for value in position], "positionStatus": "defined"}
        listed.append(entry)
    markup = {"type": "Fiducial", "coordinateSystem": "LPS", "coordinateUnits": "mm", "controlPoints": listed}
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps({"@schema": SCHEMA, "markups": [markup]}, indent=1) + "\n", encoding="utf-8")


def _from_json(path: Path, text: str) -> list[ListedPoint]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = f"{path} is damaged: {error}"
        raise InputError(msg) from error
    markups = data.get("markups") if isinstance(data, dict) else None
    if not isinstance(markups, list) or len(markups) != 1 or not isinstance(markups[0], dict):
        count = len(markups) if isinstance(markups, list) else 0
        msg = f"{path} holds {count} lists of markups, expected one list of points: save one list per file"
        raise InputError(msg)
    markup = markups[0]
    sign = _SIGNS[_system(path, markup.get("coordinateSystem", "LPS"))]  # LPS is the default of the format
    units = markup.get("coordinateUnits", "mm")
    if not isinstance(units, str) or units not in _MILLIMETERS:
        msg = f"{path} has coordinates in {units!r}, expected mm: save the points again with 3D Slicer"
        raise InputError(msg)
    scale = _MILLIMETERS[units]
    items = markup.get("controlPoints")
    points: list[ListedPoint] = []
    for index, item in enumerate(items if isinstance(items, list) else []):
        entry = item if isinstance(item, dict) else {}
        name, state = str(entry.get("label") or ""), entry.get("positionStatus", "defined")
        if state == "defined":
            x, y, z = _position(path, index, entry.get("position"), sign)
            points.append((name, (x * scale, y * scale, z * scale)))
        elif state != "preview":  # a preview follows the mouse and is no point of the list yet
            points.append((name, None))
    return points


def _from_fcsv(path: Path, text: str) -> list[ListedPoint]:
    system: str | None = None
    columns = ["id", "x", "y", "z", "ow", "ox", "oy", "oz", "vis", "sel", "lock", "label"]
    rows: list[str] = []
    for line in text.splitlines():
        if not line.startswith("#"):
            if line.strip():
                rows.append(line)
            continue
        key, _, value = line[1:].partition("=")
        if key.strip().lower() == "coordinatesystem":
            system = _system(path, value.strip())
        elif key.strip().lower() == "columns":
            columns = [column.strip().lower() for column in value.split(",")]
    if system is None:
        msg = f"{path} does not say its coordinate system, expected a line '# CoordinateSystem = LPS' (or RAS): add it"
        raise InputError(msg)
    if any(axis not in columns for axis in "xyz"):
        msg = f"{path} has no columns x, y and z: save the points again with 3D Slicer"
        raise InputError(msg)
    points: list[ListedPoint] = []
    for index, row in enumerate(csv.reader(rows)):
        entry = dict(zip(columns, row, strict=False))
        name, state = entry.get("label") or "", _STATES.get(entry.get("positionstatus") or "2")
        if state == "defined":
            position = [_number(entry.get(axis)) for axis in "xyz"]
            points.append((name, _position(path, index, position, _SIGNS[system])))
        elif state != "preview":
            points.append((name, None))
    return points


def _system(path: Path, value: Any) -> str:
    if not isinstance(value, str) or value.upper() not in _SYSTEMS:
        msg = f"{path} has the coordinate system {value!r}, expected LPS or RAS: save the points again with 3D Slicer"
        raise InputError(msg)
    return _SYSTEMS[value.upper()]


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan


def _position(path: Path, index: int, value: Any, sign: Point) -> Point:
    numbers = value if isinstance(value, list) else []
    numeric = all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers)
    if len(numbers) != 3 or not numeric or not all(math.isfinite(number) for number in numbers):
        msg = f"{path}: point {index + 1} has no position of three numbers: correct or remove it"
        raise InputError(msg)
    x, y, z = (float(number) * factor + 0.0 for number, factor in zip(numbers, sign, strict=True))
    return (x, y, z)
