import json

import pytest

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
