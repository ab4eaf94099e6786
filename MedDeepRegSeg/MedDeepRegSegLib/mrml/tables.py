"""Table nodes: typed columns with titles, units and descriptions, from rows and back."""

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import slicer.util
import vtk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.scene import headless_scene

# "Volume (mm3)", as measurements are written, or "Volume [mm3]".
_HEAD = re.compile(r"(.+?)\s*[\[(]([^\[\]()]*)[\])]")


@dataclass(frozen=True)
class TableColumn:
    """One column of a table node."""

    key: str
    """Key of its values in the rows, and name of the column in files."""
    title: str = ""
    """Title shown to the user, without units; the key by default."""
    units: str = ""
    """Units as shown, for example ``mm``; empty for numbers without units and for text."""
    description: str = ""
    """What the column holds, in one sentence."""
    properties: tuple[tuple[str, str], ...] = ()
    """Further properties, name and value, such as DICOM codes. Names hold a point: ``DICOM.QuantityCode``."""


def table_from_rows(
    columns: Sequence[TableColumn],
    rows: Sequence[Mapping[str, object]],
    name: str,
    *,
    node=None,
    beside=None,
):
    """Put rows into a table node.

    A column whose values are all whole numbers is stored as such, one with other numbers as double (missing values are
    NaN), one with text as text (missing values are empty), and one of truth values as ``yes`` and ``no``.

    Parameters
    ----------
    columns:
        Columns in order. Keys are unique.
    rows:
        One mapping a row. A missing key or None is a missing value; keys without a column are refused.
    name:
        Name of a new node, made unique. A node that is given keeps its own.
    node:
        ``vtkMRMLTableNode`` whose content is replaced.
    beside:
        Node beside which a new node is placed in the subject hierarchy.

    Returns
    -------
    vtkMRMLTableNode

    Raises
    ------
    InputError
        If keys repeat, a row has an unknown key, values of one column mix text and numbers, or ``node`` is no table.
        The scene is then unchanged.
    """
    keys = [column.key for column in columns]
    if len(set(keys)) != len(keys) or not all(keys):
        msg = f"table {name!r} has the column keys {', '.join(map(repr, keys))}, expected different ones that are not empty"
        raise InputError(msg)
    for row in rows:
        unknown = sorted(set(row) - set(keys))
        if unknown:
            msg = f"a row of table {name!r} has the key {unknown[0]!r} that no column has"
            raise InputError(msg)
    arrays = [_array(column, [row.get(column.key) for row in rows], name) for column in columns]
    if node is not None and not node.IsA("vtkMRMLTableNode"):
        msg = f"output {node.GetName()!r} is a {node.GetNodeTagName()}, expected a table"
        raise InputError(msg)
    new = node is None
    if new:
        scene = headless_scene()
        node = scene.AddNewNodeByClass("vtkMRMLTableNode", scene.GenerateUniqueName(name))
    with slicer.util.NodeModify(node):
        node.RemoveAllColumns()
        node.SetAndObserveSchema(None)  # titles and units of the columns before
        node.SetUseColumnTitleAsColumnHeader(True)
        for column, array in zip(columns, arrays, strict=True):
            node.AddColumn(array)
            title = column.title or column.key
            node.SetColumnTitle(column.key, f"{title} [{column.units}]" if column.units else title)
            node.SetColumnUnitLabel(column.key, column.units)
            if column.description:
                node.SetColumnDescription(column.key, column.description)
            for property_name, value in column.properties:
                node.SetColumnProperty(column.key, property_name, value)
    if new and beside is not None:
        from MedDeepRegSegLib.mrml.hierarchy import place_beside

        place_beside(node, beside)
    return node


