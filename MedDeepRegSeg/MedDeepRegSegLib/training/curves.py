"""The curves of a run as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from MedDeepRegSegLib.jobs.outputs import atomic_path
from MedDeepRegSegLib.training.log import read_log

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Dark gray, then Okabe and Ito's colors, told apart by color-blind readers too.
_COLORS = ("#222222", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_SMOOTH_FROM = 24  # rows from which a smooth line is drawn over the pale one
_INK, _GRID = "#333333", "#e4e4e4"


def draw_curves(path: Path, picture: Path, groups: Mapping[str, Sequence[str]]) -> None:
    """Draw columns of a log against the step, one panel for each group, as PNG.

    Parameters
    ----------
    path : Path
        The log; it may have no rows yet.
    picture : Path
        ``.png`` to write.
    groups : mapping
        Title of a panel to the names of its columns. Where all values are fractions, the panel shows 0 to 1.

    Raises
    ------
    ImportError
        Without matplotlib.
    """
    from matplotlib.figure import Figure  # without pyplot: nothing global, no window

    rows = read_log(path)
    figure = Figure(figsize=(5.6 * len(groups), 3.7), layout="constrained", facecolor="white")
    panels = figure.subplots(1, len(groups), squeeze=False)[0]
    for panel, (title, names) in zip(panels, groups.items(), strict=True):
        _frame(panel, title)
        if not rows:
            panel.text(0.5, 0.5, "no rows yet", transform=panel.transAxes, ha="center", color="#888888")
            continue
        steps = np.array([row["step"] for row in rows])
        ends = []
        for name, color in zip(names, _COLORS, strict=False):
            values = np.array([row.get(name, np.nan) for row in rows])
            _curve(panel, steps, values, color)
            ends.append((_smooth(values)[-1], name.replace("_", " "), color))
        if len(rows) == 1:
            panel.set_xlim(0, 2 * steps[0])  # else the ticks would be fractions of a step
        if all(name.endswith("accuracy") for name in names):
            panel.set_ylim(0, 1)
        else:
            panel.set_ylim(bottom=0)
        _name_at_ends(panel, ends)
    with atomic_path(picture) as temporary:
        figure.savefig(temporary, dpi=120)


def _frame(panel: "Axes", title: str) -> None:
    from matplotlib.ticker import MaxNLocator

    panel.set_title(title, loc="left", fontsize=11, color=_INK, fontweight="bold")
    panel.set_xlabel("step", color=_INK)
    panel.grid(axis="y", color=_GRID, lw=0.8)
    panel.set_axisbelow(True)
    panel.spines[["top", "right", "left"]].set_visible(False)
    panel.spines["bottom"].set_color("#999999")
    panel.tick_params(colors=_INK, length=0)
    panel.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    panel.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))


def _curve(panel: "Axes", steps: np.ndarray, values: np.ndarray, color: str) -> None:
    if len(steps) == 1:
        panel.plot(steps, values, "o", color=color, ms=5)
        return
    smooth = len(steps) >= _SMOOTH_FROM
    panel.plot(steps, values, color=color, lw=1.0 if smooth else 1.6, alpha=0.25 if smooth else 1.0)
    if smooth:
        panel.plot(steps, _smooth(values), color=color, lw=1.8)


def _smooth(values: np.ndarray) -> np.ndarray:
    """Return the running mean over a twelfth of the rows, of those that are there at the ends."""
    if len(values) < _SMOOTH_FROM:
        return values
    half = max(1, len(values) // 24)
    return np.array([values[max(0, k - half) : k + half + 1].mean() for k in range(len(values))])


def _name_at_ends(panel: "Axes", ends: list[tuple[float, str, str]]) -> None:
    """Write the name and last value of each curve at its end, moved apart where curves end close together."""
    low, high = panel.get_ylim()
    gap = 0.062 * (high - low)
    ends = sorted(end for end in ends if np.isfinite(end[0]))
    places: list[float] = []
    for value, _, _ in ends:
        places.append(max(value, places[-1] + gap) if places else max(value, low + 0.3 * gap))
    for number in reversed(range(len(places))):
        top = high - 0.3 * gap if number == len(places) - 1 else places[number + 1] - gap
        places[number] = min(places[number], top)
    for place, (value, name, color) in zip(places, ends, strict=True):
        panel.annotate(
            f"{name} {value:.2f}",
            (1.02, place),
            xycoords=("axes fraction", "data"),
            color=color,
            fontsize=9.5,
            va="center",
            annotation_clip=False,
        )
