"""``meddeep features`` from end to end with a tiny encoder, as the user starts it."""

import argparse
import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk
from tiny_networks import write_tiny_encoder

from MedDeepRegSegLib.cli import features
from MedDeepRegSegLib.cli.main import main
from MedDeepRegSegLib.volumes.phantoms import head_phantom


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    """Folder with ct.nrrd, labels.nrrd and the model folder ``tiny``."""
    folder = tmp_path_factory.mktemp("head")
    phantom = head_phantom(3, spacing_mm=8.0, size=(24, 30, 28))
    sitk.WriteImage(phantom.ct, str(folder / "ct.nrrd"))
    sitk.WriteImage(phantom.labels, str(folder / "labels.nrrd"))
    write_tiny_encoder(folder / "tiny")
    return folder


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("MEDDEEP_CACHE", str(tmp_path / "cache"))


def request_of(*words):
    parser = argparse.ArgumentParser()
    features.COMMAND.add_parser(parser.add_subparsers())
    return features.COMMAND.request(parser.parse_args(["features", *map(str, words)]))


def test_options_arrive_in_the_request(head, tmp_path):
    plain = request_of(head / "ct.nrrd", "--out", tmp_path / "out")
    assert (plain.segmentation, plain.spacing_mm, plain.model) == (None, None, None)
    assert (plain.device, plain.backend, plain.seed, plain.save_dense) == ("auto", "auto", 0, True)
    options = ["--spacing", "2.5", "--backend", "torch", "--model", head / "tiny", "--no-dense", "--device", "cuda"]
    full = request_of(head / "ct.nrrd", head / "labels.nrrd", "--out", tmp_path / "out", *options, "--seed", "7")
    assert (full.image, full.segmentation) == (head / "ct.nrrd", head / "labels.nrrd")
    assert (full.spacing_mm, full.model, full.out) == (2.5, head / "tiny", tmp_path / "out")
    assert (full.device, full.backend, full.seed, full.save_dense) == ("cuda", "torch", 7, False)


def test_backends_are_those_that_compute():
    from MedDeepRegSegLib.features import backends

    assert features.BACKENDS == backends.BACKENDS


def test_an_image_and_its_segments(head, tmp_path, capsys):
    out = tmp_path / "out"
    words = [head / "ct.nrrd", head / "labels.nrrd", "--out", out, "--model", head / "tiny", "--device", "cpu"]
    assert main(["features", *map(str, words)]) == 0
    told = capsys.readouterr().out.splitlines()
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(head / "labels.nrrd")))
    count = len(np.unique(labels)) - 1
    assert "with tiny" in told[0]
    assert told[1] == f"features of {count} segments in features.csv"
    assert told[-1] == f"wrote {out}"
    names = {path.name for path in out.iterdir()}
    assert names >= {"colored.nrrd", "features.png", "local.nrrd", "context.nrrd", "features.csv"}
    image, colored = (sitk.ReadImage(str(path)) for path in (head / "ct.nrrd", out / "colored.nrrd"))
    assert colored.GetSize() == image.GetSize()
    np.testing.assert_allclose(colored.GetOrigin(), image.GetOrigin(), atol=1e-4)
    assert colored.GetNumberOfComponentsPerPixel() == 3
    assert sitk.ReadImage(str(out / "local.nrrd")).GetNumberOfComponentsPerPixel() == 16
    assert sitk.ReadImage(str(out / "context.nrrd")).GetNumberOfComponentsPerPixel() == 32
    with (out / "features.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == count


def test_less_is_written_where_less_is_wanted(head, tmp_path, capsys):
    out = tmp_path / "out"
    words = [
        head / "ct.nrrd",
        "--out",
        out,
        "--model",
        head / "tiny",
        "--device",
        "cpu",
        "--no-dense",
        "--spacing",
        "8",
    ]
    assert main(["features", *map(str, words), "--json", "--in-process"]) == 0
    result = json.loads(capsys.readouterr().out)["result"]
    assert result["spacing_mm"] == 8.0
    assert result["local"] is result["context"] is result["table"] is None
    assert {path.name for path in out.iterdir()} >= {"colored.nrrd", "features.png"}
    assert not {path.name for path in out.iterdir()} & {"local.nrrd", "context.nrrd", "features.csv"}


def test_a_gpu_is_refused_only_where_there_is_none(head, tmp_path, capsys, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    words = ["--out", tmp_path / "out", "--model", head / "tiny", "--device", "cuda", "--in-process"]
    assert main(["features", str(head / "ct.nrrd"), *map(str, words)]) == 2
    error = capsys.readouterr().err
    assert "GPU" in error
    assert "this command computes on the CPU" not in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("length", ["0", "-2", "nan", "inf", "two"])
def test_a_length_that_is_none_is_refused(head, tmp_path, capsys, length):
    assert main(["features", str(head / "ct.nrrd"), "--out", str(tmp_path / "out"), "--spacing", length]) == 2
    assert "expected a number of millimeters above 0" in capsys.readouterr().err


def test_help_says_which_commands_can_use_a_gpu(capsys):
    for command, told in (
        ("features", "NVIDIA GPU where there is one"),
        ("grow", "NVIDIA GPU where there is one"),
        ("measure", "this command computes on the CPU"),
    ):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        assert told in " ".join(capsys.readouterr().out.split())
