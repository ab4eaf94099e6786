"""Training of the growing network: it goes on exactly, and becomes a model folder that can be loaded."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.growing_loader import load_growing
from MedDeepRegSegLib.models.growing_network import GrowingNetworkSettings
from MedDeepRegSegLib.training.command import main
from MedDeepRegSegLib.training.growing import train_growing, weights_from
from MedDeepRegSegLib.training.growing_export import export_growing
from MedDeepRegSegLib.training.growing_settings import GrowingTrainSettings
from MedDeepRegSegLib.training.growing_source import GrowingSource
from MedDeepRegSegLib.training.record import RunRecord
from MedDeepRegSegLib.training.run import LOG
from MedDeepRegSegLib.training.run_export import kind_of

SMALL = GrowingNetworkSettings(channels=(8, 8, 8, 8), states=(8, 8, 8), steps=(1, 1, 1), similarity_features=4)
SETTINGS = GrowingTrainSettings(steps=4, objects=1, sides=(32,), most_clicks=3, warmup=1, network=SMALL)


def test_objects_of_a_step_are_always_the_same():
    source = GrowingSource(SETTINGS)
    one, other = source.batch(3)[0], GrowingSource(SETTINGS).batch(3)[0]
    assert np.array_equal(one.truth, other.truth)
    assert torch.equal(one.volume, other.volume)
    assert one.box == other.box
    assert one.volume.shape == (2, 32, 32, 32)


def test_organs_of_the_map_are_what_objects_are_drawn_from(monkeypatch):
    from MedDeepRegSegLib.training import growing_source

    seen, original = [], growing_source.draw_object

    def draw(labels, random, organs):
        seen.append((set(np.unique(labels).tolist()), organs))
        return original(labels, random, organs)

    monkeypatch.setattr(growing_source, "draw_object", draw)
    GrowingSource(SETTINGS).batch(3)
    labels, organs = seen[0]
    assert organs
    assert {label for organ in organs for label in organ} <= labels


@pytest.mark.slow
def test_a_run_goes_on_exactly_and_is_exported(tmp_path):
    whole = train_growing(SETTINGS, tmp_path / "whole", report_every=1)
    train_growing(SETTINGS, tmp_path / "parts", report_every=1, minutes=0)
    for _ in range(4):
        parts = train_growing(SETTINGS, tmp_path / "parts", report_every=1, minutes=0)
    assert parts.step == whole.step == 4
    for one, other in zip(whole.average.parameters(), parts.average.parameters(), strict=True):
        assert torch.equal(one, other)
    assert len((tmp_path / "whole" / LOG).read_text().splitlines()) == 5
    made = export_growing(tmp_path / "whole", tmp_path / "model")
    assert made.training.steps == 4
    assert kind_of(tmp_path / "whole") == "growing"
    assert "`python -m MedDeepRegSegLib.training growing --out RUN " in made.training.recipe
    assert main(["export", str(tmp_path / "whole"), "--out", str(tmp_path / "by_command")]) == 0
    assert load_growing(tmp_path / "by_command").description == made
    loaded = load_growing(tmp_path / "model")
    assert loaded.network.settings == SMALL
    digest, weights = weights_from(tmp_path / "model", SMALL)
    assert digest == made.weights_sha256
    with pytest.raises(InputError, match="of other sizes"):
        weights_from(tmp_path / "model", GrowingNetworkSettings())
    again = train_growing(
        GrowingTrainSettings(steps=1, objects=1, sides=(32,), network=SMALL, start=digest),
        tmp_path / "again",
        start=weights,
    )
    assert again.step == 1


def test_the_recipe_names_as_many_processes_as_trained(tmp_path, monkeypatch):
    train_growing(replace(SETTINGS, steps=1), tmp_path / "run")
    monkeypatch.setattr(RunRecord, "launcher", "two -m")
    assert (
        "`two -m MedDeepRegSegLib.training growing" in export_growing(tmp_path / "run", tmp_path / "m").training.recipe
    )


def test_the_command_refuses_what_no_run_can_use(tmp_path, capsys):
    assert main(["growing", "--out", str(tmp_path / "run"), "--sides", "30"]) == 2
    assert "expected multiples of 16" in capsys.readouterr().err
    assert main(["export", str(tmp_path), "--kind", "growing", "--out", str(tmp_path / "model")]) == 2
    assert "no checkpoint" in capsys.readouterr().err
    with pytest.raises(InputError, match="real_fraction is 2"):
        GrowingTrainSettings(real_fraction=2)
    with pytest.raises(InputError, match="warmup is -1"):
        GrowingTrainSettings(warmup=-1)
