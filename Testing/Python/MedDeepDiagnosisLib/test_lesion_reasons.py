"""A model that learned from images of lesions sees that of a case, and says which part of it speaks."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepDiagnosisLib import lesion_reasons
from MedDeepDiagnosisLib.assessing import assess
from MedDeepDiagnosisLib.casebase.doors import LESION_NOTE
from MedDeepDiagnosisLib.casebase.lesion_features import lesion_features
from MedDeepDiagnosisLib.casebase.records import DeepFeature
from MedDeepDiagnosisLib.fitting import fit_model
from MedDeepDiagnosisLib.lesion import Lesion
from MedDeepRegSegLib.segmentation.segments import Segment

pytest.importorskip("torch")

SEGMENT = Segment(1, "lesion", (1.0, 0.0, 0.0))
ROW = {"size": 7.0, "ratio": 0.0, "edge": 2, "kind": 1}


@pytest.fixture(scope="module")
def lesion():
    """A ball of 8 mm radius in noise."""
    z, y, x = np.mgrid[:32, :32, :32]
    inside = (x - 16) ** 2 + (y - 16) ** 2 + (z - 16) ** 2 <= 64
    voxels = np.where(inside, 60, 0) + np.random.default_rng(0).normal(0, 8, inside.shape)
    image = sitk.GetImageFromArray(voxels.astype(np.float32))
    return Lesion(sitk.GetImageFromArray(inside.astype(np.uint8)), SEGMENT, image)


@pytest.fixture(scope="module")
def seen(lesion):
    """What the encoder that ships sees of it."""
    return lesion_features(lesion.image, lesion.labels, SEGMENT)


@pytest.fixture(scope="module")
def model(pathology, toy_table, seen):
    """Cases whose lesions look like that one where the outcome is present, and otherwise where it is absent."""
    table = toy_table.rows(np.arange(0, len(toy_table), 3))
    generator = np.random.default_rng(0)
    deep = seen.vector + np.where(table.target[:, None] > 0, 0.0, 0.4) + 0.1 * generator.normal(size=(len(table), 96))
    return fit_model(
        replace(table, lesion=deep),
        pathology,
        data_sha256="0" * 64,
        learners=("network",),
        notes=(f"{LESION_NOTE}{seen.model}",),
        draws=2,
        bootstrap_repeats=2,
    )[0]


@pytest.mark.slow
def test_the_image_counts_and_its_parts_are_shown(model, lesion):
    assessed = assess(model, dict(ROW), lesion=lesion)
    blind = assess(model, dict(ROW), lesion=replace(lesion, image=None))
    assert assessed.prediction.probability > max(0.8, blind.prediction.probability)
    assert any("none is given" in caution for caution in blind.prediction.cautions)
    titles = [section.title for section in assessed.sections]
    assert "Which part of the lesion" in titles
    assert "Which part of the lesion" not in [section.title for section in blind.sections]


@pytest.mark.slow
def test_features_of_another_encoder_do_not_count(model, lesion, seen, monkeypatch):
    monkeypatch.setattr(lesion_reasons, "lesion_features", lambda *_a, **_o: DeepFeature("another", seen.vector))
    other = assess(model, dict(ROW), lesion=lesion)
    assert any("did not count" in caution and "another" in caution for caution in other.prediction.cautions)
    blind = assess(model, dict(ROW), lesion=replace(lesion, image=None))
    assert other.prediction.probability == blind.prediction.probability
