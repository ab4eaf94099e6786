"""Captions, orientation letters and scale bars drawn into pictures with numpy alone.

A picture is an (H, W, 3) array of unsigned 8-bit sRGB, row 0 on top. The letters come from a sheet of anti-aliased
glyphs (DejaVu Sans) that ships with the extension, so that captions look the same on every machine and no plotting
package is needed.
"""

import functools
import json
import math
from dataclasses import dataclass

import numpy as np
import scipy.ndimage
import SimpleITK as sitk

from MedDeepRegSegLib.resources import resource_path

Color = tuple[float, float, float]
WHITE: Color = (1.0, 1.0, 1.0)
BLACK: Color = (0.0, 0.0, 0.0)
_REPLACEMENT = "?"  # drawn for a character that the sheet lacks


@dataclass(frozen=True)
class Ink:
    """Colors of text and marks in a picture."""

    text: Color = WHITE
    letters: Color = (1.0, 0.9, 0.45)  # the patient's directions stand out from captions
    halo: Color = BLACK


ON_DARK = Ink()
ON_LIGHT = Ink(text=(0.08, 0.09, 0.12), letters=(0.12, 0.28, 0.55), halo=WHITE)


@dataclass(frozen=True)
class _Font:
    """Sheet of glyphs, all drawn at ``em`` pixels."""

    cells: dict[str, np.ndarray]  # coverage in [0, 1], all of one shape
    advances: dict[str, float]  # pixels at em
    em: float
    baseline: int  # row of the baseline within a cell
    left: int  # column of the pen within a cell


@functools.cache
def _font() -> _Font:
    layout = json.loads(resource_path("Fonts", "caption-glyphs.json").read_text(encoding="utf-8"))
    sheet = sitk.GetArrayFromImage(sitk.ReadImage(str(resource_path("Fonts", "caption-glyphs.png")))) / 255.0
    height, width = layout["cell"]
    cells = {}
    for index, character in enumerate(layout["characters"]):
        row, column = divmod(index, layout["columns"])
        cells[character] = sheet[row * height : (row + 1) * height, column * width : (column + 1) * width]
    advances = dict(zip(layout["characters"], layout["advances"], strict=True))
    return _Font(cells, advances, layout["em"], layout["baseline"], layout["left"])


@functools.lru_cache(maxsize=256)
def _coverage(text: str, size: float) -> np.ndarray:
    """Draw one line of text: (h, w) coverage in [0, 1]; rows span ascenders to descenders of any text."""
    font = _font()
    known = [character if character in font.cells else _REPLACEMENT for character in text]
    height, cell_width = next(iter(font.cells.values())).shape
    pens = np.concatenate([[0.0], np.cumsum([font.advances[character] for character in known])])
    line = np.zeros((height, math.ceil(pens[-1]) + cell_width))
    for character, pen in zip(known, pens[:-1], strict=True):
        start = round(pen)
        target = line[:, start : start + cell_width]
        np.maximum(target, font.cells[character], out=target)
    line = line[:, font.left : font.left + max(1, math.ceil(pens[-1]) + 1)]
    factor = size / font.em
    if factor < 1:  # keep small text free of aliasing
        line = scipy.ndimage.gaussian_filter(line, 0.30 / factor)
    shape = (max(1, round(height * factor)), max(1, round(line.shape[1] * factor)))
    rows = (np.arange(shape[0]) + 0.5) / factor - 0.5
    columns = (np.arange(shape[1]) + 0.5) / factor - 0.5
    small = scipy.ndimage.map_coordinates(line, np.meshgrid(rows, columns, indexing="ij"), order=1, mode="nearest")
    # The filter takes contrast from thin strokes; give it back.
    small = np.clip(small * (1.35 if factor < 1 else 1.0), 0, 1)
    small.setflags(write=False)
    return small


