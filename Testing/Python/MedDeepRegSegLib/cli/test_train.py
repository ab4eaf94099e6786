import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import MedDeepRegSegLib
from MedDeepRegSegLib.cli.main import main
from MedDeepRegSegLib.datasets.phantoms import write_phantom_dataset
from MedDeepRegSegLib.models.segmenter_folder import load_segmenter

TINY = ["--steps-per-epoch", "2", "--batch", "1", "--patch", "16,16,16", "--spacing", "8"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_phantom_dataset(tmp_path_factory.mktemp("heads") / "data", cases=3, spacing_mm=8.0, validation=0.3)


@pytest.mark.slow
def test_from_a_dataset_to_a_segmentation(dataset, tmp_path, capsys):
    """The path of a user: train, predict with it, evaluate it."""
    model = tmp_path / "model"
    assert main(["train", str(dataset), "--out", str(model), "--epochs", "1", *TINY, "--in-process"]) == 0
    text = capsys.readouterr().out
    assert "mean Dice on the validation cases" in text
    assert "white matter" in text
    assert f"wrote {model}" in text
    image = next((dataset.parent / "images").glob("*.nii.gz"))
    found = tmp_path / "found.seg.nrrd"
    assert main(["predict", str(model), str(image), "--out", str(found), "--in-process", "--quiet"]) == 0
    assert found.exists()
    words = [
        "evaluate",
        str(model),
        str(dataset),
        "--role",
        "validation",
        "--out",
        str(tmp_path / "report"),
        "--in-process",
    ]
    assert main([*words, "--json"]) == 0
    assert (tmp_path / "report" / "report.html").exists()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent by a signal that Windows has not")
def test_ctrl_c_saves_and_resume_goes_on(dataset, tmp_path):
    model = tmp_path / "model"
    environment = os.environ | {"PYTHONPATH": str(Path(MedDeepRegSegLib.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "MedDeepRegSegLib.cli", "train", str(dataset), "--out", str(model), "--quiet"]
    process = subprocess.Popen(
        [*command, "--epochs", "20", "--patience", "0", *TINY], env=environment, stderr=subprocess.PIPE, text=True
    )
    log = model / "run" / "validation.csv"
    end = time.monotonic() + 120
    while time.monotonic() < end and not (log.exists() and len(log.read_text().splitlines()) > 1):
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "was saved, and resume goes on with it" in told
    assert not (model / "model.json").exists()
    assert main(["train", str(dataset), "--out", str(model), "--resume", "--in-process", "--quiet"]) == 0
    assert load_segmenter(model).description.training.steps == 40


def test_bad_options_are_one_line(dataset, tmp_path, capsys):
    out = ["--out", str(tmp_path / "model"), "--in-process", "--quiet"]
    for words, told in (
        (["--patch", "16,16"], "is not a size"),
        (["--spacing", "1,2"], "is not a size of voxels"),
        (["--patch", "15,15,15"], "expected multiples of"),
        (["--network", "growing", "--epochs", "3"], "--epochs is not for the network growing"),
        (["--network", "growing", "--scratch"], "--scratch is not for the network growing"),
        (["--network", "masked", "--epochs", "3"], "--epochs is not for the network masked"),
        (["--network", "masked", "--learning-rate", "1e-3"], "--learning-rate is not for the network masked"),
        (["--network", "masked", "--resume"], "no run to go on with"),
        (["--augmentation", "nothing"], "nothing"),
        (["--resume"], "no run to go on with"),
    ):
        assert main(["train", str(dataset), *words, *out]) == 2, words
        error = capsys.readouterr().err
        assert told in error
        assert len(error.strip().splitlines()) == 1
    assert main(["train", str(tmp_path / "gone.json"), *out]) == 2
    assert not (tmp_path / "model").exists()


def test_growing_is_another_job(dataset, tmp_path, capsys):
    words = ["train", str(dataset), "--network", "growing", "--minutes", "1", "--start", str(tmp_path), "--in-process"]
    assert main([*words, "--out", str(tmp_path / "model"), "--quiet"]) == 2
    assert "model.json is missing" in capsys.readouterr().err


@pytest.mark.slow
def test_an_encoder_is_trained_without_labels(dataset, tmp_path, capsys):
    from tiny_networks import write_tiny_encoder

    out, start = tmp_path / "encoder", write_tiny_encoder(tmp_path / "start")
    words = ["train", str(dataset), "--network", "masked", "--start", str(start), "--out", str(out), "--in-process"]
    assert main([*words, "--minutes", "0.001"]) == 0
    text = capsys.readouterr().out
    assert "error of hidden blocks" in text
    assert f"begin from it by 'meddeep train DATASET.json --start {out} --out MODEL_DIR'" in text
    assert (out / "model.json").is_file()
    assert (out / "run" / "log.csv").is_file()


def test_what_the_networks_would_cost(dataset, capsys):
    assert main(["train", str(dataset), "--compare", "--in-process"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["network", "encoder", "unet", "segresnet", "dynunet", "custom"]
    assert "1,325,543" in lines[1]
    assert main(["train", str(dataset), "--quiet"]) == 2
    assert "--out --compare is required" in capsys.readouterr().err
