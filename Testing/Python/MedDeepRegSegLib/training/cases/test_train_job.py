import hashlib
import json
import re
import shutil
import sys
from pathlib import Path

import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.datasets.dataset import read_dataset, write_dataset
from MedDeepRegSegLib.datasets.phantoms import write_phantom_dataset
from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.jobs.runner import run_job
from MedDeepRegSegLib.models.segmenter_folder import load_segmenter
from MedDeepRegSegLib.training.cases.train_job import Request, run
from MedDeepRegSegLib.training.run_folder import RUN

TINY = {"epochs": 1, "steps_per_epoch": 2, "batch": 1, "patch": (16, 16, 16), "spacing_mm": (8.0, 8.0, 8.0)}


def hashes(folder):
    return {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def trained(dataset_file, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "brain model"
    before = hashes(dataset_file.parent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "monai", None)  # the encoder does without
        result = run(Request(dataset=dataset_file, out=out, **TINY))
    assert hashes(dataset_file.parent) == before  # nothing of the user's is changed
    return out, result


def test_the_model_can_be_loaded_and_tells_what_it_is(trained, dataset):
    out, result = trained
    loaded = load_segmenter(out)
    description = loaded.description
    assert result.model == out
    assert description.name == "brain-model"
    assert [segment.name for segment in description.classes] == [segment.name for segment in dataset.classes]
    assert description.training.training_cases == tuple(case.name for case in dataset.of_role("training"))
    assert description.training.start  # the encoder that ships
    assert description.settings.network == "encoder"
    assert len(description.validation) == 4
    assert result.score is not None
    assert (result.epochs, result.best_epoch, result.ended) == (1, 1, "complete")
    assert any("encoder that ships" in note for note in result.notes)
    for name in ("MODEL_CARD.md", "MODEL_CARD.html"):
        assert "white matter" in (out / name).read_text(encoding="utf-8")


def test_a_folder_with_a_run_is_not_begun_anew(trained, dataset_file):
    with pytest.raises(InputError, match="holds a run already"):
        run(Request(dataset=dataset_file, out=trained[0], **TINY))


def test_resume(trained, dataset_file, tmp_path):
    out = tmp_path / "again"
    shutil.copytree(trained[0], out)
    for name in ("model.json", "model.safetensors"):
        (out / name).unlink()
    again = run(Request(dataset=dataset_file, out=out, resume=True))
    assert again.epochs == 1
    assert again.notes == trained[1].notes
    one, other = (load_segmenter(folder).network.state_dict() for folder in (out, trained[0]))
    assert all((one[name] == other[name]).all() for name in one)
    with pytest.raises(InputError, match="epochs is given beside resume"):
        run(Request(dataset=dataset_file, out=out, resume=True, epochs=3))
    with pytest.raises(InputError, match="no run to go on with"):
        run(Request(dataset=dataset_file, out=tmp_path / "other", resume=True))


def test_a_run_that_was_ended_before_its_first_checkpoint(trained, dataset_file, tmp_path):
    out = tmp_path / "early"
    (out / RUN).mkdir(parents=True)
    for name in ("settings.json", "notes.json"):
        shutil.copy(trained[0] / RUN / name, out / RUN)
    run(Request(dataset=dataset_file, out=out, resume=True))
    one, other = (load_segmenter(folder).network.state_dict() for folder in (out, trained[0]))
    assert all((one[name] == other[name]).all() for name in one)


def test_a_changed_split_does_not_go_on(trained, dataset_file, tmp_path):
    dataset = read_dataset(dataset_file)
    moved = dataset.with_roles([(case.name, "training") for case in dataset.cases])
    write_dataset(moved, tmp_path / "moved.json")
    out = tmp_path / "model"
    shutil.copytree(trained[0], out)
    with pytest.raises(InputError, match="begun with other cases"):
        run(Request(dataset=tmp_path / "moved.json", out=out, resume=True))


def test_training_goes_on_from_a_model(trained, dataset_file, tmp_path):
    out = tmp_path / "next"
    run(Request(dataset=dataset_file, out=out, start=trained[0], **TINY))
    start = load_segmenter(trained[0]).description.weights_sha256
    assert load_segmenter(out).description.training.start == start
    with pytest.raises(InputError, match=r"no network of kind unet|other sizes"):
        run(Request(dataset=dataset_file, out=tmp_path / "unet", network="unet", start=trained[0], **TINY))
    with pytest.raises(InputError, match="random weights"):
        run(Request(dataset=dataset_file, out=tmp_path / "both", start=trained[0], scratch=True, **TINY))


@pytest.mark.slow
@pytest.mark.parametrize("network", ["unet", "segresnet", "dynunet", "custom"])
def test_other_networks(dataset_file, tmp_path, network):
    options = TINY | {"patch": (32, 32, 32)}
    result = run(Request(dataset=dataset_file, out=tmp_path / "model", network=network, **options))
    assert result.network == network
    assert load_segmenter(tmp_path / "model").description.training.start == ""


def test_a_network_as_it_is_described(dataset_file, tmp_path):
    described = {"channels": (8, 16), "residual_units": 1, "normalization": "batch", "dropout": 0.1}
    run(Request(dataset=dataset_file, out=tmp_path / "model", network="custom", **described, **TINY))
    settings = load_segmenter(tmp_path / "model").description.settings
    assert {name: getattr(settings, name) for name in described} == described
    assert len(settings.strides) == 1
    with pytest.raises(InputError, match="describes the network custom"):
        run(Request(dataset=dataset_file, out=tmp_path / "other", network="unet", **described, **TINY))


def test_more_than_the_memory_holds_is_refused(dataset_file, tmp_path):
    options = TINY | {"patch": (512, 512, 512)}
    with pytest.raises(InputError, match="GiB"):
        run(Request(dataset=dataset_file, out=tmp_path / "model", memory_gb=2.0, **options))
    assert not (tmp_path / "model").exists()


def test_a_run_of_given_duration(dataset_file, tmp_path, monkeypatch):
    from MedDeepRegSegLib.training.cases import pace

    monkeypatch.setattr(pace, "_SECONDS", 0.1)
    options = {name: value for name, value in TINY.items() if name not in ("epochs", "steps_per_epoch")}
    result = run(Request(dataset=dataset_file, out=tmp_path / "model", minutes=0.02, scratch=True, **options))
    note = next(note for note in result.notes if "into 0.02 minutes" in note)
    assert re.search(r"so few updates rarely find anything: give \d+ minutes? or more", note)
    settings = json.loads((tmp_path / "model" / RUN / "settings.json").read_text())
    assert settings["start"] == ""
    assert settings["epochs"] >= 1


def test_labels_that_are_empty_are_refused(tmp_path):
    file = write_phantom_dataset(tmp_path / "data", cases=2, spacing_mm=8.0, validation=0.0)
    for case in read_dataset(file).cases:
        labels = sitk.ReadImage(str(case.labels))
        sitk.WriteImage(labels * 0, str(case.labels))
    with pytest.raises(InputError, match="no training case shows any voxel of"):
        run(Request(dataset=file, out=tmp_path / "model", **TINY))
    assert not (tmp_path / "model").exists()


def test_a_model_that_finds_nothing_says_so(trained):
    """One epoch of two steps."""
    out, result = trained
    weak = [one.name for one in result.classes if one.dice is not None and one.dice < 0.1]
    assert weak
    assert result.advice.startswith(f"Next to nothing was found of {', '.join(weak)} in the validation cases")
    assert result.advice in (out / "MODEL_CARD.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("begun", [False, True])
def test_who_cancels_is_told_what_is_kept(dataset_file, tmp_path, begun):
    cancel = CancelToken()

    def stop(_fraction, text):
        if not begun or "step 2" in text:
            cancel.cancel()

    request = Request(dataset=dataset_file, out=tmp_path / "model", **TINY)
    with pytest.raises(Canceled, match="was saved, and resume goes on" if begun else "nothing was written"):
        run_job("train", request, progress=stop, cancel=cancel)
    assert (tmp_path / "model").exists() == begun


def test_a_dataset_that_is_none(tmp_path):
    with pytest.raises(InputError, match="is a folder, expected the file of a dataset: make one with 'meddeep dataset"):
        run(Request(dataset=tmp_path, out=tmp_path / "model"))
    (tmp_path / "data.json").write_text("{}")
    with pytest.raises(InputError, match="not a dataset"):
        run(Request(dataset=tmp_path / "data.json", out=tmp_path / "model"))
    assert not Path(tmp_path / "model").exists()


def test_on_a_gpu_its_own_memory_counts(dataset_file, tmp_path, monkeypatch):
    """Not that of the machine, which is often much larger."""
    from MedDeepRegSegLib.jobs.progress import no_progress
    from MedDeepRegSegLib.training.cases import begin as module

    asked = {}

    def plan(*_args, memory_bytes, device, **_options):
        asked[device] = memory_bytes
        raise InputError("asked")

    monkeypatch.setattr(module, "plan", plan)
    monkeypatch.setattr(module, "available_memory_bytes", lambda: 64e9)
    monkeypatch.setattr(module, "free_memory_bytes", lambda _device: 6e9)
    for device in ("cpu", "cuda"):
        request = Request(dataset=dataset_file, out=tmp_path / device)
        with pytest.raises(InputError, match="asked"):
            module.begin(request, read_dataset(dataset_file), device, progress=no_progress, cancel=CancelToken())
    assert asked == {"cpu": 48e9, "cuda": 6e9}
