"""Train the growing network on synthetic objects with a simulated user, from random weights or from those of a model.

python -m MedDeepRegSegLib.training growing --out RUN --maps MAPS.npz --start MODEL_DIR --minutes 60
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Unpack

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models import growing_prompts
from MedDeepRegSegLib.models.growing_network import MULTIPLE, GrowingNetwork, GrowingNetworkSettings
from MedDeepRegSegLib.synthesis.clicks import Click, first_click, next_click
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training.growing_source import GrowingSource, ObjectSample
from MedDeepRegSegLib.training.run import RunOptions, Task, TrainResult, train
from MedDeepRegSegLib.training.settings import Precision
from MedDeepRegSegLib.training.team import Team

MEASURES = ("loss", "dice_first", "dice_last", "dice_box")

_COARSE_WEIGHT = 0.15
_CLICK_WEIGHT = 4.0
_MOST_POINTS = 32


@dataclass(frozen=True)
class GrowingTrainSettings:
    """Settings of :func:`train_growing`.

    Attributes
    ----------
    steps : int
        Updates of the whole run, over all chunks.
    objects : int
        Objects a step, in each process.
    sides : tuple of int
        Sides of the volumes, voxels, multiples of 16; the first is drawn most often.
    real_fraction : float
        Fraction (0 to 1) of objects from real label maps, where some are given.
    most_clicks : int
        The user of a step stops after a random number of clicks up to this.
    box_fraction : float
        Fraction (0 to 1) of objects whose box the user draws.
    learning_rate, weight_decay, warmup, average, seed
        As in :class:`~MedDeepRegSegLib.training.settings.PretrainSettings`.
    precision : {"float32", "bfloat16"}
        Of the convolutions.
    start : str
        SHA-256 of the weights the run began from; empty where it began from random ones.
    network : GrowingNetworkSettings
    """

    steps: int = 4000
    objects: int = 2
    sides: tuple[int, ...] = (64, 64, 64, 80)
    real_fraction: float = 0.3
    most_clicks: int = 7
    box_fraction: float = 0.45
    learning_rate: float = 1e-4
    weight_decay: float = 1e-2
    warmup: int = 200
    average: float = 0.998
    precision: Precision = "float32"
    seed: int = 0
    start: str = ""
    network: GrowingNetworkSettings = field(default_factory=GrowingNetworkSettings)

    def __post_init__(self) -> None:
        """Refuse values that no run can use."""
        for name in ("steps", "objects", "most_clicks"):
            if getattr(self, name) < 1:
                msg = f"{name} is {getattr(self, name)}, expected 1 or more: correct it"
                raise InputError(msg)
        if not self.sides or any(side < 2 * MULTIPLE or side % MULTIPLE for side in self.sides):
            msg = f"sides are {self.sides} voxels, expected multiples of {MULTIPLE} from {2 * MULTIPLE}: choose 64"
            raise InputError(msg)
        for name in ("real_fraction", "box_fraction", "average"):
            if not 0 <= getattr(self, name) <= 1:
                msg = f"{name} is {getattr(self, name)}, expected 0 to 1: correct it"
                raise InputError(msg)
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            msg = f"learning_rate is {self.learning_rate}, expected a positive number: correct it"
            raise InputError(msg)


def train_growing(
    settings: GrowingTrainSettings,
    out: Path,
    *,
    maps: Path | None = None,
    start: dict[str, Tensor] | None = None,
    **options: Unpack[RunOptions],
) -> TrainResult:
    """Train until the last step, or until the time of this chunk is over.

    Parameters
    ----------
    settings : GrowingTrainSettings
    out : Path
        Folder of the run. A run that is there goes on.
    maps : Path, optional
        Packed real label maps.
    start : dict of str to Tensor, optional
        Weights to begin from.
    **options
        Device, time and reports, see :func:`MedDeepRegSegLib.training.run.train`; so are the errors.
    """

    def make_task(team: Team) -> Task:
        source = GrowingSource(settings, maps, process=team.rank, device=team.device)

        def objective() -> nn.Module:
            module = GrowingObjective(settings)
            if start is not None:
                module.network.load_state_dict(start)
            return module

        return Task(settings, MEASURES, source.batch, objective, {"Loss": ("loss",), "Dice": MEASURES[1:]})

    return train(make_task, out, maps=maps, **options)


class GrowingObjective(nn.Module):
    """Grows objects with a simulated user and measures how well.

    The image is encoded once; the user clicks up to ``most_clicks`` times, always where the largest error is. The first
    and the last two answers are learned from.
    """

    def __init__(self, settings: GrowingTrainSettings) -> None:
        super().__init__()
        self._settings = settings
        self.network = GrowingNetwork(settings.network)

    def forward(self, batch: list[ObjectSample], random: Randomness) -> Tensor:
        """Return the measures, shape (4,): loss, and Dice after the first click, after the last, and with a box."""
        measured = [self._one(sample, random) for sample in batch]
        return torch.stack([torch.stack(column).mean() for column in zip(*measured, strict=True)])

    def _one(self, sample: ObjectSample, random: Randomness) -> list[Tensor]:
        device = sample.volume.device
        half = self._settings.precision == "bfloat16"
        volume = sample.volume[None].contiguous(memory_format=torch.channels_last_3d)
        truth = torch.from_numpy(sample.truth).to(device).float()[None, None]
        prompts = growing_prompts.blank(sample.truth.shape, device)
        growing_prompts.set_box(prompts, sample.box)
        intensity = sample.intensity or growing_prompts.intensity(sample.volume)
        known = None if sample.known is None else torch.from_numpy(sample.known).to(device).float()[None, None]
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            encoded = self.network.encode(volume)
        clicks = random.integer(1, self._settings.most_clicks)
        points: list[tuple[int, int, int]] = []
        signs: list[int] = []
        losses: list[Tensor] = []
        dices: list[Tensor] = []
        click: Click | None = first_click(sample.truth, random)
        for number in range(clicks):
            if click is None:
                break
            for point in click.points:
                growing_prompts.add_point(prompts, intensity, point, positive=click.positive)
            points = [*points, *click.points][-_MOST_POINTS:]
            signs = [*signs, *[1 if click.positive else -1] * len(click.points)][-_MOST_POINTS:]
            learned = number == 0 or number >= clicks - 2
            with (
                torch.set_grad_enabled(learned and torch.is_grad_enabled()),
                torch.autocast(device.type, torch.bfloat16, enabled=half),
            ):
                logits, coarse = self.network(
                    encoded,
                    volume,
                    prompts[None].contiguous(memory_format=torch.channels_last_3d),
                    torch.tensor([points], device=device),
                    torch.tensor([signs], device=device),
                )
            if learned:
                losses.append(_loss(logits, coarse, truth, prompts[None], known))
            found = logits.detach() > 0
            if known is not None:
                found &= known > 0
            dices.append(2 * (found & (truth > 0)).sum() / (found.sum() + truth.sum()).clamp_min(1))
            prompts = prompts.clone()  # what was learned from is kept for the gradient
            prompts[growing_prompts.PREVIOUS] = torch.sigmoid(logits.detach()[0, 0])
            if known is not None:
                prompts[growing_prompts.PREVIOUS] *= known[0, 0]
            click = next_click(sample.truth, found[0, 0].cpu().numpy(), random) if number + 1 < clicks else None
        loss = torch.stack(losses).mean()
        # Without a box, the last column repeats the first click, so that all columns are means over all objects.
        return [loss, dices[0], dices[-1], dices[-1] if sample.box is not None else dices[0]]


def _loss(logits: Tensor, coarse: list[Tensor], truth: Tensor, prompts: Tensor, known: Tensor | None = None) -> Tensor:
    """Return Dice and cross-entropy, the latter weighted up at clicks and for small objects, and that of coarse levels."""
    inside = torch.sigmoid(logits) if known is None else torch.sigmoid(logits) * known
    dice = 1 - (2 * (inside * truth).sum() + 20) / (inside.sum() + truth.sum() + 20)
    rarity = _mean(truth, known).clamp(0.002, 0.3).rsqrt()
    honored = 1 + _CLICK_WEIGHT * (prompts[:, :1] * truth + prompts[:, 1:2] * (1 - truth))
    entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none") * honored
    loss = dice + 0.5 * rarity * _mean(entropy, known)
    for level, answer in enumerate(coarse, start=1):
        share = F.avg_pool3d(truth, 2**level)
        entropy = F.binary_cross_entropy_with_logits(answer, share, reduction="none")
        loss = loss + _COARSE_WEIGHT * rarity * _mean(entropy, None if known is None else F.avg_pool3d(known, 2**level))
    return loss


def _mean(values: Tensor, weights: Tensor | None) -> Tensor:
    return values.mean() if weights is None else (values * weights).sum() / weights.sum()


def weights_from(folder: Path, settings: GrowingNetworkSettings) -> tuple[str, dict[str, Tensor]]:
    """Return the SHA-256 and the weights of a model folder of a growing network, float32.

    Raises
    ------
    InputError
        If the folder is not one of those, or its network has other sizes than those that are trained.
    """
    from MedDeepRegSegLib.models.growing_loader import load_growing

    loaded = load_growing(folder)
    if loaded.network.settings != settings:
        msg = f"{folder} holds a network of other sizes than the run trains ({settings}): choose another model"
        raise InputError(msg)
    return loaded.description.weights_sha256, loaded.network.state_dict()
