"""Tables and curves of the growing benchmark.

After its last click a course keeps its Dice: nothing was wrong any more, or nothing more came. A failure counts as 0.
"""

from pathlib import Path

import numpy as np
from features_tables import markdown, write_table

NEVER = 11
"""Clicks of an object that never reaches a level with ten."""
COUNTS = (1, 3, 5, 10)
OURS = ("network", "classic")
_ORDER = (*OURS, "grow from seeds", "confidence-connected", "random walker", "ellipsoid")
_BOXES = ("no box", "box")
_DRAWS = 2000


def curve(row: dict, clicks: int) -> np.ndarray:
    """Return Dice after 1 to ``clicks`` clicks."""
    if row["failure"] or not row["dice"]:
        return np.zeros(clicks)
    values = row["dice"][:clicks]
    return np.array([*values, *[values[-1]] * (clicks - len(values))])


def clicks_to(values: np.ndarray, level: float) -> int:
    """Return the number of clicks to a level; :data:`NEVER` when it is not reached."""
    reached = np.flatnonzero(values >= level)
    return int(reached[0]) + 1 if len(reached) else NEVER


def interval(values: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % interval of the mean by bootstrap (percentiles of resampled objects)."""
    draws = np.random.default_rng(seed).integers(0, len(values), (_DRAWS, len(values)))
    low, high = np.percentile(values[draws].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def summary(rows: list[dict], clicks: int) -> list[dict]:
    """Return one line for each box and method."""
    result = []
    for box, method, own in _split(rows):
        curves = np.array([curve(row, clicks) for row in own])
        ended = [row for row in own if not row["failure"]]
        line: dict = {"box": box, "method": method, "objects": len(own)}
        line |= {f"Dice@{count}": float(curves[:, count - 1].mean()) for count in COUNTS if count <= clicks}
        for level in (0.80, 0.85):
            line[f"clicks to {level:.2f}"] = float(np.mean([clicks_to(one, level) for one in curves]))
        for what, title in (("cpu_s", "CPU s a click"), ("seconds", "s a click")):
            values = [one for row in ended for one in row[what]]
            for name, percent in (("median", 50), ("p95", 95)):
                line[f"{title}, {name}"] = float(np.percentile(values, percent)) if values else None
        line["CPU s to start, median"] = float(np.median([row["start_cpu_s"] for row in ended])) if ended else None
        line["memory MB, largest"] = max((row["peak_mb"] for row in ended), default=None)
        line["clicks that lower Dice"] = _lowered(curves)
        line["wrong seeds"] = sum(row["wrong_seeds"] for row in ended)
        line["failed"] = sum(bool(row["failure"]) for row in own)
        result.append(line)
    return result


def paired(rows: list[dict], clicks: int, ours: str) -> list[dict]:
    """Return the difference of ``ours`` to every other method on the objects that both have, with its 95 % interval."""
    result = []
    for box in _BOXES:
        mine = {row["case"]: curve(row, clicks) for row in rows if (row["box"], row["method"]) == (box, ours)}
        for other_box, method, own in _split(rows):
            if other_box != box or method == ours:
                continue
            differences = np.array([mine[row["case"]] - curve(row, clicks) for row in own if row["case"] in mine])
            if len(differences) == 0:
                continue
            line: dict = {"box": box, "ours": ours, "against": method, "objects": len(differences)}
            for count in COUNTS:
                if count <= clicks:
                    values = differences[:, count - 1]
                    low, high = interval(values)
                    line[f"@{count}"] = f"{values.mean():+.3f} [{low:+.3f}, {high:+.3f}]"
            result.append(line)
    return result


def groups(rows: list[dict], clicks: int) -> list[dict]:
    """Return one line for each group and box with the Dice of each method at 1, 3, 5 and 10 clicks."""
    result = []
    for box in _BOXES:
        for group in sorted({row["group"] for row in rows}):
            line: dict = {"group": group, "box": box}
            for _, method, own in _split([row for row in rows if (row["group"], row["box"]) == (group, box)]):
                mean = np.mean([curve(row, clicks) for row in own], axis=0)
                line["objects"] = max(len(own), line.get("objects", 0))
                line[method] = " ".join(f"{mean[count - 1]:.2f}" for count in COUNTS if count <= clicks)
            if len(line) > 2:
                result.append(line)
    return _even(result)


def write_all(folder: Path, rows: list[dict], clicks: int, left_out: dict[str, str]) -> str:
    """Write growing.csv, growing.md and the curves; return the summary as Markdown."""
    table = []
    for row in rows:
        line = {name: row[name] for name in ("case", "group", "role", "method", "box")}
        line |= {f"dice_{number}": float(one) for number, one in enumerate(curve(row, clicks), start=1)}
        for what in ("cpu_s", "seconds"):
            line[f"{what}_median"] = float(np.median(row[what])) if row.get(what) else None
        line |= {
            name: row.get(name)
            for name in ("start_s", "start_cpu_s", "peak_mb", "base_mb", "image_voxels", "object_voxels")
        }
        table.append(line | {"failure": row["failure"]})
    write_table(folder, "growing", table)
    head = []
    for role in ("all", "development", "held-out"):
        own = [row for row in rows if role in ("all", row["role"])]
        if own:
            head.append((f"Summary: {role}", summary(own, clicks)))
    common = _common(rows)
    if common and len(common) < len(rows):
        head.append(("Summary: objects that every method has", summary(common, clicks)))
    for ours in dict.fromkeys(row["method"] for row in rows if row["method"] not in _ORDER[len(OURS) :]):
        head.append((f"Paired differences of Dice, 95 % bootstrap interval: {ours}", paired(rows, clicks, ours)))
    more = [("Mean Dice at 1, 3, 5 and 10 clicks by group", groups(rows, clicks))]
    more.append(("Every object: Dice at 1, 3, 5 and 10 clicks", _every(rows, clicks)))
    more.append(("Failures", [_named(row, "failure") for row in rows if row["failure"]]))
    more.append(("Left out", [{"what": what, "reason": reason} for what, reason in left_out.items()]))
    text = [f"## {title}\n\n{markdown(part)}" for title, part in [*head, *more] if part]
    (folder / "growing.md").write_text("\n".join(text), encoding="utf-8")
    plot(folder, rows, clicks)
    return "\n".join(text[: sum(bool(part) for _, part in head) + 1])


def plot(folder: Path, rows: list[dict], clicks: int) -> None:
    """Draw mean Dice against clicks, without and with a box; without matplotlib, say so."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        print("no curves: matplotlib is not installed")
        return
    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.5), sharey=True)
    colors = {name: f"C{number}" for number, name in enumerate(_methods(rows))}
    for panel, box in zip(axes, _BOXES, strict=True):
        for _, method, own in _split([row for row in rows if row["box"] == box]):
            curves = np.array([curve(row, clicks) for row in own])
            bands = np.array([interval(curves[:, count]) for count in range(clicks)])
            places = np.arange(1, clicks + 1)
            style = "--" if method == "ellipsoid" else "-"
            label = f"{method} ({len(own)})"
            panel.plot(places, curves.mean(axis=0), style, marker=".", color=colors[method], label=label)
            panel.fill_between(places, bands[:, 0], bands[:, 1], color=colors[method], alpha=0.12, linewidth=0)
        panel.set(xlabel="clicks", title=box, xticks=range(1, clicks + 1), ylim=(0, 1))
        panel.grid(alpha=0.3)
        if panel.has_data():
            panel.legend(fontsize=8, loc="lower right")
    axes[0].set_ylabel("mean Dice, 95 % interval of the mean")
    figure.tight_layout()
    figure.savefig(folder / "growing_curves.png", dpi=120)
    pyplot.close(figure)


