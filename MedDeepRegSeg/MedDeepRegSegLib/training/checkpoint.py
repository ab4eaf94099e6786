"""Checkpoints of a run: everything that the next step depends on, as one safetensors file. No pickle."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

import torch
from torch import Tensor, nn

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import atomic_path
from MedDeepRegSegLib.jobs.schema import from_json, to_json
from MedDeepRegSegLib.training.record import RunRecord
from MedDeepRegSegLib.training.settings import PretrainSettings

_KEY = "meddeep-pretraining"  # of runs of all kinds; the name is that of the first kind
_VERSION = 1

S = TypeVar("S")


@dataclass(frozen=True)
class Position:
    """How far a run is.

    Attributes
    ----------
    step : int
        Updates that are done.
    seconds : float
        Over all chunks.
    skipped : int
        Steps without an update, because their gradient was not finite.
    count, total : int, tuple of float
        Steps since the last row of the log, and the sums of their measures.
    record : RunRecord, optional
        None in checkpoints of early versions.
    checked : int
        The last step whose weights were checked, see :mod:`MedDeepRegSegLib.training.checks`.
    best_step : int
        The step whose weights were the best; 0 where none was.
    best_score : float
        How good they were.
    """

    step: int = 0
    seconds: float = 0.0
    skipped: int = 0
    count: int = 0
    total: tuple[float, ...] = ()
    record: RunRecord | None = None
    checked: int = 0
    best_step: int = 0
    best_score: float = 0.0


@dataclass(frozen=True)
class Checkpoint(Generic[S]):
    """The content of a file, verified. ``tensors`` are named ``model/...``, ``average/...`` and ``optimizer/...``."""

    settings: S
    position: Position
    tensors: Mapping[str, Tensor]

    def part(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors whose names begin so, without this beginning."""
        return {name.removeprefix(prefix): value for name, value in self.tensors.items() if name.startswith(prefix)}


def save_checkpoint(
    path: Path,
    *,
    settings: Any,
    position: Position,
    model: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Write a checkpoint, whole or not at all.

    Raises
    ------
    InputError
        When the disk does not take it; an earlier checkpoint is still there.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"average/{name}": value for name, value in average.state_dict().items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{number}/{name}": torch.as_tensor(value) for name, value in state.items()}
    tensors = {name: _plain(value) for name, value in tensors.items()}
    header = {
        "version": _VERSION,
        "settings": to_json(settings),
        "tensors_sha256": _hash(tensors),
        "step": position.step,
        "seconds": position.seconds,
        "position": to_json(position),
    }
    try:
        with atomic_path(path) as temporary:
            save_file(tensors, temporary, metadata={_KEY: json.dumps(header)})
    except (OSError, SafetensorError) as error:
        msg = (
            f"cannot save {path} at step {position.step} ({error}): make room on the disk and start again; "
            "an earlier checkpoint, if any, is intact, and training goes on from it"
        )
        raise InputError(msg) from error


@overload
def read_checkpoint(path: Path) -> Checkpoint[PretrainSettings]: ...
@overload
def read_checkpoint(path: Path, kind: type[S]) -> Checkpoint[S]: ...
def read_checkpoint(path: Path, kind: type[Any] = PretrainSettings) -> Checkpoint[Any]:
    """Read and verify a checkpoint of a run with this kind of settings; nothing in it is run.

    Raises
    ------
    InputError
        When the file is damaged, no checkpoint of such a training, or of a newer version.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})[_KEY])
            version = header.get("version", _VERSION)
            if version != _VERSION:
                msg = f"{path} was made by a newer version of MedDeep: update MedDeep, or use another folder"
                raise _VersionError(msg)
            settings = _settings(path, header["settings"], kind)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        if "position" in header:
            position = from_json(Position, header["position"])
            if _hash(tensors) != header["tensors_sha256"]:
                msg = "its numbers were changed"
                raise ValueError(msg)
        else:  # of an early version
            position = Position(step=int(header["step"]), seconds=float(header["seconds"]))
    except _VersionError:
        raise
    except (SafetensorError, OSError, KeyError, ValueError, AttributeError, TypeError) as error:
        msg = f"{path} is damaged or no checkpoint of a training ({error}): use another folder, or remove it to start anew"
        raise InputError(msg) from error
    return Checkpoint(settings, position, tensors)


def load_checkpoint(
    path: Path,
    *,
    settings: Any,
    maps_sha256: str,
    model: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
) -> Position:
    """Bring a run to where a checkpoint was made.

    Raises
    ------
    InputError
        When the file cannot be used, see :func:`read_checkpoint`, or is of a run with other settings or label maps.
    """
    checkpoint = read_checkpoint(path, type(settings))
    if checkpoint.settings != settings:
        old, new = to_json(checkpoint.settings), to_json(settings)
        differing = ", ".join(sorted(name for name in new if old.get(name) != new[name]))
        msg = f"{path} was made with other settings ({differing}): use the same ones, or another folder"
        raise InputError(msg)
    record = checkpoint.position.record
    if record is not None and record.maps_sha256 != maps_sha256:
        msg = f"{path} was made with other label maps: give the same file of maps (or none, as then), or use another folder"
        raise InputError(msg)
    try:
        model.load_state_dict(checkpoint.part("model/"))
        average.load_state_dict(checkpoint.part("average/"))
        optimizer.load_state_dict(_optimizer_state(checkpoint, optimizer))
    except (RuntimeError, ValueError, KeyError, IndexError) as error:
        msg = f"{path} does not fit this network and label maps: give the same maps as then, or use another folder"
        raise InputError(msg) from error
    return checkpoint.position


def _optimizer_state(checkpoint: Checkpoint[Any], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for name, value in checkpoint.part("optimizer/").items():
        number, part = name.split("/")
        like = parameters[int(number)]
        if value.ndim and value.shape != like.shape:
            msg = f"{name} has the shape {tuple(value.shape)}, expected {tuple(like.shape)}"
            raise ValueError(msg)
        # In the memory format of the parameter, as it was.
        place = torch.empty_like(like if value.ndim else value, dtype=value.dtype, device="cpu", requires_grad=False)
        state.setdefault(int(number), {})[part] = place.copy_(value)
    return {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}


def _settings(path: Path, data: Any, kind: type[Any]) -> Any:
    try:
        return from_json(kind, data)
    except InputError as error:
        msg = f"{path} was made with settings that this version of MedDeep does not take ({error}): use another folder"
        raise _VersionError(msg) from error


class _VersionError(InputError):
    """The file is sound, but of another version than this software knows."""


def _plain(value: Tensor) -> Tensor:
    return value.detach().cpu().clone(memory_format=torch.contiguous_format)


def _hash(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tuple(tensors[name].shape)} {tensors[name].dtype}\n".encode())
        digest.update(tensors[name].numpy().tobytes())
    return digest.hexdigest()
