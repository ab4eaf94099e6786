"""How bright a channel is, so that strengths of transforms need no units: 0.1 of its deviation is the same in HU and after scaling."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_SAMPLES = 8192
_LOW, _HIGH = 0.005, 0.995


@dataclass(frozen=True, eq=False)
class ChannelScales:
    """Measures of each channel, each of shape (channels, 1, 1, 1).

    Attributes
    ----------
    mean, deviation : Tensor
        Of the values between the limits; the deviation is above 0.
    low, high : Tensor
        Robust limits: .5th and 99.5th percentile, apart by more than 0.
    """

    mean: "Tensor"
    deviation: "Tensor"
    low: "Tensor"
    high: "Tensor"

    @property
    def width(self) -> "Tensor":
        """High less low."""
        return self.high - self.low


def channel_scales(values: "Tensor") -> ChannelScales:
    """Return the measures of channels (channels, z, y, x), from about 8000 of their voxels."""
    flat = values.reshape(values.shape[0], -1)
    step = max(1, flat.shape[1] // _SAMPLES) | 1  # odd, so that rows of even length are not sampled at one column
    ordered = flat[:, ::step].sort(dim=1).values
    last = ordered.shape[1] - 1
    low, high = ordered[:, round(_LOW * last), None], ordered[:, round(_HIGH * last), None]
    cut = ordered.clamp(low, high)
    deviation, mean = cut.std(dim=1, keepdim=True, correction=0), cut.mean(dim=1, keepdim=True)
    # A channel of one value only stays what it is: nothing is divided by 0.
    tiny = 1e-6 * cut.abs().amax(dim=1, keepdim=True) + 1e-30
    shaped = [part[..., None, None] for part in (mean, deviation.maximum(tiny), low, high.maximum(low + tiny))]
    return ChannelScales(*shaped)


def per_channel(numbers: tuple[float, ...], values: "Tensor") -> "Tensor":
    """Return one number for each channel as (channels, 1, 1, 1); the first ones repeated where there are too few."""
    count = values.shape[0]
    return values.new_tensor([numbers[index % len(numbers)] for index in range(count)]).view(-1, 1, 1, 1)
