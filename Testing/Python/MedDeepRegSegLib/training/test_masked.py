"""Masked reconstruction: it learns to guess what is hidden, goes on exactly, and becomes an encoder that can be loaded."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from MedDeepRegSegLib.datasets.dataset import Case, Dataset, read_dataset, write_dataset
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.encoder import EncoderSettings
from MedDeepRegSegLib.models.networks import load_encoder
from MedDeepRegSegLib.segmentation.segments import named_segment
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training.command import main
from MedDeepRegSegLib.training.kept import Kept
from MedDeepRegSegLib.training.log import read_log
from MedDeepRegSegLib.training.masked import MaskedSource, train_masked, unlabeled_cases
from MedDeepRegSegLib.training.masked_export import export_masked
from MedDeepRegSegLib.training.masked_objective import MaskedObjective, MaskedView
from MedDeepRegSegLib.training.masked_settings import MaskedSettings
from MedDeepRegSegLib.training.run import LOG

TINY = EncoderSettings(channels=(8, 8, 8, 8), local_features=4, context_features=4)
SETTINGS = MaskedSettings(steps=4, views=1, side=32, warmup=1, smallest_voxel=2.0, largest_voxel=3.0, encoder=TINY)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Volumes of smooth blobs: one for training, one without labels, one for a test, which must not be touched."""
    folder = tmp_path_factory.mktemp("volumes")
    cases = []
    for number, role in enumerate(("training", "unused", "test")):
        z, y, x = np.meshgrid(np.arange(24), np.arange(40), np.arange(36), indexing="ij")
        values = 100 * np.sin(z / 5 + number) * np.cos(y / 6) + 50 * np.sin(x / 7)
        image = sitk.GetImageFromArray(values.astype(np.float32))
        image.SetSpacing((2.0, 2.0, 2.5))
        path = folder / f"image{number}.nrrd"
        sitk.WriteImage(image, str(path))
        cases.append(Case(name=f"c{number}", patient=f"p{number}", images=(path,), role=role))
    made = Dataset(name="blobs", channels=("T1",), classes=(named_segment(1, "Blob"),), cases=tuple(cases))
    write_dataset(made, folder / "dataset.json")
    return folder / "dataset.json"


@pytest.fixture(scope="module")
def cases(dataset):
    return unlabeled_cases(read_dataset(dataset))


def test_only_what_is_not_kept_back_is_learned_from(dataset, cases):
    assert [case.name for case in cases] == ["c0", "c1"]
    kept_back = read_dataset(dataset).with_roles([(f"c{number}", "test") for number in range(3)])
    with pytest.raises(InputError, match="no case of the role training or unused"):
        unlabeled_cases(kept_back)


def test_views_are_always_the_same_and_know_where_the_image_ends(cases):
    one, again = MaskedSource(SETTINGS, cases).batch(5), MaskedSource(SETTINGS, cases).batch(5)
    assert torch.equal(one.volume, again.volume)
    assert one.volume.shape == (1, 2, 32, 32, 32)
    # 24 slices of 2.5 mm are 60 mm: never more than 30 voxels of 2 mm.
    depth = int(one.inside[0, 0, :, 0, 0].sum())
    assert 20 <= depth <= 30
    assert not torch.equal(one.volume, MaskedSource(SETTINGS, cases).batch(6).volume)


def test_hidden_blocks_are_the_fraction_that_was_asked_for(cases):
    objective = MaskedObjective(SETTINGS)
    view = MaskedSource(SETTINGS, cases).batch(0)
    hidden = objective._hidden(view, Randomness(0))
    assert hidden.float().mean() == pytest.approx(round(0.6 * 64) / 64)
    blocks = hidden.reshape(1, 1, 4, 8, 4, 8, 4, 8).float().mean(dim=(3, 5, 7))
    assert set(blocks.unique().tolist()) == {0.0, 1.0}