def text_size(text: str, *, size: float = 16) -> tuple[int, int]:
    """Return the height and width in pixels of ``text`` (lines split at line feeds) at ``size`` pixels per em."""
    lines = text.split("\n")
    pictures = [_coverage(line, float(size)) for line in lines]
    return sum(picture.shape[0] for picture in pictures), max(picture.shape[1] for picture in pictures)


def draw_text(
    picture: np.ndarray,
    text: str,
    *,
    at: tuple[float, float],
    size: float = 16,
    color: Color = WHITE,
    anchor: tuple[float, float] = (0.0, 0.0),
    halo: Color | None = BLACK,
) -> np.ndarray:
    """Draw text into a picture, in place, clipped at its edges.

    Parameters
    ----------
    picture:
        (H, W, 3) uint8.
    text:
        Any text; line feeds start new lines; characters beyond Latin and a few signs become ``?``.
    at:
        Row and column in pixels of the anchor.
    size:
        Height of the em square in pixels.
    color:
        Red, green, blue in [0, 1].
    anchor:
        Which point of the text lies at ``at``: (0, 0) its top left, (1, 1) its bottom right, (0.5, 0.5) its center.
    halo:
        Color of a soft outline that keeps the text legible on any ground; None for none.

    Returns
    -------
    numpy.ndarray
        ``picture``.
    """
    total, widest = text_size(text, size=size)
    row = at[0] - anchor[0] * total
    for line in text.split("\n"):
        coverage = _coverage(line, float(size))
        column = at[1] - anchor[1] * widest + anchor[1] * (widest - coverage.shape[1])
        if halo is not None:
            margin = max(1, round(size / 8))
            spread = np.pad(coverage, margin)
            spread = scipy.ndimage.gaussian_filter(scipy.ndimage.grey_dilation(spread, size=(3, 3)), size / 24)
            tint(picture, np.clip(spread * 1.1, 0, 1) * 0.9, round(row) - margin, round(column) - margin, halo)
        tint(picture, coverage, round(row), round(column), color)
        row += coverage.shape[0]
    return picture


def tint(picture: np.ndarray, coverage: np.ndarray, row: int, column: int, color: Color) -> None:
    """Mix ``color`` into the picture by a coverage map whose top left lies at (row, column)."""
    height, width = picture.shape[:2]
    top, left = max(row, 0), max(column, 0)
    bottom, right = min(row + coverage.shape[0], height), min(column + coverage.shape[1], width)
    if bottom <= top or right <= left:
        return
    alpha = coverage[top - row : bottom - row, left - column : right - column, None]
    target = picture[top:bottom, left:right]
    mixed = target * (1 - alpha) + alpha * np.asarray(color) * 255
    picture[top:bottom, left:right] = np.round(mixed).astype(np.uint8)


def annotate(
    picture: np.ndarray, *, caption: str = "", letters: str = "", mm_per_pixel: float | None = None, ink: Ink = ON_DARK
) -> np.ndarray:
    """Draw a caption, the patient's directions and a scale bar into a picture, in place, without overlap.

    Parameters
    ----------
    picture:
        (H, W, 3) uint8.
    caption:
        Text for the top left.
    letters:
        Four letters for the left, right, top and bottom edge, for example ``"RLAP"``; empty for none.
    mm_per_pixel:
        Length of the side of a pixel, for the scale bar; None for no bar.
    ink:
        Colors.
    """
    below = draw_caption(picture, caption, ink=ink)
    if letters:
        left, right, top, bottom = tuple(letters)
        draw_letters(picture, left=left, right=right, top=top, bottom=bottom, from_row=below, ink=ink)
    if mm_per_pixel is not None:
        draw_scale_bar(picture, mm_per_pixel, ink=ink)
    return picture


