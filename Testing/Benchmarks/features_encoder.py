"""The encoder under measurement, as the parts call it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from MedDeepRegSegLib.features.windows import encode_array
from MedDeepRegSegLib.models.networks import LoadedEncoder, load_encoder


@dataclass(frozen=True)
class Features:
    """Local and context features of arrays."""

    encoder: LoadedEncoder

    def both(self, values: NDArray[np.float32]) -> tuple[Tensor, Tensor]:
        """Return local (16, z, y, x) and context (32, z', y', x') features of an array (Z, Y, X)."""
        local, context = encode_array(np.ascontiguousarray(values), self.encoder)
        return torch.from_numpy(local).float(), torch.from_numpy(context).float()

    def local(self, values: NDArray[np.float32]) -> Tensor:
        """Return local features (16, z, y, x)."""
        return self.both(values)[0]


def load_features(model: Path | None = None, *, random: bool = False) -> Features:
    """Return the encoder of a model folder, the shipped one by default, or an untrained one as a control."""
    if not random:
        return Features(load_encoder(model))
    from MedDeepRegSegLib.models.encoder import Encoder

    torch.manual_seed(0)
    # No description: this one is never written.
    return Features(LoadedEncoder(Encoder().eval().requires_grad_(False), None, "cpu"))  # type: ignore[arg-type]
