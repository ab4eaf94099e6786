"""Bundles: MONAI's own parser makes them work, MedDeep takes them back, and nothing else."""

import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from tiny_segmenter import TINY, write_tiny_segmenter

from MedDeepRegSegLib.cli.main import main
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.bundle_export import export_bundle
from MedDeepRegSegLib.models.bundle_import import import_bundle
from MedDeepRegSegLib.models.segmenter_folder import load_segmenter
from MedDeepRegSegLib.models.segmenter_input import ChannelScale, Preprocessing, prepare
from MedDeepRegSegLib.prediction.predict import predict

WINDOW = ChannelScale(method="window", low=-100.0, high=200.0, mean=20.0, deviation=80.0)
TWO = Preprocessing(spacing_mm=(1.5, 1.25, 1.0), channels=(WINDOW, ChannelScale(method="z-score")))


def monai_config(bundle):
    from monai.bundle import ConfigParser

    parser = ConfigParser()
    parser.read_config(bundle / "configs" / "inference.json")
    parser.read_meta(bundle / "configs" / "metadata.json")
    parser["bundle_root"] = str(bundle)
    parser["device"] = "$torch.device('cpu')"
    return parser


def write_case(folder):
    """Write two smooth images whose axes are turned and flipped."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    images = []
    for number in range(2):
        image = sitk.GetImageFromArray(rng.normal(30, 100, (24, 40, 36)).astype(np.float32))
        image = sitk.SmoothingRecursiveGaussian(image, 1.5) * 5
        image.SetSpacing((1.5, 1.25, 1.0))
        image.SetDirection((-1, 0, 0, 0, 1, 0, 0, 0, -1))
        image.SetOrigin((10.0, -20.0, 30.0))
        sitk.WriteImage(image, folder / f"image_{number}.nii.gz")
        images.append(image)
    return images


@pytest.mark.parametrize("name", ["unet", "segresnet", "dynunet", "custom"])
def test_monai_makes_the_same_of_a_bundle(tmp_path, name):
    """The network, its weights and the prepared images are those of MedDeep."""
    model, bundle = tmp_path / "model", tmp_path / "bundle"
    settings = replace(TINY[name], deep_supervision=0)
    write_tiny_segmenter(model, settings, preprocessing=TWO, channels=("CT", "MR"))
    export_bundle(model, bundle)
    images = write_case(bundle / "data" / "one")
    parser = monai_config(bundle)
    prepared = parser.get_parsed_content("preprocessing")(
        {key: str(bundle / "data" / "one" / f"{key}.nii.gz") for key in ("image_0", "image_1")}
    )["image"]
    expected = prepare(images, TWO).values
    assert prepared.shape == expected.shape
    assert np.abs(np.asarray(prepared) - expected).max() < 0.02
    parser.get_parsed_content("initialize")
    network = parser.get_parsed_content("network").eval()
    values = torch.rand(1, 2, 16, 32, 32)
    with torch.inference_mode():
        assert torch.equal(network(values), load_segmenter(model).network(values))


def test_monai_runs_a_bundle_to_the_end(tmp_path):
    model, bundle = tmp_path / "model", tmp_path / "bundle"
    write_tiny_segmenter(model, TINY["custom"], preprocessing=TWO, channels=("CT", "MR"))
    export_bundle(model, bundle)
    images = write_case(bundle / "data" / "one")
    parser = monai_config(bundle)
    parser.get_parsed_content("initialize")
    parser.get_parsed_content("run")
    (written,) = (bundle / "eval").rglob("*.nii.gz")
    labels = sitk.ReadImage(written)
    assert labels.GetSize() == images[0].GetSize()
    found = sitk.GetArrayFromImage(labels)
    assert set(np.unique(found)) <= {0, 1, 7}
    expected = sitk.GetArrayFromImage(predict(images, model).labels)
    assert (found == expected).mean() > 0.97


@pytest.mark.parametrize("name", list(TINY))
def test_there_and_back(tmp_path, name):
    _, description = write_tiny_segmenter(tmp_path / "model", TINY[name])
    how = ["--quiet"] if name == "unet" else ["--quiet", "--in-process"]  # a process of its own takes five seconds
    assert main(["bundle", str(tmp_path / "model"), "--out", str(tmp_path / "bundle"), *how]) == 0
    assert main(["bundle", "--import", str(tmp_path / "bundle"), "--out", str(tmp_path / "back"), *how]) == 0
    back = load_segmenter(tmp_path / "back")
    assert replace(back.description, weights_sha256="") == replace(description, weights_sha256="")
    values = torch.rand(1, 2, 16, 32, 32)
    with torch.inference_mode():
        assert torch.equal(back.network(values), load_segmenter(tmp_path / "model").network(values))


def test_the_encoder_names_what_it_needs(tmp_path):
    write_tiny_segmenter(tmp_path / "model")
    export_bundle(tmp_path / "model", tmp_path / "bundle")
    parser = monai_config(tmp_path / "bundle")
    assert "meddeep" in json.loads((tmp_path / "bundle/configs/metadata.json").read_text())["required_packages_version"]
    parser.get_parsed_content("initialize")
    assert type(parser.get_parsed_content("network")).__name__ == "EncoderSegmenter"
    assert {"LICENSE", "docs", "models", "configs"} == {path.name for path in (tmp_path / "bundle").iterdir()}


def test_what_is_not_such_a_bundle_is_refused(tmp_path):
    write_tiny_segmenter(tmp_path / "model", TINY["unet"])
    bundle, out = tmp_path / "bundle", tmp_path / "out"
    export_bundle(tmp_path / "model", bundle)
    metadata, inference = bundle / "configs/metadata.json", bundle / "configs/inference.json"
    good, network = json.loads(metadata.read_text()), json.loads(inference.read_text())

    def refused(match):
        with pytest.raises(InputError, match=match):
            import_bundle(bundle, out)
        assert not out.exists()

    network["network_def"]["channels"] = [1, 2, 3]
    inference.write_text(json.dumps(network))
    refused("defines another network")
    export_bundle(tmp_path / "model", bundle)
    metadata.write_text(json.dumps({key: value for key, value in good.items() if key != "meddeep"}))
    refused("was not exported by MedDeep")
    metadata.write_text(json.dumps(good | {"meddeep": good["meddeep"] | {"patch": [1, 1, 1]}}))
    refused("is damaged")
    metadata.write_text("{")
    refused("is damaged")
    metadata.write_text(json.dumps(good))
    weights = bundle / "models/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-40])
    refused("not a safetensors file")
    weights.unlink()
    refused("cannot be read")


def test_the_command_wants_one_source(tmp_path, capsys):
    assert main(["bundle", "--out", str(tmp_path / "x")]) == 2
    assert "either MODEL_DIR or --import" in capsys.readouterr().err
