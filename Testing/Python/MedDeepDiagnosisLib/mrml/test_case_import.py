"""A lesion of the scene becomes a case."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

slicer = pytest.importorskip("slicer")

from MedDeepDiagnosisLib.casebase import open_case_base  # noqa: E402  # only where there is a scene
from MedDeepDiagnosisLib.casebase.records import DeepFeature, ImportOptions  # noqa: E402
from MedDeepDiagnosisLib.measuring import measured_features  # noqa: E402
from MedDeepDiagnosisLib.mrml.case_import import store_case  # noqa: E402
from MedDeepRegSegLib.errors import InputError  # noqa: E402
from MedDeepRegSegLib.hashing import file_sha256  # noqa: E402
from MedDeepRegSegLib.mrml.scene import clear_scene, headless_scene  # noqa: E402
from MedDeepRegSegLib.mrml.segmentations import image_from_segmentation, segmentation_from_image  # noqa: E402
from MedDeepRegSegLib.mrml.volumes import volume_from_image  # noqa: E402
from MedDeepRegSegLib.segmentation.segments import Segment  # noqa: E402

FINDINGS = {"edge": "Sharp", "present": 1}


@pytest.fixture
def lesion(pathology):
    """Volume node, segmentation node with two segments, and the pathology whose size is measured."""
    headless_scene()
    clear_scene()
    values = np.full((24, 24, 24), -1000, np.int16)
    zyx = np.indices(values.shape) - 12
    ball = np.sqrt((zyx**2).sum(axis=0)) <= 6
    values[ball] = 40
    image = sitk.GetImageFromArray(values)
    image.SetOrigin((-10.0, 5.0, 3.0))
    labels = sitk.GetImageFromArray(ball.astype(np.uint8))
    labels.CopyInformation(image)
    labels[0, 0, 0] = 2
    volume = volume_from_image(image, "CT")
    segments = [Segment(1, "Nodule", (1.0, 0.0, 0.0)), Segment(2, "Other", (0.0, 1.0, 0.0))]
    segmentation = segmentation_from_image(labels, segments, "drawn", reference_volume=volume)
    size = replace(pathology.features[0], measurement="equivalent_diameter_mm")
    yield volume, segmentation, replace(pathology, features=(size, *pathology.features[1:]))
    clear_scene()


def nodule_of(segmentation):
    return segmentation.GetSegmentation().GetSegmentIdBySegmentName("Nodule")


def test_segment_volume_and_findings_are_stored(lesion, tmp_path):
    volume, segmentation, pathology = lesion
    path = tmp_path / "cases.sqlite"
    report = store_case(
        path,
        segmentation,
        nodule_of(segmentation),
        FINDINGS,
        pathology,
        patient="Doe",
        volume_node=volume,
        deep_features=[DeepFeature("enc", np.ones(3, np.float32))],
        who="me",
    )
    assert (report.new_cases, report.written) == (1, True)
    labels, (segment,) = image_from_segmentation(segmentation, segment_ids=[nodule_of(segmentation)])
    with open_case_base(path) as base:
        row = base.row("Doe/Nodule", pathology)
        assert row["size"] == measured_features(labels, segment, pathology)["size"] == pytest.approx(12, rel=0.05)
        assert (row["edge"], row["present"], row["kind"]) == (1.0, 1.0, None)
        assert row["patient"].startswith("P-")
        (stored,) = base.references("Doe/Nodule", "volumes")
        assert (stored["name"], stored["path"], stored["modality"]) == ("CT", "", "CT")
        assert "[-10.0, 5.0, 3.0]" in stored["geometry"]
        (drawn,) = base.references("Doe/Nodule", "segments")
        assert (drawn["name"], drawn["volume"], drawn["path"]) == ("Nodule", "CT", "")
        history = {entry.name: entry for entry in base.history("Doe/Nodule")}
        assert history["size"].how == "measured on segment 'Nodule'"
        assert (history["edge"].how, history["edge"].source, history["edge"].recorded_by) == ("form", "scene ", "me")
        assert len(base.deep_features(pathology, "enc")) == 1


def test_storing_again_changes_nothing_and_a_change_must_be_asked_for(lesion, tmp_path):
    volume, segmentation, pathology = lesion
    path = tmp_path / "cases.sqlite"

    def store(findings, **options):
        return store_case(
            path,
            segmentation,
            nodule_of(segmentation),
            findings,
            pathology,
            patient="Doe",
            volume_node=volume,
            **options,
        )

    store(FINDINGS)
    assert store(FINDINGS).unchanged_cases == 1
    with pytest.raises(InputError, match="edge 1 is stored, here it is 3"):
        store({"edge": "Blurred"})
    assert store({"edge": "Blurred"}, options=ImportOptions(on_conflict="update")).changed_values == 1


def test_a_volume_that_was_saved_is_stored_by_its_file_until_it_is_changed(lesion, tmp_path):
    volume, segmentation, pathology = lesion
    file = tmp_path / "ct.nrrd"
    storage = volume.CreateDefaultStorageNode()
    slicer.mrmlScene.AddNode(storage)
    storage.SetFileName(str(file))
    volume.SetAndObserveStorageNodeID(storage.GetID())
    assert storage.WriteData(volume)
    path = tmp_path / "cases.sqlite"
    options = {"patient": "Doe", "volume_node": volume}
    store_case(path, segmentation, nodule_of(segmentation), FINDINGS, pathology, **options)
    with open_case_base(path) as base:
        (stored,) = base.references("Doe/Nodule", "volumes")
    assert (stored["path"], stored["sha256"]) == (str(file), file_sha256(file))
    volume.SetSpacing(2, 2, 2)
    volume.GetImageData().Modified()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    with pytest.raises(InputError, match=r"CT file .* is stored"):
        store_case(path, segmentation, nodule_of(segmentation), FINDINGS, pathology, **options)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patient": " "}, "patient is not named"),
        ({"segment": ""}, "no segment is picked"),
        ({"findings": {"edgy": 1}}, "'edgy' is no feature or target of Toy lesion"),
        ({"findings": {"edge": 9}}, "edge is 9, expected one of"),
        ({"node": None}, "segmentation"),
    ],
)
def test_what_cannot_be_stored_makes_no_file(lesion, tmp_path, changes, message):
    volume, segmentation, pathology = lesion
    node = changes.get("node", segmentation)
    segment = changes.get("segment", nodule_of(segmentation))
    findings, patient = changes.get("findings", FINDINGS), changes.get("patient", "Doe")
    with pytest.raises(InputError, match=message):
        store_case(tmp_path / "c.sqlite", node, segment, findings, pathology, patient=patient, volume_node=volume)
    assert list(tmp_path.iterdir()) == []


def test_a_volume_elsewhere_is_refused(lesion, tmp_path):
    volume, segmentation, pathology = lesion
    volume.SetOrigin(900, 0, 0)
    with pytest.raises(InputError, match="outside the image"):
        store_case(
            tmp_path / "c.sqlite",
            segmentation,
            nodule_of(segmentation),
            FINDINGS,
            pathology,
            patient="Doe",
            volume_node=volume,
        )
