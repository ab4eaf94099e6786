"""What a run was made with, kept in its checkpoint, so that the card of a model can tell it."""

import os
import platform
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import torch

from MedDeepRegSegLib import __version__
from MedDeepRegSegLib.hashing import file_sha256

_T = TypeVar("_T")

UNRECORDED = "hardware that was not recorded"


@dataclass(frozen=True)
class HardwareTime:
    """Seconds that were spent on one kind of hardware."""

    hardware: str
    seconds: float


@dataclass(frozen=True)
class RunRecord:
    """Where a run was computed, by what, and from what.

    Attributes
    ----------
    hardware : tuple of HardwareTime
        In the order of use.
    software : tuple of str
        Versions, in the order of use.
    processes : tuple of int
        Numbers of processes that trained together, in the order of use.
    maps_sha256 : str
        Of the packed label maps; empty without maps.
    threads : int
        With which a processor computes, from the first chunk on: in which order numbers are added up, and so how a sum
        is rounded, depends on it. 0 in checkpoints of early versions.
    """

    hardware: tuple[HardwareTime, ...] = ()
    software: tuple[str, ...] = ()
    processes: tuple[int, ...] = ()
    maps_sha256: str = ""
    threads: int = 0

    @property
    def launcher(self) -> str:
        """What a module is run by: as many processes as trained together."""
        processes = max(self.processes, default=1)
        # Without the dashes torchrun refuses options of the module that begin as its own do (--start).
        return f"torchrun --standalone --nproc-per-node {processes} -m --" if processes > 1 else "python -m"

    @property
    def seconds(self) -> float:
        """Time that is accounted for."""
        return sum(part.seconds for part in self.hardware)

    def extended(self, seconds: float, device: torch.device, processes: int) -> "RunRecord":
        """Return the record with the time of one more chunk, here."""
        return replace(
            self,
            hardware=_added(self.hardware, hardware_name(device), seconds),
            software=_united(self.software, software_versions()),
            processes=_united(self.processes, processes),
        )


def record_of(maps: Path | None) -> RunRecord:
    """Return the record of a run that begins."""
    return RunRecord(maps_sha256=file_sha256(maps) if maps is not None else "", threads=torch.get_num_threads())


def hardware_name(device: torch.device) -> str:
    """Return the kind of processor or GPU, and nothing that tells whose it is."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cores = os.cpu_count() or 1
    return f"{_processor()}, {cores} core{'s' * (cores > 1)}"


def software_versions() -> str:
    """Return the versions that decide the numbers."""
    return f"MedDeep {__version__}, torch {torch.__version__}, Python {platform.python_version()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() == "model name" and value.strip():
            return " ".join(value.split())
    return platform.processor() or platform.machine() or "a processor"


def _added(parts: tuple[HardwareTime, ...], hardware: str, seconds: float) -> tuple[HardwareTime, ...]:
    times = {part.hardware: part.seconds for part in parts}
    times[hardware] = times.get(hardware, 0.0) + seconds
    return tuple(HardwareTime(name, time) for name, time in times.items())


def _united(known: tuple[_T, ...], new: _T) -> tuple[_T, ...]:
    return known if new in known else (*known, new)
