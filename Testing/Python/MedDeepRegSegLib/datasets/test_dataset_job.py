import csv
import shutil
from dataclasses import replace

import pytest

from MedDeepRegSegLib.datasets.dataset import read_dataset
from MedDeepRegSegLib.datasets.dataset_job import Request, Result, run
from MedDeepRegSegLib.datasets.hashes import content_sha256
from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import NOTE, CancelToken
from MedDeepRegSegLib.jobs.schema import from_json, to_json


@pytest.fixture
def folder(tmp_path, write_case):
    """Folder of five pairs; the last one is empty."""
    for number in range(5):
        write_case(
            f"in/p{number // 2}_{number}.nii.gz",
            f"in/p{number // 2}_{number}_seg.nii.gz",
            seed=number,
            empty=number == 4,
        )
    return tmp_path / "in"


def test_a_folder_becomes_a_dataset(folder, tmp_path):
    before = content_sha256(folder)
    result = run(
        Request(folder=folder, out=tmp_path / "out" / "d.json", patient_pattern=r"(p\d)_", validation=0.5, folds=2)
    )
    assert content_sha256(folder) == before
    assert from_json(Result, to_json(result)) == result
    assert result.roles == {"training": 2, "validation": 2, "test": 0, "unused": 1}
    assert (result.cases, result.patients, result.classes) == (5, 3, ("Segment 1",))
    dataset = read_dataset(result.dataset)
    assert dataset.name == "in"
    assert dataset.cases[4].left_out.startswith("empty labels")
    assert len({case.role for case in dataset.cases if case.patient == "p0"}) == 1
    assert [path.name for path in result.folds] == ["d_fold1.json", "d_fold2.json"]
    first, second = (read_dataset(path) for path in result.folds)
    assert {case.patient for case in first.of_role("validation")} != {
        case.patient for case in second.of_role("validation")
    }
    rows = list(csv.DictReader(result.table.open(encoding="utf-8")))
    assert (rows[0]["Severity"], rows[0]["Case"], rows[0]["Check"]) == ("error", "p2_4", "empty labels")
    assert "empty labels" in result.text.read_text(encoding="utf-8")
    assert result.fingerprint.size == (10, 12, 14)


def test_patients_of_a_table(folder, tmp_path):
    table = tmp_path / "patients.csv"
    names = [f"p{number // 2}_{number}" for number in range(5)]
    table.write_text(
        "case;patient\n" + "".join(f"{name};{'x' if number < 3 else name}\n" for number, name in enumerate(names))
    )
    result = run(Request(folder=folder, out=tmp_path / "d.json", patients=table, validation=0.5))
    assert result.patients == 3
    table.write_text("case,patient\np0_0,x\n")
    with pytest.raises(InputError, match="4 cases have no patient in the table"):
        run(Request(folder=folder, out=tmp_path / "d.json", patients=table))
    with pytest.raises(InputError, match="choose --patients or --patient-pattern"):
        run(Request(folder=folder, out=tmp_path / "d.json", patients=table, patient_pattern="p"))
    with pytest.raises(InputError, match="is not found in the case"):
        run(Request(folder=folder, out=tmp_path / "d.json", patient_pattern="q"))


def test_foreign_files_are_not_replaced(folder, tmp_path):
    foreign = tmp_path / "dataset.json"
    foreign.write_text('{"labels": {}}')
    with pytest.raises(InputError, match="is there and is no dataset of MedDeep"):
        run(Request(folder=folder, out=foreign))
    assert foreign.read_text() == '{"labels": {}}'
    run(Request(folder=folder, out=tmp_path / "d.json"))
    run(Request(folder=folder, out=tmp_path / "d.json", seed=4))  # one's own may be made again
    assert read_dataset(tmp_path / "d.json").split_seed == 4


def test_a_copy_stands_alone(folder, tmp_path):
    result = run(Request(folder=folder, out=tmp_path / "new" / "dataset.json", copy=True))
    shutil.rmtree(folder)
    dataset = read_dataset(result.dataset)
    assert all(case.images[0].is_file() and case.images[0].is_relative_to(tmp_path / "new") for case in dataset.cases)
    assert result.table.is_file()
    with pytest.raises(InputError, match="is not an empty folder"):
        run(Request(folder=tmp_path / "new", out=tmp_path / "new" / "dataset.json", copy=True))


def test_cancel_and_errors_leave_nothing(folder, tmp_path):
    token = CancelToken()

    def stop(fraction, message):
        if message.startswith("Checking"):
            token.cancel()

    for copy in (False, True):
        token = CancelToken()
        with pytest.raises(Canceled):
            run(Request(folder=folder, out=tmp_path / "new" / "d.json", copy=copy), progress=stop, cancel=token)
    with pytest.raises(InputError, match="1 patient has labels to draw from"):
        run(Request(folder=folder, out=tmp_path / "new" / "d.json", patient_pattern="^p"))
    assert not (tmp_path / "new").exists()


def test_what_the_checks_found_is_told_before_a_split_is_refused(folder, tmp_path):
    told = []
    request = Request(folder=folder, out=tmp_path / "d.json", patient_pattern="^p")
    with pytest.raises(InputError, match=r"\(1 case is left out because of errors\).* --validation 0 "):
        run(request, progress=lambda _fraction, message: told.append(message))
    assert told[-1].startswith(NOTE)
    assert "empty labels" in told[-1]
    assert "checks: 1 error, " in told[-1]
    assert run(replace(request, validation=0.0)).roles["training"] == 4


def test_wrong_shares_are_told_before_the_work(folder, tmp_path):
    told = []
    with pytest.raises(InputError, match="shares are 1"):
        run(
            Request(folder=folder, out=tmp_path / "d.json", validation=1.0),
            progress=lambda _fraction, message: told.append(message),
        )
    assert told == []


def test_images_without_labels_are_kept_unused(folder, tmp_path, write_case):
    write_case("in/new.nii.gz", "elsewhere.nii.gz", seed=9)
    dataset = read_dataset(run(Request(folder=folder, out=tmp_path / "d.json")).dataset)
    assert [case.role for case in dataset.cases if case.labels is None] == ["unused"]
    assert next(case for case in dataset.cases if case.name == "new").left_out == ""


def test_classes_without_names_point_to_the_option(folder, tmp_path):
    request = Request(folder=folder, out=tmp_path / "d.json")
    notes = [found for found in run(request).findings if "no names" in found.what]
    assert [(note.severity, note.check) for note in notes] == [("note", "segment names")]
    assert "'Segment 1'" in notes[0].what
    assert "--classes NAMES.json" in notes[0].todo
    names = tmp_path / "names.json"
    names.write_text('{"box": 1}')
    named = run(replace(request, classes=names))
    renamed = run(replace(request, renames=("Segment 1=box",)))
    for result in (named, renamed):
        assert result.classes == ("box",)
        assert not [found for found in result.findings if "no names" in found.what]


def test_only_unusable_labels_are_told(tmp_path, write_case):
    write_case("in/a.nii.gz", "in/a_seg.nii.gz", empty=True)
    with pytest.raises(InputError, match=r"no class is found|all cases with labels have errors"):
        run(Request(folder=tmp_path / "in", out=tmp_path / "d.json"))
