"""From annotations to a model folder."""

import json
from dataclasses import replace

import numpy as np
import pytest

from MedDeepDiagnosisLib import fit_job
from MedDeepDiagnosisLib.cases import write_table
from MedDeepDiagnosisLib.lidc import read_annotations
from MedDeepDiagnosisLib.models.model_folder import read_model
from MedDeepDiagnosisLib.models.prediction import predict_case
from MedDeepDiagnosisLib.nodule_table import nodule_table
from MedDeepDiagnosisLib.pathology import load_pathology
from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.outputs import write_json
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.jobs.schema import to_json

FEW = ("equivalent_diameter_mm", "spiculation")


@pytest.fixture
def small_pathology(tmp_path):
    """The lung nodule with two features, so that few patients suffice."""
    nodule = load_pathology("lung_nodule")
    features = tuple(feature for feature in nodule.features if feature.name in FEW)
    write_json(tmp_path / "small.json", to_json(replace(nodule, features=features)))
    return tmp_path / "small.json"


@pytest.fixture
def annotations(lidc_writer):
    """Sixty patients: large, spiculated nodules tend to be suspicious. One more is kept back."""
    generator = np.random.default_rng(0)
    for number in range(1, 61):
        radius = generator.uniform(3, 9)
        spiculation = int(generator.integers(1, 6))
        suspicious = radius + spiculation + generator.normal(0, 1.5) > 9
        scan = lidc_writer.add_scan(f"LIDC-IDRI-{number:04d}")
        rating = 5 if suspicious else 1
        lidc_writer.add_ball(scan, radius_mm=radius, spiculation=spiculation, malignancy=rating)
        lidc_writer.add_ball(scan, radius_mm=radius, center=(200, 200, 20), malignancy=3)
    lidc_writer.add_ball(lidc_writer.add_scan("LIDC-IDRI-0900"), radius_mm=6)
    return lidc_writer.path


def test_fit_writes_a_model_that_predicts(annotations, small_pathology, tmp_path):
    seen = []
    request = fit_job.Request(
        str(small_pathology), annotations, tmp_path / "model", exclude_patients=("LIDC-IDRI-0001",)
    )
    result = fit_job.run(request, progress=lambda fraction, message: seen.append(fraction))
    assert (result.cases, result.patients) == (59, 59), (
        "kept back, excluded and indeterminate ones are not learned from"
    )
    assert result.auc["measured_and_rated"] > 0.8
    assert result.auc["no_information"] < 0.65
    assert seen == sorted(seen)
    model = read_model(result.model)
    assert model.description.training.excluded_patients == ("LIDC-IDRI-0001",)
    assert "kept back" in model.description.training.notes[0]
    large = predict_case(model, {"equivalent_diameter_mm": 15, "spiculation": "Marked"})
    small = predict_case(model, {"equivalent_diameter_mm": 7, "spiculation": "None"})
    assert large.probability > 0.7
    assert small.probability < 0.3
    json.dumps(to_json(result), allow_nan=False)


def test_same_seed_same_files(annotations, small_pathology, tmp_path):
    for name in ("one", "two"):
        fit_job.run(fit_job.Request(str(small_pathology), annotations, tmp_path / name, seed=3))
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_sizes_are_the_extensions_own_measurements(lidc_writer):
    """The table of the readers and a segmentation measured in the extension must mean the same."""
    from MedDeepDiagnosisLib.lidc import annotation_mask
    from MedDeepDiagnosisLib.measuring import measured_features
    from MedDeepRegSegLib.segmentation.measurements import measure
    from MedDeepRegSegLib.segmentation.segments import Segment

    scan = lidc_writer.add_scan("LIDC-IDRI-0001")
    lidc_writer.add_ball(scan, radius_mm=8)
    annotation = read_annotations(lidc_writer.path)[0]
    pathology = load_pathology("lung_nodule")
    table = nodule_table((annotation,), pathology)
    segment = Segment(1, "nodule", (1.0, 0.0, 0.0))
    labels = annotation_mask(annotation)
    own = measured_features(labels, segment, pathology)
    for name, value in own.items():
        assert table.select([name])[0, 0] == pytest.approx(value)
    (measured,) = measure(labels, (segment,))
    values = {m.name: m.value for m in measured.measurements}
    for feature in pathology.features_of("measured"):
        assert own[feature.name] == pytest.approx(values[feature.measurement])
    assert own["equivalent_diameter_mm"] == pytest.approx(16, rel=0.06)


def test_kept_back_patients_in_a_table_are_refused(pathology, toy_table, tmp_path):
    names = toy_table.patients.astype("<U20")
    names[:3] = "LIDC-IDRI-0812"
    write_table(replace(toy_table, patients=names), pathology, tmp_path / "cases.csv")
    write_json(tmp_path / "toy.json", to_json(pathology))
    request = fit_job.Request(str(tmp_path / "toy.json"), tmp_path / "cases.csv", tmp_path / "model")
    with pytest.raises(InputError, match="LIDC-IDRI-0812, who is kept back"):
        fit_job.run(request)
    assert not (tmp_path / "model").exists()


def test_any_pathology_learns_from_a_table(pathology, toy_table, tmp_path):
    write_table(toy_table, pathology, tmp_path / "cases.csv")
    write_json(tmp_path / "toy.json", to_json(pathology))
    result = fit_job.run(fit_job.Request(str(tmp_path / "toy.json"), tmp_path / "cases.csv", tmp_path / "model"))
    assert result.auc["all"] > 0.75
    assert read_model(tmp_path / "model").pathology == pathology


def test_annotations_serve_the_lung_nodule_only(pathology, annotations, tmp_path):
    write_json(tmp_path / "toy.json", to_json(pathology))
    with pytest.raises(InputError, match="expected pathology lung_nodule"):
        fit_job.run(fit_job.Request(str(tmp_path / "toy.json"), annotations, tmp_path / "model"))


def test_too_few_patients_are_refused(annotations, tmp_path):
    with pytest.raises(InputError, match="collect more cases"):
        fit_job.run(fit_job.Request("lung_nodule", annotations, tmp_path / "model"))


def test_cancel_writes_nothing(annotations, small_pathology, tmp_path):
    token = CancelToken()

    def cancel_late(fraction, message):
        if fraction > 0.6:
            token.cancel()

    request = fit_job.Request(str(small_pathology), annotations, tmp_path / "model")
    with pytest.raises(Canceled):
        fit_job.run(request, progress=cancel_late, cancel=token)
    assert not (tmp_path / "model").exists()
