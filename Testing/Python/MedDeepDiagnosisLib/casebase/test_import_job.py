"""The job that imports."""

import json

import pytest

from MedDeepDiagnosisLib.casebase import import_job, open_case_base
from MedDeepDiagnosisLib.casebase.mapping import read_mapping
from MedDeepDiagnosisLib.casebase.records import ImportOptions
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import write_json
from MedDeepRegSegLib.jobs.schema import from_json, to_json


@pytest.fixture
def request_of(tmp_path, pathology):
    write_json(tmp_path / "toy.json", to_json(pathology))
    table = tmp_path / "t.csv"
    table.write_text("ID,Diameter\nA,1.2\nB,3\n")
    (tmp_path / "m.json").write_text('{"patient": "ID", "size": {"column": "Diameter", "factor": 10}}')

    def make(**changes):
        values = {"source": table, "pathology": str(tmp_path / "toy.json"), "db": str(tmp_path / "c.sqlite")}
        return import_job.Request(**{**values, "mapping": tmp_path / "m.json", **changes})

    return make


def test_a_table_with_a_mapping(request_of, pathology):
    seen = []
    result = import_job.run(request_of(who="me"), progress=lambda fraction, text: seen.append(fraction))
    assert (result.report.new_cases, result.report.mapping_from, result.db) == (2, "given", "c.sqlite")
    assert seen == sorted(seen)
    with open_case_base(request_of().db) as base:
        assert base.row("B", pathology)["size"] == 30.0
        assert base.history("B")[0].recorded_by == "me"
    assert import_job.run(request_of(mapping=None)).report.mapping_from == "remembered"


def test_the_suggested_mapping_is_written_corrected_and_given_back(request_of, tmp_path):
    (tmp_path / "t.csv").write_text("patient,Size (cm),Edge,present\nA,1.2,Fuzzy,yes\nB,3,Sharp,no\n")
    saved = tmp_path / "saved.json"
    trial = request_of(mapping=None, save_mapping=saved, options=ImportOptions(trial=True))
    result = import_job.run(trial)
    assert (result.mapping, result.report.columns) == (saved, read_mapping(saved))
    assert result.report.refusal
    assert not (tmp_path / "c.sqlite").exists()
    columns = json.loads(saved.read_text(encoding="utf-8"))
    assert columns["size"] == {"column": "Size (cm)", "factor": 10}
    columns["edge"] = {"column": "Edge", "words": {"Fuzzy": "unknown"}}
    write_json(saved, columns)
    report = import_job.run(request_of(mapping=saved)).report
    assert (report.new_cases, report.problems) == (2, ())


def test_a_folder_has_no_mapping_to_save(request_of, tmp_path):
    with pytest.raises(InputError, match="each table has its own mapping"):
        import_job.run(request_of(source=tmp_path, save_mapping=tmp_path / "saved.json"))
    assert not (tmp_path / "saved.json").exists()


def test_request_and_result_cross_the_border(request_of, tmp_path):
    request = request_of(options=ImportOptions(True, "update", "skip", True), save_mapping=tmp_path / "m2.json")
    assert from_json(import_job.Request, json.loads(json.dumps(to_json(request)))) == request
    result = import_job.run(request)
    assert from_json(import_job.Result, json.loads(json.dumps(to_json(result)))) == result


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"segment": "x"}, "without images"), ({"features": True}, "without images"), ({"sheet": "x"}, "no Excel file")],
)
def test_options_that_do_not_fit_a_table(request_of, changes, message):
    with pytest.raises(InputError, match=message):
        import_job.run(request_of(**changes))


def test_a_sheet_of_a_folder_is_refused(request_of, tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        import_job.run(request_of(source=tmp_path, sheet="x"))
