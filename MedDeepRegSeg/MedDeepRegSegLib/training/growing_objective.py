"""What the growing network learns from: a simulated user who corrects it until the object is found."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from MedDeepRegSegLib.models import growing_prompts
from MedDeepRegSegLib.models.growing_network import GrowingNetwork, chosen
from MedDeepRegSegLib.synthesis.clicks import first_click, next_click
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training.growing_settings import GrowingTrainSettings
from MedDeepRegSegLib.training.growing_source import ObjectSample

MEASURES = ("loss", "dice_first", "dice_last", "dice_box")

_COARSE_WEIGHT = 0.15
_CLICK_WEIGHT = 4.0
_MOST_POINTS = 32


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
        by_size: dict[tuple[int, ...], list[ObjectSample]] = {}
        for sample in batch:
            by_size.setdefault(sample.truth.shape, []).append(sample)
        measured = [measures for samples in by_size.values() for measures in self._together(samples, random)]
        return torch.stack([torch.stack(column).mean() for column in zip(*measured, strict=True)])

    def _together(self, samples: list[ObjectSample], random: Randomness) -> list[list[Tensor]]:
        """Return the measures of objects in volumes of one size: the network is asked once a click for all."""
        half = self._settings.precision == "bfloat16"
        # Several objects of one image share it: it is encoded once.
        images = {id(sample.volume): sample.volume for sample in samples}
        which = [list(images).index(id(sample.volume)) for sample in samples]
        distinct = torch.stack(list(images.values())).contiguous(memory_format=torch.channels_last_3d)
        device = distinct.device
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            encoded = self.network.encode(distinct)
        volumes = distinct
        if len(images) < len(samples):
            encoded, volumes = encoded.of(which), chosen(distinct, which)
        clicks = random.integer(1, self._settings.most_clicks)
        users = [_User(sample, random) for sample in samples]
        for number in range(clicks):
            for user in users:
                user.click()
            if all(user.pleased for user in users):
                break
            learned = number == 0 or number >= clicks - 2
            prompts = torch.stack([user.prompts for user in users]).contiguous(memory_format=torch.channels_last_3d)
            with (
                torch.set_grad_enabled(learned and torch.is_grad_enabled()),
                torch.autocast(device.type, torch.bfloat16, enabled=half),
            ):
                logits, coarse = self.network(encoded, volumes, prompts, *_listed(users, device))
            for index, user in enumerate(users):
                own = slice(index, index + 1)
                user.see(logits[own], [level[own] for level in coarse], learned=learned)
        return [user.measures() for user in users]


class _User:
    """One who wants an object: clicks, looks at the answer, and clicks where it is wrong until nothing is."""

    def __init__(self, sample: ObjectSample, random: Randomness) -> None:
        device = sample.volume.device
        self._sample, self._random = sample, random
        self._truth = _as_map(sample.truth, device)
        self._known = None if sample.known is None else _as_map(sample.known, device)
        self._intensity = sample.intensity or growing_prompts.intensity(sample.volume)
        self.prompts = growing_prompts.blank(sample.truth.shape, device)
        growing_prompts.set_box(self.prompts, sample.box)
        self.points: list[tuple[int, int, int]] = []
        self.signs: list[int] = []
        self._found: NDArray[np.bool_] | None = None
        self.pleased = False
        self._losses: list[Tensor] = []
        self._dices: list[Tensor] = []

    def click(self) -> None:
        """Click well inside the object, later where the largest error of the last answer is."""
        if self.pleased:
            return
        truth = self._sample.truth
        click = (
            first_click(truth, self._random) if self._found is None else next_click(truth, self._found, self._random)
        )
        self.pleased = click is None
        if click is None:
            return
        for point in click.points:
            growing_prompts.add_point(self.prompts, self._intensity, point, positive=click.positive)
        self.points = [*self.points, *click.points][-_MOST_POINTS:]
        self.signs = [*self.signs, *[1 if click.positive else -1] * len(click.points)][-_MOST_POINTS:]

    def see(self, logits: Tensor, coarse: list[Tensor], *, learned: bool) -> None:
        """Look at an answer (1, 1, D, H, W); one who is pleased already asked nothing, and nothing is learned from it."""
        if self.pleased:
            return
        if learned:
            self._losses.append(_loss(logits, coarse, self._truth, self.prompts[None], self._known))
        answer = torch.sigmoid(logits.detach())
        found = logits.detach() > 0
        if self._known is not None:
            answer, found = answer * self._known, found & (self._known > 0)
        both = (found & (self._truth > 0)).sum()
        self._dices.append(2 * both / (found.sum() + self._truth.sum()).clamp_min(1))
        self._found = found[0, 0].cpu().numpy()
        self.prompts[growing_prompts.PREVIOUS] = answer[0, 0]

    def measures(self) -> list[Tensor]:
        """Return the loss, and Dice after the first click, after the last, and with a box."""
        first, last = self._dices[0], self._dices[-1]
        # Without a box, the last column repeats the first click, so that all columns are means over all objects.
        return [torch.stack(self._losses).mean(), first, last, first if self._sample.box is None else last]


def _listed(users: list[_User], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the clicked points (B, K, 3) and their signs (B, K) of all users; 0 where one has fewer than another."""
    most = max(len(user.points) for user in users)
    points = [user.points + [(0, 0, 0)] * (most - len(user.points)) for user in users]
    signs = [user.signs + [0] * (most - len(user.signs)) for user in users]
    return torch.tensor(points, device=device), torch.tensor(signs, device=device)


def _as_map(mask: NDArray[np.bool_], device: torch.device) -> Tensor:
    return torch.from_numpy(mask).to(device).float()[None, None]


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
