"""A model is learned from a table of the scene, by the real job."""

import pytest

pytest.importorskip("slicer")

from MedDeepDiagnosisLib.mrml.tasks import FitTask  # only where there is a scene
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.tables import rows_from_table
from MedDeepRegSegLib.mrml.tasks import run_task


def test_table_node_becomes_a_model_with_scores_and_plot(case_node, pathology_file, tmp_path):
    made = run_task(FitTask(pathology_file, case_node, out=tmp_path / "model", seed=1))
    assert (made["cases"], made["patients"]) == (450, 150)
    assert made["card"].read_text(encoding="utf-8").startswith("# Toy lesion")
    _, rows = rows_from_table(made["table"])
    assert rows[0]["auc"] > 0.7
    assert made["chart"].GetNumberOfPlotSeriesNodes() == 3


def test_two_sources_or_none_are_refused_and_leave_nothing(case_node, pathology_file, tmp_path, scene):
    before = scene.GetNumberOfNodes()
    with pytest.raises(InputError, match="a table and a case base are given"):
        run_task(FitTask(pathology_file, case_node, db=tmp_path / "c.sqlite", out=tmp_path / "model"))
    with pytest.raises(InputError, match="there are no cases"):
        run_task(FitTask(pathology_file, out=tmp_path / "model"))
    with pytest.raises(InputError, match="learner 'oracle' is unknown"):
        run_task(FitTask(pathology_file, case_node, learners=("oracle",), out=tmp_path / "model"))
    assert scene.GetNumberOfNodes() == before
    assert list(tmp_path.iterdir()) == []
