"""Make the pictures of Docs/Synthesis.md: every effect before and after, every shape, label maps and pairs.

.venv/bin/python Utilities/make_synthesis_pictures.py [--maps MAPS.npz] [--only NAME ...]

``--maps`` names real label maps packed by synthesis.real_maps; without them that one picture is left as it is. ``--only``
makes some pictures: names of effects, such as point-spread; shapes, label-maps, pairs and heads.
"""

import argparse
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "MedDeepRegSeg"))

from MedDeepRegSegLib.synthesis import contrast as contrasts  # noqa: E402
from MedDeepRegSegLib.synthesis import rendering  # noqa: E402
from MedDeepRegSegLib.synthesis.contrast import Contrast  # noqa: E402
from MedDeepRegSegLib.synthesis.effects.bias_field import bias_field  # noqa: E402
from MedDeepRegSegLib.synthesis.effects.field_of_view import cut_field_of_view  # noqa: E402
from MedDeepRegSegLib.synthesis.effects.ghosting import ghosting  # noqa: E402
from MedDeepRegSegLib.synthesis.effects.gray_scale import gamma, robust_range, window  # noqa: E402
from MedDeepRegSegLib.synthesis.effects.noise import gaussian_noise, rician_noise, salt_and_pepper  # noqa: E402
from MedDeepRegSegLib.synthesis.effects.point_spread import point_spread  # noqa: E402
from MedDeepRegSegLib.synthesis.effects.streaks import streaks  # noqa: E402
from MedDeepRegSegLib.synthesis.effects.texture import texture  # noqa: E402
from MedDeepRegSegLib.synthesis.effects.thick_slices import low_resolution, thick_slices  # noqa: E402
from MedDeepRegSegLib.synthesis.label_maps import LabelMap, random_label_map  # noqa: E402
from MedDeepRegSegLib.synthesis.pairs import PairSettings, make_pair  # noqa: E402
from MedDeepRegSegLib.synthesis.randomness import Randomness  # noqa: E402
from MedDeepRegSegLib.synthesis.real_maps import RealMaps  # noqa: E402
from MedDeepRegSegLib.synthesis.shapes.bands import paint_bands  # noqa: E402
from MedDeepRegSegLib.synthesis.shapes.body import paint_body  # noqa: E402
from MedDeepRegSegLib.synthesis.shapes.canvas import Canvas  # noqa: E402
from MedDeepRegSegLib.synthesis.shapes.chains import paint_chain  # noqa: E402
from MedDeepRegSegLib.synthesis.shapes.ellipsoids import paint_ellipsoids  # noqa: E402
from MedDeepRegSegLib.synthesis.shapes.lesions import paint_lesions  # noqa: E402
from MedDeepRegSegLib.synthesis.shapes.regions import paint_regions  # noqa: E402
from MedDeepRegSegLib.synthesis.shapes.tubes import paint_tubes  # noqa: E402

IMAGES = REPOSITORY / "Docs" / "Images"
SIDE = 96
GAP = 4
SIZE = (SIDE, SIDE, SIDE)
# Those whose middle slices show something.
PAIR_SEEDS, HEAD_SEEDS = (9, 7, 2), (7, 1, 2)


