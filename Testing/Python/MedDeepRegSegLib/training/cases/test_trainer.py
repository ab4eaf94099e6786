import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from MedDeepRegSegLib.datasets.dataset import read_dataset
from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.training.cases.trainer import EXAMPLES, score_columns, train_cases
from MedDeepRegSegLib.training.checkpoint import read_checkpoint
from MedDeepRegSegLib.training.checks import BEST, CHECK_CURVES, CHECK_LOG, read_best
from MedDeepRegSegLib.training.run import CHECKPOINT, CURVES, LOG


def same(one, other):
    return set(one) == set(other) and all(torch.equal(value, other[name]) for name, value in one.items())


def test_a_run_leaves_what_a_person_wants_to_see(dataset, tiny, tmp_path):
    told = []
    result = train_cases(
        tiny, dataset, tmp_path, report_every=1, progress=lambda fraction, text: told.append((fraction, text))
    )
    assert (result.done, result.step) == (True, 6)
    assert result.best_step in (3, 6)
    assert len(result.checked) == 1
    assert len(result.checked[0]) == 4
    for name in (CHECKPOINT, BEST, LOG, CURVES, CHECK_LOG, CHECK_CURVES, EXAMPLES):
        assert (tmp_path / name).stat().st_size > 100, name
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert any("step 6: loss" in text for _, text in told)


def test_a_run_that_goes_on_is_the_same(dataset, tiny, tmp_path):
    whole = train_cases(tiny, dataset, tmp_path / "whole", report_every=1)
    while not (parts := train_cases(tiny, dataset, tmp_path / "parts", report_every=1, minutes=0)).done:
        shutil.rmtree(tmp_path / "parts" / "prepared")  # can be removed at any time
    assert same(whole.network.state_dict(), parts.network.state_dict())
    assert whole.checked == parts.checked
    assert same(read_best(tmp_path / "whole" / BEST)[1], read_best(tmp_path / "parts" / BEST)[1])
    one, other = (read_checkpoint(tmp_path / run / CHECKPOINT, type(tiny)).tensors for run in ("whole", "parts"))
    assert same(one, other)


@pytest.mark.parametrize(("first", "then"), [(1, 2), (2, 1)])
def test_a_run_goes_on_with_the_threads_that_it_began_with(dataset, tiny, tmp_path, first, then):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(first)
        whole = train_cases(tiny, dataset, tmp_path / "whole")
        train_cases(tiny, dataset, tmp_path / "parts", minutes=0)
        torch.set_num_threads(then)
        parts = train_cases(tiny, dataset, tmp_path / "parts")
        assert torch.get_num_threads() == then
    finally:
        torch.set_num_threads(before)
    assert same(whole.network.state_dict(), parts.network.state_dict())


_SCRIPT = """
import sys
from pathlib import Path
from dataclasses import replace
from MedDeepRegSegLib.datasets.dataset import read_dataset
from MedDeepRegSegLib.jobs.schema import from_json
from MedDeepRegSegLib.training.cases.settings import CaseTrainSettings
from MedDeepRegSegLib.training.cases.trainer import train_cases
import json
settings = from_json(CaseTrainSettings, json.loads(Path(sys.argv[2]).read_text()))
train_cases(settings, read_dataset(Path(sys.argv[1])), Path(sys.argv[3]), report_every=1, save_minutes=0)
"""


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_to_the_same_weights(dataset_file, tiny, tmp_path):
    """Killed at moments that nobody chose, again and again, it ends with the weights of an unbroken run."""
    settings = replace(tiny, steps_per_epoch=8, epochs=3)
    dataset = read_dataset(dataset_file)
    whole = train_cases(settings, dataset, tmp_path / "whole")
    file = tmp_path / "whole" / "settings.json"
    import MedDeepRegSegLib

    threads = str(torch.get_num_threads())
    environment = os.environ | {
        "PYTHONPATH": str(Path(MedDeepRegSegLib.__file__).parents[1]),
        "OMP_NUM_THREADS": threads,
    }
    command = [sys.executable, "-c", _SCRIPT, str(dataset_file), str(file), str(tmp_path / "killed")]
    killed, out = 0, tmp_path / "killed"
    for extra in (0.05, 0.4):
        process = subprocess.Popen(command, env=environment)
        before = _progress_of(out)
        while process.poll() is None and _progress_of(out) == before:  # until it has saved something
            time.sleep(0.02)
        time.sleep(extra)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
            killed += 1
        process.wait(60)
    assert killed
    parts = train_cases(settings, dataset, out)
    assert parts.done
    assert same(whole.network.state_dict(), parts.network.state_dict())


def _progress_of(out):
    path = out / CHECKPOINT
    return path.stat().st_mtime_ns if path.exists() else 0


def test_what_a_kill_left_is_removed(dataset, tiny, tmp_path):
    (tmp_path / ".tmpA1b2C3").write_bytes(b"half a checkpoint")
    train_cases(tiny, dataset, tmp_path)
    assert not list(tmp_path.glob(".tmp*"))


def test_a_cancel_saves(dataset, tiny, tmp_path):
    cancel = CancelToken()

    def stop(_fraction, text):
        if text.startswith("step 2"):
            cancel.cancel()

    with pytest.raises(Canceled, match="saved"):
        train_cases(tiny, dataset, tmp_path, report_every=1, progress=stop, cancel=cancel)
    assert read_checkpoint(tmp_path / CHECKPOINT, type(tiny)).position.step == 2


def test_without_validation_the_last_weights_are_kept(dataset, tiny, tmp_path):
    alone = dataset.with_roles([(case.name, "training") for case in dataset.cases])
    result = train_cases(tiny, alone, tmp_path)
    assert (result.score, result.checked, result.best_step) == (None, (), 6)
    assert not (tmp_path / BEST).exists()


def test_validation_cases_that_show_no_class_do_not_choose_weights(dataset, tiny, tmp_path):
    """All scores would be 0: the first weights would be the best ones, and the run would end after the patience."""
    cases = [replace(case, annotated=()) if case.role == "validation" else case for case in dataset.cases]
    blind = replace(dataset, cases=tuple(cases))
    result = train_cases(replace(tiny, patience=1, epochs=3), blind, tmp_path)
    assert (result.score, result.step, result.best_step) == (None, 9, 9)
    assert result.checked == ((None,) * 4,)


def test_training_without_cases_is_refused(dataset, tiny, tmp_path):
    with pytest.raises(InputError, match="no case has the role training"):
        train_cases(tiny, dataset.with_roles([(case.name, "unused") for case in dataset.cases]), tmp_path)


def test_a_run_of_other_settings_does_not_go_on(dataset, tiny, tmp_path):
    train_cases(tiny, dataset, tmp_path)
    with pytest.raises(InputError, match="other settings \\(overlap_weight\\)"):
        train_cases(replace(tiny, overlap_weight=2.0), dataset, tmp_path)


@pytest.mark.slow
def test_it_learns(dataset, plain, tmp_path):
    settings = replace(plain, steps_per_epoch=40, epochs=2, learning_rate=1e-2, foreground_fraction=1.0)
    result = train_cases(settings, dataset, tmp_path)
    assert result.score > 0.3
    found = [score for score in result.checked[0] if score is not None]
    assert np.mean(found) == pytest.approx(result.score, abs=1e-6)


def test_columns_of_classes_are_all_different(dataset):
    classes = [replace(dataset.classes[0], name=name) for name in ("mean", "Liver", "Liver", " a  b ")]
    classes = [replace(one, value=number) for number, one in enumerate(classes, start=1)]
    assert score_columns(classes) == ("mean (1)", "Liver", "Liver (3)", "a b")
