"""Lines along which a two-dimensional array crosses zero, with points between the pixels (marching squares).

Source: W. Lorensen, H. Cline, "Marching cubes", SIGGRAPH 1987, in two dimensions; where both diagonals of a cell cross,
the mean of its corners decides.
"""

from dataclasses import dataclass

import numpy as np

# Sides of a cell by the corner bits 1 (row, column), 2 (row, column + 1), 4 (row + 1, column + 1), 8 (row + 1, column).
_TOP, _RIGHT, _BOTTOM, _LEFT = range(4)
# Start and end of the line in a cell, so that what is above zero lies on one and the same side of all lines.
_LINES: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((_TOP, _LEFT),),
    2: ((_RIGHT, _TOP),),
    3: ((_RIGHT, _LEFT),),
    4: ((_BOTTOM, _RIGHT),),
    6: ((_BOTTOM, _TOP),),
    7: ((_BOTTOM, _LEFT),),
    8: ((_LEFT, _BOTTOM),),
    9: ((_TOP, _BOTTOM),),
    11: ((_RIGHT, _BOTTOM),),
    12: ((_LEFT, _RIGHT),),
    13: ((_TOP, _RIGHT),),
    14: ((_LEFT, _TOP),),
    # Both diagonals cross: first where the corners above zero are apart, 16 more where they are joined.
    5: ((_TOP, _LEFT), (_BOTTOM, _RIGHT)),
    10: ((_RIGHT, _TOP), (_LEFT, _BOTTOM)),
    21: ((_TOP, _RIGHT), (_BOTTOM, _LEFT)),
    26: ((_LEFT, _TOP), (_RIGHT, _BOTTOM)),
}


@dataclass(frozen=True)
class ZeroLine:
    """One line of zero.

    Attributes
    ----------
    points:
        (N, 2) rows and columns, between pixels. A closed line does not repeat its first point.
    closed:
        Whether the line returns to its start; the others end at the border of the array.
    """

    points: np.ndarray
    closed: bool

    @property
    def signed_area(self) -> float:
        """Area inside a closed line in pixels; below 0 where the values inside are not above zero (a hole)."""
        row, column = self.points.T
        return float(np.dot(column, np.roll(row, -1)) - np.dot(row, np.roll(column, -1))) / 2


def zero_lines(values: np.ndarray) -> list[ZeroLine]:
    """Return the lines between pixels above zero and all others.

    Parameters
    ----------
    values:
        (H, W), finite. A value of exactly 0 counts as below.

    Returns
    -------
    list of ZeroLine
        Points are found by linear interpolation along the sides of the cells between pixel centers.
    """
    height, width = values.shape
    if min(height, width) < 2:
        return []
    above = values > 0
    code = above[:-1, :-1] + 2 * above[:-1, 1:] + 4 * above[1:, 1:] + 8 * above[1:, :-1]
    rows, columns = np.nonzero((code > 0) & (code < 15))
    if not rows.size:
        return []
    code = code[rows, columns].astype(int)
    double = (code == 5) | (code == 10)
    r, c = rows[double], columns[double]
    joined = values[r, c] + values[r, c + 1] + values[r + 1, c] + values[r + 1, c + 1] > 0
    code[np.flatnonzero(double)[joined]] += 16
    # A side is named by the pixel it begins at; sides along the columns come after those along the rows.
    across, count = rows * width + columns, height * width
    side = np.stack([across, count + across + 1, across + width, count + across])
    starts, ends = [], []
    for number, lines in _LINES.items():
        chosen = np.flatnonzero(code == number)
        for start, end in lines:
            starts.append(side[start, chosen])
            ends.append(side[end, chosen])
    follower = dict(zip(np.concatenate(starts).tolist(), np.concatenate(ends).tolist(), strict=True))
    return [ZeroLine(_positions(np.array(chain), values), closed) for chain, closed in _chains(follower)]


def _chains(follower: dict[int, int]) -> list[tuple[list[int], bool]]:
    """Return the chains of a map from each side to the next one, and whether each is a ring."""
    chains = []
    for start in follower.keys() - set(follower.values()):  # open lines first, from their beginnings
        chain, at = [start], start
        while at in follower:
            at = follower.pop(at)
            chain.append(at)
        chains.append((chain, False))
    while follower:
        start, at = follower.popitem()
        chain = [start]
        while at != start:
            chain.append(at)
            at = follower.pop(at)
        chains.append((chain, True))
    return chains


def _positions(sides: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return where the values cross zero on each side, (N, 2) rows and columns."""
    height, width = values.shape
    down, first = np.divmod(sides, height * width)
    rows, columns = np.divmod(first, width)
    start = values[rows, columns].astype(float)
    end = values[rows + down, columns + 1 - down].astype(float)
    share = start / (start - end)
    return np.stack([rows + down * share, columns + (1 - down) * share], axis=1)
