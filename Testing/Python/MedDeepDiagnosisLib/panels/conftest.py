"""The headless host, a lesion in its scene, and a made-up condition that needs no measurement."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from Host.fixtures import dialogs_shown, module, pip_calls_made, slicer_host, slicer_scene  # noqa: F401 (fixtures)

from MedDeepRegSegLib.jobs.schema import to_json
from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image
from MedDeepRegSegLib.segmentation.segments import Segment


@pytest.fixture
def lesion(slicer_scene):  # noqa: F811
    """A ball of 12 mm diameter in a segmentation node."""
    s, p, left = np.indices((40, 40, 40)) - 19.5
    mask = sitk.GetImageFromArray((s**2 + p**2 + left**2 <= 6.0**2).astype(np.uint8))
    return segmentation_from_image(mask, [Segment(1, "Nodule", (1.0, 0.5, 0.2))], "Lesions")


@pytest.fixture
def cases_file(toy_rows, tmp_path):
    """The toy cases as a CSV table."""
    path = tmp_path / "toy cases.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(toy_rows[0]))
        writer.writeheader()
        writer.writerows(toy_rows)
    return path


@pytest.fixture
def stroke_like(pathology, tmp_path):
    """The toy pathology as a file, with an age and a second target, a number."""
    age = replace(
        pathology.features[1], name="age", title="Age", units="years", group="clinical", minimum=18, maximum=99
    )
    score = replace(pathology.target, name="score", title="Score", kind="number", units="points", minimum=0, maximum=42)
    variants = (pathology.variants[0],)
    described = replace(
        pathology, features=(*pathology.features, age), targets=(*pathology.targets, score), variants=variants
    )
    path = tmp_path / "stroke.json"
    path.write_text(json.dumps(to_json(described)), encoding="utf-8")
    return described, path
