"""Points from the files that 3D Slicer writes: ``.mrk.json`` and ``.fcsv``.

Both say in which coordinate system they are; the result is LPS mm.
"""

import csv
import json
import math
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.errors import InputError

_SIGNS = {"LPS": (1.0, 1.0, 1.0), "RAS": (-1.0, -1.0, 1.0)}
# Old files give the coordinate system by number.
_SYSTEMS = {"0": "RAS", "1": "LPS", "RAS": "RAS", "LPS": "LPS"}
_MILLIMETERS = {"mm": 1.0, "um": 0.001}
_DEFINED = "2"

Point = tuple[float, float, float]


def read_points(path: Path) -> tuple[tuple[str, ...], tuple[Point, ...]]:
    """Return the names and the LPS positions (mm) of the points in a markups file.

    Points without a position are left out.

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
    names, positions = _from_json(path, text) if name.endswith(".json") else _from_fcsv(path, text)
    if not positions:
        msg = f"{path} holds no points with a position: place points and save them again"
        raise InputError(msg)
    return tuple(names), tuple(positions)


def _from_json(path: Path, text: str) -> tuple[list[str], list[Point]]:
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
    points = markup.get("controlPoints")
    names: list[str] = []
    positions: list[Point] = []
    for index, item in enumerate(points if isinstance(points, list) else []):
        entry = item if isinstance(item, dict) else {}
        if entry.get("positionStatus", "defined") != "defined":
            continue
        position = _position(path, index, entry.get("position"), sign)
        positions.append((position[0] * scale, position[1] * scale, position[2] * scale))
        names.append(str(entry.get("label") or index + 1))
    return names, positions


def _from_fcsv(path: Path, text: str) -> tuple[list[str], list[Point]]:
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
    names: list[str] = []
    positions: list[Point] = []
    for index, row in enumerate(csv.reader(rows)):
        entry = dict(zip(columns, row, strict=False))
        if entry.get("positionstatus", _DEFINED) not in ("", _DEFINED):
            continue
        position = [_number(entry.get(axis)) for axis in "xyz"]
        positions.append(_position(path, index, position, _SIGNS[system]))
        names.append(entry.get("label") or str(index + 1))
    return names, positions


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
