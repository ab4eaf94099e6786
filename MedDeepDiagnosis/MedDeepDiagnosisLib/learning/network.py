"""A small network that joins the table with the encoder features of the lesion: trained by torch, evaluated by numpy.

Two branches, one for the columns of the table and one for the image of the lesion, add up to one hidden layer. Where
the image is missing its branch is silent and says so by a flag; in training it is silenced at random, so that the
network learns to do without (Neverova N et al., ModDrop, IEEE TPAMI 2016). Single values are silenced at random too,
and a flag says which ones are missing. Several networks from different beginnings are averaged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.learning.columns import Columns, columns_from_arrays, learn_columns
from MedDeepDiagnosisLib.learning.sample import Sample
from MedDeepDiagnosisLib.learning.stored import StoredArrays, prefixed
from MedDeepDiagnosisLib.pathology import Feature
from MedDeepRegSegLib.errors import MissingPackageError

Array = NDArray[np.float64]

SETTINGS = tuple({"decay": decay} for decay in (0.3, 0.03))
"""What is tried inside the folds: decay of the weights, the strongest first."""

HIDDEN = 32
MEMBERS = 4
_EPOCHS = 40
_BATCH = 128
_RATE = 4e-3
_SILENT_VALUE = 0.1
_SILENT_IMAGE = 0.3
_DROP = 0.2

_WEIGHTS = ("first", "first_bias", "second", "second_bias", "last", "last_bias")


@dataclass(frozen=True)
class Networks:
    """Some networks of one shape, whose scores are averaged.

    Attributes
    ----------
    columns:
        The table as K columns.
    image_center, image_scale:
        (D,) of the encoder features; D may be 0.
    weights:
        ``first`` (E, I, H), ``second`` (E, H, H), ``last`` (E, H, 1) and their biases, of E networks with I inputs.
    unit, center:
        A number is center + unit times the score; 1 and 0 for log-odds.
    """

    columns: Columns
    image_center: Array
    image_scale: Array
    weights: dict[str, Array]
    unit: float = 1.0
    center: float = 0.0

    def score(self, values: Array) -> Array:
        """Return (N,) log-odds or numbers of (N, F) or (N, F + D) values, NaN where missing."""
        hidden = self.inputs(values)[None]
        for name in ("first", "second"):
            hidden = _silu(hidden @ self.weights[name] + self.weights[f"{name}_bias"])
        scores = hidden @ self.weights["last"] + self.weights["last_bias"]
        return self.center + self.unit * scores[..., 0].mean(axis=0)

    def inputs(self, values: Array) -> Array:
        """Return (N, I) inputs: columns, flags of missing values, the image's features, and its flag."""
        return network_inputs(self.columns, self.image_center, self.image_scale, values)

    def arrays(self) -> dict[str, Array]:
        """Return what :func:`from_arrays` takes."""
        own = {"image_center": self.image_center, "image_scale": self.image_scale}
        line = {"line": np.array([self.unit, self.center])}
        return {**prefixed("columns", self.columns.arrays()), **own, **line, **self.weights}


def network_inputs(columns: Columns, image_center: Array, image_scale: Array, values: Array) -> Array:
    """Return (N, K + F + D + 1) inputs of (N, F) or (N, F + D) values. An image with a missing feature is missing."""
    count, wide = len(columns.encoding.features), len(image_center)
    table, image = values[:, :count], values[:, count:]
    if not image.shape[1]:
        image = np.full((len(values), wide), np.nan)
    given = np.array(~np.isnan(image).any(axis=1) & bool(wide), dtype=bool)
    scaled = np.where(given[:, None], (image - image_center) / image_scale, 0.0)
    flags = np.isnan(table).astype(float)
    return np.concatenate([columns.of(values), flags, scaled, given[:, None].astype(float)], axis=1)


def from_arrays(features: tuple[Feature, ...], stored: StoredArrays) -> Networks:
    """Return networks from the arrays of a folder; raises InputError if they do not fit."""
    columns = columns_from_arrays(features, stored.within("columns"))
    center = stored.get("image_center", None)
    inputs = len(columns.kept) + len(features) + len(center) + 1
    first = stored.get("first", None, inputs, None)
    members, _, hidden = first.shape
    weights = {
        "first": first,
        "first_bias": stored.get("first_bias", members, 1, hidden),
        "second": stored.get("second", members, hidden, hidden),
        "second_bias": stored.get("second_bias", members, 1, hidden),
        "last": stored.get("last", members, hidden, 1),
        "last_bias": stored.get("last_bias", members, 1, 1),
    }
    unit, shift = stored.get("line", 2)
    scale = stored.divisors("image_scale", len(center))
    return Networks(columns, center, scale, weights, float(unit), float(shift))