def write_png(name: str, pixels: np.ndarray) -> None:
    """Write pixels (rows, columns) or (rows, columns, 3), uint8, without a package for pictures."""
    rows, columns = pixels.shape[:2]
    lines = pixels.reshape(rows, -1)
    data = b"".join(b"\0" + line.tobytes() for line in lines)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", columns, rows, 8, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")
    (IMAGES / f"synthesis-{name}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)


def gray(image: Tensor) -> np.ndarray:
    """Return the middle slice of an image of 0 to 1, twice as large."""
    pixels = (255 * image[len(image) // 2].clamp(0, 1)).round().to(torch.uint8).numpy()
    return pixels.repeat(2, axis=0).repeat(2, axis=1)


def colored(labels: Tensor, at: int | None = None) -> np.ndarray:
    """Return a slice (the middle one) of a label map in colors that only tell labels apart; 0 is black."""
    table = np.random.default_rng(5).integers(50, 250, (256, 3), dtype=np.uint8)
    table[0] = 0
    pixels = table[labels[len(labels) // 2 if at is None else at].numpy()]
    return pixels.repeat(2, axis=0).repeat(2, axis=1)


def side_by_side(*rows: list[np.ndarray]) -> np.ndarray:
    """Return pictures in rows, white between them; in color where one has color."""
    in_color = any(one.ndim == 3 for row in rows for one in row)
    high, wide = rows[0][0].shape[:2]
    columns = max(map(len, rows))
    shape = (len(rows) * (high + GAP) - GAP, columns * (wide + GAP) - GAP)
    sheet = np.full((*shape, 3) if in_color else shape, 255, np.uint8)
    for down, row in enumerate(rows):
        for right, picture in enumerate(row):
            top, left = down * (high + GAP), right * (wide + GAP)
            part = picture[..., None] if in_color and picture.ndim == 2 else picture
            sheet[top : top + high, left : left + wide] = part
    return sheet


def example() -> tuple[Tensor, Tensor]:
    """Return where the body is, and a clean image of it: what the effects are shown on."""
    label_map = random_label_map(SIZE, Randomness(30, 2))
    mean = 0.15 + 0.75 * Randomness(4).rand(label_map.count)
    mean[0] = 0
    return (label_map.labels > 0).float(), mean[label_map.labels.long()]


def plainest(image: Tensor, effect: Callable[[Tensor, Randomness], Tensor]) -> np.ndarray:
    """Return the picture of the one of a dozen draws whose effect is plainest in the slice that is shown."""
    before, pictures = gray(image), [gray(effect(image, Randomness(seed))) for seed in range(12)]
    return max(pictures, key=lambda after: np.abs(after.astype(float) - before).mean())


def effects_of(body: Tensor) -> dict[str, Callable[[Tensor, Randomness], Tensor]]:
    """Return the effects as strong as in training, or a little stronger; ``body`` is where texture is."""
    return {
        "texture": lambda image, random: texture(image, random, 0.08 * body),
        "point-spread": lambda image, random: point_spread(image, random, 1.6),
        "bias-field": lambda image, random: bias_field(image, random, 0.35),
        "gaussian-noise": lambda image, random: gaussian_noise(image, random, 0.07),
        "correlated-noise": lambda image, random: gaussian_noise(image, random, 0.07, correlated=True),
        "rician-noise": lambda image, random: rician_noise(image, random, 0.07),
        "salt-and-pepper": lambda image, random: salt_and_pepper(image, random, 0.004),
        "thick-slices": thick_slices,
        "low-resolution": low_resolution,
        "ghosting": lambda image, random: ghosting(image, random, 0.3),
        "streaks": lambda image, random: streaks(image, random, 0.5),
        "window": lambda image, _: window(image, 0.5, 0.4),
        "robust-range": lambda image, _: robust_range(image, 0.0, 0.92),
        "gamma": gamma,
        "field-of-view": lambda image, random: cut_field_of_view(image, random)[0],
    }


def effects(names: set[str]) -> None:
    """One picture for every effect, before and after."""
    body, image = example()
    for name, effect in effects_of(body).items():
        if name in names:
            write_png(name, side_by_side([gray(image), plainest(image, effect)]))


def shapes() -> None:
    """Every shape by itself, in the slice with most of it; lesions and the body on regions."""
    pictures = []
    # The seeds of chains draw vertebrae with discs, and ribs.
    painters = [
        (paint_regions, 0),
        (paint_bands, 1),
        (paint_ellipsoids, 2),
        (paint_tubes, 3),
        (paint_chain, 21),
        (paint_chain, 26),
        (paint_lesions, 4),
        (paint_body, 5),
    ]
    for paint, seed in painters:
        canvas = Canvas.blank(SIZE, Randomness(23, seed))
        if paint in (paint_lesions, paint_body):
            paint_regions(canvas)
        before = canvas.labels.clone()
        # There may be few or no tubes and lesions in one draw.
        for _ in range({paint_tubes: 3, paint_lesions: 8}.get(paint, 1)):
            paint(canvas)
        painted = [canvas.labels[at][canvas.labels[at] != before[at]].unique().numel() for at in range(SIDE)]
        middle = SIDE // 2 if paint in (paint_regions, paint_body) else int(np.argmax(painted))
        pictures.append(colored(canvas.labels, middle))
    write_png("shapes", side_by_side(pictures[:4], pictures[4:]))


def label_maps() -> None:
    """Eight random label maps."""
    pictures = [colored(random_label_map(SIZE, Randomness(30, seed)).labels) for seed in range(8)]
    write_png("label-maps", side_by_side(pictures[:4], pictures[4:]))


def in_style(style: str, label_map: LabelMap, seed: int, settings: PairSettings | None = None) -> list[np.ndarray]:
    """Return both views of a pair in one style, and their labels."""

    def draw(label_map: LabelMap, random: Randomness, severity: float = 0.5) -> Contrast:
        # Draws until the style is the one that is asked for.
        while True:
            drawn = contrasts.draw_contrast(label_map, random, severity)
            if drawn.style == style:
                return drawn

    original, rendering.draw_contrast = rendering.draw_contrast, draw
    try:
        pair = make_pair(label_map, SIZE, Randomness(40, seed), settings)
    finally:
        rendering.draw_contrast = original
    return [gray(pair.first), gray(pair.second), colored(pair.first_labels), colored(pair.second_labels)]


def pairs() -> None:
    """Pairs like CT, like MR, and in free contrast."""
    map_side = round(1.3 * SIDE)
    rows = []
    for seed, style in enumerate(("ct", "mr", "free")):
        label_map = random_label_map((map_side,) * 3, Randomness(50, PAIR_SEEDS[seed]))
        rows.append(in_style(style, label_map, seed))
    write_png("pairs", side_by_side(*rows))


def heads(file: Path) -> None:
    """Pairs of heads."""
    maps = RealMaps(file)
    settings = PairSettings(scale=(1.8, 2.2), bend_voxels=(0.3, 2.5))
    rows = [
        in_style(style, maps.draw(Randomness(60, HEAD_SEEDS[seed])), 10 + seed, settings)
        for seed, style in enumerate(("ct", "mr", "free"))
    ]
    write_png("heads", side_by_side(*rows))


def main() -> None:
    """Make the pictures."""
    others = {"shapes": shapes, "label-maps": label_maps, "pairs": pairs}
    names = {*effects_of(torch.empty(0)), *others, "heads"}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--maps", type=Path, metavar="MAPS.npz")
    parser.add_argument("--only", nargs="+", choices=sorted(names), default=sorted(names), metavar="NAME")
    args = parser.parse_args()
    asked = set(args.only)
    IMAGES.mkdir(parents=True, exist_ok=True)
    if asked - {*others, "heads"}:
        effects(asked)
    for name, make in others.items():
        if name in asked:
            make()
    if args.maps and "heads" in asked:
        heads(args.maps)


if __name__ == "__main__":
    main()
