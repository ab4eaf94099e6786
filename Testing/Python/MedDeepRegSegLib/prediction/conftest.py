"""A stand-in for a trained model, and a small dataset whose truth it partly finds."""

from types import SimpleNamespace

import pytest
import SimpleITK as sitk
from blocks_segmenter import SEGMENTS, case_arrays, description, gray_network, image_of

from MedDeepRegSegLib.datasets.dataset import Case, Dataset, write_dataset


@pytest.fixture
def loaded():
    return SimpleNamespace(network=gray_network(), description=description(), device="cpu")


@pytest.fixture
def as_model(monkeypatch, loaded):
    """Make every model folder the stand-in."""
    folder = pytest.importorskip("MedDeepRegSegLib.models.segmenter_folder")
    monkeypatch.setattr(folder, "load_segmenter", lambda _folder, _device="cpu": loaded)
    return loaded


@pytest.fixture
def dataset_path(tmp_path):
    """Five cases of four patients; the image of case k shows the blocks k - 2 voxels too far to the left."""
    folder = tmp_path / "data"
    folder.mkdir()
    cases = []
    for number, role in enumerate(("training", "validation", "test", "test", "test")):
        labels, image = case_arrays(number, max(number - 2, 0))
        sitk.WriteImage(image_of(image), str(folder / f"image{number}.nrrd"))
        sitk.WriteImage(image_of(labels), str(folder / f"labels{number}.nrrd"))
        cases.append(
            Case(
                name=f"case{number}",
                patient=f"patient{min(number, 3)}",
                images=(folder / f"image{number}.nrrd",),
                labels=folder / f"labels{number}.nrrd",
                role=role,
            )
        )
    dataset = Dataset(name="blocks", channels=("CT",), classes=SEGMENTS, ignored_value=255, cases=tuple(cases))
    write_dataset(dataset, folder / "dataset.json")
    return folder / "dataset.json"
