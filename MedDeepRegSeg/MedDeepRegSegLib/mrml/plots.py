"""Plots of a training log: a table node, a series node for each curve, and a chart node that shows them."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import slicer
import slicer.util

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.scene import headless_scene
from MedDeepRegSegLib.mrml.tables import TableColumn, table_from_rows

X_COLUMN = "step"
# On other scales than the loss; they are in the table, and are plotted when they are asked for.
_NO_CURVES = {X_COLUMN, "seconds", "learning_rate"}
_UNITS = {"seconds": "s"}
_TABLE_ROLE = "trainingLog"
_COLORS = (
    (0.122, 0.467, 0.706),
    (1.0, 0.498, 0.055),
    (0.173, 0.627, 0.173),
    (0.839, 0.153, 0.157),
    (0.58, 0.404, 0.741),
    (0.549, 0.337, 0.294),
)


def plot_training(csv_path: Path | str, *, chart=None, columns: Sequence[str] | None = None):
    """Plot the curves of a training log; again with the chart to follow a running training.

    Parameters
    ----------
    csv_path:
        CSV file with a head line, a column ``step`` and columns of numbers, one line for each entry. A last line that
        is still being written is left for the next time. Where a step is there twice (a training that went on from a
        checkpoint), the later line counts.
    chart:
        Chart node of an earlier call. Its table is filled anew and its curves stay the same nodes; no undo state is
        made, because nothing is decided by the user. Without it all nodes are made, as one undo state.
    columns:
        Names of the columns to plot. By default those of the chart, or the losses: all columns of numbers except the
        step, seconds, learning rate and accuracies.

    Returns
    -------
    vtkMRMLPlotChartNode
        :func:`show_chart` shows it.

    Raises
    ------
    InputError
        If the file is absent or has no whole line of numbers, a column is absent or has no numbers, or ``chart`` is
        no chart of a training log. Nothing changes then.
    """
    path = Path(csv_path)
    names, rows = _read_log(path)
    table = None if chart is None else _table_of(chart)
    if columns is not None:
        chosen = tuple(dict.fromkeys(columns))
    else:
        chosen = _default_columns(names, rows) if chart is None else _plotted(chart)
    for name in chosen:
        if name not in names or all(row[name] is None for row in rows):
            msg = f"log {path} has no numbers in a column {name!r}, expected one of {', '.join(names)}"
            raise InputError(msg)
    if not chosen:
        msg = f"log {path} has no column of losses: say which columns to plot"
        raise InputError(msg)
    if chart is not None:
        _fill(chart, table, names, rows, chosen)
        return chart
    from MedDeepRegSegLib.mrml.task_base import one_action

    with one_action():
        scene = headless_scene()
        chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode", scene.GenerateUniqueName(f"{_title(path)} curves"))
        table = scene.AddNewNodeByClass("vtkMRMLTableNode", scene.GenerateUniqueName(f"{_title(path)} log"))
        with slicer.util.NodeModify(chart):
            chart.SetNodeReferenceID(_TABLE_ROLE, table.GetID())
            chart.SetTitle(_title(path))
            chart.SetXAxisTitle("Step")
        _fill(chart, table, names, rows, chosen)
    return chart


def show_chart(chart) -> None:
    """Show a chart in the plot view of a layout that has one."""
    slicer.modules.plots.logic().ShowChartInLayout(chart)


def _read_log(path: Path) -> tuple[tuple[str, ...], list[dict[str, float | None]]]:
    """Return the names of the columns and the rows by increasing step; what is no number is None."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"log {path} could not be read ({error}): expected a CSV file in UTF-8"
        raise InputError(msg) from error
    whole = text[: text.rfind("\n") + 1]
    head, *body = [line for line in csv.reader(whole.splitlines()) if line] or [[]]
    names = tuple(name.strip() for name in head)
    if X_COLUMN not in names or len(set(names)) != len(names):
        msg = f"log {path} has the columns {', '.join(names) or '(none)'}, expected different ones with {X_COLUMN!r}"
        raise InputError(msg)
    by_step: dict[float, dict[str, float | None]] = {}
    for number, line in enumerate(body, start=2):
        row = dict(zip(names, map(_number, line), strict=False))
        step = row.get(X_COLUMN)
        if len(line) != len(names) or step is None:
            msg = f"line {number} of log {path} has {len(line)} cells, expected {len(names)} with a number for the {X_COLUMN}"
            raise InputError(msg)
        by_step[step] = row
    if not by_step:
        msg = f"log {path} has no entries yet: try again when the training has written some"
        raise InputError(msg)
    return names, [by_step[step] for step in sorted(by_step)]


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _default_columns(names: Sequence[str], rows: Sequence[dict]) -> tuple[str, ...]:
    return tuple(
        name
        for name in names
        if name not in _NO_CURVES and not _is_accuracy(name) and any(row[name] is not None for row in rows)
    )


def _is_accuracy(name: str) -> bool:
    return name.endswith("accuracy")


def _title(path: Path) -> str:
    # A log is often called log.csv: the folder says of which training.
    return path.parent.name if path.stem in {"log", "training"} and path.parent.name else path.stem


def _table_of(chart):
    table = chart.GetNodeReference(_TABLE_ROLE) if chart.IsA("vtkMRMLPlotChartNode") else None
    if table is None:
        msg = f"{chart.GetName()!r} is no chart of a training log, expected one that plot_training made"
        raise InputError(msg)
    return table


def _plotted(chart) -> tuple[str, ...]:
    series = (chart.GetNthPlotSeriesNode(index) for index in range(chart.GetNumberOfPlotSeriesNodes()))
    return tuple(node.GetYColumnName() for node in series)


def _fill(chart, table, names, rows, chosen) -> None:
    """Fill the table, and give the chart just the chosen curves; curves that are there stay the same nodes."""
    columns = [TableColumn(name, name.replace("_", " "), _UNITS.get(name, "")) for name in names]
    table_from_rows(columns, rows, table.GetName(), node=table)
    there = {name: chart.GetNthPlotSeriesNode(index) for index, name in enumerate(_plotted(chart))}
    for name, series in there.items():
        if name not in chosen:
            chart.RemovePlotSeriesNodeID(series.GetID())
            headless_scene().RemoveNode(series)
    with slicer.util.NodeModify(chart):
        if set(chosen) != set(there):
            chart.SetYAxisTitle("Accuracy" if all(map(_is_accuracy, chosen)) else "Loss")
        for index, name in enumerate(chosen):
            if name not in there:
                chart.AddAndObservePlotSeriesNodeID(curve_node(table, X_COLUMN, name, name, index).GetID())


def curve_node(table, x_column: str, y_column: str, name: str, index: int):
    """Return a new series node: one column of a table node over another one, in the color of this index."""
    series = headless_scene().AddNewNodeByClass("vtkMRMLPlotSeriesNode", name.replace("_", " "))
    with slicer.util.NodeModify(series):
        series.SetAndObserveTableNodeID(table.GetID())
        series.SetXColumnName(x_column)
        series.SetYColumnName(y_column)
        series.SetPlotType(series.PlotTypeScatter)
        series.SetMarkerStyle(series.MarkerStyleNone)
        series.SetLineStyle(series.LineStyleSolid)
        series.SetColor(*_COLORS[index % len(_COLORS)])
    return series
