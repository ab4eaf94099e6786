"""Checkpoints: what was saved is what is read, early versions are read, newer ones are not called damaged."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.training import checkpoint as checkpoint_module
from MedDeepRegSegLib.training.checkpoint import Position, load_checkpoint, read_checkpoint, save_checkpoint
from MedDeepRegSegLib.training.objective import PretrainObjective
from MedDeepRegSegLib.training.record import HardwareTime, RunRecord

KEY = "meddeep-pretraining"
RECORD = RunRecord((HardwareTime("an abacus", 5.5),), ("MedDeep 0",), (1, 2), "ab12")


def parts(settings, seed, classes=1):
    torch.manual_seed(seed)
    model = PretrainObjective(settings, classes).to(memory_format=torch.channels_last_3d)
    average = PretrainObjective(settings, classes)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    return {"model": model, "average": average, "optimizer": optimizer}


def stepped(made):
    for parameter in made["model"].parameters():
        parameter.grad = torch.randn_like(parameter)
    made["optimizer"].step()
    return made


@pytest.fixture
def saved(tiny, tmp_path):
    """A file, and what was saved in it."""
    made = stepped(parts(tiny, 0))
    position = Position(step=4, seconds=5.5, skipped=1, count=2, total=(0.1, 2.0), record=RECORD)
    path = tmp_path / "run" / "checkpoint.safetensors"
    save_checkpoint(path, settings=tiny, position=position, **made)
    return path, made, position


def rewritten(path, change):
    """Write the file again, with another header."""
    with safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()[KEY])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    change(header)
    save_file(tensors, path, metadata={KEY: json.dumps(header)})


def test_everything_comes_back(tiny, saved):
    path, made, position = saved
    other = parts(tiny, 1)
    assert load_checkpoint(path, settings=tiny, maps_sha256="ab12", **other) == position
    for name in ("model", "average"):
        for key, tensor in made[name].state_dict().items():
            assert torch.equal(tensor, other[name].state_dict()[key])
    one, two = made["optimizer"].state_dict(), other["optimizer"].state_dict()
    assert one["param_groups"] == two["param_groups"]
    for number, state in one["state"].items():
        for key, value in state.items():
            assert torch.equal(value, two["state"][number][key])
            # In the same order in memory, so that the same instructions are used on it.
            assert value.stride() == two["state"][number][key].stride()


def test_files_of_early_versions_are_read(tiny, saved):
    path, _, _ = saved

    def early(header):
        for name in ("version", "position", "tensors_sha256"):
            del header[name]

    rewritten(path, early)
    position = load_checkpoint(path, settings=tiny, maps_sha256="any", **parts(tiny, 1))
    assert position == Position(step=4, seconds=5.5)


def test_a_newer_version_is_not_called_damaged(saved):
    path, _, _ = saved
    rewritten(path, lambda header: header.update(version=2, settings={"unheard": 1}))
    with pytest.raises(InputError, match="newer version of MedDeep: update MedDeep") as caught:
        read_checkpoint(path)
    assert "damaged" not in str(caught.value)


def test_settings_of_another_version_are_not_called_damaged(saved):
    path, _, _ = saved
    for change in ({"unknown": 0}, {"steps": 0}):
        rewritten(path, lambda header, change=change: header["settings"].update(change))
        with pytest.raises(InputError, match="settings that this version of MedDeep does not take") as caught:
            read_checkpoint(path)
        assert "damaged" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header.pop("settings"),
        lambda header: header.pop("tensors_sha256"),
        lambda header: header.update(tensors_sha256="0" * 64),
        lambda header: header.update(position=[]),
    ],
)
def test_a_header_that_is_not_whole_is_refused(saved, change):
    path, _, _ = saved
    rewritten(path, change)
    with pytest.raises(InputError, match="is damaged or no checkpoint"):
        read_checkpoint(path)


def test_other_safetensors_files_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"weights": torch.zeros(2)}, path)
    with pytest.raises(InputError, match="no checkpoint of a training"):
        read_checkpoint(path)
    save_file({"weights": torch.zeros(2)}, path, metadata={KEY: "[1]"})
    with pytest.raises(InputError, match="no checkpoint of a training"):
        read_checkpoint(path)


def test_what_does_not_fit_is_refused(tiny, saved):
    path, _, _ = saved
    with pytest.raises(InputError, match=r"other settings \(seed, steps\)"):
        load_checkpoint(path, settings=replace(tiny, seed=9, steps=9), maps_sha256="ab12", **parts(tiny, 0))
    with pytest.raises(InputError, match="other label maps"):
        load_checkpoint(path, settings=tiny, maps_sha256="", **parts(tiny, 0))
    with pytest.raises(InputError, match="does not fit this network and label maps"):
        load_checkpoint(path, settings=tiny, maps_sha256="ab12", **parts(tiny, 0, classes=4))


def test_a_full_disk_leaves_the_earlier_checkpoint(tiny, saved, monkeypatch):
    path, made, position = saved
    before = path.read_bytes()

    def full(tensors, file, metadata):
        file.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(InputError, match=r"cannot save .* at step 5 .*No space left.*make room"):
        save_checkpoint(path, settings=tiny, position=replace(position, step=5), **made)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    assert checkpoint_module.read_checkpoint(path).position == position
