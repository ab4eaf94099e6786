"""Part e: what encoding one volume costs, in a process of its own."""

import multiprocessing
import time
from pathlib import Path

import numpy as np

SHAPE = (160, 160, 192)


def evaluate_cost(model: Path | None, *, random: bool = False, shape: tuple[int, int, int] = SHAPE) -> list[dict]:
    """Return CPU and wall seconds and peak memory of encoding a volume once, loading apart.

    Parameters
    ----------
    model : Path, optional
        Model folder; None for the shipped one.
    random : bool
        An untrained encoder instead.
    shape : tuple of int
    """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return [pool.apply(_encode, (model, random, shape))]


def _encode(model: Path | None, random: bool, shape: tuple[int, int, int]) -> dict:
    import torch
    from features_encoder import load_features

    torch.set_num_threads(1)  # CPU seconds of more threads count their waiting
    features = load_features(model, random=random)
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    before = _peak_mb()
    wall, cpu = time.perf_counter(), time.process_time()
    features.both(values)
    return {
        "volume": "x".join(map(str, shape)),
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - wall,
        "peak_mb": _peak_mb(),
        "before_mb": before,
    }


def _peak_mb() -> int:
    """Return the peak memory of this program; getrusage would include that of the process that started it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024