def fit_all(sample: Sample, *, binary: bool, settings: Sequence[dict[str, float]], seed: int) -> list[Networks]:
    """Train networks for each of some settings.

    Raises
    ------
    MissingPackageError
        If torch is not installed.
    """
    columns = learn_columns(sample)
    image = sample.lesion
    known = image[~np.isnan(image).any(axis=1)] if image.shape[1] else image[:0]
    center = known.mean(axis=0) if len(known) else np.zeros(image.shape[1])
    spread = known.std(axis=0) if len(known) else np.ones(image.shape[1])
    scale = np.where(spread > 1e-9, spread, 1.0)
    unit, shift = (1.0, 0.0) if binary else (float(sample.target.std()) or 1.0, float(sample.target.mean()))
    inputs = network_inputs(columns, center, scale, sample.values)
    outcome = sample.target if binary else (sample.target - shift) / unit
    parts = (len(columns.kept), len(sample.features), image.shape[1])
    return [
        Networks(
            columns,
            center,
            scale,
            _train(
                inputs,
                outcome,
                owner=columns.encoding.owner[columns.kept],
                parts=parts,
                decay=setting["decay"],
                binary=binary,
                seed=seed,
            ),
            unit,
            shift,
        )
        for setting in settings
    ]


def _train(
    inputs: Array,
    outcome: Array,
    *,
    owner: NDArray[np.int64],
    parts: tuple[int, int, int],
    decay: float,
    binary: bool,
    seed: int,
) -> dict[str, Array]:
    torch = _torch()
    generator = torch.Generator().manual_seed(seed)
    weights = _beginning(torch, inputs.shape[1], generator)
    rest = torch.tensor(inputs, dtype=torch.float32)
    wanted = torch.tensor(outcome, dtype=torch.float32)
    owners = torch.tensor(owner)
    optimizer = torch.optim.AdamW(list(weights.values()), lr=_RATE, weight_decay=decay)
    batches = max(1, len(rest) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=_EPOCHS * batches)
    for _ in range(_EPOCHS):
        order = torch.randperm(len(rest), generator=generator)
        for part in order.tensor_split(batches):
            shown = _silenced(torch, rest[part], owners, parts, generator)
            hidden = shown[None]
            for name in ("first", "second"):
                hidden = torch.nn.functional.silu(hidden @ weights[name] + weights[f"{name}_bias"])
                keep = torch.rand(hidden.shape, generator=generator) > _DROP
                hidden = hidden * keep / (1 - _DROP)
            scores = (hidden @ weights["last"] + weights["last_bias"])[..., 0]
            both = wanted[part].expand_as(scores)
            loss = (
                torch.nn.functional.binary_cross_entropy_with_logits(scores, both)
                if binary
                else torch.nn.functional.mse_loss(scores, both)
            )
            # Each network has its own weights, so the sum of their losses trains them apart from each other.
            optimizer.zero_grad()
            (loss * MEMBERS).backward()
            optimizer.step()
            schedule.step()
    return {name: weight.detach().numpy().astype(np.float64) for name, weight in weights.items()}


def _silenced(torch: Any, shown: Any, owners: Any, parts: tuple[int, int, int], generator: Any) -> Any:
    """Return a batch in which some values and some images are missing, with their flags set."""
    columns, features, wide = parts
    gone = torch.rand((len(shown), features), generator=generator) < _SILENT_VALUE
    table = torch.where(gone[:, owners], torch.zeros(()), shown[:, :columns])
    flags = torch.maximum(shown[:, columns : columns + features], gone.float())
    image = shown[:, columns + features :]
    if wide:
        image = image * (torch.rand((len(shown), 1), generator=generator) >= _SILENT_IMAGE)
    return torch.cat([table, flags, image], dim=1)


def _beginning(torch: Any, inputs: int, generator: Any) -> dict[str, Any]:
    shapes = {"first": (inputs, HIDDEN), "second": (HIDDEN, HIDDEN), "last": (HIDDEN, 1)}
    weights = {}
    for name, (before, after) in shapes.items():
        spread = (1 / before) ** 0.5
        drawn = torch.randn((MEMBERS, before, after), generator=generator) * spread
        weights[name] = drawn.requires_grad_()
        weights[f"{name}_bias"] = torch.zeros((MEMBERS, 1, after)).requires_grad_()
    return weights


def _silu(values: Array) -> Array:
    return values * 0.5 * (1 + np.tanh(0.5 * values))


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        msg = "the network needs PyTorch: install it with 'pip install torch'"
        raise MissingPackageError(msg) from error
    return torch
