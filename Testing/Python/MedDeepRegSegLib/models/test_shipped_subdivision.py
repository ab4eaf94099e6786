"""The subdivision network that ships: whole, small enough, with its worth on its card, and at work on a real head."""

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.models.model_card import model_card
from MedDeepRegSegLib.models.subdivision_loader import SHIPPED, load_subdivision, subdivision_folder
from MedDeepRegSegLib.segmentation.segments import TISSUE
from MedDeepRegSegLib.segmentation.subdivision import part_segments, subdivide
from MedDeepRegSegLib.synthesis.parts import BRAIN_PARTS

WANTED = (
    "white matter",
    "cortex",
    "ventricle",
    "thalamus",
    "caudate",
    "putamen",
    "pallidus",
    "hippocampus",
    "amygdala",
)


@pytest.fixture(scope="module")
def shipped():
    return load_subdivision("brain")


def test_its_weights_are_small():
    for name in SHIPPED:
        assert (subdivision_folder(name) / "model.safetensors").stat().st_size <= 4_000_000


def test_its_card_is_that_of_the_model_and_tells_its_worth(shipped):
    card = (subdivision_folder("brain") / "MODEL_CARD.md").read_text(encoding="utf-8")
    description = shipped.description
    assert card == model_card(description)
    assert description.training.steps > 0
    assert description.metrics
    assert all(metric.dataset and metric.command for metric in description.metrics)


def test_it_names_the_parts_of_the_brain_on_both_sides(shipped):
    assert shipped.description.labels == tuple(part.name for part in BRAIN_PARTS)
    segments = part_segments(shipped)
    names = [segment.name.lower() for segment in segments]
    for side in ("left", "right"):
        assert all(any(name.startswith(side) and wanted in name for name in names) for wanted in WANTED)
    assert "brainstem" in names
    assert all(segment.terminology != TISSUE for segment in segments)


@pytest.mark.slow
@pytest.mark.parametrize("letters", ["LPS", "RIP"])
def test_it_divides_a_real_brain(shared_data, shipped, letters):
    image = sitk.ReadImage(str(shared_data / "03_ct_mr_template_pair" / "betsct1_unsmooth.nii.gz"))
    image = sitk.DICOMOrient(image, letters)
    labels, segments = subdivide(image, shipped)
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(labels)
    volumes = {segment.name: shape.GetPhysicalSize(segment.value) / 1000 for segment in segments}
    centers = {segment.name: np.array(shape.GetCentroid(segment.value)) for segment in segments}
    for part, least, most in (
        ("thalamus", 4, 16),
        ("putamen", 2.5, 12),
        ("hippocampus", 2, 12),
        ("caudate nucleus", 2, 12),
    ):
        left, right = (volumes[f"{side} {part}"] for side in ("Left", "Right"))
        assert least < left < most
        assert least < right < most
        # LPS: x rises to the left.
        assert centers[f"Left {part}"][0] > centers[f"Right {part}"][0] + 10
    assert centers["Brainstem"][2] < centers["Left thalamus"][2]
    assert centers["Left amygdala"][1] < centers["Left hippocampus"][1]
