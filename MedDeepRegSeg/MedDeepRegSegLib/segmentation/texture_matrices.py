"""Gray levels of a segment, and the three matrices that textures are described by.

Gray levels are whole numbers from 1; voxels outside of the segment are 0. All matrices are in 3D with the 26 neighbors
of a voxel, as the Image Biomarker Standardisation Initiative defines them (Zwanenburg et al., Radiology 2020): gray
level co-occurrence (LFYI) at distance 1, gray level runs (TP0I), gray level zones (9SAK).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from MedDeepRegSegLib.errors import InputError

MOST_LEVELS = 2000
"""A co-occurrence matrix of more gray levels needs more memory than it is worth."""

DIRECTIONS = tuple(step for step in product((-1, 0, 1), repeat=3) if step > (0, 0, 0))
"""The 13 directions (k, j, i) to a neighbor; their opposites give the same matrices."""


@dataclass(frozen=True)
class TextureSettings:
    """How intensities become gray levels. By default CT has levels 25 HU wide, all else 32 levels."""

    bin_width: float | None = None
    """Width of a gray level in units of the image, above 0. Levels begin at multiples of it."""
    bin_count: int | None = None
    """Number of gray levels between the least and the largest intensity of the segment, 2 to 2000."""

    def __post_init__(self) -> None:
        if self.bin_width is not None and self.bin_count is not None:
            msg = "a bin width and a bin count are given for the gray levels, expected one of them"
            raise InputError(msg)
        if self.bin_width is not None and not (np.isfinite(self.bin_width) and self.bin_width > 0):
            msg = f"the bin width of the gray levels is {self.bin_width}, expected a number above 0"
            raise InputError(msg)
        if self.bin_count is not None and not 2 <= self.bin_count <= MOST_LEVELS:
            msg = f"the bin count of the gray levels is {self.bin_count}, expected 2 to {MOST_LEVELS}"
            raise InputError(msg)

    def for_units(self, units: str) -> "TextureSettings":
        """Return settings with a bin width or a bin count, by the units of the image."""
        if self.bin_width is not None or self.bin_count is not None:
            return self
        return TextureSettings(bin_width=25.0) if units == "HU" else TextureSettings(bin_count=32)


def gray_levels(values: np.ndarray, settings: TextureSettings) -> tuple[np.ndarray, float]:
    """Return the gray levels of intensities (N,), 1 and more, and the width of one in units of the image.

    Raises
    ------
    InputError
        If there would be more than 2000 levels.
    """
    low, high = float(values.min()), float(values.max())
    if settings.bin_count is not None:
        width = (high - low) / settings.bin_count
        if not width:
            return np.ones(len(values), np.int32), 0.0
        levels = np.floor((values - low) / width).astype(np.int32) + 1
        return np.minimum(levels, settings.bin_count), width
    width = 25.0 if settings.bin_width is None else settings.bin_width
    count = np.floor(high / width) - np.floor(low / width) + 1
    if count > MOST_LEVELS:
        msg = (
            f"a bin width of {width:g} makes {count:.0f} gray levels of intensities from {low:g} to {high:g}, expected "
            f"at most {MOST_LEVELS}: take a wider one or a bin count"
        )
        raise InputError(msg)
    return (np.floor(values / width) - np.floor(low / width)).astype(np.int32) + 1, width


def cooccurrence(levels: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield how often gray levels are neighbors, for each direction in which there are any.

    Parameters
    ----------
    levels:
        (k, j, i) whole numbers, 0 outside.

    Yields
    ------
    present: (M,)
        The gray levels that occur.
    counts: (M, M)
        Symmetric: every pair counts in both orders.
    """
    present, numbered = _numbered(levels)
    size = len(present) + 1
    flat = np.pad(numbered, 1).ravel()
    for ahead in _offsets(levels.shape):
        counts = np.bincount(flat[:-ahead] * size + flat[ahead:], minlength=size**2).reshape(size, size)[1:, 1:]
        if counts.any():
            yield present, counts + counts.T


def run_lengths(levels: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield the runs of equal gray level for each direction: gray levels, lengths and counts, (M,) each."""
    flat = np.pad(levels, 1).ravel()
    inside = flat > 0
    for ahead in _offsets(levels.shape):
        goes_on = np.zeros(flat.shape, bool)
        np.equal(flat[:-ahead], flat[ahead:], out=goes_on[:-ahead])
        goes_on &= inside
        heads = inside.copy()
        heads[ahead:] &= ~goes_on[:-ahead]
        alone = np.bincount(flat[heads & ~goes_on])
        found = [_column(alone, 1)]
        tails, length = np.flatnonzero(heads & goes_on) + ahead, 2
        while tails.size:
            longer = goes_on[tails]
            found.append(_column(np.bincount(flat[tails[~longer]]), length))
            tails, length = tails[longer] + ahead, length + 1
        gray, lengths, counts = (np.concatenate(column) for column in zip(*found, strict=True))
        yield gray, lengths, counts


def size_zones(levels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the zones of connected voxels of equal gray level: gray levels, sizes in voxels and counts, (M,) each."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    padded = np.pad(levels, 1)
    flat = padded.ravel()
    inside = flat > 0
    # Nodes of a graph are the runs along i, which are many times fewer than voxels where a zone is large.
    begins = inside.copy()
    begins[1:] &= flat[1:] != flat[:-1]
    runs = np.cumsum(begins, dtype=np.int32) - 1
    number = int(begins.sum())
    pairs = []
    for ahead in _offsets(levels.shape):
        if ahead == 1:
            continue  # within runs
        touching = np.flatnonzero((flat[:-ahead] == flat[ahead:]) & inside[:-ahead])
        pair = np.stack([runs[touching], runs[touching + ahead]])
        new = np.ones(pair.shape[1], bool)
        new[1:] = (pair[:, 1:] != pair[:, :-1]).any(axis=0)
        pairs.append(pair[:, new])
    first, second = np.concatenate(pairs, axis=1)
    graph = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(number, number))
    _, zones = connected_components(graph, directed=False)
    sizes = np.bincount(zones[runs[inside]])
    gray = np.zeros(len(sizes), np.int64)
    gray[zones] = flat[begins]
    kinds, counts = np.unique(np.stack([gray, sizes]), axis=1, return_counts=True)
    return kinds[0], kinds[1], counts


def _column(counts: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return gray levels, their runs' length and how many there are, of counts by gray level."""
    present = np.flatnonzero(counts)
    return present, np.full(len(present), size), counts[present]


def _offsets(shape: tuple[int, ...]) -> list[int]:
    """Return how far ahead the neighbors in all directions are in the flat array of ``shape`` padded by 1."""
    rows, columns = shape[1] + 2, shape[2] + 2
    return [(k * rows + j) * columns + i for k, j, i in DIRECTIONS]


def _numbered(levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the gray levels that occur, and the voxels as 1, 2 ... in their order; 0 stays 0."""
    occurs = np.bincount(levels.ravel()) > 0
    occurs[0] = False
    return np.flatnonzero(occurs), (np.cumsum(occurs) * occurs).astype(np.int32)[levels]
