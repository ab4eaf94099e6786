"""The processes that train together under ``torchrun``; a single one without it."""

import os
from collections.abc import Callable
from types import TracebackType

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.networks import choose_device


def process_number() -> int:
    """Return the number of this process among those that train together."""
    return int(os.environ.get("RANK", "0"))


class Team:
    """A context: the processes meet when it is entered and part when it is left.

    Parameters
    ----------
    device : {"cpu", "cuda"}

    Raises
    ------
    InputError
        When there is no GPU for this process.
    """

    def __init__(self, device: str) -> None:
        self.rank, self.size = process_number(), int(os.environ.get("WORLD_SIZE", "1"))
        self.device = torch.device("cpu")
        self._tuned = torch.backends.cudnn.benchmark
        if choose_device(device) == "cuda":
            own, there = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
            if own >= there:
                msg = f"process {own} has no GPU: {there} found, expected one for each process; give torchrun fewer"
                raise InputError(msg)
            self.device = torch.device("cuda", own)

    def __enter__(self) -> "Team":
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)
            torch.backends.cudnn.benchmark = True  # all views are of one size
        if self.size > 1:
            torch.distributed.init_process_group("nccl" if self.device.type == "cuda" else "gloo")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        torch.backends.cudnn.benchmark = self._tuned
        # After an error the others may never come; torchrun ends them.
        if self.size > 1 and kind is None:
            torch.distributed.barrier()
            torch.distributed.destroy_process_group()

    @property
    def leads(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def share(self, model: nn.Module) -> Callable:
        """Return the model so that gradients are averaged over the processes."""
        if self.size == 1:
            return model
        return DistributedDataParallel(model, device_ids=None if self.device.type == "cpu" else [self.device.index])

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean over the processes."""
        if self.size == 1:
            return values
        values = values.clone()
        torch.distributed.all_reduce(values)
        return values / self.size

    def from_leader(self, values: Tensor) -> Tensor:
        """Return what the process that leads has."""
        if self.size == 1:
            return values
        values = values.clone()
        torch.distributed.broadcast(values, 0)
        return values

    def any(self, wish: bool) -> bool:
        """Return whether any process wishes so: all must do the same at the same step."""
        if self.size == 1:
            return wish
        return bool(self.mean(torch.tensor(float(wish), device=self.device)) > 0)

    def same(self, number: int) -> bool:
        """Return whether all processes have the same number."""
        if self.size == 1:
            return True
        ends = torch.tensor([number, -number], dtype=torch.int64, device=self.device)
        torch.distributed.all_reduce(ends, op=torch.distributed.ReduceOp.MAX)
        return bool(ends[0] == -ends[1])
