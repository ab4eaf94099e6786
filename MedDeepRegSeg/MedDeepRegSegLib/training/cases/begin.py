"""How a run begins: with the settings that it was begun with, or with a plan for the dataset and the machine."""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from torch import Tensor

from MedDeepRegSegLib.augmentation.preset import load_preset
from MedDeepRegSegLib.datasets.dataset import Dataset
from MedDeepRegSegLib.datasets.fingerprint import Fingerprint, fingerprint
from MedDeepRegSegLib.datasets.hashes import dataset_sha256
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import write_json
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, part_of
from MedDeepRegSegLib.jobs.schema import to_json
from MedDeepRegSegLib.models.segmenter_costs import check_costs, costs
from MedDeepRegSegLib.models.segmenter_settings import NetworkName, SegmenterSettings
from MedDeepRegSegLib.training.cases.pace import Pace, measure_pace
from MedDeepRegSegLib.training.cases.plan import free_memory_bytes, plan
from MedDeepRegSegLib.training.cases.settings import CaseTrainSettings
from MedDeepRegSegLib.training.cases.start import start_of
from MedDeepRegSegLib.training.run import CHECKPOINT, SETTINGS
from MedDeepRegSegLib.training.run_folder import RUN
from MedDeepRegSegLib.training.team import process_number
from MedDeepRegSegLib.training.timed_run import known_settings
from MedDeepRegSegLib.volumes.memory import available_memory_bytes
from MedDeepRegSegLib.wording import by_number, counted

if TYPE_CHECKING:
    from MedDeepRegSegLib.training.cases.train_job import Request

_CACHE_SHARE = 0.25  # of the memory, for prepared cases
_USUAL_CACHE = 2e9
_PATIENCE_S = 1800.0  # large datasets are looked at before a run begins
_LEAST_EPOCHS = 8  # of a run of given duration: the best weights are chosen among so many
_MOST_EPOCHS = 200
_FEW_UPDATES = 100  # after which the networks that were tried had begun to find the larger classes
LEARNING_RATES: dict[NetworkName, float] = {
    "encoder": 1e-2,  # of the head; that of the encoder is lower
    "unet": 5e-3,
    "segresnet": 2e-3,
    "dynunet": 2e-3,
    "custom": 5e-3,
}


@dataclass(frozen=True, eq=False)
class Begun:
    """What a run begins with.

    Attributes
    ----------
    settings : CaseTrainSettings
    start : mapping of str to Tensor, optional
        Weights; None for random ones, and where a checkpoint has the weights.
    notes : tuple of str
        Why it is so, for people.
    cache_bytes : float
        Memory for prepared cases.
    """

    settings: CaseTrainSettings
    start: Mapping[str, Tensor] | None
    notes: tuple[str, ...]
    cache_bytes: float


