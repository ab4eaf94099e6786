"""``meddeep predict``, ``evaluate`` and ``select`` from end to end with a tiny network, as the user starts them."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.cli.main import main
from MedDeepRegSegLib.datasets.dataset import Case, Dataset, write_dataset
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation

pytest.importorskip("torch")
pytest.importorskip("monai")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model folder ``tiny``, images, and ``dataset.json`` with two test cases and one that is not labeled."""
    from tiny_segmenter import TINY, write_tiny_segmenter

    folder = tmp_path_factory.mktemp("predict")
    _, description = write_tiny_segmenter(folder / "tiny", TINY["custom"])
    cases = []
    for number in range(3):
        image = sitk.GetImageFromArray(np.random.default_rng(number).normal(0, 100, (20, 22, 24)).astype(np.float32))
        image.SetSpacing((2.0, 1.5, 1.0))
        sitk.WriteImage(image, str(folder / f"image{number}.nrrd"))
        sitk.WriteImage(image > 120, str(folder / f"labels{number}.nrrd"))
        made = {"labels": folder / f"labels{number}.nrrd", "role": "test"} if number < 2 else {}
        cases.append(Case(name=f"c{number}", patient=f"p{number}", images=(folder / f"image{number}.nrrd",), **made))
    dataset = Dataset(name="noise", channels=("CT",), classes=description.classes, cases=tuple(cases))
    write_dataset(dataset, folder / "dataset.json")
    return folder


def run(*words):
    return main([*map(str, words), "--in-process", "--device", "cpu"])


def test_predict(folder, tmp_path, capsys):
    out, unsure = tmp_path / "out.seg.nrrd", tmp_path / "unsure.nrrd"
    words = ("predict", folder / "tiny", folder / "image0.nrrd", "--out", out, "--uncertainty", unsure)
    assert run(*words, "--json", "--quiet") == 0
    told = json.loads(capsys.readouterr().out)["result"]
    labels, segments = read_segmentation(out)
    assert [one.name for one in segments] == told["segments"]
    assert labels.GetSize() == (24, 22, 20)
    assert sitk.ReadImage(str(unsure)).GetPixelID() == sitk.sitkFloat32
    assert run(*words) == 0
    assert "wrote" in capsys.readouterr().out
    mirrored = tmp_path / "mirrored.seg.nrrd"
    assert run("predict", folder / "tiny", folder / "image0.nrrd", "--out", mirrored, "--mirrored", "--quiet") == 0
    assert mirrored.is_file()


def test_evaluate_and_select(folder, tmp_path, capsys):
    assert run("evaluate", folder / "tiny", folder / "dataset.json", "--out", tmp_path / "out", "--tolerance", "1") == 0
    assert "mean Dice" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"metrics.csv", "summary.json", "report.html"}
    assert json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))["tolerance_mm"] == 1
    assert run("select", folder / "tiny", folder / "dataset.json", "--count", "1", "--out", tmp_path / "next.csv") == 0
    assert "1. c2: uncertainty" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("predict", "{}/tiny", "{}/absent.nrrd", "--out", "{}/o.seg.nrrd"), "absent.nrrd does not exist"),
        (("predict", "{}/tiny", "{}/image0.nrrd", "--out", "{}/o.nii.gz"), ".seg.nrrd"),
        (("predict", "{}", "{}/image0.nrrd", "--out", "{}/o.seg.nrrd"), "is not a model folder"),
        (("predict", "{}/tiny", "{}/image0.nrrd", "{}/image1.nrrd", "--out", "{}/o.seg.nrrd"), "expected 1 (CT)"),
        (("evaluate", "{}/tiny", "{}/dataset.json", "--role", "validation", "--out", "{}/o"), "no validation cases"),
        (("evaluate", "{}/tiny", "{}/image0.nrrd", "--out", "{}/o"), "is not a dataset"),
        (("select", "{}/tiny", "{}/dataset.json", "--count", "0", "--out", "{}/o.csv"), "expected at least 1"),
    ],
)
def test_bad_input_is_one_line(folder, capsys, words, message):
    before = sorted(folder.iterdir())
    assert run(*(word.format(folder) for word in words), "--quiet") == 2
    told = capsys.readouterr().err.strip()
    assert message in told
    assert len(told.splitlines()) == 1
    assert sorted(folder.iterdir()) == before
