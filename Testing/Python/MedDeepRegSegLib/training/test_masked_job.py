"""An encoder from volumes without labels as a job: it goes on, says what it gained, and a training begins from it."""

from dataclasses import replace

import pytest
from small_heads import write_small_heads
from tiny_networks import write_tiny_encoder

from MedDeepRegSegLib.cli.main import main
from MedDeepRegSegLib.datasets.dataset import read_dataset, write_dataset
from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import NOTE, CancelToken
from MedDeepRegSegLib.jobs.registry import job_module
from MedDeepRegSegLib.models.networks import load_encoder
from MedDeepRegSegLib.models.segmenter_folder import load_segmenter
from MedDeepRegSegLib.training import timed_run
from MedDeepRegSegLib.training.masked_job import Request, run
from MedDeepRegSegLib.training.masked_settings import MaskedSettings
from MedDeepRegSegLib.training.run_folder import RUN
from MedDeepRegSegLib.training.timed_run import known_settings


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    """The file of a dataset: a case for training, one for validation, one for test, and two that are not labeled."""
    return write_small_heads(tmp_path_factory.mktemp("data") / "heads")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """An encoder to begin from that is quick to train."""
    return write_tiny_encoder(tmp_path_factory.mktemp("tiny") / "encoder")


@pytest.mark.slow
def test_a_training_begins_from_what_was_learned_without_labels(heads, tmp_path):
    """The path of a user: an encoder from all images, then a network from the labeled ones."""
    encoder, model = tmp_path / "encoder", tmp_path / "model"
    assert job_module("train-masked").run is run
    result = run(Request(dataset=heads, out=encoder, steps=2, device="cpu"))
    assert (result.cases, result.steps) == (3, 2)  # one for training, two that are not labeled
    assert result.measured_on == "validation cases"
    assert 0 < result.error_after < result.error_before
    assert f"{result.error_after:.2f} after the training" in result.text
    card = (encoder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "Mean absolute error of hidden blocks, after" in card
    assert "validation cases (1 case)" in card
    digest = load_encoder(encoder).description.weights_sha256
    words = ["--epochs", "1", "--steps-per-epoch", "2", "--batch", "1", "--patch", "16,16,16", "--spacing", "8"]
    command = ["train", str(heads), "--start", str(encoder), "--out", str(model), *words]
    assert main([*command, "--in-process", "--quiet"]) == 0
    assert digest in load_segmenter(model).description.training.start


@pytest.mark.slow
def test_a_canceled_run_goes_on(heads, tiny, tmp_path):
    request = Request(dataset=heads, out=tmp_path / "out", steps=12, start=tiny, device="cpu")
    cancel = CancelToken()

    def progress(_fraction, message):
        if message.startswith("step 10"):
            cancel.cancel()

    with pytest.raises(Canceled):
        run(request, progress=progress, cancel=cancel)
    assert "was saved, and resume goes on with it" in request.if_canceled()
    assert not (tmp_path / "out" / "model.json").exists()
    with pytest.raises(InputError, match="holds a run already"):
        run(request)
    onward = replace(request, steps=None, resume=True)
    with pytest.raises(InputError, match="begun from another model"):
        run(replace(onward, start=None))
    with pytest.raises(InputError, match="steps are given beside resume"):
        run(replace(onward, steps=3))
    fewer = read_dataset(heads)
    write_dataset(replace(fewer, cases=fewer.cases[:-1]), tmp_path / "fewer.json")
    with pytest.raises(InputError, match="begun with other cases"):
        run(replace(onward, dataset=tmp_path / "fewer.json"))
    assert run(onward).steps == 12
    assert load_encoder(tmp_path / "out").description.training.steps == 12


@pytest.mark.slow
def test_a_time_gives_the_steps_and_ends_the_chunk(heads, tmp_path, monkeypatch):
    monkeypatch.setattr(timed_run, "_LEAST_STEPS", 3)
    monkeypatch.setattr(timed_run, "_TIMED", 1)
    told = []
    small = write_tiny_encoder(tmp_path / "tiny")
    request = Request(dataset=heads, out=tmp_path / "out", minutes=1e-6, start=small, device="cpu")
    result = run(request, progress=lambda _fraction, message: told.append(message))
    assert result.steps == 1
    assert known_settings(tmp_path / "out" / RUN, MaskedSettings).steps == 3
    assert NOTE + "stopped at step 1 of 3; it can go on (resume)" in told
    assert run(replace(request, resume=True, minutes=None)).steps == 3


def test_what_cannot_be_trained_is_refused(heads, tiny, tmp_path):
    request = Request(dataset=heads, out=tmp_path / "out", start=tiny, device="cpu")
    for changes, words in (
        ({"steps": 2, "minutes": 1.0}, "both steps and minutes"),
        ({"resume": True}, "no run to go on with"),
        ({"scratch": True}, "random weights are asked for"),
        ({"minutes": -1.0}, "minutes is -1"),
        ({"steps": 0}, "steps is 0"),
    ):
        with pytest.raises(InputError, match=words):
            run(replace(request, **changes))
    dataset = read_dataset(heads)
    write_dataset(dataset.with_roles([(case.name, "test") for case in dataset.cases]), tmp_path / "kept.json")
    with pytest.raises(InputError, match="no case of the role training or unused"):
        run(replace(request, dataset=tmp_path / "kept.json"))
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Canceled):
        run(request, cancel=cancel)
    assert request.if_canceled() == "canceled by the user; nothing was written"
    assert not (tmp_path / "out").exists()
