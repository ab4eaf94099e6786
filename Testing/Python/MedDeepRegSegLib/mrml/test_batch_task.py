import numpy as np
import pytest
import SimpleITK as sitk
from Host.fixtures import module, slicer_host, slicer_scene  # noqa: F401 (fixtures)

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.mrml.batch_task import BatchTask
from MedDeepRegSegLib.mrml.tables import rows_from_table
from MedDeepRegSegLib.mrml.task_base import run_task


@pytest.fixture
def table(tmp_path):
    """A table of two label maps, and one that is absent."""
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[2:6, 2:6, 2:6] = 1
    for name, spacing in (("small", 1.0), ("large", 2.0)):
        image = sitk.GetImageFromArray(labels)
        image.SetSpacing((spacing,) * 3)
        sitk.WriteImage(image, str(tmp_path / f"{name}.nrrd"))
    (tmp_path / "cases.csv").write_text("name,segmentation\nsmall,small.nrrd\nlarge,large.nrrd\nabsent,absent.nrrd\n")
    return tmp_path / "cases.csv"


def test_the_summary_becomes_a_table(scene, table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = run_task(BatchTask("cases.csv", "measure", "out", workers=2))
    assert made["table"].GetName() == "cases measure"
    _, rows = rows_from_table(made["table"])
    assert [(row["name"], row["status"], row["volumes_ml"]) for row in rows[:2]] == [
        ("small", "done", pytest.approx(0.064)),
        ("large", "done", pytest.approx(0.512)),
    ]
    assert (made["done"], [name for name, _ in made["failed"]]) == (2, ["absent"])
    assert made["joined"] == tmp_path / "out" / "measurements.csv"
    again = run_task(BatchTask(table, "measure", tmp_path / "out", table_node=made["table"]))
    assert again["table"] is made["table"]


def test_wrong_options_and_a_cancel_leave_the_scene_as_it_was(scene, table, tmp_path):
    before = scene.GetNumberOfNodes()
    with pytest.raises(InputError, match="an option of the batch is unknown"):
        run_task(BatchTask(table, "measure", tmp_path / "out", colour=1))
    with pytest.raises(InputError, match="'diagnosis' cannot be run over a table"):
        run_task(BatchTask(table, "diagnosis", tmp_path / "out"))
    token = CancelToken()

    def progress(fraction, message):
        if "cases" in message:
            token.cancel()

    with pytest.raises(Canceled, match=r"what is done stays done, see .*summary\.csv: run it again to go on"):
        run_task(BatchTask(table, "measure", tmp_path / "out"), progress=progress, cancel=token)
    assert scene.GetNumberOfNodes() == before


def test_the_module_logic_runs_a_batch(module, table, tmp_path):  # noqa: F811
    told = []
    made = module("MedDeepRegSeg").logic.batch(
        table, "measure", tmp_path / "out", progress=lambda fraction, message: told.append((fraction, message))
    )
    assert (made["done"], made["summary"]) == (2, tmp_path / "out" / "summary.csv")
    assert told[-1] == (1.0, "Done")
