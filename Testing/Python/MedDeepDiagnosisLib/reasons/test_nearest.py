"""Nearest known cases: distances by hand, far cases, missing values, and no names."""

import dataclasses

import numpy as np
import pytest

from MedDeepDiagnosisLib.cases import CaseTable
from MedDeepDiagnosisLib.models.encoding import on_scale
from MedDeepDiagnosisLib.reasons.nearest import learn_scales, nearest_cases
from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken


@pytest.fixture(scope="module")
def learned(lesions):
    features, table = lesions
    return features, table, learn_scales(features, table)


def test_scales_by_kind(learned):
    _, table, scales = learned
    low, high = np.percentile(np.log(table.values[:, 0]), [5, 95])
    assert scales.spread[0] == pytest.approx(high - low)
    ratio = np.log(table.values[:, 1] / table.values[:, 0])
    assert scales.spread[1] == pytest.approx(np.percentile(ratio, 95) - np.percentile(ratio, 5))
    assert scales.spread[2] == 4, "ordinals by steps of the whole scale"
    assert scales.spread[3] == 1


def test_distance_by_hand(learned):
    features, _, scales = learned
    one, other = np.array([[10.0, 8, 2, 1, 50], [20, 12, 4, 3, 60]])
    scaled = on_scale(features, np.array([one, other]))
    parts = [
        np.log(2) / scales.spread[0],
        abs(np.log(0.8) - np.log(0.6)) / scales.spread[1],
        2 / 4,
        1,
        10 / scales.spread[4],
    ]
    assert scales.differences(scaled[0], scaled[1:])[0] == pytest.approx(parts)
    assert scales.distances(scaled[0], scaled[1:])[0] == pytest.approx(np.mean(parts))
    assert scales.distances(scaled[0], scaled[:1])[0] == 0


def test_missing_values_make_a_case_neither_near_nor_far(learned):
    features, table, scales = learned
    own, other = on_scale(features, np.array([[10.0, 8, 2, 1, 50], [10, 8, np.nan, 1, 50]]))
    assert scales.differences(own, other[None])[0, 2] == pytest.approx(scales.usual[2])
    gaps = np.abs(np.subtract.outer(table.values[:, 2], table.values[:, 2])) / 4
    assert scales.usual[2] == pytest.approx(np.nanmean(gaps), abs=0.02)
    assert np.isnan(scales.differences(other, own[None])[0, 2]), "what the new case lacks is not compared"
    assert scales.distances(other, own[None])[0] == 0


def test_nearest_of_a_known_case_is_itself_unless_its_patient_is_left_out(learned):
    _, table, scales = learned
    found = nearest_cases(table.values[5], table, scales, 3)
    assert found.cases[0].row in (3, 4, 5)
    assert found.cases[0].distance < 0.02
    without = nearest_cases(table.values[5], table, scales, 3, patient=table.patients[5])
    assert table.patients[5] not in {table.patients[case.row] for case in without.cases}
    assert without.cases[0].distance > found.cases[0].distance


def test_order_outcome_and_one_case_of_each_patient(learned):
    _, table, scales = learned
    found = nearest_cases(np.array([12.0, 9, 2, 1, 55]), table, scales, 6)
    distances = [case.distance for case in found.cases]
    assert distances == sorted(distances)
    assert [case.outcome for case in found.cases] == [table.target[case.row] for case in found.cases]
    assert len({table.patients[case.row] for case in found.cases}) == 6
    several = nearest_cases(np.array([12.0, 9, 2, 1, 55]), table, scales, 6, one_each=False)
    assert len({table.patients[case.row] for case in several.cases}) < 6


def test_far_cases_are_said_to_be_far(learned):
    _, table, scales = learned
    usual = nearest_cases(table.values[0], table, scales, patient=table.patients[0])
    far = nearest_cases(np.array([95.0, 60, 2, 1, 55]), table, scales)
    assert not usual.far
    assert usual.note == ""
    assert far.far
    assert f"within {scales.far:.2f}" in far.note


def test_about_one_known_case_in_twenty_is_far_from_other_patients(learned):
    _, table, scales = learned
    far = [
        nearest_cases(row, table, scales, 1, patient=patient).far
        for row, patient in zip(table.values, table.patients, strict=True)
    ]
    assert np.mean(far) == pytest.approx(0.05, abs=0.01)


def test_differences_in_words(learned):
    _, table, scales = learned
    case = nearest_cases(np.array([10.0, 8, np.nan, 1, 50]), table, scales, 1).cases[0]
    by_title = {item.title: item for item in case.differences}
    assert by_title["Size"].own == "10 mm"
    assert by_title["Edge"].own == "not given"
    assert not by_title["Edge"].known
    assert by_title["Edge"].difference == 0
    assert by_title["Kind"].other in {"Solid (1)", "Mixed (2)", "Glass (3)"}


def test_no_name_leaves_the_table(learned):
    _, table, scales = learned
    found = nearest_cases(table.values[0], table, scales, 5)
    assert "Jane" not in str(dataclasses.asdict(found))
    assert found.cases[0].label == f"Known case {found.cases[0].row + 1}"


def test_one_patient_alone_has_no_limit(lesions):
    features, table = lesions
    own = table.rows(np.arange(3))
    scales = learn_scales(features, own)
    assert np.isnan(scales.far)
    found = nearest_cases(table.values[100], own, scales)
    assert not found.far
    assert "too few known cases" in found.note
    with pytest.raises(InputError, match="no known case of another patient"):
        nearest_cases(table.values[0], own, scales, patient=own.patients[0])


def test_unusable_input(lesions, learned):
    features, table, scales = learned
    with pytest.raises(InputError, match="no value of any feature"):
        nearest_cases(np.full(5, np.nan), table, scales)
    with pytest.raises(InputError, match="table of known cases is empty"):
        learn_scales(features, table.rows(np.arange(0)))
    token = CancelToken()
    token.cancel()
    with pytest.raises(Canceled):
        learn_scales(features, table, cancel=token)


def test_a_feature_that_no_case_has_or_that_never_differs(lesions):
    features, table = lesions
    values = table.values.copy()
    values[:, 2], values[:, 4] = np.nan, 50.0
    table = CaseTable(table.names, values, table.target, table.patients, table.cases)
    scales = learn_scales(features, table)
    assert np.isfinite(scales.spread).all()
    assert np.isfinite(scales.usual).all()
    found = nearest_cases(np.array([10.0, 8, 2, 1, 50]), table, scales)
    assert np.isfinite([case.distance for case in found.cases]).all()


def test_the_limit_of_a_large_table_comes_from_some_of_its_cases(lesions):
    features, table = lesions
    many = table.rows(np.tile(np.arange(240), 3))
    once, again = learn_scales(features, many), learn_scales(features, many)
    assert once.far == again.far
    assert once.far == pytest.approx(learn_scales(features, table).far, rel=0.1)


def test_a_known_case_that_is_the_case_itself_is_pointed_out(learned):
    _, table, scales = learned
    complete = int(np.flatnonzero(~np.isnan(table.values).any(axis=1))[0])
    assert "It may be this case itself" in nearest_cases(table.values[complete], table, scales).note
