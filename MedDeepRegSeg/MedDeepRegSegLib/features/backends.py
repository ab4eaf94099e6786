"""What computes the encoder: PyTorch, or OpenVINO where that is installed.

A backend takes one standardized block and returns its features. All compute in float32 and agree within 1e-4, except
``torch-bf16``, which trades that for twice the speed on CPUs with AVX512-BF16 or AMX and on GPUs.

Threads are left to the caller: ``OMP_NUM_THREADS`` (PyTorch) in the environment, or ``torch.set_num_threads``. OpenVINO
is given the number that PyTorch uses.
"""

import importlib.util
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from MedDeepRegSegLib.errors import InputError, MissingPackageError

if TYPE_CHECKING:
    from MedDeepRegSegLib.models.networks import LoadedEncoder

BACKENDS = ("auto", "torch", "torch-bf16", "openvino")
"""Names of backends. ``auto`` is PyTorch, so that a result does not depend on what else is installed. OpenVINO needs less
time for a block, and some seconds to convert the network in every process: it pays for many volumes in one."""

Features = tuple[np.ndarray, np.ndarray]
Step = Callable[[], None]

_POLL_MS = 100


class Backend(Protocol):
    """What computes features of one block."""

    name: str

    def __call__(self, block: np.ndarray, step: Step) -> Features:
        """Return local features (16, D / 2, H / 2, W / 2) and context features (32, D / 8, H / 8, W / 8), float32.

        ``block`` is (2, D, H, W) float32, standardized, sides multiples of 16. ``step`` is called several times a second
        where that is possible; what it raises ends the work.
        """


def choose_backend(name: str, device: str) -> str:
    """Return the name of the backend that ``name`` stands for on a device (``"cpu"`` or ``"cuda"``).

    Raises
    ------
    InputError
        For an unknown name, or OpenVINO on a GPU.
    MissingPackageError
        If OpenVINO is asked for and not installed.
    """
    if name not in BACKENDS:
        msg = f"backend is {name!r}, expected one of {', '.join(BACKENDS)}"
        raise InputError(msg)
    if name == "auto":
        return "torch"
    if name == "openvino" and device != "cpu":
        msg = f"backend openvino computes on the CPU, device is {device!r}: choose the device cpu or the backend torch"
        raise InputError(msg)
    if name == "openvino" and importlib.util.find_spec("openvino") is None:
        msg = "the backend openvino needs the package openvino: install it (pip install openvino) or choose the backend torch"
        raise MissingPackageError(msg)
    return name


def make_backend(name: str, encoder: "LoadedEncoder") -> Backend:
    """Return a backend for an encoder; ``name`` as in :func:`choose_backend`.

    Raises
    ------
    InputError, MissingPackageError
        As :func:`choose_backend`.
    """
    chosen = choose_backend(name, encoder.device)
    if chosen == "openvino":
        return _OpenVino(encoder)
    return _Torch(encoder, bf16=chosen == "torch-bf16")


class _Torch:
    """The network as it is, on its own device."""

    def __init__(self, encoder: "LoadedEncoder", *, bf16: bool) -> None:
        import torch

        self.name = "torch-bf16" if bf16 else "torch"
        self._bf16 = bf16
        self._device = encoder.device
        # The layout with channels last halves the time of 3-D convolutions on CPUs.
        self._network = encoder.network.eval().to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]

    def __call__(self, block: np.ndarray, step: Step) -> Features:
        import torch

        def before(*_: object) -> None:
            step()

        watched = [module for module in self._network.modules() if isinstance(module, torch.nn.Conv3d)]
        handles = [module.register_forward_pre_hook(before) for module in watched]
        try:
            given = torch.from_numpy(np.ascontiguousarray(block))[None].to(self._device)
            given = given.contiguous(memory_format=torch.channels_last_3d)
            with (
                torch.inference_mode(),
                torch.autocast(torch.device(self._device).type, torch.bfloat16, enabled=self._bf16),
                # On a GPU, convolutions would round to 10 bits: features must be the same on every machine.
                torch.backends.cudnn.flags(enabled=True, allow_tf32=False),
            ):
                local, context = self._network(given)
        finally:
            for handle in handles:
                handle.remove()
        return local[0].float().cpu().numpy(), context[0].float().cpu().numpy()


class _OpenVino:
    """The network converted by OpenVINO, compiled once for each shape of block."""

    name = "openvino"

    def __init__(self, encoder: "LoadedEncoder") -> None:
        self._network = encoder.network.eval()
        self._compiled: tuple[tuple[int, ...], Any] | None = None

    def __call__(self, block: np.ndarray, step: Step) -> Features:
        step()
        request = self._request(block.shape)
        request.start_async([np.ascontiguousarray(block, np.float32)[None]], share_inputs=True)
        try:
            while not request.wait_for(_POLL_MS):
                step()
        except BaseException:
            request.cancel()
            request.wait()
            raise
        return tuple(np.array(request.get_output_tensor(number).data[0]) for number in range(2))  # type: ignore[return-value]

    def _request(self, shape: tuple[int, ...]) -> Any:
        """Return an inference request for blocks of a shape. Fixed shapes are faster than dynamic ones."""
        import openvino
        import torch

        if self._compiled is None or self._compiled[0] != shape:
            example = torch.zeros(1, shape[0], 32, 32, 32)
            with torch.inference_mode(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the tracer, about shapes that are fixed on purpose
                model = openvino.convert_model(self._network, example_input=example, input=[[1, *shape]])
            # The hint keeps float32: by default OpenVINO rounds to bfloat16 on CPUs that have it.
            settings = {
                "INFERENCE_PRECISION_HINT": "f32",
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            }
            compiled = openvino.Core().compile_model(model, "CPU", settings)
            self._compiled = (shape, compiled.create_infer_request())
        return self._compiled[1]
