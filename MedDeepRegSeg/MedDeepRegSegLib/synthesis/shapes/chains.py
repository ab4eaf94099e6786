"""Chains of bones that look alike, as vertebrae and ribs do, each with a shell of its own."""

import math

import torch

from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.shapes.bones import Bone, Rib, Vertebra
from MedDeepRegSegLib.synthesis.shapes.canvas import Canvas, radial
from MedDeepRegSegLib.synthesis.smooth import apply


def paint_chain(canvas: Canvas) -> None:
    """Paint 2 to 7 vertebrae or ribs in a row; each is one of the canvas' organs, most are bone in contrast, too."""
    random = canvas.random
    bone, step, disc_radius = _drawn(random)
    turn = random.rotation(180)
    count = random.integer(2, 7)
    middle = (random.rand(3) - 0.5) * canvas.half_sides
    shell = random.uniform(0.02, 0.06) if random.chance(0.7) else 0.0
    is_bone, is_filled_with_bone = random.chance(0.7), random.chance(0.5)
    disc = canvas.new_label() if disc_radius and random.chance(0.6) else None
    reach = max(bone.reach, math.hypot(step, disc_radius)) if disc else bone.reach
    first: list[int] = []
    for number in range(count):
        way = torch.tensor([(number - (count - 1) / 2) * step, 0.0, 0.0], device=random.device)
        center = middle + turn.T @ way
        box = canvas.box(center, reach)
        own = apply(turn, canvas.place[(slice(None), *box)] - center.view(3, 1, 1, 1))
        if disc is not None and number + 1 < count:
            canvas.paint((own[0] > 0) & (own[0] < step) & (radial(own[1:], 2) < disc_radius), disc, box)
        depth = bone.depth(own)
        labels = [canvas.new_label(alike=first[0] if first else None)]
        canvas.paint(depth > 0, labels[0], box)
        if shell:
            labels.append(canvas.new_label(alike=first[1] if first else None))
            canvas.paint(depth > shell, labels[1], box)
        first = first or labels
        canvas.organs.append(tuple(labels))
        if is_bone:
            canvas.bone += labels if is_filled_with_bone else labels[:1]


def _drawn(random: Randomness) -> tuple[Bone, float, float]:
    """Return a bone, how far the next one is, and the radius of discs in between, 0 for none."""
    if random.chance(0.6):
        vertebra = Vertebra.draw(random)
        return vertebra, vertebra.height * random.uniform(2.05, 2.6), 0.9 * min(vertebra.radii[1:])
    rib = Rib.draw(random)
    return rib, rib.height * random.uniform(2.05, 3.9), 0.0
