"""Part e: what encoding one volume costs with each backend, in a process of its own, and how far its features are off."""

import importlib.util
import multiprocessing
import time
from pathlib import Path

import numpy as np

SHAPE = (160, 160, 192)


def evaluate_cost(model: Path | None, *, random: bool = False, shape: tuple[int, int, int] = SHAPE) -> list[dict]:
    """Return CPU and wall seconds and peak memory of encoding a volume once, loading apart, for each backend there is.

    OpenVINO converts the network first; "difference" is the largest of any feature from that of torch.

    Parameters
    ----------
    model : Path, optional
        Model folder; None for the shipped one.
    random : bool
        An untrained encoder instead.
    shape : tuple of int
    """
    backends = ["torch", "torch-bf16"] + ["openvino"] * (importlib.util.find_spec("openvino") is not None)
    rows, expected = [], None
    for backend in backends:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            row, found = pool.apply(_encode, (model, random, shape, backend))
        expected = found if expected is None else expected
        apart = max(float(np.abs(one - two).max()) for one, two in zip(found, expected, strict=True))
        rows.append({**row, "difference": apart})
    return rows


def _encode(model: Path | None, random: bool, shape: tuple[int, int, int], backend: str) -> tuple[dict, tuple]:
    import torch
    from features_encoder import load_features

    from MedDeepRegSegLib.features.windows import encode_array

    torch.set_num_threads(1)  # CPU seconds of more threads count their waiting
    features = load_features(model, random=random)
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    before = _peak_mb()
    wall, cpu = time.perf_counter(), time.process_time()
    found = encode_array(values, features.encoder, backend=backend)
    return {
        "backend": backend,
        "volume": "x".join(map(str, shape)),
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - wall,
        "peak_mb": _peak_mb(),
        "before_mb": before,
    }, tuple(part.astype(np.float32) for part in found)


def _peak_mb() -> int:
    """Return the peak memory of this program; getrusage would include that of the process that started it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024
