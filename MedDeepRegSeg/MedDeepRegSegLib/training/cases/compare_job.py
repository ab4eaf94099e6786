"""The job that says what each network would cost on the cases of a dataset, before any is trained."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of


@dataclass(frozen=True)
class Request:
    """What the networks would be trained on, and where."""

    dataset: Path
    """File of a dataset."""
    memory_gb: float | None = None
    """Budget of memory, GB; what is free on this machine without it."""
    device: str = "auto"
    """``auto``, ``cpu`` or ``cuda``."""


@dataclass(frozen=True)
class NetworkCosts:
    """What one network costs."""

    network: str
    voxel_mm: tuple[float, float, float]
    """Size of a voxel toward left, back and top, mm."""
    patch: tuple[int, int, int]
    """Voxels toward left, back and top."""
    batch: int
    """Patches that are computed at once."""
    parameters: int
    training_gib: float
    """Peak memory of training, GiB."""
    use_gib: float
    """Peak memory of one window in use, GiB."""
    gflop: float
    """Billions of operations of a window."""


@dataclass(frozen=True)
class Result:
    """The networks that fit into the memory, and what does not."""

    networks: tuple[NetworkCosts, ...]
    left_out: tuple[str, ...]
    """Networks that do not fit."""
    device: Literal["cpu", "cuda"]


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Plan each network for the cases and count what it costs.

    Raises
    ------
    InputError
        If the dataset cannot be used, or no network fits into the memory.
    MissingPackageError
        If PyTorch or MONAI is not installed.
    Canceled
        If ``cancel`` was set.
    """
    from MedDeepRegSegLib.datasets.dataset import read_dataset
    from MedDeepRegSegLib.datasets.fingerprint import fingerprint
    from MedDeepRegSegLib.models.networks import choose_device
    from MedDeepRegSegLib.training.cases.plan import NETWORKS, plan

    cancel = CancelToken() if cancel is None else cancel
    device = choose_device(request.device)
    progress(0.0, "Looking at the cases")
    found = fingerprint(read_dataset(request.dataset), progress=part_of(progress, 0.0, 0.6), cancel=cancel)
    memory = None if request.memory_gb is None else request.memory_gb * 1e9
    made, left_out, reason = [], [], ""
    for number, network in enumerate(NETWORKS):
        progress(0.6 + 0.4 * number / len(NETWORKS), f"Counting what the network {network} costs")
        cancel.raise_if_canceled()
        try:
            one = plan(found, network=network, memory_bytes=memory, device=device)
        except InputError as error:
            left_out.append(network)
            reason = reason or str(error)
            continue
        cost = one.costs
        x, y, z = one.patch[::-1]
        made.append(
            NetworkCosts(
                network=network,
                voxel_mm=one.preprocessing.spacing_mm,
                patch=(x, y, z),
                batch=one.batch,
                parameters=cost.parameters,
                training_gib=cost.training_bytes / 2**30,
                use_gib=cost.inference_bytes / 2**30,
                gflop=cost.flops / 1e9,
            )
        )
    if not made:
        raise InputError(reason)
    progress(1.0, "Counted")
    return Result(networks=tuple(made), left_out=tuple(left_out), device=device)