def rows_from_table(node) -> tuple[tuple[TableColumn, ...], list[dict[str, object]]]:
    """Return columns and rows of a table node, however it was made.

    Returns
    -------
    columns: tuple of TableColumn
        Titles are without the units that :func:`table_from_rows` adds.
    rows: list of dict
        Numbers as int or float, NaN and empty text as None.

    Raises
    ------
    InputError
        If the node is no table.
    """
    if node is None or not node.IsA("vtkMRMLTableNode"):
        what = (
            "no table is chosen"
            if node is None
            else f"{node.GetName()!r} is a {node.GetNodeTagName()}, expected a table"
        )
        raise InputError(f"{what}: pick a table")
    table = node.GetTable()
    columns = []
    rows: list[dict[str, object]] = [{} for _ in range(node.GetNumberOfRows())]
    for index in range(node.GetNumberOfColumns()):
        array = table.GetColumn(index)
        key = node.GetColumnName(index)
        units = node.GetColumnUnitLabel(key)
        title = node.GetColumnTitle(key) or key
        title = title.removesuffix(f" [{units}]") if units else title
        columns.append(
            TableColumn(
                key,
                title,
                units,
                node.GetColumnDescription(key),
                _further_properties(node, key),
            )
        )
        for position, row in enumerate(rows):
            row[key] = _value(array, position)
    return tuple(columns), rows


def _further_properties(node, key: str) -> tuple[tuple[str, str], ...]:
    names = vtk.vtkStringArray()
    node.GetAllColumnPropertyNames(names)
    found = [names.GetValue(index) for index in range(names.GetNumberOfValues())]
    values = [(name, node.GetColumnProperty(key, name)) for name in found if "." in name]
    return tuple((name, value) for name, value in values if value)


def rows_from_csv(path: Path) -> tuple[tuple[TableColumn, ...], list[dict[str, object]]]:
    """Return columns and rows of a CSV file whose heads are like ``Volume [mL]``.

    Columns of whole numbers become int, of other numbers float, all others text; empty cells become None.

    Raises
    ------
    InputError
        If the file is absent, empty, not text, or a row has another number of cells than the head.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        msg = f"table {path} could not be read ({error}): expected a CSV file in UTF-8"
        raise InputError(msg) from error
    if not lines:
        msg = f"table {path} is empty, expected a head line with column names"
        raise InputError(msg)
    head, *body = lines
    for number, line in enumerate(body, start=2):
        if len(line) != len(head):
            msg = f"line {number} of table {path} has {len(line)} cells, expected {len(head)} as in the head"
            raise InputError(msg)
    columns, rows = [], [{} for _ in body]
    for index, name in enumerate(head):
        match = _HEAD.fullmatch(name.strip())
        title, units = (match[1], match[2]) if match else (name.strip(), "")
        columns.append(TableColumn(name.strip(), title, units))
        for row, value in zip(rows, _typed([line[index].strip() for line in body]), strict=True):
            row[name.strip()] = value
    return tuple(columns), rows


def _typed(cells: list[str]) -> list[object]:
    for kind in (int, float):
        try:
            return [kind(cell) if cell else None for cell in cells]
        except ValueError:
            continue
    return [cell or None for cell in cells]


def _array(column: TableColumn, values: list[object], name: str):
    present = [value for value in values if value is not None]
    if present and all(isinstance(value, bool) for value in present):
        present = values = [None if value is None else ("no", "yes")[bool(value)] for value in values]
        present = [value for value in values if value is not None]
    numbers = [isinstance(value, (int, float)) or hasattr(value, "__float__") for value in present]
    if present and all(numbers):
        whole = len(present) == len(values) and all(_is_whole(value) for value in present)
        if whole:
            array = vtk.vtkIntArray() if all(abs(int(v)) < 2**31 for v in present) else vtk.vtkLongLongArray()
        else:
            array = vtk.vtkDoubleArray()
        for value in values:
            number = math.nan if value is None else value
            array.InsertNextValue(int(number) if whole else float(number))
    elif any(numbers):
        msg = f"column {column.key!r} of table {name!r} mixes numbers and text, expected one kind"
        raise InputError(msg)
    else:
        array = vtk.vtkStringArray()
        for value in values:
            array.InsertNextValue("" if value is None else str(value))
    array.SetName(column.key)
    return array


def _is_whole(value) -> bool:
    return not isinstance(value, float) and hasattr(value, "__index__")


def _value(array, position: int) -> object:
    variant = array.GetVariantValue(position)
    if array.IsA("vtkStringArray"):
        return variant.ToString() or None
    number = variant.ToDouble()
    if math.isnan(number):
        return None
    integral = array.GetDataType() not in {vtk.VTK_FLOAT, vtk.VTK_DOUBLE}
    return variant.ToLongLong() if integral else number
