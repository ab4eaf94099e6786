"""Sheets of pictures with captions, and legends of colors."""

import math
from collections.abc import Sequence

import numpy as np

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.overlay_text import WHITE, Color, draw_text, fit_text, ink_on, text_size, tint


def legend_picture(
    entries: Sequence[tuple[str, Color]], *, width: int = 512, size: float = 14, background: Color = WHITE
) -> np.ndarray:
    """Draw names with a square of their color, in as many columns as fit, read row by row.

    Parameters
    ----------
    entries:
        Name and color of each.
    width:
        Width of the picture in pixels.
    size:
        Size of the text in pixels per em.
    background:
        Color behind the names.
    """
    ink = ink_on(background)
    row_height = round(size * 1.55)
    widest = max((text_size(name, size=size)[1] for name, _ in entries), default=0) + round(size * 2.2)
    columns = max(1, min(len(entries), width // max(widest, 1)))
    rows = math.ceil(len(entries) / columns)
    picture = np.empty((max(rows * row_height + 4, 4), width, 3), np.uint8)
    picture[:] = np.round(np.asarray(background) * 255).astype(np.uint8)
    for index, (name, color) in enumerate(entries):
        row, column = divmod(index, columns)
        top, left = 2 + row * row_height, round(column * width / columns) + 4
        square = round(size)
        tint(picture, np.ones((square, square)), top + (row_height - square) // 2, left, ink)
        tint(picture, np.ones((square - 2, square - 2)), top + (row_height - square) // 2 + 1, left + 1, color)
        at = (top + row_height / 2, left + size * 1.5)
        draw_text(picture, name, at=at, size=size, color=ink, anchor=(0.5, 0), halo=None)
    return picture


def montage(
    pictures: Sequence[np.ndarray],
    *,
    columns: int | None = None,
    captions: Sequence[str] = (),
    title: str = "",
    gap: int = 6,
    background: Color = WHITE,
    text_color: Color | None = None,
    size: float = 16,
) -> np.ndarray:
    """Put pictures side by side in rows, each with its caption above it.

    Pictures of unequal size stand on top and centered in the cell of their row and column; nothing is scaled or cut.

    Parameters
    ----------
    pictures:
        One or more (H, W, 3) uint8 pictures.
    columns:
        Pictures per row; None for a nearly square sheet.
    captions:
        One caption for each picture, or none at all.
    title:
        A line above all.
    gap:
        Pixels between pictures and around them.
    background:
        Color of the sheet.
    text_color:
        Color of captions and title; None for black or white, whichever contrasts with ``background``.
    size:
        Size of the captions in pixels per em.

    Returns
    -------
    numpy.ndarray
        (H, W, 3) uint8.

    Raises
    ------
    InputError
        If there is no picture, a picture has another form, or the number of captions differs.
    """
    if not pictures:
        msg = "montage got no pictures, expected one or more"
        raise InputError(msg)
    for number, picture in enumerate(pictures):
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
            msg = f"picture {number} is {picture.dtype} {picture.shape}, expected uint8 (height, width, 3)"
            raise InputError(msg)
    if captions and len(captions) != len(pictures):
        msg = f"montage got {len(captions)} captions for {len(pictures)} pictures, expected one for each"
        raise InputError(msg)
    if columns is not None and columns < 1:
        msg = f"montage got {columns} columns, expected 1 or more"
        raise InputError(msg)
    columns = min(columns or math.ceil(math.sqrt(len(pictures))), len(pictures))
    rows = math.ceil(len(pictures) / columns)
    ink = text_color or ink_on(background)

    widths = [max(picture.shape[1] for picture in pictures[column::columns]) for column in range(columns)]
    heights = [
        max(picture.shape[0] for picture in pictures[row * columns : (row + 1) * columns]) for row in range(rows)
    ]
    texts = [fit_text(text, width=widths[k % columns], size=size) if text else "" for k, text in enumerate(captions)]
    bands = [0] * rows
    for index, text in enumerate(texts):
        if text:
            bands[index // columns] = max(bands[index // columns], text_size(text, size=size)[0] + 2)
    total_width = sum(widths) + gap * (columns + 1)
    heading = fit_text(title, width=total_width - 2 * gap, size=size * 1.25) if title else ""
    heading_height = text_size(heading, size=size * 1.25)[0] + gap if heading else 0
    total_height = heading_height + sum(heights) + sum(bands) + gap * (rows + 1)

    sheet = np.empty((total_height, total_width, 3), np.uint8)
    sheet[:] = np.round(np.asarray(background) * 255).astype(np.uint8)
    if heading:
        draw_text(sheet, heading, at=(gap, gap), size=size * 1.25, color=ink, halo=None)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        top = heading_height + gap * (row + 1) + sum(heights[:row]) + sum(bands[: row + 1])
        left = gap * (column + 1) + sum(widths[:column])
        x = left + (widths[column] - picture.shape[1]) // 2
        sheet[top : top + picture.shape[0], x : x + picture.shape[1]] = picture
        if texts and texts[index]:
            draw_text(sheet, texts[index], at=(top - 1, x + 1), size=size, color=ink, anchor=(1, 0), halo=None)
    return sheet
