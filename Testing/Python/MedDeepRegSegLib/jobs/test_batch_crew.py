"""Who runs the cases, with and without Dask."""

import sys

import pytest

from MedDeepRegSegLib.errors import MissingPackageError
from MedDeepRegSegLib.jobs.batch_crew import ThreadCrew, make_crew


def test_without_dask_threads_run_the_cases_and_a_scheduler_is_refused(batch, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert isinstance(make_crew(2), ThreadCrew)
    assert batch({"a": "work"})[0].status == "done"
    with pytest.raises(MissingPackageError, match=r"'pip install distributed' \(in Slicer: slicer"):
        make_crew(2, "tcp://127.0.0.1:8786")


def test_a_damaged_dask_is_as_none(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setitem(sys.modules, "MedDeepRegSegLib.jobs.batch_dask", None)
    assert isinstance(make_crew(), ThreadCrew)
    with pytest.raises(MissingPackageError, match=r"distributed, which cannot be used \(.*batch_dask"):
        make_crew(None, "tcp://127.0.0.1:8786")


def test_with_dask_a_cluster_runs_the_cases():
    pytest.importorskip("distributed")
    from MedDeepRegSegLib.jobs.batch_dask import DaskCrew

    assert isinstance(make_crew(), DaskCrew)
    assert isinstance(make_crew(2, "tcp://127.0.0.1:8786"), DaskCrew)


def test_an_error_ends_what_runs(batch):
    def progress(fraction, message):
        if any(job.state == "running" for job in batch.made):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch({"a": "sleep", "b": "sleep"}, crew=ThreadCrew(1), progress=progress)
    assert [job.state for job in batch.made] == ["canceled"]