def begin(
    request: "Request",
    dataset: Dataset,
    device: Literal["cpu", "cuda"],
    *,
    progress: Progress,
    cancel: CancelToken,
) -> Begun:
    """Return what a run begins with.

    Raises
    ------
    InputError
        If an option or the dataset cannot be used, a run lies in the folder that is not to go on or is of another dataset,
        or there is none to go on with.
    Canceled
        If ``cancel`` was set.
    """
    folder = request.out / RUN
    learned, checked = dataset.of_role("training"), dataset.of_role("validation")
    if not learned:
        msg = "no case has the role training, expected at least one with labels: make the dataset again, with a split"
        raise InputError(msg)
    budget = request.memory_gb * 1e9 if request.memory_gb else available_memory_bytes()
    cache = _CACHE_SHARE * budget if budget else _USUAL_CACHE
    digest = dataset_sha256(dataset, (*learned, *checked), progress=part_of(progress, 0.0, 0.2), cancel=cancel)
    names = tuple(case.name for case in learned), tuple(case.name for case in checked)
    if process_number() > 0:  # one process decides for all that train together
        return Begun(_wait_for_settings(folder, cancel), None, (), cache)
    known = known_settings(folder, CaseTrainSettings)
    if request.resume:
        _check_goes_on(request, folder, known, digest, names)
        assert known is not None
        start = None if (folder / CHECKPOINT).exists() else _checked_start(request, known)
        return Begun(known, start, _read_notes(folder), cache)
    if known is not None:
        msg = f"{request.out} holds a run already: go on with it by --resume, or choose another folder"
        raise InputError(msg)
    progress(0.2, "Looking at the cases")
    found = fingerprint(dataset, progress=part_of(progress, 0.2, 0.8), cancel=cancel)
    shown_notes = _check_shown(found, dataset, *names)
    # Prepared cases lie in the memory of the machine, and the network in that of the GPU where there is one.
    whole = budget if device == "cpu" or request.memory_gb else free_memory_bytes(device)
    room = whole - cache if whole and device == "cpu" else whole
    planned = plan(found, network=request.network, memory_bytes=room, device=device)
    notes = [*planned.notes, *shown_notes]
    settings = CaseTrainSettings(
        batch=planned.batch,
        learning_rate=LEARNING_RATES[request.network],
        patch=planned.patch,
        network=planned.settings,
        preprocessing=planned.preprocessing,
        precision="bfloat16" if device == "cuda" else "float32",
        training_cases=names[0],
        validation_cases=names[1],
        dataset_sha256=digest,
        seed=request.seed,
    )
    settings = replace(settings, **_asked(request), network=_described(settings.network, request))
    check_costs(costs(settings.network, settings.patch, settings.batch), memory_bytes=whole)
    if settings.augmentation:
        load_preset(settings.augmentation)  # told before a run lies in the folder
    if request.spacing_mm is not None:
        how = replace(settings.preprocessing, spacing_mm=request.spacing_mm)
        settings = replace(settings, preprocessing=how)
    digest, weights = start_of(settings.network, request.start, scratch=request.scratch, seed=request.seed)
    settings = replace(settings, start=digest)
    if digest and not request.start:
        notes.append("training begins from the encoder that ships")
    if request.minutes is not None:
        progress(0.9, "Measuring how fast this machine is")
        pace = measure_pace(settings, _checked_voxels(settings, found, names[1]), device, cancel=cancel)
        settings, note = _in_time(settings, pace, request.minutes)
        notes.append(note)
    _write_notes(folder, notes)
    write_json(folder / SETTINGS, to_json(settings))
    return Begun(settings, weights, tuple(notes), cache)


def _check_shown(
    found: Fingerprint, dataset: Dataset, learned: tuple[str, ...], checked: tuple[str, ...]
) -> tuple[str, ...]:
    """Refuse labels that show nothing to learn, and return what to tell of those that show nothing to measure."""

    def shown(names: tuple[str, ...]) -> bool:
        return any(amount.voxels for one in found.cases if one.case in names for amount in one.classes)

    if not shown(learned):
        classes = ", ".join(segment.name for segment in dataset.classes)
        msg = f"no training case shows any voxel of {classes}: check the labels and their values, and make the dataset again"
        raise InputError(msg)
    if shown(checked):
        return ()
    why = "no validation case shows a class" if checked else "no case is kept for validation"
    return (f"{why}: the last weights are kept, and nothing tells when to stop",)


def _wait_for_settings(folder: Path, cancel: CancelToken) -> CaseTrainSettings:
    """Return what the process that leads wrote; the weights come from it, too, when the processes meet."""
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        cancel.raise_if_canceled()
        known = known_settings(folder, CaseTrainSettings)
        if known is not None:
            return known
        time.sleep(0.2)
    msg = f"the process that leads did not begin a run in {folder}: use a folder that all processes share"
    raise InputError(msg)


def _asked(request: "Request") -> dict[str, Any]:
    """Return the settings that the request gives."""
    asked: dict[str, Any] = {"augmentation": "" if request.augmentation == "none" else request.augmentation}
    for name in ("epochs", "steps_per_epoch", "batch", "learning_rate", "patience"):
        if getattr(request, name) is not None:
            asked[name] = getattr(request, name)
    if request.patch is not None:
        asked["patch"] = request.patch[::-1]
    return asked


