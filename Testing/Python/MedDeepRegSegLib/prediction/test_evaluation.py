"""Evaluation with a known answer, its files, and what is said of cases that the model has seen."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from blocks_segmenter import SEGMENTS, description

from MedDeepRegSegLib.datasets.dataset import read_dataset, write_dataset
from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.jobs.runner import run_job
from MedDeepRegSegLib.prediction.evaluate_job import Request, compared_classes, seen_cases
from MedDeepRegSegLib.prediction.evaluation import cases_to_evaluate, evaluate
from MedDeepRegSegLib.prediction.evaluation_report import evaluation_report
from MedDeepRegSegLib.segmentation.segments import named_segment


def threshold(images, _progress, _cancel):
    array = sitk.GetArrayFromImage(images[0])
    labels = sitk.GetImageFromArray(np.select([array > 150, array > 50], [5, 3], 0).astype(np.uint16))
    labels.CopyInformation(images[0])
    return labels


@pytest.fixture
def dataset(dataset_path):
    return read_dataset(dataset_path)


@pytest.fixture
def found(dataset):
    return evaluate(dataset, cases_to_evaluate(dataset), threshold, pictures=2)


def test_known_answers(found):
    """A block of 8 voxels that is moved by 0, 1 and 2 voxels of 2 mm."""
    assert [one.case for one in found.cases] == ["case2", "case3", "case4"]
    liver = [one.agreements[0] for one in found.cases]
    assert [one.dice for one in liver] == pytest.approx([1, 7 / 8, 6 / 8])
    assert [one.hd95_mm for one in liver] == pytest.approx([0, 2, 4])
    assert [one.volume_error_ml for one in liver] == pytest.approx([0, 0, 0])
    lesion = [one.agreements[1].dice for one in found.cases]
    assert lesion == pytest.approx([1, 2 / 3, 1 / 3])
    summary = found.summaries[0]
    assert summary.dice.mean == pytest.approx(7 / 8)
    assert (summary.dice.cases, summary.dice.patients) == (3, 2)
    assert summary.dice.low < 7 / 8 < summary.dice.high
    assert (summary.missed, summary.invented) == (0, 0)
    assert found.mean_dice.mean == pytest.approx((1 + (7 / 8 + 2 / 3) / 2 + (6 / 8 + 1 / 3) / 2) / 3)


def test_the_worst_cases_are_drawn(found):
    assert [one.case for one in found.worst] == ["case4", "case3"]
    picture = found.worst[0].picture
    assert picture.dtype == np.uint8
    missed = (np.abs(picture.astype(int) - (87, 181, 232)).sum(axis=2) < 60).sum()
    too_much = (np.abs(picture.astype(int) - (230, 158, 0)).sum(axis=2) < 60).sum()
    assert missed > 100
    assert too_much > 100


def test_what_was_not_looked_for_and_what_is_unknown(dataset):
    cases = [replace(case, annotated=(3,)) for case in cases_to_evaluate(dataset)]
    found = evaluate(dataset, cases, threshold)
    assert [one.agreements[1] for one in found.cases] == [None] * 3
    assert found.summaries[1].dice.mean is None
    case = replace(cases[2], annotated=None, values=((3, 3), (5, 255)))
    result = evaluate(dataset, [case], threshold).cases[0]
    assert result.agreements[1].volume_truth_ml == 0


def test_missed_and_invented(dataset):
    def nothing(images, _progress, _cancel):
        labels = sitk.Image(images[0].GetSize(), sitk.sitkUInt16)
        labels.CopyInformation(images[0])
        labels[0, 0, 0] = 5
        return labels

    case = replace(cases_to_evaluate(dataset)[0], values=((3, 3), (5, 0)))
    liver, lesion = evaluate(dataset, [case], nothing).summaries
    assert (liver.missed, liver.invented, lesion.missed, lesion.invented) == (1, 0, 0, 1)
    assert liver.dice.mean == 0
    assert liver.hd95_mm.mean is None


def test_what_is_refused(dataset):
    with pytest.raises(InputError, match="no unused cases"):
        cases_to_evaluate(dataset, "unused")
    case = cases_to_evaluate(dataset)[0]

    def broken(images, progress, cancel):
        msg = "too dark"
        raise InputError(msg)

    with pytest.raises(InputError, match=r"case2.*too dark"):
        evaluate(dataset, [case], broken)
    with pytest.raises(InputError, match="another grid"):
        evaluate(dataset, [case], lambda images, *_: threshold([images[0][1:]], None, None))
    with pytest.raises(InputError, match="no labels"):
        evaluate(dataset, [replace(case, labels=None)], threshold)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Canceled):
        evaluate(dataset, [case], threshold, cancel=cancel)


def test_classes_are_matched_by_name(dataset):
    model = description(classes=(named_segment(1, "liver "), named_segment(2, "Spleen")))
    classes, notes = compared_classes(dataset, model)
    assert classes == SEGMENTS[:1]
    assert "Lesion" in notes[0]
    with pytest.raises(InputError, match="name those alike"):
        compared_classes(dataset, description(classes=(named_segment(1, "Spleen"),)))


def test_cases_that_the_model_has_seen(dataset):
    seen = description(training=replace(description().training, dataset="blocks", training_cases=("case2", "case3")))
    test = cases_to_evaluate(dataset)
    with pytest.raises(InputError, match="--role training"):
        seen_cases(dataset, test, seen, "test")
    assert "trained on 2 of these 3" in seen_cases(dataset, test, seen, "training")[0]
    # case3 and case4 are of one patient.
    related = replace(seen, training=replace(seen.training, training_cases=("case3",)))
    with pytest.raises(InputError, match="on patients of 1 of the test cases"):
        seen_cases(dataset, test[2:], related, "test")
    one = replace(seen, training=replace(seen.training, training_cases=(test[0].name,)))
    assert "trained on 1 of 1 case:" in seen_cases(dataset, test[:1], one, "training")[0]
    elsewhere = replace(seen, training=replace(seen.training, dataset="other"))
    assert "have names of cases" in seen_cases(dataset, test, elsewhere, "test")[0]
    chosen = replace(seen, training=replace(seen.training, training_cases=(), validation_cases=("case4",)))
    assert "chose the weights" in seen_cases(dataset, test, chosen, "test")[0]
    assert seen_cases(dataset, test, description(), "test") == []


def test_the_report_is_whole_and_escaped(dataset, found):
    pytest.importorskip("jinja2")
    page = evaluation_report(found, description(), dataset, "test", ["<script>alert(1)</script>"])
    assert "<script" not in page
    assert "Lesion &lt;b&gt;" in page
    assert "Lesion <b>" not in page
    assert page.count("data:image/png;base64,") == 2
    assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "")
    assert "case0" in page  # trained on
    assert "0.875" in page
    assert page.count("<circle") == 3 * 2 * 3
    assert "3 test cases of 2 patients" in page
    single = evaluation_report(replace(found, cases=found.cases[:1]), description(), dataset, "test", [])
    assert "1 test case of 1 patient," in single


def test_job(as_model, dataset_path, tmp_path):
    request = Request(model=tmp_path / "model", dataset=dataset_path, out=tmp_path / "out", device="cpu")
    result = run_job("evaluate", request)
    assert result.cases == 3
    assert result.dice == pytest.approx([7 / 8, 2 / 3], abs=0.02)
    with result.table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:8] == [
        *("case", "class", "dice", "hd95_mm", "surface_dice", "volume_truth_ml", "volume_ml", "volume_error_percent")
    ]
    assert len(rows) == 6
    assert float(rows[2]["dice"]) == pytest.approx(7 / 8, abs=0.02)
    summary = json.loads(result.summary.read_text(encoding="utf-8"))
    assert summary["classes"][0]["dice"]["cases"] == 3
    assert summary["trained_on"] == ["case0"]
    assert result.report.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    again = run_job("evaluate", replace(request, out=tmp_path / "again"))
    assert again.summary.read_bytes() == result.summary.read_bytes()
    with pytest.raises(InputError, match="role"):
        run_job("evaluate", replace(request, role="unused"))


def test_a_case_of_another_value_in_the_model(as_model, dataset_path, tmp_path):
    """The model's values are not those of the dataset."""
    as_model.description = description(classes=(named_segment(9, "liver"), named_segment(4, "lesion <b>")))
    result = run_job("evaluate", Request(tmp_path / "model", dataset_path, tmp_path / "out", device="cpu"))
    assert result.dice == pytest.approx([7 / 8, 2 / 3], abs=0.02)


def test_no_test_cases(as_model, dataset, tmp_path):
    path = tmp_path / "other.json"
    write_dataset(dataset.with_roles((case.name, "training") for case in dataset.cases), path)
    with pytest.raises(InputError, match=r"no test cases.*5 training"):
        run_job("evaluate", Request(tmp_path / "model", path, tmp_path / "out", device="cpu"))
    assert not (tmp_path / "out").exists()