def draw_letters(
    picture: np.ndarray,
    *,
    left: str = "",
    right: str = "",
    top: str = "",
    bottom: str = "",
    size: float | None = None,
    from_row: float = 0,
    ink: Ink = ON_DARK,
) -> np.ndarray:
    """Draw the letters of the patient's directions (R, L, A, P, S, I) at the middle of the edges, in place.

    The top letter keeps below ``from_row``, where a caption may end.
    """
    height, width = picture.shape[:2]
    em = size or text_scale(picture) * 1.15
    gap = em * 0.35
    middle_row, middle_column = height / 2, width / 2
    for text, at, anchor in (
        (left, (middle_row, gap), (0.5, 0.0)),
        (right, (middle_row, width - gap), (0.5, 1.0)),
        (top, (from_row + gap * 0.5, middle_column), (0.0, 0.5)),
        (bottom, (height - gap * 0.5, middle_column), (1.0, 0.5)),
    ):
        if text:
            draw_text(picture, text, at=at, size=em, anchor=anchor, color=ink.letters, halo=ink.halo)
    return picture


def draw_scale_bar(
    picture: np.ndarray, mm_per_pixel: float, *, size: float | None = None, ink: Ink = ON_DARK
) -> np.ndarray:
    """Draw a bar of a round length in mm at the bottom right, in place.

    The length is 1, 2 or 5 times a power of ten, the longest that takes at most a quarter of the width.
    """
    height, width = picture.shape[:2]
    em = size or text_scale(picture) * 0.9
    longest = width * mm_per_pixel * 0.25
    if not (math.isfinite(longest) and longest > 0):
        return picture
    power = 10.0 ** math.floor(math.log10(longest))
    length = max(step * power for step in (1, 2, 5) if step * power <= longest * (1 + 1e-9))
    pixels = length / mm_per_pixel
    thickness = max(2, round(em / 7))
    right, bottom = round(width - em * 0.6), round(height - em * 0.6)
    left = round(right - pixels)
    for margin, color in ((1, ink.halo), (0, ink.text)):
        bar = np.full((thickness + 2 * margin, right - left + 2 * margin), 1.0 if margin == 0 else 0.8)
        tint(picture, bar, bottom - thickness - margin, left - margin, color)
    draw_text(
        picture,
        f"{length:g} mm",
        at=(bottom - thickness - 1, (left + right) / 2),
        size=em,
        anchor=(1.0, 0.5),
        color=ink.text,
        halo=ink.halo,
    )
    return picture


def draw_caption(picture: np.ndarray, caption: str, *, size: float | None = None, ink: Ink = ON_DARK) -> int:
    """Draw a caption at the top left, in place; it is wrapped, and made smaller if it must be, to fit the width.

    Returns
    -------
    int
        The row below which the middle of the picture is free of the caption.
    """
    if not caption:
        return 0
    em = float(size or text_scale(picture))
    available = picture.shape[1] - em
    lines = fit_text(caption, width=available, size=em)
    while text_size(lines, size=em)[1] > available and em > 8:
        em *= 0.9
        lines = fit_text(caption, width=available, size=em)
    draw_text(picture, lines, at=(em * 0.3, em * 0.5), size=em, color=ink.text, halo=ink.halo)
    height, width = text_size(lines, size=em)
    reaches_middle = em * 0.5 + width > picture.shape[1] / 2 - em
    return round(em * 0.3 + height) if reaches_middle else 0


def text_scale(picture: np.ndarray) -> float:
    """Return the size of text, in pixels per em, that suits a picture: legible when shown at its own size."""
    return float(np.clip(min(picture.shape[:2]) / 26, 11, 30))


def fit_text(text: str, *, width: float, size: float = 16) -> str:
    """Break lines at spaces so that each fits ``width`` pixels where its words allow it."""
    result = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}" if line else word
            if line and text_size(longer, size=size)[1] > width:
                result.append(line)
                line = word
            else:
                line = longer
        result.append(line)
    return "\n".join(result)


def ink_on(background: Color) -> Color:
    """Return black or white, whichever contrasts with the background (ITU-R BT.601 luma)."""
    return BLACK if float(np.dot(background, (0.299, 0.587, 0.114))) > 0.5 else WHITE