def _methods(rows: list[dict]) -> list[str]:
    there = dict.fromkeys(row["method"] for row in rows)
    return [*(name for name in _ORDER if name in there), *(name for name in there if name not in _ORDER)]


def _split(rows: list[dict]) -> list[tuple[str, str, list[dict]]]:
    """Return box, method and rows of all that have any."""
    parts = [
        (box, method, [row for row in rows if (row["box"], row["method"]) == (box, method)])
        for box in _BOXES
        for method in _methods(rows)
    ]
    return [part for part in parts if part[2]]


def _common(rows: list[dict]) -> list[dict]:
    """Return the rows of the objects for which every box and method has a result."""
    sets = [{row["case"] for row in own} for _, _, own in _split(rows)]
    both = set.intersection(*sets) if sets else set()
    return [row for row in rows if row["case"] in both]


def _every(rows: list[dict], clicks: int) -> list[dict]:
    lines: dict[tuple[str, str], dict] = {}
    for row in rows:
        line = lines.setdefault(
            (row["case"], row["box"]), {"case": row["case"], "role": row["role"], "box": row["box"]}
        )
        values = curve(row, clicks)
        line[row["method"]] = " ".join(f"{values[count - 1]:.2f}" for count in COUNTS if count <= clicks)
    return _even(list(lines.values()))


def _even(lines: list[dict]) -> list[dict]:
    """Return lines that all have the same columns, in one order."""
    names = dict.fromkeys(name for line in lines for name in line)
    known = [*(name for name in names if name not in _ORDER), *(name for name in _ORDER if name in names)]
    return [{name: line.get(name) for name in known} for line in lines]


def _named(row: dict, what: str) -> dict:
    return {name: row[name] for name in ("case", "method", "box", what)}


def _lowered(curves: np.ndarray) -> str:
    """Return how many of the clicks after the first lower Dice by more than .01."""
    steps = np.diff(curves, axis=1)
    return f"{np.mean(steps < -0.01):.1%}" if steps.size else "-"
