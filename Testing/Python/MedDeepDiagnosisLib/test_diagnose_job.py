"""From one case to a prediction and a report."""

import json
import re
import struct
import time
from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk

import MedDeepDiagnosisLib.jobs  # noqa: F401  # adds the job kinds
from MedDeepDiagnosisLib import diagnose_job
from MedDeepDiagnosisLib.assessing import assess
from MedDeepDiagnosisLib.fitting import fit_model
from MedDeepDiagnosisLib.lesion import Lesion
from MedDeepDiagnosisLib.models.model_folder import write_model
from MedDeepDiagnosisLib.models.prediction import Prediction
from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.child import ChildJob
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.jobs.schema import from_json
from MedDeepRegSegLib.segmentation.segmentation_file import write_segmentation
from MedDeepRegSegLib.segmentation.segments import Segment

ROW = "case,size,ratio,edge,kind\nLesion <7>,8,0.2,Blurred,1\n"


@pytest.fixture
def model_folder(toy_model, tmp_path):
    write_model(toy_model, "card", tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def row(tmp_path):
    path = tmp_path / "row.csv"
    path.write_text(ROW)
    return path


@pytest.fixture(scope="module")
def measuring_model(pathology, toy_table):
    """The toy model, whose size is measured by the extension."""
    size = replace(pathology.features[0], measurement="equivalent_diameter_mm")
    measuring = replace(pathology, features=(size, *pathology.features[1:]))
    return fit_model(toy_table, measuring, data_sha256="0" * 64, draws=20, bootstrap_repeats=20)[0]


@pytest.fixture
def lesion_files(tmp_path):
    """A ball of 5 mm radius in noise, and its segmentation with one more segment."""
    size, spacing = (48, 40, 20), (1.0, 1.0, 2.0)
    z, y, x = np.mgrid[0 : size[2], 0 : size[1], 0 : size[0]]
    inside = ((x - 20) ** 2 + (y - 18) ** 2 + (2.0 * (z - 9)) ** 2) <= 25
    voxels = np.where(inside, 40, -850) + np.random.default_rng(0).normal(0, 10, inside.shape)
    labels = np.where(inside, 1, 0).astype(np.uint8)
    labels[0, 0, :5] = 2
    paths = []
    for array, name in ((voxels.astype(np.int16), "ct.nii.gz"), (labels, "lesion.seg.nrrd")):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(spacing)
        if name.endswith("seg.nrrd"):
            segments = (Segment(1, "nodule", (0.9, 0.3, 0.2)), Segment(2, "other", (0.2, 0.3, 0.9)))
            write_segmentation(image, segments, tmp_path / name)
        else:
            sitk.WriteImage(image, str(tmp_path / name))
        paths.append(tmp_path / name)
    return paths


def read_prediction(path):
    """The fields of the prediction alone; the file has values, measurements and codes too."""
    data = json.loads(path.read_text(encoding="utf-8"))
    return from_json(Prediction, {field.name: data[field.name] for field in fields(Prediction)})


def test_table_gives_prediction_and_report(model_folder, row, tmp_path):
    seen = []
    request = diagnose_job.Request(model_folder, row, tmp_path / "out")
    result = diagnose_job.run(request, progress=lambda fraction, message: seen.append(fraction))
    prediction = read_prediction(result.prediction)
    assert prediction.probability == result.probability
    assert prediction.case == "Lesion <7>"
    assert seen[-1] == 1.0
    page = result.report.read_text(encoding="utf-8")
    assert "Lesion &lt;7&gt;" in page
    assert "<7>" not in page
    assert prediction.model_weights_sha256 in page
    assert any("not a diagnosis" in line for line in result.summary)
    names = ["measurements.csv", "prediction.json", "report.html"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    assert sorted(path.name for path in result.files) == names


def test_columns_that_no_feature_has_are_pointed_out(model_folder, tmp_path):
    table = tmp_path / "case.csv"
    table.write_text("case,size,ratio,edge,kind,Edges\nLesion,8,0.2,Blurred,1,Sharp\n")
    result = diagnose_job.run(diagnose_job.Request(model_folder, table, tmp_path / "out"))
    assert any("no features: Edges (did you mean edge?)" in line for line in result.summary)
    assert result.not_counted == ("Edges",)


def test_case_and_spaces_in_names_of_columns_make_no_difference(model_folder, row, tmp_path):
    table = tmp_path / "case.csv"
    table.write_text("Case, SIZE ,Ratio,Edge,KIND\nLesion <7>,8,0.2,Blurred,1\n")
    result = diagnose_job.run(diagnose_job.Request(model_folder, table, tmp_path / "out"))
    plain = diagnose_job.run(diagnose_job.Request(model_folder, row, tmp_path / "plain"))
    assert (result.probability, result.not_counted) == (plain.probability, ())
    nodule = tmp_path / "nodule.csv"
    nodule.write_text("Equivalent diameter mm,Margin,Known Cancer\n12,Sharp,yes\n")
    result = diagnose_job.run(diagnose_job.Request(None, nodule, tmp_path / "nodule"))
    assert any("a primary cancer is known" in line for line in result.summary)
    table.write_text("size,edge,Edge\n8,Blurred,Sharp\n")
    with pytest.raises(InputError, match="the columns 'edge' and 'Edge' both mean edge, expected one"):
        diagnose_job.run(diagnose_job.Request(model_folder, table, tmp_path / "other"))


def test_a_segment_that_is_no_such_lesion_is_told(measuring_model, lesion_files, tmp_path):
    size = replace(measuring_model.pathology.features[0], maximum=5.0)
    pathology = replace(measuring_model.pathology, features=(size, *measuring_model.pathology.features[1:]))
    labels = sitk.ReadImage(str(lesion_files[1])) == 1
    lesion = Lesion(sitk.Cast(labels, sitk.sitkUInt8), Segment(1, "liver", (1.0, 0.0, 0.0)))
    narrow = SimpleNamespace(pathology=pathology, variants={})
    with pytest.raises(InputError) as told:
        assess(narrow, {}, lesion=lesion)
    said = str(told.value)
    assert re.match(
        r"size is \d+(\.\d\d?)?, expected 0\.5 to 5 mm: the segment 'liver' is too large for this model", said
    )
    assert "--segment NAME" in said


def test_facts_may_be_given_beside_the_row(row, tmp_path):
    nodule = tmp_path / "nodule.csv"
    nodule.write_text("case,equivalent_diameter_mm,age\nN,12,61\n")
    request = diagnose_job.Request(None, nodule, tmp_path / "out", facts=(("known_cancer", "yes"),))
    result = diagnose_job.run(request)
    assert result.abstains
    assert any("not for this patient: a primary cancer is known" in line for line in result.summary)
    for facts, message in (((("cancer", "yes"),), "'cancer' is no fact"), ((("age", "50"),), "'age' is given twice")):
        with pytest.raises(InputError, match=message):
            diagnose_job.run(replace(request, facts=facts))


def test_further_files_are_written_on_request(model_folder, row, tmp_path):
    pytest.importorskip("reportlab")
    result = diagnose_job.run(diagnose_job.Request(model_folder, row, tmp_path / "out", formats=("pdf",)))
    assert (tmp_path / "out" / "report.pdf").read_bytes().startswith(b"%PDF")
    assert tmp_path / "out" / "report.pdf" in result.files
    for formats, message in ((("docx",), "'docx' is not known"), (("sr",), "expected the folder of one DICOM series")):
        request = diagnose_job.Request(model_folder, row, tmp_path / "other", formats=formats)
        with pytest.raises(InputError, match=message):
            diagnose_job.run(request)
    assert not (tmp_path / "other").exists()


def test_child_process_gives_the_same(model_folder, row, tmp_path):
    request = diagnose_job.Request(model_folder, row, tmp_path / "child")
    job = ChildJob("diagnose", request, tmp_path / "job", module="MedDeepDiagnosisLib.jobs")
    job.start()
    deadline = time.monotonic() + 60
    while job.state in ("starting", "running") and time.monotonic() < deadline:
        time.sleep(0.05)
    result = job.result
    own = diagnose_job.run(replace(request, out=tmp_path / "own"))
    assert (result.probability, result.low, result.high) == (own.probability, own.low, own.high)
    assert result.prediction.read_text(encoding="utf-8") == own.prediction.read_text(encoding="utf-8")


def test_segmentation_gives_size_and_pictures(measuring_model, lesion_files, tmp_path):
    write_model(measuring_model, "card", tmp_path / "model")
    image, segmentation = lesion_files
    request = diagnose_job.Request(tmp_path / "model", None, tmp_path / "out", image, segmentation, "nodule")
    result = diagnose_job.run(request)
    page = result.report.read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 3
    assert "measured on the segmentation" in page
    prediction = read_prediction(result.prediction)
    size = next(part for part in prediction.contributions if part.feature == "size")
    assert float(size.value.split()[0]) == pytest.approx(10, rel=0.05)


def test_table_and_segmentation_that_disagree_are_pointed_out(measuring_model, lesion_files, row, tmp_path):
    write_model(measuring_model, "card", tmp_path / "model")
    request = diagnose_job.Request(tmp_path / "model", row, tmp_path / "out", None, lesion_files[1], "nodule")
    result = diagnose_job.run(request)
    assert any("the table says 8 mm, the segmentation measures" in line for line in result.summary)


@pytest.mark.parametrize(
    ("shift", "message"),
    [
        (
            (500.0, 0.0, 0.0),
            r"^the segmentation lies outside the image: give the volume it was drawn on \(segment 'nodule' is around "
            r"R -20, A -18, S 18 mm, the image spans R -548 to -500, A -40 to 0, S -1 to 39 mm\)$",
        ),
        ((20.0, 0.0, 0.0), r"^29 % of the segmentation lies outside the image"),
    ],
)
def test_a_lesion_outside_of_the_image_is_refused(measuring_model, lesion_files, tmp_path, shift, message):
    write_model(measuring_model, "card", tmp_path / "model")
    image = sitk.ReadImage(str(lesion_files[0]))
    image.SetOrigin(shift)
    sitk.WriteImage(image, str(tmp_path / "other.nrrd"))
    request = diagnose_job.Request(
        tmp_path / "model", None, tmp_path / "out", tmp_path / "other.nrrd", lesion_files[1], "nodule"
    )
    with pytest.raises(InputError, match=message):
        diagnose_job.run(request)
    assert not (tmp_path / "out").exists()


def test_a_lesion_at_the_border_of_the_image_is_assessed(measuring_model):
    labels = sitk.GetImageFromArray(np.ones((6, 6, 6), np.uint8))
    image = sitk.GetImageFromArray(np.random.default_rng(0).normal(size=(6, 6, 6)))
    lesion = Lesion(labels, Segment(1, "nodule", (1.0, 0.0, 0.0)), image)
    assert assess(measuring_model, {}, lesion=lesion).prediction.contributions


def test_conflicting_orientations_of_the_image_are_a_caution(measuring_model, lesion_files, tmp_path):
    write_model(measuring_model, "card", tmp_path / "model")
    path = tmp_path / "ct.nii"
    sitk.WriteImage(sitk.ReadImage(str(lesion_files[0])), str(path))
    header = bytearray(path.read_bytes())
    struct.pack_into("<hh", header, 252, 1, 1)
    struct.pack_into("<f", header, 268, struct.unpack_from("<f", header, 268)[0] + 40)  # the qform's origin alone
    path.write_bytes(header)
    request = diagnose_job.Request(tmp_path / "model", None, tmp_path / "out", path, lesion_files[1], "nodule")
    result = diagnose_job.run(request)
    remark = "ct.nii has two orientations that differ"
    assert any(line.startswith(f"Caution: {remark}") for line in result.summary)
    assert remark in result.report.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size,edge\n-4,Sharp\n", r"size is -4, expected 0\.5 to 200 mm"),
        ("size,edge\n8,Fuzzy\n", "edge is 'Fuzzy'"),
        ("edge\nSharp\n", "size is missing"),
        ("size\n8\n9\n", "has 2 rows"),
    ],
)
def test_bad_tables_are_refused_and_nothing_is_written(model_folder, tmp_path, text, message):
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        diagnose_job.run(diagnose_job.Request(model_folder, tmp_path / "bad.csv", tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_missing_parts_are_refused(model_folder, row, lesion_files, tmp_path):
    out = tmp_path / "out"
    cases = {
        "nothing to assess": diagnose_job.Request(model_folder, None, out),
        "not a model folder": diagnose_job.Request(tmp_path / "absent", row, out),
        "named without a segmentation": diagnose_job.Request(model_folder, row, out, segment="nodule"),
        "has 2 segments": diagnose_job.Request(model_folder, row, out, segmentation=lesion_files[1]),
        "0 segments called 'tumor'": diagnose_job.Request(
            model_folder, row, out, segmentation=lesion_files[1], segment="tumor"
        ),
    }
    for message, request in cases.items():
        with pytest.raises(InputError, match=message):
            diagnose_job.run(request)


def test_cancel_writes_nothing(model_folder, row, tmp_path):
    token = CancelToken()
    request = diagnose_job.Request(model_folder, row, tmp_path / "out")
    with pytest.raises(Canceled):
        diagnose_job.run(request, progress=lambda f, m: token.cancel() if f > 0.85 else None, cancel=token)
    assert not (tmp_path / "out").exists()


def test_a_case_of_a_case_base_and_which_values_it_had(model_folder, pathology, tmp_path):
    pytest.importorskip("sqlalchemy", reason="SQLAlchemy holds the case base")
    from MedDeepDiagnosisLib.casebase import open_case_base
    from MedDeepDiagnosisLib.casebase.records import ImportOptions

    db, hashes = tmp_path / "cases.sqlite", []
    for number, size in enumerate(("8", "9", "9")):
        with open_case_base(db) as base:
            options = ImportOptions(on_conflict="update")
            base.import_rows([{"patient": "Doe", "case": "C1", "size": size, "edge": "2"}], pathology, options=options)
        out = tmp_path / str(number)
        result = diagnose_job.run(diagnose_job.Request(model_folder, None, out, db=str(db), case="C1"))
        page = result.report.read_text(encoding="utf-8")
        assert str(tmp_path) not in page
        hashes.append(page.partition("Values of the case base")[2].partition("Model model.json")[0])
    assert hashes[0] != hashes[1] == hashes[2] != ""
