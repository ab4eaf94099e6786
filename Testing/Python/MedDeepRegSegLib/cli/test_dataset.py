import json

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.cli.main import main
from MedDeepRegSegLib.datasets.dataset import read_dataset
from MedDeepRegSegLib.datasets.phantoms import write_phantom_dataset


@pytest.fixture(scope="module")
def phantom_folder(tmp_path_factory):
    """Folder of three coarse heads."""
    return write_phantom_dataset(tmp_path_factory.mktemp("heads") / "data", cases=3, spacing_mm=8.0).parent


def test_the_command_writes_and_tells(phantom_folder, tmp_path, capsys):
    out = tmp_path / "d.json"
    assert main(["dataset", str(phantom_folder), "--out", str(out), "--validation", "0.5", "--in-process"]) == 0
    text = capsys.readouterr().out
    assert "3 cases of 3 patients: 1 training, 2 validation" in text
    assert "ventricles" in text
    assert len(read_dataset(out).cases) == 3
    assert main(["dataset", str(phantom_folder), "--out", str(out), "--json", "--in-process", "--seed", "3"]) == 0
    result = json.loads(capsys.readouterr().out)["result"]
    assert result["findings"] == []
    assert result["fingerprint"]["channels"][0]["modality"] == "MR"


@pytest.mark.parametrize("where", [("--in-process",), ()])
def test_the_checks_are_printed_before_a_split_is_refused(tmp_path, capfd, where):
    folder = tmp_path / "in"
    folder.mkdir()
    array = np.random.default_rng(0).normal(100, 10, (8, 9, 10))
    sitk.WriteImage(sitk.GetImageFromArray(array.astype(np.int16)), str(folder / "a.nii.gz"))
    sitk.WriteImage(sitk.GetImageFromArray((array > 105).astype(np.uint8)), str(folder / "a_seg.nii.gz"))
    words = ["dataset", str(folder), "--out", str(tmp_path / "d.json"), "--test", "0.2", *where]
    assert main(words) == 2
    *table, refusal = capfd.readouterr().err.strip().splitlines()
    assert "What was found" in table[1]
    assert any("--classes NAMES.json" in line for line in table)
    assert "1 patient has labels to draw from, expected at least 3" in refusal
    assert "--validation 0 --test 0" in refusal
    assert not (tmp_path / "d.json").exists()
    assert main([*words, "--quiet"]) == 2
    assert len(capfd.readouterr().err.strip().splitlines()) == 1
    assert main([*words, "--validation", "0", "--test", "0"]) == 0
    assert "1 case of 1 patient: 1 training\n" in capfd.readouterr().out


def test_bad_input_is_one_line(tmp_path, capsys):
    assert main(["dataset", str(tmp_path), "--out", str(tmp_path / "d.json"), "--in-process", "--quiet"]) == 2
    told = capsys.readouterr().err
    assert "is laid out in no known way" in told
    assert len(told.strip().splitlines()) == 1
    assert main(["dataset", str(tmp_path), "--out", str(tmp_path / "d.txt"), "--in-process", "--quiet"]) == 2
    assert main(["dataset", str(tmp_path / "gone"), "--out", str(tmp_path / "d.json"), "--quiet"]) == 2


def test_real_slabs_with_patterns(shared_data, tmp_path, capsys):
    folder = shared_data / "10_brain_t1_with_segmentation" / "ptbp_slab_subjects"
    words = ["dataset", str(folder), "--out", str(tmp_path / "slabs.json"), "--folds", "6", "--in-process", "--json"]
    words += ["--image-pattern", r"ilist(?P<case>.*)\.nii\.gz", "--label-pattern", r"slist(?P<case>.*)\.nii\.gz"]
    assert main(words) == 0
    result = json.loads(capsys.readouterr().out)["result"]
    assert result["cases"] == 6
    assert len(result["classes"]) == 4
    assert len(result["folds"]) == 6
    assert not [row for row in result["findings"] if row["severity"] == "error"]
