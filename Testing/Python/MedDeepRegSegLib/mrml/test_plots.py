"""Training logs as tables and plots of the scene."""

import pytest
import slicer
import slicer.util

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.plots import plot_training, show_chart
from MedDeepRegSegLib.mrml.tables import rows_from_table

HEAD = "step,seconds,learning_rate,loss,local,context,region,local_accuracy,context_accuracy\n"


def lines(*steps):
    return "".join(
        f"{step},{0.5 * step},1e-3,{5 / step},{3 / step},{1 / step},{1 / step},0.{step},\n" for step in steps
    )


@pytest.fixture
def log(scene, tmp_path):
    path = tmp_path / "run" / "log.csv"
    path.parent.mkdir()
    path.write_text(HEAD + lines(1, 2))
    return path


def curves(chart):
    series = [chart.GetNthPlotSeriesNode(index) for index in range(chart.GetNumberOfPlotSeriesNodes())]
    return {node.GetYColumnName(): node for node in series}


def table_of(chart):
    return next(iter(curves(chart).values())).GetTableNode()


def node_ids():
    return sorted(node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLNode"))


def test_the_losses_are_plotted_over_the_steps(scene, log):
    chart = plot_training(log)
    assert chart.IsA("vtkMRMLPlotChartNode")
    assert list(curves(chart)) == ["loss", "local", "context", "region"]
    assert (chart.GetTitle(), chart.GetXAxisTitle(), chart.GetYAxisTitle()) == ("run", "Step", "Loss")
    for node in curves(chart).values():
        assert node.GetXColumnName() == "step"
        assert node.GetPlotType() == node.PlotTypeScatter
        assert node.GetTableNode() is table_of(chart)
    assert len({node.GetColor() for node in curves(chart).values()}) == 4
    columns, rows = rows_from_table(table_of(chart))
    assert [column.key for column in columns] == HEAD.strip().split(",")
    assert {column.key: column.units for column in columns}["seconds"] == "s"
    assert [(row["step"], row["loss"], row["context_accuracy"]) for row in rows] == [(1, 5.0, None), (2, 2.5, None)]


def test_a_running_training_is_followed_in_the_same_nodes(scene, log):
    scene.SetUndoOn()
    chart = plot_training(log)
    before, states = node_ids(), scene.GetNumberOfUndoLevels()
    series = curves(chart)
    with log.open("a") as file:
        file.write(lines(3) + "4,2.0,1e-3,1.2")  # the last line is still being written
    assert plot_training(log, chart=chart) is chart
    assert node_ids() == before
    assert curves(chart) == series
    assert [row["step"] for row in rows_from_table(table_of(chart))[1]] == [1, 2, 3]
    assert scene.GetNumberOfUndoLevels() == states
    scene.SetUndoOff()
    scene.ClearUndoStack()


def test_steps_that_were_repeated_after_a_checkpoint_count_once(scene, log):
    with log.open("a") as file:
        file.write(lines(3, 4) + lines(3).replace(f",{5 / 3},", ",0.25,"))
    rows = rows_from_table(table_of(plot_training(log)))[1]
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert rows[2]["loss"] == 0.25


def test_other_columns_can_be_chosen_and_stay_chosen(scene, log):
    chart = plot_training(log, columns=["local_accuracy"])
    assert chart.GetYAxisTitle() == "Accuracy"
    assert list(curves(plot_training(log, chart=chart))) == ["local_accuracy"]
    nodes = len(node_ids())
    assert set(curves(plot_training(log, chart=chart, columns=["loss", "local"]))) == {"loss", "local"}
    assert chart.GetYAxisTitle() == "Loss"
    assert len(node_ids()) == nodes + 1, "the curve that is no longer wanted is gone"


@pytest.mark.parametrize(
    ("content", "columns", "message"),
    [
        (None, None, "could not be read"),
        ("", None, "expected different ones with 'step'"),
        ("loss,local\n1,2\n", None, "expected different ones with 'step'"),
        (HEAD, None, "no entries yet"),
        (HEAD + "1,2,3\n", None, "line 2"),
        ("step,note\n1,hello\n", None, "no column of losses"),
        (HEAD + lines(1), ["accuracy"], "no numbers in a column 'accuracy'"),
        (HEAD + lines(1), ["context_accuracy"], "no numbers in a column 'context_accuracy'"),
    ],
)
def test_bad_logs_are_explained_and_leave_the_scene(log, content, columns, message):
    chart = plot_training(log)
    before, shown = node_ids(), rows_from_table(table_of(chart))
    bad = log.with_name("bad.csv")
    if content is not None:
        bad.write_text(content)
    # A chart that is followed keeps its columns: the columns of the log are looked at without one.
    for followed in [None, chart] if message != "no column of losses" else [None]:
        with pytest.raises(InputError, match=message):
            plot_training(bad, chart=followed, columns=columns)
    assert node_ids() == before
    assert rows_from_table(table_of(chart)) == shown


def test_a_chart_of_something_else_is_refused(scene, log):
    chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode", "Mine")
    with pytest.raises(InputError, match="'Mine' is no chart of a training log"):
        plot_training(log, chart=chart)


def test_the_chart_is_shown(scene, log):
    chart = plot_training(log)
    show_chart(chart)
    selection = scene.GetSingletonNode("Singleton", "vtkMRMLSelectionNode")
    assert selection.GetActivePlotChartID() == chart.GetID()


def test_chart_survives_saving(scene, log, tmp_path):
    from MedDeepRegSegLib.mrml.scene import clear_scene, load_scene, save_scene

    plot_training(log)
    save_scene(tmp_path / "scene.mrb")
    clear_scene()
    load_scene(tmp_path / "scene.mrb")
    chart = slicer.util.getNodesByClass("vtkMRMLPlotChartNode")[0]
    with log.open("a") as file:
        file.write(lines(3))
    plot_training(log, chart=chart)
    assert [row["step"] for row in rows_from_table(table_of(chart))[1]] == [1, 2, 3]
