"""The iterations of a registration as a plot: did each stage still get better when it stopped?"""

from collections.abc import Sequence

import numpy as np
import slicer.util

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.plots import curve_node
from MedDeepRegSegLib.mrml.scene import headless_scene
from MedDeepRegSegLib.mrml.tables import TableColumn, table_from_rows
from MedDeepRegSegLib.registration.quality import StageCurve

_X_COLUMN = "iteration"


def has_iterations(curves: Sequence[StageCurve]) -> bool:
    """Return whether any stage went through iterations that can be plotted."""
    return any(len(curve.values) > 1 for curve in curves)


def plot_iterations(curves: Sequence[StageCurve], name: str):
    """Plot what each stage of a registration gained with each iteration.

    The stages follow one another along the axis of iterations. Their own values do not compare (a similarity here, a cost
    there), so that each is shown in percent of its largest gain: up is better, and a stage that ends flat had converged.
    The table beside the chart holds the values, too.

    Parameters
    ----------
    curves:
        Of :attr:`MedDeepRegSegLib.registration.quality.Quality.curves`. Stages without iterations are left out.
    name:
        Title of the chart, and the beginning of the names of the nodes.

    Returns
    -------
    vtkMRMLPlotChartNode
        :func:`MedDeepRegSegLib.mrml.plots.show_chart` shows it.

    Raises
    ------
    InputError
        If no stage has iterations.
    """
    shown = [curve for curve in curves if len(curve.values) > 1]
    if not shown:
        msg = f"the registration {name!r} has no iterations, expected a stage with some: nothing can be plotted"
        raise InputError(msg)
    from MedDeepRegSegLib.mrml.task_base import one_action

    columns = [TableColumn(_X_COLUMN, "Iteration")]
    rows: list[dict[str, object]] = []
    for number, curve in enumerate(shown, start=1):
        columns.append(TableColumn(f"gain{number}", f"{curve.name}: gain", "%"))
        columns.append(TableColumn(f"value{number}", f"{curve.name}: {curve.measure}"))
        for gain, value in zip(gains(curve), curve.values, strict=True):
            rows.append({_X_COLUMN: len(rows), f"gain{number}": gain, f"value{number}": value})
    with one_action():
        scene = headless_scene()
        table = table_from_rows(columns, rows, f"{name} iterations table")
        chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode", scene.GenerateUniqueName(f"{name} iterations"))
        with slicer.util.NodeModify(chart):
            chart.SetTitle(name)
            chart.SetXAxisTitle("Iteration")
            chart.SetYAxisTitle("Gain of the stage (%)")
            for index, curve in enumerate(shown):
                series = curve_node(table, _X_COLUMN, f"gain{index + 1}", curve.name, index)
                chart.AddAndObservePlotSeriesNodeID(series.GetID())
    return chart


def gains(curve: StageCurve) -> list[float]:
    """Return how much better each value is than the first, in percent of the largest change; 0 where nothing changes."""
    values = np.array(curve.values, dtype=float)
    change = values - values[0] if curve.measure == "similarity" else values[0] - values
    largest = np.abs(change).max()
    return (100.0 * change / largest if largest > 0 else change * 0.0).tolist()
