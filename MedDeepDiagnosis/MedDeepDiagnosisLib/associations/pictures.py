"""Where everything lies in the pictures of associations: a network and a heat map, in pixels of an SVG.

The network is a ring in the shape of a lens: nodes step down both sides by equal heights, so that labels, one to a
height, never overlap. Columns of one group lie together, and within it those that go together are neighbors.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.associations.experience import DISCOVERY_Q
from MedDeepDiagnosisLib.associations.pairs import Association
from MedDeepDiagnosisLib.associations.table import Column

MOST_NODES = 40
MOST_EDGES = 45

_LEAST_STEP, _HALF_WIDTH, _LABEL_ROOM, _MARGIN = 27.0, 225.0, 265.0, 24.0
_WIDEST_LINE = 8.0
_LONGEST_LABEL = 34
_UP, _DOWN, _NEITHER = (178, 73, 43), (42, 106, 163), (70, 76, 84)


@dataclass(frozen=True)
class Node:
    """A column in the network: place of its mark and of its label, which ends there on the left side."""

    label: str
    full: str
    group: int
    x: float
    y: float
    label_x: float
    left: bool
    linked: bool


@dataclass(frozen=True)
class Edge:
    """A curve between two nodes; ``sign`` is ``up``, ``down`` or ``none`` where there is no direction."""

    path: str
    width: float
    sign: str
    told: str


@dataclass(frozen=True)
class Network:
    """The network picture; ``hidden`` weaker edges and ``left_out`` columns are not drawn."""

    width: float
    height: float
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    groups: tuple[str, ...]
    hidden: int
    left_out: int


@dataclass(frozen=True)
class Cell:
    """A square of the heat map; smaller where the association is not below the discovery rate."""

    x: float
    y: float
    size: float
    color: str
    text: str
    dark: bool
    told: str


@dataclass(frozen=True)
class HeatMap:
    """The heat map. ``labels`` carry the middle of their row and column; the corner of the squares is (left, top)."""

    width: float
    height: float
    left: float
    top: float
    size: float
    cells: tuple[Cell, ...]
    labels: tuple[tuple[str, float], ...]
    left_out: int


def order_columns(columns: Sequence[Column], pairs: Sequence[Association]) -> list[Column]:
    """Return columns by group, and within a group so that those that go together are neighbors."""
    strengths = _strengths(columns, pairs)
    groups = list(dict.fromkeys(column.group for column in columns))
    ordered = []
    for group in groups:
        members = [at for at, column in enumerate(columns) if column.group == group]
        ordered += [columns[members[at]] for at in _leaves(strengths[np.ix_(members, members)])]
    return ordered


def chosen_columns(columns: Sequence[Column], pairs: Sequence[Association]) -> list[Column]:
    """Return at most ``MOST_NODES`` columns, those with the strongest associations, in the order of the table."""
    if len(columns) <= MOST_NODES:
        return list(columns)
    best = dict.fromkeys((column.name for column in columns), 0.0)
    for pair in pairs:
        if pair.q < DISCOVERY_Q:
            best[pair.first] = max(best[pair.first], pair.strength)
            best[pair.second] = max(best[pair.second], pair.strength)
    kept = set(sorted(best, key=lambda name: -best[name])[:MOST_NODES])
    return [column for column in columns if column.name in kept]


def network(columns: Sequence[Column], pairs: Sequence[Association]) -> Network:
    """Lay out the network of the pairs below the discovery rate, the strongest ``MOST_EDGES`` of them."""
    shown = order_columns(chosen_columns(columns, pairs), pairs)
    places, width, height = _lens(len(shown))
    at = {column.name: number for number, column in enumerate(shown)}
    linked = [pair for pair in pairs if pair.q < DISCOVERY_Q and {pair.first, pair.second} <= set(at)]
    linked.sort(key=lambda pair: -pair.strength)
    drawn = linked[:MOST_EDGES]
    touched = {name for pair in drawn for name in (pair.first, pair.second)}
    groups = tuple(dict.fromkeys(column.group for column in shown))
    labels = {column.name: column.label for column in columns}
    nodes = []
    for column, (x, y, left) in zip(shown, places, strict=True):
        label_x = x - 14 if left else x + 14
        nodes.append(
            Node(
                shortened(column.label),
                column.label,
                groups.index(column.group),
                x,
                y,
                label_x,
                left,
                column.name in touched,
            )
        )
    center = (width / 2, height / 2)
    edges = tuple(
        Edge(
            _curve(places[at[pair.first]][:2], places[at[pair.second]][:2], center),
            round(1 + (_WIDEST_LINE - 1) * pair.strength, 2),
            _sign(pair),
            told(pair, labels),
        )
        for pair in reversed(drawn)  # the strongest lie on top
    )
    return Network(width, height, tuple(nodes), edges, groups, len(linked) - len(drawn), len(columns) - len(shown))


def heat_map(columns: Sequence[Column], pairs: Sequence[Association]) -> HeatMap:
    """Lay out the heat map of all pairs of the columns that the network shows, in the same order."""
    shown = order_columns(chosen_columns(columns, pairs), pairs)
    size = min(40.0, 640.0 / len(shown))
    longest = max(len(shortened(column.label)) for column in shown)
    left, top = 20.0 + 7.3 * longest, 24.0 + 5.4 * longest
    at = {column.name: number for number, column in enumerate(shown)}
    labels = {column.name: column.label for column in columns}
    cells = []
    for pair in pairs:
        if pair.main is None or not {pair.first, pair.second} <= set(at):
            continue
        for row, column in ((at[pair.first], at[pair.second]), (at[pair.second], at[pair.first])):
            side = size - 2 if pair.q < DISCOVERY_Q else 0.42 * size
            color, dark = _cell_color(pair)
            text = _two_digits(pair) if pair.q < DISCOVERY_Q and size >= 28 else ""
            x, y = left + (column + 0.5) * size - side / 2, top + (row + 0.5) * size - side / 2
            cells.append(Cell(round(x, 2), round(y, 2), round(side, 2), color, text, dark, told(pair, labels)))
    middles = tuple((shortened(column.label), round((number + 0.5) * size, 2)) for number, column in enumerate(shown))
    extent = size * len(shown)
    room = 12.0 + 4.6 * longest  # the slanted label of the last column reaches over the edge
    return HeatMap(
        round(left + extent + room, 1),
        round(top + extent + 8, 1),
        round(left, 1),
        round(top, 1),
        size,
        tuple(cells),
        middles,
        len(columns) - len(shown),
    )


def told(pair: Association, labels: Mapping[str, str]) -> str:
    """Return an association in words, for readers who point at it or do not see it."""
    main = pair.main
    names = f"{labels[pair.first]} and {labels[pair.second]}"
    if main is None:
        return f"{names}: {pair.note}"
    interval = "" if math.isnan(main.low) else f" ({main.low:.2f} to {main.high:.2f})"
    q = "not tested" if math.isnan(pair.q) else "q below 0.001" if pair.q < 0.001 else f"q {pair.q:.2g}"
    return f"{names}: {main.measure} {main.value:.2f}{interval}, {q}, {pair.rows} rows".replace(
        "-0.", "\N{MINUS SIGN}0."
    )


def shortened(text: str) -> str:
    """Return a label that fits beside the pictures."""
    return text if len(text) <= _LONGEST_LABEL else text[: _LONGEST_LABEL - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def _strengths(columns: Sequence[Column], pairs: Sequence[Association]) -> NDArray[np.float64]:
    at = {column.name: number for number, column in enumerate(columns)}
    strengths = np.zeros((len(columns), len(columns)))
    for pair in pairs:
        if pair.main is not None and not math.isnan(pair.strength) and {pair.first, pair.second} <= set(at):
            one, two = at[pair.first], at[pair.second]
            strengths[one, two] = strengths[two, one] = pair.strength
    return strengths


def _leaves(strengths: NDArray[np.float64]) -> list[int]:
    if len(strengths) < 3:
        return list(range(len(strengths)))
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    distances = 1 - np.clip(strengths, 0, 1)
    np.fill_diagonal(distances, 0)
    return leaves_list(linkage(squareform(distances), "average", optimal_ordering=True)).tolist()


def _lens(count: int) -> tuple[list[tuple[float, float, bool]], float, float]:
    """Return (x, y, left) clockwise from the top right, and the size of the picture."""
    right = (count + 1) // 2
    step = max(_LEAST_STEP, min(58.0, 400.0 / max(right, 1)))  # few nodes step farther apart, lest the ring is flat
    height = step * max(right - 1, 1) + 2 * _MARGIN
    width = 2 * (_HALF_WIDTH + _LABEL_ROOM)
    places = []
    for number in range(count):
        left = number >= right
        side = count - right if left else right
        rank = count - 1 - number if left else number
        y = height / 2 + step * (rank - (side - 1) / 2)
        bent = math.sqrt(max(0.0, 1 - (2 * (y - height / 2) / (step * right + step)) ** 2))
        x = width / 2 + (-1 if left else 1) * _HALF_WIDTH * bent
        places.append((round(x, 2), round(y, 2), left))
    return places, width, round(height, 2)


def _curve(start: tuple[float, float], end: tuple[float, float], center: tuple[float, float]) -> str:
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    # Neighbors get a flat bow and those on opposite sides nearly a line, so that bundles open toward the middle.
    pull = 0.2 + 0.5 * min(1.0, math.dist(start, end) / (1.6 * _HALF_WIDTH))
    bend = [middle[axis] + pull * (center[axis] - middle[axis]) for axis in (0, 1)]
    return f"M{start[0]:.1f},{start[1]:.1f} Q{bend[0]:.1f},{bend[1]:.1f} {end[0]:.1f},{end[1]:.1f}"


def _sign(pair: Association) -> str:
    if pair.main is None or not pair.main.signed:
        return "none"
    return "up" if pair.main.value >= 0 else "down"


def _cell_color(pair: Association) -> tuple[str, bool]:
    target = {"up": _UP, "down": _DOWN, "none": _NEITHER}[_sign(pair)]
    part = min(1.0, 0.08 + 0.92 * pair.strength) if not math.isnan(pair.strength) else 0.0
    mixed = [round(250 + (channel - 250) * part) for channel in target]
    return "#{:02x}{:02x}{:02x}".format(*mixed), part > 0.6


def _two_digits(pair: Association) -> str:
    value = pair.main.value if pair.main else math.nan
    text = f"{abs(value):.2f}"
    text = text.removeprefix("0") if text.startswith("0.") else text[:3]
    return f"\N{MINUS SIGN}{text}" if value < 0 and _sign(pair) == "down" else text
