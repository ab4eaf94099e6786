"""What a segmentation network costs, known before training begins: parameters, memory and operations.

Memory is counted by a dry run on PyTorch's device without storage ("meta"): every tensor counts from when it is made until
it is freed, forward, loss and backward, so the peak holds what the gradients keep. Weights, their gradients, the two
moments of Adam and the moving average come to that, and what convolutions on a CPU copy for their own order of numbers.
"""

import functools
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.networks import import_torch
from MedDeepRegSegLib.models.segmenter_settings import SegmenterSettings
from MedDeepRegSegLib.volumes.memory import available_memory_bytes

if TYPE_CHECKING:
    from torch import Tensor

_COPIES = 4  # beside each weight: gradient, two moments, moving average
# Measured on Linux, with PyTorch 2.13 on a CPU (test_segmenter_costs.py).
_PROCESS, _MONAI = 450 * 2**20, 190 * 2**20  # Python with PyTorch that has computed something, and what MONAI adds
_ORDER = 1.4  # what convolutions copy for their own order of numbers, and what lies between tensors


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What a network costs.

    Attributes
    ----------
    parameters : int
    training_bytes : float
        Peak memory of the process that trains it with a batch of patches, float32.
    fixed_bytes : float
        Of these, what does not grow with patch and batch: the process, weights and what is kept for each of them.
    inference_bytes : float
        Peak memory of the process that computes one window; the volume and its result come to that.
    flops : float
        Operations of one window, a multiplication and an addition counted as two. Training takes about three times as
        many for each patch.
    """

    parameters: int
    training_bytes: float
    fixed_bytes: float
    inference_bytes: float
    flops: float


@functools.lru_cache(maxsize=256)
def costs(settings: SegmenterSettings, patch: tuple[int, int, int], batch: int) -> Costs:
    """Return what a network costs.

    Parameters
    ----------
    settings : SegmenterSettings
    patch : tuple of int
        Voxels along z, y, x; multiples of ``settings.multiple``.
    batch : int
        Patches that are computed at once in training.

    Raises
    ------
    InputError
        If the network cannot be made, or does not take such a patch.
    MissingPackageError
        If torch, or MONAI where the network is MONAI's, is not installed.
    """
    torch = import_torch()
    from torch.utils.flop_counter import FlopCounterMode

    from MedDeepRegSegLib.models.segmenters.build import build_segmenter

    if batch < 1 or not all(n >= 1 and n % m == 0 for n, m in zip(patch, settings.multiple, strict=True)):
        msg = f"the batch is {batch} and the patch {patch}, expected 1 or more and multiples of {settings.multiple}"
        raise InputError(msg)
    with torch.device("meta"):
        network = build_segmenter(settings)
        values = torch.empty(1, settings.inputs, *patch)
        try:
            with torch.inference_mode(), FlopCounterMode(display=False) as counter:
                network.eval()(values)
            with torch.no_grad():
                inference = _peak(lambda: network(values))
            many = torch.empty(batch, settings.inputs, *patch)
            training = _peak(lambda: _train_once(network.train(), many))
        except (ValueError, RuntimeError) as error:
            msg = f"the network {settings.network} does not take a patch of {patch} ({error}): choose a larger one"
            raise InputError(msg) from error
    process = _PROCESS + (settings.network != "encoder") * _MONAI
    weights = 4.0 * sum(tensor.numel() for tensor in network.parameters())
    return Costs(
        parameters=sum(tensor.numel() for tensor in network.parameters()),
        training_bytes=process + _ORDER * training + (1 + _COPIES) * weights,
        fixed_bytes=process + (1 + _COPIES) * weights,
        inference_bytes=process + _ORDER * inference + weights,
        flops=float(counter.get_total_flops()),
    )


def memory_problem(found: Costs, *, memory_bytes: float | None = None, training: bool = True) -> str:
    """Return why the machine cannot hold a network, and what to do; nothing if it can or does not tell.

    Parameters
    ----------
    found : Costs
    memory_bytes : float, optional
        Memory that there is: of the machine without it.
    training : bool
        Whether it is trained, or only used.
    """
    available = available_memory_bytes() if memory_bytes is None else memory_bytes
    needed = found.training_bytes if training else found.inference_bytes
    if available is None or needed <= available:
        return ""
    doing = "training" if training else "prediction"
    return (
        f"{doing} needs about {needed / 2**30:.1f} GiB of memory and {available / 2**30:.1f} GiB is available: choose a "
        "smaller patch or batch, larger voxels or a smaller network, or close other programs"
    )


def check_costs(found: Costs, *, memory_bytes: float | None = None, training: bool = True) -> None:
    """Refuse a network that the machine cannot hold, see :func:`memory_problem`.

    Raises
    ------
    InputError
    """
    problem = memory_problem(found, memory_bytes=memory_bytes, training=training)
    if problem:
        raise InputError(problem)


def _train_once(network: Any, values: "Tensor") -> None:
    """Do what an update does: answers, cross-entropy and overlap of each of them, gradients."""
    answers = network(values)
    total = None
    for answer in answers if isinstance(answers, list | tuple) else [answers]:
        chances = answer.softmax(dim=1)
        truth = chances.detach().clone()  # the classes as numbers 0 and 1
        loss = -(truth * answer.log_softmax(dim=1)).mean() - (truth * chances).mean()
        total = loss if total is None else total + loss
    assert total is not None
    total.backward()


def _peak(work: Any) -> float:
    """Return the most bytes that the tensors made by ``work`` take at once."""
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    torch = import_torch()
    now, most = 0, 0
    known: set[int] = set()

    def forget(key: int, size: int) -> None:
        nonlocal now
        known.discard(key)
        now -= size

    class Counting(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            nonlocal now, most
            made = func(*args, **(kwargs or {}))
            inputs = {id(one.untyped_storage()) for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)}
            for tensor in tree_leaves(made):
                if not isinstance(tensor, torch.Tensor):
                    continue
                storage = tensor.untyped_storage()
                key, size = id(storage), storage.nbytes()
                if key in known or key in inputs:
                    continue
                known.add(key)
                weakref.finalize(storage, forget, key, size)
                now += size
                most = max(most, now)
            return made

    with Counting():
        work()
    return float(most)
