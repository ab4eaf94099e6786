"""The curves of a registration as nodes of the scene."""

import pytest
import slicer.util

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.iteration_plots import gains, has_iterations, plot_iterations
from MedDeepRegSegLib.mrml.tables import rows_from_table
from MedDeepRegSegLib.registration.quality import StageCurve

CURVES = (
    StageCurve("rigid", "similarity", (0.2, 0.5, 0.6)),
    StageCurve("start", "similarity", (0.4,)),
    StageCurve("deformable 30 mm", "cost", (8.0, 4.0)),
)


def test_stages_follow_one_another_and_up_is_better(scene):
    chart = plot_iterations(CURVES, "MR to CT")
    series = [chart.GetNthPlotSeriesNode(index) for index in range(chart.GetNumberOfPlotSeriesNodes())]
    assert [node.GetName() for node in series] == ["rigid", "deformable 30 mm"], "one value is no curve"
    assert (chart.GetTitle(), chart.GetXAxisTitle(), chart.GetYAxisTitle()) == (
        "MR to CT",
        "Iteration",
        "Gain of the stage (%)",
    )
    columns, rows = rows_from_table(series[0].GetTableNode())
    assert [row["iteration"] for row in rows] == [0, 1, 2, 3, 4]
    first, second = ([row[node.GetYColumnName()] for row in rows] for node in series)
    assert first == pytest.approx([0.0, 75.0, 100.0, None, None])
    assert second[3:] == [0.0, 100.0], "a cost that falls is a gain"
    assert [row["value2"] for row in rows][3:] == [8.0, 4.0]
    assert {column.title for column in columns} >= {"rigid: similarity", "deformable 30 mm: cost"}


def test_what_got_worse_goes_down_and_what_stays_is_zero():
    assert gains(StageCurve("worse", "similarity", (0.5, 0.4))) == [0.0, -100.0]
    assert gains(StageCurve("flat", "cost", (2.0, 2.0))) == [0.0, 0.0]


def test_without_iterations_there_is_nothing_to_plot(scene):
    before = len(slicer.util.getNodesByClass("vtkMRMLNode"))
    assert not has_iterations(CURVES[1:2])
    with pytest.raises(InputError, match="no iterations"):
        plot_iterations(CURVES[1:2], "Landmarks")
    assert len(slicer.util.getNodesByClass("vtkMRMLNode")) == before
