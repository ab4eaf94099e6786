"""A convolution that is fast for one small volume on a processor, too.

PyTorch leaves convolutions of one volume to a kernel of its own where channels times slices times rows are 20,480 or fewer,
and those of single voxels with one thread (``ConvParams::use_mkldnn`` in ATen/native/Convolution.cpp: a rule for images in
two dimensions). In three it takes several times as long as oneDNN's.
"""

from functools import cache

import torch
from torch import Tensor, nn

_FEW = 20_480  # channels times slices times rows up to which PyTorch takes its own kernel


class Convolution(nn.Conv3d):
    """``Conv3d`` with zeros beyond the border; weights and results are those of PyTorch's, but for rounding.

    Where no gradient is wanted, oneDNN is asked itself. Where one is, PyTorch chooses the kernel of the way back, too: a
    second volume of zeros makes it choose oneDNN's, which is faster for both than its own for one.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the convolution of (B, C, D, H, W)."""
        if isinstance(self.padding, str) or not self._is_for_onednn(input):
            return super().forward(input)
        if not torch.is_grad_enabled():
            return torch.mkldnn_convolution(
                input, self.weight, self.bias, self.padding, self.stride, self.dilation, self.groups
            )
        if max(self.kernel_size) > 1 and input.shape[1:4].numel() <= _FEW:
            return super().forward(torch.cat([input, torch.zeros_like(input)]))[:1]
        return super().forward(input)

    def _is_for_onednn(self, input: Tensor) -> bool:
        # What is exported or compiled for elsewhere is made of ordinary operations.
        if torch.jit.is_tracing() or torch.compiler.is_compiling():
            return False
        return (
            _has_onednn()
            and len(input) == 1
            and input.device.type == "cpu"
            and input.dtype == self.weight.dtype == torch.float32
            and not torch.is_autocast_enabled("cpu")
        )


@cache
def _has_onednn() -> bool:
    return torch.backends.mkldnn.is_available() and hasattr(torch, "mkldnn_convolution")