def _described(network: SegmenterSettings, request: "Request") -> SegmenterSettings:
    """Return the network as the request describes it."""
    names = ("channels", "residual_units", "normalization", "dropout")
    asked = {name: value for name in names if (value := getattr(request, name)) is not None}
    if asked and network.network != "custom":
        msg = f"{next(iter(asked))} describes the network custom, and {network.network} is asked for: leave it out, or choose custom"
        raise InputError(msg)
    if request.channels is not None:
        deeper = ((2, 2, 2),) * len(request.channels)
        asked["strides"] = (*network.strides, *deeper)[: max(len(request.channels) - 1, 0)]
    return replace(network, **asked)


def _check_goes_on(
    request: "Request", folder: Path, known: CaseTrainSettings | None, dataset: str, names: tuple[tuple[str, ...], ...]
) -> None:
    if known is None:
        msg = f"{folder} holds no run to go on with: leave out --resume, or give the folder of the run"
        raise InputError(msg)
    given = [
        name
        for name, value in _asked(replace(request, augmentation=known.augmentation)).items()
        if name != "augmentation"
    ]
    given += [name for name in ("minutes", "spacing_mm", "start", "channels") if getattr(request, name) is not None]
    if given:
        msg = f"{given[0]} is given beside resume: a run goes on as it was begun; leave it out, or begin another one"
        raise InputError(msg)
    if known.dataset_sha256 != dataset or (known.training_cases, known.validation_cases) != names:
        msg = (
            f"the run in {folder} was begun with other cases: images, labels or the split were changed; give the dataset "
            "as it was, or begin another run that starts from this model"
        )
        raise InputError(msg)


def _checked_start(request: "Request", known: CaseTrainSettings) -> Mapping[str, Tensor] | None:
    """Return the weights of a run that was ended before its first checkpoint."""
    if not known.start:
        return None
    digest, weights = start_of(known.network, None, scratch=False, seed=known.seed)
    if digest != known.start:
        msg = f"the run in {request.out} was ended before it was saved, and began from other weights: begin it again"
        raise InputError(msg)
    return weights


def _in_time(settings: CaseTrainSettings, pace: Pace, minutes: float) -> tuple[CaseTrainSettings, str]:
    """Return the settings with as many epochs as fit into a time."""
    seconds = 60 * minutes
    steps = settings.steps_per_epoch
    # Short runs have shorter epochs, so that weights are chosen among several.
    while steps > 5 and _LEAST_EPOCHS * (steps * pace.step_seconds + pace.check_seconds) > seconds:
        steps -= 5
    epochs = int(seconds / (steps * pace.step_seconds + pace.check_seconds))
    epochs = min(max(epochs, 1), _MOST_EPOCHS * settings.steps_per_epoch // steps)
    seconds_of_step = pace.step_seconds + pace.check_seconds / steps
    note = (
        f"{counted(epochs, 'epoch')} of {steps} steps {by_number(epochs, 'fits', 'fit')} into {minutes:g} minutes here: a step takes {pace.step_seconds:.2g} s, a "
        f"check {pace.check_seconds:.2g} s"
    )
    if epochs * steps < _FEW_UPDATES:
        needed = math.ceil(_FEW_UPDATES * seconds_of_step / 60)
        note += f"; so few updates rarely find anything: give {counted(needed, 'minute')} or more, or another network"
    return replace(settings, epochs=epochs, steps_per_epoch=steps, warmup=min(settings.warmup, steps)), note


def _checked_voxels(settings: CaseTrainSettings, found: Fingerprint, names: tuple[str, ...]) -> float:
    """Return the voxels of the validation cases of a check, on the grid of the network."""
    own = [one for one in found.cases if one.case in names][: settings.checked_cases]
    voxel = math.prod(settings.preprocessing.spacing_mm)
    return sum(math.prod(one.size) * math.prod(one.spacing_mm) / voxel for one in own)


def _notes_file(folder: Path) -> Path:
    return folder / "notes.json"


def _write_notes(folder: Path, notes: list[str]) -> None:
    write_json(_notes_file(folder), {"notes": notes})


def _read_notes(folder: Path) -> tuple[str, ...]:
    try:
        return tuple(str(note) for note in json.loads(_notes_file(folder).read_text(encoding="utf-8"))["notes"])
    except (OSError, ValueError, KeyError, TypeError):  # words for people: a run goes on without them
        return ()