def test_what_is_hidden_is_not_seen(cases):
    """The guess depends on what is shown alone: other values in hidden blocks change the target, not the guess."""
    objective = MaskedObjective(SETTINGS).eval()
    view = MaskedSource(SETTINGS, cases).batch(0)
    hidden = objective._hidden(view, Randomness(0))
    other = MaskedView(torch.where(hidden, view.volume + 1, view.volume), view.inside)
    seen = []
    objective.encoder.stem.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0]))
    with torch.no_grad():
        one, changed = objective(view, Randomness(0)), objective(other, Randomness(0))
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(one, changed)
    outside = MaskedView(torch.where(view.inside > 0, view.volume, torch.zeros(())), view.inside)
    assert (objective(outside, Randomness(0))[1] == one[1]).all()  # beyond the image, nothing is asked


@pytest.mark.slow
def test_it_learns_to_guess_better_than_the_mean(cases, tmp_path):
    settings = replace(SETTINGS, steps=40, warmup=5, learning_rate=5e-3, average=0.9)
    train_masked(settings, cases, tmp_path, report_every=10)
    rows = read_log(tmp_path / LOG)
    assert rows[-1]["loss"] < 0.8 * rows[0]["loss"]
    assert rows[-1]["loss"] < 0.8 * rows[-1]["of_mean"]


@pytest.mark.slow
def test_a_run_goes_on_exactly_and_becomes_an_encoder(cases, dataset, tmp_path):
    whole = train_masked(SETTINGS, cases, tmp_path / "whole", report_every=1)
    for _ in range(4):
        parts = train_masked(SETTINGS, cases, tmp_path / "parts", report_every=1, minutes=0)
    assert parts.step == whole.step == 4
    for one, other in zip(whole.average.parameters(), parts.average.parameters(), strict=True):
        assert torch.equal(one, other)
    export_masked(tmp_path / "whole", tmp_path / "encoder")
    loaded = load_encoder(tmp_path / "encoder")
    assert loaded.network.settings == TINY
    trained = whole.average.encoder.stem.weight
    assert torch.allclose(loaded.network.stem.weight, trained, atol=1e-3)
    run = tmp_path / "by_command"
    small = ["--steps", "2", "--views", "1", "--side", "32", "--warmup", "1"]
    words = ["masked", "--dataset", str(dataset), "--start", str(tmp_path / "encoder"), "--out", str(run), *small]
    assert main(words) == 0
    assert main(["export", str(run), "--out", str(tmp_path / "again")]) == 0
    again = load_encoder(tmp_path / "again")
    assert loaded.description.weights_sha256 in again.description.training.recipe
    # What compares places is handed on as it was.
    assert torch.equal(again.network.local_head.weight, loaded.network.local_head.weight)


def test_settings_that_no_run_can_use_are_refused(dataset, tmp_path, capsys):
    for wrong, words in (
        ({"side": 40}, "side is 40"),
        ({"block": 7}, "block 7"),
        ({"hidden": 1.0}, "hidden is 1"),
        ({"average": 1.1}, "average is 1.1"),
        ({"weight_decay": -1.0}, "weight_decay is -1"),
        ({"smallest_voxel": 3.0}, "voxels are 3"),
        ({"learning_rate": 0.0}, "learning_rate is 0"),
        ({"steps": 0}, "steps is 0"),
    ):
        with pytest.raises(InputError, match=words):
            MaskedSettings(**wrong)
    words = ["masked", "--dataset", str(dataset), "--out", str(tmp_path / "run"), "--start", "x", "--scratch"]
    assert main(words) == 2
    assert "random weights are asked for" in capsys.readouterr().err


def test_what_was_read_last_is_kept_within_the_budget():
    made = []
    kept = Kept(lambda index: made.append(index) or index, lambda _item: 10, most_bytes=20)
    assert [kept[index] for index in (0, 1, 0, 2, 0, 1)] == [0, 1, 0, 2, 0, 1]
    assert made == [0, 1, 2, 1]
