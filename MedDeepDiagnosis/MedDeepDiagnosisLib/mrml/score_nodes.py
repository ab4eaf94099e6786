"""What a fitted model is worth, as nodes: a table of its scores, and a plot of its reliability."""

import slicer.util

from MedDeepDiagnosisLib.models.metrics import Estimate, ReliabilityPoint
from MedDeepDiagnosisLib.models.model_folder import ModelDescription, ScoredMethod
from MedDeepRegSegLib.mrml.plots import curve_node
from MedDeepRegSegLib.mrml.scene import headless_scene
from MedDeepRegSegLib.mrml.tables import TableColumn, table_from_rows

DIGITS = 3
"""After the point; the file of the model has all of them."""

_METHOD = TableColumn("method", "Model or baseline", description="What was validated on patients not learned from")


def _estimate_columns(key: str, title: str, description: str, units: str = "") -> list[TableColumn]:
    return [
        TableColumn(key, title, units, description),
        TableColumn(f"{key}_low", f"{title}, low", units, f"Lower end of the 95 % interval of: {description}"),
        TableColumn(f"{key}_high", f"{title}, high", units, f"Upper end of the 95 % interval of: {description}"),
    ]


def _estimate(key: str, found: Estimate) -> dict[str, object]:
    return {key: found.value, f"{key}_low": found.low, f"{key}_high": found.high}


def score_table(description: ModelDescription, name: str, *, node=None, beside=None):
    """Put the out-of-fold scores of all methods of a model into a table node, one row for each.

    Parameters
    ----------
    name:
        Name of a new node, made unique.
    node:
        Table whose content is replaced.
    beside:
        Node beside which a new node is placed in the subject hierarchy.
    """
    target = description.pathology.target
    binary = target.kind == "binary"
    if binary:
        columns = [
            _METHOD,
            *_estimate_columns("auc", "AUC", "Area under the ROC curve; .5 is chance"),
            *_estimate_columns("brier", "Brier score", "Mean squared error of the probability; smaller is better"),
            TableColumn("ece", "ECE", "", "Expected calibration error: distance of predicted and observed fractions"),
            TableColumn("slope", "Calibration slope", "", "1 is perfect; below 1: too extreme probabilities"),
        ]
    else:
        columns = [
            _METHOD,
            *_estimate_columns("pearson", "R", "Correlation of predicted and true values"),
            *_estimate_columns("error", "Mean error", "Mean absolute error", target.units),
            *_estimate_columns("determination", "R²", "Part of the variance that is explained"),
        ]
    columns += [
        TableColumn("coverage", "Coverage", "", "How often the conformal set or interval holds the truth"),
        TableColumn("abstains", "Abstains", "", "Part of the cases without one clear outcome")
        if binary
        else TableColumn("width", "Interval width", target.units, "Mean width of the conformal intervals"),
    ]
    rows = [
        {key: round(value, DIGITS) if isinstance(value, float) else value for key, value in _score_row(method).items()}
        for method in description.validation
    ]
    return table_from_rows(columns, rows, name, node=node, beside=beside)


def _score_row(method: ScoredMethod) -> dict[str, object]:
    row: dict[str, object] = {"method": method.title, "coverage": method.coverage.coverage}
    if method.binary is not None:
        scores = method.binary
        return {
            **row,
            **_estimate("auc", scores.auc),
            **_estimate("brier", scores.brier),
            "ece": scores.expected_calibration_error,
            "slope": scores.calibration_slope,
            "abstains": method.coverage.abstention,
        }
    if method.numbers is None:
        return row
    numbers = method.numbers
    return {
        **row,
        **_estimate("pearson", numbers.pearson),
        **_estimate("error", numbers.mean_absolute_error),
        **_estimate("determination", numbers.determination),
        "width": method.coverage.width,
    }


def reliability_chart(description: ModelDescription, name: str, *, beside=None):
    """Return a chart of what was observed against what was predicted, out of fold, in bins of like prediction.

    Every model and learner has a curve; baselines have none. On the diagonal both are equal.
    """
    target = description.pathology.target
    binary = target.kind == "binary"
    variants = {record.name for record in description.variants}
    shown = [method for method in description.validation if method.name.partition(":")[0] in variants]
    curves = [_points(method) for method in shown]
    ends = [value for points in curves for point in points for value in (point.predicted, point.observed)]
    low, high = (0.0, 1.0) if binary else (min(ends), max(ends))
    columns, rows = [TableColumn("diagonal_x", "Predicted"), TableColumn("diagonal_y", "Observed")], []
    for number, method in enumerate(shown):
        columns += [
            TableColumn(f"predicted_{number}", f"Predicted, {method.title}", target.units, "Mean prediction of a bin"),
            TableColumn(f"observed_{number}", f"Observed, {method.title}", target.units, "Mean outcome in the bin"),
            TableColumn(f"count_{number}", f"Cases, {method.title}", "", "Cases in the bin"),
        ]
    for index in range(max(2, *map(len, curves))):  # the diagonal has two ends
        row: dict[str, object] = {}
        if index < 2:
            row["diagonal_x"] = row["diagonal_y"] = (low, high)[index]
        for number, points in enumerate(curves):
            if index < len(points):
                point = points[index]
                row |= {f"predicted_{number}": point.predicted, f"observed_{number}": point.observed}
                row[f"count_{number}"] = point.count
        rows.append(row)
    table = table_from_rows(columns, rows, f"{name} table", beside=beside)
    scene = headless_scene()
    chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode", scene.GenerateUniqueName(name))
    series = [
        curve_node(table, f"predicted_{number}", f"observed_{number}", method.title, number)
        for number, method in enumerate(shown)
    ]
    for curve in series:
        curve.SetMarkerStyle(curve.MarkerStyleCircle)
    diagonal = curve_node(table, "diagonal_x", "diagonal_y", "Observed as predicted", len(shown))
    diagonal.SetLineStyle(diagonal.LineStyleDash)
    diagonal.SetColor(0.5, 0.5, 0.5)
    units = f" ({target.units})" if target.units else ""
    with slicer.util.NodeModify(chart):
        chart.SetTitle(description.pathology.title)
        chart.SetXAxisTitle("Predicted probability" if binary else f"Predicted{units}")
        chart.SetYAxisTitle("Observed fraction" if binary else f"Observed{units}")
        if binary:
            chart.SetXAxisRangeAuto(False)
            chart.SetXAxisRange(low, high)
            chart.SetYAxisRangeAuto(False)
            chart.SetYAxisRange(low, high)
        for curve in (*series, diagonal):
            chart.AddAndObservePlotSeriesNodeID(curve.GetID())
    return chart


def _points(method: ScoredMethod) -> tuple[ReliabilityPoint, ...]:
    if method.binary is not None:
        return method.binary.reliability
    return () if method.numbers is None else method.numbers.points
