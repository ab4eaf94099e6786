"""Folders of segmentation networks: what is written is what is loaded, and nothing else is."""

import html
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_segmenter import TINY, tiny_description, tiny_network, write_tiny_segmenter

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.sealed_folder import write_sealed
from MedDeepRegSegLib.models.segmenter_card import segmenter_card, segmenter_page
from MedDeepRegSegLib.models.segmenter_folder import load_segmenter, write_segmenter
from MedDeepRegSegLib.models.segmenter_input import ChannelScale, Preprocessing


@pytest.mark.parametrize("name", list(TINY))
def test_a_folder_gives_its_network_back(tmp_path, name):
    network, written = write_tiny_segmenter(tmp_path / "m", TINY[name])
    loaded = load_segmenter(tmp_path / "m")
    assert loaded.description == written
    assert len(written.weights_sha256) == 64
    assert not loaded.network.training
    assert not any(parameter.requires_grad for parameter in loaded.network.parameters())
    values = torch.rand(1, 2, 16, 32, 32)
    with torch.inference_mode():
        answer = loaded.network(values)
        assert answer.shape == (1, 3, 16, 32, 32)
        assert torch.equal(answer, network(values))


def test_counts_of_batches_stay_whole_numbers(tmp_path):
    write_tiny_segmenter(tmp_path / "m", TINY["custom"])
    counts = [
        tensor for name, tensor in load_segmenter(tmp_path / "m").network.state_dict().items() if "num_batches" in name
    ]
    assert counts
    assert all(int(count) == 1 and count.dtype == torch.int64 for count in counts)


def test_what_half_precision_cannot_hold_is_kept(tmp_path):
    network = tiny_network(TINY["custom"])
    state = {name: tensor.numpy().copy() for name, tensor in network.state_dict().items()}
    name = next(name for name in state if "running_var" in name)
    state[name][:] = 1e6
    write_segmenter(tmp_path / "m", state, tiny_description(TINY["custom"]))
    assert (load_segmenter(tmp_path / "m").network.state_dict()[name] == 1e6).all()


@pytest.mark.parametrize("problem", ["weights", "description", "not finite", "shape", "type", "missing"])
def test_tampered_folders_are_refused(tmp_path, problem):
    folder = tmp_path / "m"
    network, description = write_tiny_segmenter(folder, TINY["custom"])
    arrays = {name: tensor.numpy().copy() for name, tensor in network.state_dict().items()}
    first = next(iter(arrays))
    count = next(name for name in arrays if "num_batches" in name)
    if problem == "weights":
        content = bytearray((folder / "model.safetensors").read_bytes())
        content[-1] ^= 1
        (folder / "model.safetensors").write_bytes(content)
    elif problem == "description":
        data = json.loads((folder / "model.json").read_text())
        data["classes"][0]["name"] = "spleen"
        (folder / "model.json").write_text(json.dumps(data))
    else:  # sealed anew by whoever changed it
        if problem == "not finite":
            arrays[first][:] = np.nan
        elif problem == "shape":
            arrays[first] = arrays[first][:1]
        elif problem == "type":
            arrays[count] = np.float32(1.0)
        else:
            del arrays[first]
        write_sealed(folder, {name: np.asarray(array) for name, array in arrays.items()}, description, "card")
    message = {
        "weights": "SHA-256 differs",
        "description": "was changed after",
        "not finite": "not finite",
        "shape": "has the shape",
        "type": "expected another type",
        "missing": "lacks 1 tensor",
    }[problem]
    with pytest.raises(InputError, match=message):
        load_segmenter(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ()}, "3 outputs and there are 0 classes"),
        ({"channels": ("CT", "MR")}, "2 channels"),
        ({"patch": (16, 32, 33)}, "multiples of"),
        ({"patch": (16, 32, 2**20)}, "up to 1024"),
        ({"name": ""}, "no name"),
        ({"name": "x" * 999}, "more than 200"),
        (
            {
                "preprocessing": Preprocessing(
                    spacing_mm=(0.0, 1.0, 1.0), channels=(ChannelScale(method="contrast", low=0, high=1),)
                )
            },
            "voxels are",
        ),
        (
            {
                "preprocessing": Preprocessing(
                    spacing_mm=(1.0, 1.0, 1.0), channels=(ChannelScale(method="contrast", low=float("nan")),)
                )
            },
            "not finite",
        ),
    ],
)
def test_what_does_not_hold_together_is_neither_written_nor_read(tmp_path, changes, message):
    network = tiny_network(TINY["encoder"])
    state = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    description = tiny_description(TINY["encoder"], **changes)
    with pytest.raises(InputError, match=message):
        write_segmenter(tmp_path / "m", state, description)
    assert not (tmp_path / "m").exists()
    if "not finite" in message:  # no JSON holds that
        return
    write_sealed(tmp_path / "m", {name: array.astype(np.float16) for name, array in state.items()}, description, "card")
    with pytest.raises(InputError, match=message):
        load_segmenter(tmp_path / "m")


def test_weights_that_are_not_finite_are_not_written(tmp_path):
    state = {name: tensor.numpy() for name, tensor in tiny_network(TINY["encoder"]).state_dict().items()}
    state["answer.bias"] = np.full_like(state["answer.bias"], np.inf)
    with pytest.raises(InputError, match="training went wrong"):
        write_segmenter(tmp_path / "m", state, tiny_description(TINY["encoder"]))


def test_other_files_in_the_folder_stay(tmp_path):
    (tmp_path / "m" / "run").mkdir(parents=True)
    (tmp_path / "m" / "run" / "log.csv").write_text("kept")
    write_tiny_segmenter(tmp_path / "m")
    assert (tmp_path / "m" / "run" / "log.csv").read_text() == "kept"
    assert {"model.json", "model.safetensors", "MODEL_CARD.md", "MODEL_CARD.html"} <= {
        path.name for path in (tmp_path / "m").iterdir()
    }


def test_another_kind_of_folder_is_refused(folder, tmp_path):
    with pytest.raises(InputError, match="meddeep-segmenter"):
        load_segmenter(folder)
    with pytest.raises(InputError, match="meddeep train"):
        load_segmenter(tmp_path / "absent")


def test_the_card_says_what_matters(tmp_path):
    _, description = write_tiny_segmenter(tmp_path / "m")
    card, page = (tmp_path / "m" / "MODEL_CARD.md").read_text(), (tmp_path / "m" / "MODEL_CARD.html").read_text()
    text = html.unescape(re.sub(r"<[^>]*>", " ", page))
    for words in ("liver", "0.812", "#ff8000", "1 x 1.5 x 2 mm", "limited to -200 to 300", "ab" * 32, "not a medical"):
        assert words in card
        assert words in text
    assert "one, two" in card
    assert "not measured" in card
    assert card == segmenter_card(replace(description, weights_sha256=""))


def test_names_cannot_become_parts_of_the_page_or_of_the_table():
    description = tiny_description(TINY["encoder"], name="<script>alert(1)</script>")
    page, card = segmenter_page(description), segmenter_card(description)
    assert "<script" not in page
    assert "kidney &amp; &lt;co&gt;|x" in page
    assert "<script" not in card
    assert "kidney &amp; &lt;co&gt;\\|x" in card
    assert not re.search(r"(src|href)=", page)
