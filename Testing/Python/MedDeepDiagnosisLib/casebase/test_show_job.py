"""The list, and one case."""

import json

import pytest

from MedDeepDiagnosisLib.casebase import show_job
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.schema import from_json, to_json


def test_list_and_case(filled, file):
    result = show_job.run(show_job.Request(str(file)))
    assert (len(result.cases), result.history, result.db) == (3, (), "cases.sqlite")
    one = show_job.run(show_job.Request(str(file), case="Doe_1"))
    assert len(one.cases) == 1
    assert {entry.name for entry in one.history} == {"size", "edge", "present"}
    assert from_json(show_job.Result, json.loads(json.dumps(to_json(one)))) == one


def test_a_case_that_is_not_there(filled, file):
    with pytest.raises(InputError, match="'Poe' is not in the case base"):
        show_job.run(show_job.Request(str(file), case="Poe"))
