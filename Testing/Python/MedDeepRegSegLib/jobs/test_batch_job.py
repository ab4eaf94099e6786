"""The job "batch": what the module logic and the panel run."""

import json

import pytest

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs import batch_job
from MedDeepRegSegLib.jobs.child import ChildJob
from MedDeepRegSegLib.jobs.schema import from_json, to_json


@pytest.fixture
def request_of(tmp_path):
    """Return a function that makes a request to measure two label maps, one of which is absent."""
    import numpy as np
    import SimpleITK as sitk

    labels = np.zeros((8, 8, 8), np.uint8)
    labels[2:6, 2:6, 2:6] = 1
    sitk.WriteImage(sitk.GetImageFromArray(labels), str(tmp_path / "cube.nrrd"))
    (tmp_path / "cases.csv").write_text("name,segmentation\ncube,cube.nrrd\nabsent,absent.nrrd\n")

    def make(**options):
        options = {"table": tmp_path / "cases.csv", "command": "measure", "out": tmp_path / "out", **options}
        return batch_job.Request(**options)

    return make


def test_a_child_runs_the_cases_in_children_of_its_own(request_of, tmp_path):
    with ChildJob("batch", request_of(workers=2), tmp_path / "job") as job:
        job.start()
        result = job.wait(100)
    assert [(case.name, case.status) for case in result.cases] == [("cube", "done"), ("absent", "failed")]
    assert [case.name for case in result.failed] == ["absent"]
    assert float(result.cases[0].figures["volumes_ml"]) == pytest.approx(0.064)
    assert result.summary == tmp_path / "out" / "summary.csv"
    assert result.joined == tmp_path / "out" / "measurements.csv"
    assert from_json(batch_job.Result, to_json(result)) == result


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"workers": 0}, "0 is not a number of workers, expected 1 to 64"),
        ({"command": "train"}, "'train' cannot be run over a table"),
        ({"device": "cuda"}, "device cuda: measure computes on the CPU only"),
        ({"command": "grow"}, "has a column 'segmentation', expected name, image, positive"),
    ],
)
def test_bad_requests_are_refused_before_anything_is_written(request_of, tmp_path, options, says):
    with pytest.raises(InputError, match=says):
        batch_job.run(request_of(**options))
    assert not (tmp_path / "out").exists()


def test_a_table_of_bad_rows_needs_no_worker(request_of, tmp_path):
    (tmp_path / "cases.csv").write_text("name,segmentation\nabsent,absent.nrrd\n")
    result = batch_job.run(request_of(scheduler="tcp://127.0.0.1:9"))
    assert result.cases[0].status == "failed"
    assert result.joined is None


def test_a_table_of_an_earlier_run_is_not_told_as_joined(request_of, tmp_path):
    assert batch_job.run(request_of()).joined == tmp_path / "out" / "measurements.csv"
    (tmp_path / "cases.csv").write_text("name,segmentation\nabsent,absent.nrrd\n")
    assert batch_job.run(request_of()).joined is None


def test_files_of_others_are_not_overwritten(request_of, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    for name in ("summary.csv", "measurements.csv"):
        table = out / name
        table.write_text((tmp_path / "cases.csv").read_text().replace("cube.nrrd", "../cube.nrrd"))
        with pytest.raises(InputError, match=rf"{name} would be overwritten by the batch: give it another name"):
            batch_job.run(request_of(table=table))
        with pytest.raises(InputError, match=rf"{name} was not written by a batch"):
            batch_job.run(request_of())
        assert "../cube.nrrd" in table.read_text()
        table.unlink()
    assert batch_job.run(request_of()).cases[0].status == "done"
    assert json.loads((out / "batch.json").read_text()) == {"command": "measure"}
    before = (out / "summary.csv").read_text()
    (tmp_path / "grow.csv").write_text("image,positive\ncube.nrrd,0 0 0\n")
    with pytest.raises(InputError, match="is that of a batch of measure, expected one of grow: choose another folder"):
        batch_job.run(request_of(command="grow", table=tmp_path / "grow.csv"))
    (out / "batch.json").write_text("[]")
    with pytest.raises(InputError, match="is that of a batch of another program"):
        batch_job.run(request_of())
    assert (out / "summary.csv").read_text() == before


def test_a_cancel_says_what_stays(request_of, tmp_path):
    assert f"what is done stays done, see {tmp_path / 'out' / 'summary.csv'}" in request_of().if_canceled()
    from MedDeepRegSegLib.jobs.progress import CancelToken

    token = CancelToken()
    token.cancel()
    with pytest.raises(Canceled, match="0 of 2 cases are done: run it again to go on"):
        batch_job.run(request_of(), cancel=token)
