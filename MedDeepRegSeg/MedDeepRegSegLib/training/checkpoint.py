"""Checkpoints of a run: everything that the next step depends on, as one safetensors file. No pickle."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import atomic_path
from MedDeepRegSegLib.jobs.schema import from_json, to_json
from MedDeepRegSegLib.training.settings import PretrainSettings

_KEY = "meddeep-pretraining"


def save_checkpoint(
    path: Path,
    *,
    settings: PretrainSettings,
    step: int,
    seconds: float,
    model: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Write a checkpoint, whole or not at all."""
    from safetensors.torch import save_file

    tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"average/{name}": value for name, value in average.state_dict().items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{number}/{name}": torch.as_tensor(value) for name, value in state.items()}
    header = {_KEY: json.dumps({"step": step, "seconds": seconds, "settings": to_json(settings)})}
    with atomic_path(path) as temporary:
        save_file({name: _plain(value) for name, value in tensors.items()}, temporary, metadata=header)


def load_checkpoint(
    path: Path,
    *,
    settings: PretrainSettings,
    model: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
) -> tuple[int, float]:
    """Bring a run to where a checkpoint was made; returns its step and the seconds that were spent.

    Raises
    ------
    InputError
        When the file is damaged, no checkpoint of pre-training, or of a run with other settings.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})[_KEY])
            saved = from_json(PretrainSettings, header["settings"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        msg = f"{path} is damaged or no checkpoint of pre-training ({error}): remove it to start anew"
        raise InputError(msg) from error
    if saved != settings:
        old, new = to_json(saved), to_json(settings)
        differing = ", ".join(sorted(name for name in new if old.get(name) != new[name]))
        msg = f"{path} was made with other settings ({differing}): use the same ones, or another folder"
        raise InputError(msg)
    try:
        model.load_state_dict(_below("model/", tensors))
        average.load_state_dict(_below("average/", tensors))
        state: dict[int, dict[str, Any]] = {}
        for name, value in _below("optimizer/", tensors).items():
            number, part = name.split("/")
            state.setdefault(int(number), {})[part] = value
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    except (RuntimeError, ValueError) as error:
        msg = f"{path} does not fit this network: remove it to start anew"
        raise InputError(msg) from error
    return int(header["step"]), float(header["seconds"])


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _plain(value: Tensor) -> Tensor:
    return value.detach().cpu().clone(memory_format=torch.contiguous_format)
