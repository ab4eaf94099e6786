"""Scores and reliability of a model as nodes."""

from dataclasses import replace

import pytest

pytest.importorskip("slicer")

from MedDeepDiagnosisLib.models.metrics import Estimate, NumberScores, ReliabilityPoint
from MedDeepDiagnosisLib.mrml.score_nodes import reliability_chart, score_table
from MedDeepRegSegLib.mrml.tables import rows_from_table


def test_table_has_the_scores_of_the_model(scene, toy_model):
    description = toy_model.description
    columns, rows = rows_from_table(score_table(description, "Scores"))
    assert [row["method"] for row in rows] == [method.title for method in description.validation]
    first = description.validation[0].binary
    assert (rows[0]["auc"], rows[0]["auc_low"]) == (round(first.auc.value, 3), round(first.auc.low, 3))
    assert rows[0]["brier"] == round(first.brier.value, 3)
    assert {column.key for column in columns} >= {"ece", "slope", "coverage", "abstains"}


def test_chart_has_a_curve_for_each_model_and_the_diagonal(scene, toy_model):
    chart = reliability_chart(toy_model.description, "Reliability")
    names = [chart.GetNthPlotSeriesNode(n).GetName() for n in range(chart.GetNumberOfPlotSeriesNodes())]
    assert names[-1] == "Observed as predicted"
    assert len(names) == len(toy_model.description.variants) + 1
    series = chart.GetNthPlotSeriesNode(0)
    _, rows = rows_from_table(series.GetTableNode())
    points = toy_model.description.validation[0].binary.reliability
    assert [row["predicted_0"] for row in rows] == pytest.approx([point.predicted for point in points])
    assert [row["observed_0"] for row in rows] == pytest.approx([point.observed for point in points])
    assert (series.GetXColumnName(), series.GetYColumnName()) == ("predicted_0", "observed_0")


def test_a_model_of_numbers_has_units_and_a_chart_in_them(scene, toy_model):
    description = toy_model.description
    target = replace(description.pathology.target, kind="number", units="points", minimum=0.0, maximum=42.0)
    estimate = Estimate(0.61234, 0.5, 0.7)
    points = (ReliabilityPoint(2.0, 3.0, 10), ReliabilityPoint(11.0, 9.0, 10))
    numbers = NumberScores(estimate, estimate, estimate, points)
    methods = tuple(replace(method, binary=None, numbers=numbers) for method in description.validation)
    description = replace(description, pathology=replace(description.pathology, targets=(target,)), validation=methods)
    columns, rows = rows_from_table(score_table(description, "Scores"))
    units = {column.key: column.units for column in columns}
    assert (units["error"], units["width"], units["pearson"]) == ("points", "points", "")
    assert (rows[0]["pearson"], rows[0]["determination_low"]) == (0.612, 0.5)
    chart = reliability_chart(description, "Reliability")
    assert (chart.GetXAxisTitle(), chart.GetXAxisRangeAuto()) == ("Predicted (points)", True)
    _, rows = rows_from_table(chart.GetNthPlotSeriesNode(0).GetTableNode())
    assert [row["observed_0"] for row in rows] == [3.0, 9.0]
    assert [row["diagonal_x"] for row in rows] == [2.0, 11.0]


def test_a_single_bin_still_has_a_diagonal(scene, toy_model):
    description = toy_model.description
    method = description.validation[0]
    one = replace(method, binary=replace(method.binary, reliability=method.binary.reliability[:1]))
    chart = reliability_chart(replace(description, validation=(one,)), "Reliability")
    _, rows = rows_from_table(chart.GetNthPlotSeriesNode(0).GetTableNode())
    assert [row["diagonal_y"] for row in rows] == [0.0, 1.0]
