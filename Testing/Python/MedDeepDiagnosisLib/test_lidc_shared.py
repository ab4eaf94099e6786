"""Learning from the real readings of radiologists, where their table is at hand."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepDiagnosisLib.cases import table_from_rows
from MedDeepDiagnosisLib.lidc import RATINGS, annotation_mask, is_kept_back, read_annotations
from MedDeepDiagnosisLib.models.validation import validate_variants
from MedDeepDiagnosisLib.pathology import load_pathology
from MedDeepRegSegLib.volumes.samples import cached_sample

SIZE = "equivalent_diameter_mm"


@pytest.fixture(scope="module")
def csv_rows(shared_data):
    path = shared_data / "14_lidc_chest_ct_nodules" / "lidc_annotations_train.csv"
    if not path.is_file():
        pytest.skip(f"{path.name} is absent")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def signs_and_size():
    """The lung nodule pathology with one measured feature: the size that the table holds."""
    nodule = load_pathology("lung_nodule")
    features = tuple(replace(f, never_above=None) for f in nodule.features if f.group == "rated" or f.name == SIZE)
    return replace(nodule, features=features)


@pytest.fixture(scope="module")
def readings(csv_rows, signs_and_size):
    rows = [
        {
            **{name: row[name] for name in RATINGS},
            SIZE: row["equiv_sphere_diameter_mm"],
            "patient": row["patient_id"],
            "suspicious": int(int(row["malignancy"]) > 3),
        }
        for row in csv_rows
        if row["malignancy"] != "3"
    ]
    return table_from_rows(signs_and_size, rows)


@pytest.fixture(scope="module")
def database():
    """The annotations themselves, if they are in the cache; ``meddeep samples lidc-annotations`` fetches them."""
    path = cached_sample("lidc-annotations")
    if path is None:
        pytest.skip("the sample lidc-annotations is not in the cache; get it with 'meddeep samples lidc-annotations'")
    return read_annotations(path)


def test_table_holds_no_patient_that_is_kept_back(csv_rows):
    assert not [row for row in csv_rows if is_kept_back(row["patient_id"])]


@pytest.mark.slow
def test_signs_and_size_predict_the_readers_opinion(readings, signs_and_size):
    results = {v.name: v.scores for v in validate_variants(readings, signs_and_size, seed=0, bootstrap_repeats=200)}
    assert len(readings) == 3418
    best = results["measured_and_rated"]
    assert best.auc.value > 0.93
    assert best.auc.low > results["measured"].auc.high
    assert best.brier.value < 0.1
    assert best.expected_calibration_error < 0.03
    assert 0.85 < best.calibration_slope < 1.1


@pytest.mark.slow
def test_permuted_labels_are_not_predicted(readings, signs_and_size):
    generator = np.random.default_rng(0)
    subset = readings.rows(np.isin(readings.patients, generator.permutation(np.unique(readings.patients))[:300]))
    shuffled = replace(subset, target=generator.permutation(subset.target))
    for validation in validate_variants(shuffled, signs_and_size, seed=0, bootstrap_repeats=10):
        assert validation.scores.auc.value == pytest.approx(0.5, abs=0.06), validation.name


@pytest.mark.slow
def test_database_and_table_agree(csv_rows, database):
    by_number = {int(row["annotation"]): row for row in csv_rows}
    assert {a.identifier for a in database} == set(by_number)
    ratios = []
    for annotation in database[::20]:
        row = by_number[annotation.identifier]
        assert annotation.ratings == {name: int(row[name]) for name in RATINGS}
        assert annotation.scan.slice_spacing_mm == pytest.approx(float(row["slice_spacing_mm"]), abs=1e-4)
        mask = annotation_mask(annotation)
        volume = sitk.GetArrayViewFromImage(mask).sum() * np.prod(mask.GetSpacing())
        ratios.append(volume / float(row["volume_mm3"]))
    # The table's volumes reach to the outline, ours end inside of it, as the reading protocol says.
    assert 0.7 < np.median(ratios) < 0.9
    assert max(ratios) < 1.05


@pytest.mark.slow
def test_grouping_agrees_with_the_table(csv_rows, database):
    from sklearn.metrics import adjusted_rand_score

    theirs = {int(row["annotation"]): f"{row['scan']}/{row['nodule']}" for row in csv_rows}
    own = [f"{a.scan.identifier}/{a.nodule}" for a in database]
    assert adjusted_rand_score([theirs[a.identifier] for a in database], own) > 0.99
