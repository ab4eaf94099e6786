"""Tables and plots of the registration benchmark: a row a case and method, a summary, and ours beside the best peer."""

from pathlib import Path

import numpy as np
from features_tables import markdown, side_by_side, write_table

COLUMNS = (
    "case",
    "kind",
    "role",
    "method",
    "before_mm",
    "linear_mm",
    "mean_mm",
    "median_mm",
    "p95_mm",
    "largest_mm",
    "dice",
    "folds",
    "sd_log_jacobian",
    "inverse_mean_mm",
    "inverse_p95_mm",
    "cpu_s",
    "wall_s",
    "peak_mb",
    "failure",
)
_SHORT = tuple(name for name in COLUMNS if name not in ("kind", "role", "largest_mm", "inverse_mean_mm", "failure"))
_GROUPS = ("real", "phantom", "native", "consistency")


def write_all(folder: Path, rows: list[dict], peers: tuple[str, ...]) -> str:
    """Write registration.csv, registration.md and the plots; return the Markdown text."""
    rows = [{name: row.get(name) for name in COLUMNS} for row in rows]
    write_table(folder, "registration", rows)
    text = report(rows, peers)
    (folder / "registration.md").write_text(text, encoding="utf-8")
    plot(folder, rows)
    return text


def report(rows: list[dict], peers: tuple[str, ...]) -> str:
    """Return all tables as Markdown."""
    ended = [row for row in rows if not row["failure"]]
    sections: list[tuple[str, list[dict]]] = []
    for role in dict.fromkeys(row["role"] for row in rows):
        for kind in _GROUPS:
            own = [row for row in rows if (row["role"], row["kind"]) == (role, kind)]
            sections.append(
                (f"Mean error, mm: {kind}, {role}", side_by_side(own, "mean_mm", row="case", column="method"))
            )
        sections.append((f"Summary: {role}", summary([row for row in rows if row["role"] == role])))
        sections.append(
            (f"Ours beside the peers: {role}", against([row for row in rows if row["role"] == role], peers))
        )
    failed = [
        {"case": row["case"], "method": row["method"], "failure": row["failure"]} for row in rows if row["failure"]
    ]
    sections.append(("Failures", failed))
    sections.append(("Every case", [{name: row[name] for name in _SHORT} for row in ended]))
    return "\n".join(f"## {title}\n\n{markdown(part)}" for title, part in sections if part)


def summary(rows: list[dict]) -> list[dict]:
    """Return one row for each kind of case and method: median and worst over the cases."""
    result = []
    for kind in _GROUPS:
        for method in dict.fromkeys(row["method"] for row in rows):
            own = [row for row in rows if (row["kind"], row["method"]) == (kind, method)]
            ended = [row for row in own if not row["failure"]]
            if not own:
                continue
            line = {"kind": kind, "method": method, "cases": len(own), "failed": len(own) - len(ended)}
            for name, how, column in (
                ("median of mean_mm", np.median, "mean_mm"),
                ("worst mean_mm", max, "mean_mm"),
                ("median p95_mm", np.median, "p95_mm"),
                ("median dice", np.median, "dice"),
                ("worst folds", max, "folds"),
                ("median sd_log_jacobian", np.median, "sd_log_jacobian"),
                ("worst inverse_p95_mm", max, "inverse_p95_mm"),
                ("median cpu_s", np.median, "cpu_s"),
                ("median wall_s", np.median, "wall_s"),
                ("largest peak_mb", max, "peak_mb"),
            ):
                values = [row[column] for row in ended if row[column] is not None]
                line[name] = float(how(values)) if values else None
            result.append(line)
    return result


def against(rows: list[dict], peers: tuple[str, ...]) -> list[dict]:
    """Return one row for each of our methods and kind of case: the ratio of our mean error to the best peer's.

    A failure of a peer is no result; one of ours counts as worse than every peer.
    """
    result = []
    for kind in _GROUPS:
        own = [row for row in rows if row["kind"] == kind]
        for method in dict.fromkeys(row["method"] for row in own if row["method"] not in peers):
            ratios, worse, failed = [], 0, 0
            for case in dict.fromkeys(row["case"] for row in own):
                same = {row["method"]: row for row in own if row["case"] == case}
                others = [row["mean_mm"] for name, row in same.items() if name in peers and not row["failure"]]
                if method not in same or not others:
                    continue
                if same[method]["failure"]:
                    failed, worse = failed + 1, worse + 1
                    continue
                ratios.append(same[method]["mean_mm"] / min(others))
                worse += ratios[-1] > 1
            if ratios or failed:
                result.append(
                    {
                        "kind": kind,
                        "method": method,
                        "cases": len(ratios) + failed,
                        "median ratio to the best peer": float(np.median(ratios)) if ratios else None,
                        "worst ratio": max(ratios, default=None),
                        "cases worse than a peer": worse,
                        "failed": failed,
                    }
                )
    return result


def plot(folder: Path, rows: list[dict]) -> None:
    """Draw errors by case, and error against CPU seconds; without matplotlib, say so."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        print("no plots: matplotlib is not installed")
        return
    names = list(dict.fromkeys(row["case"] for row in rows))
    methods = list(dict.fromkeys(row["method"] for row in rows))
    figure, axes = pyplot.subplots(figsize=(9, 1.5 + 0.35 * len(names)))
    for number, method in enumerate(methods):
        own = {row["case"]: row["mean_mm"] for row in rows if row["method"] == method and not row["failure"]}
        places = [names.index(case) + (number / max(len(methods) - 1, 1) - 0.5) * 0.5 for case in own]
        axes.plot(list(own.values()), places, "o", label=method)
    axes.set(xscale="log", xlabel="mean error, mm", yticks=range(len(names)), yticklabels=names)
    axes.invert_yaxis()
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(folder / "registration_errors.png", dpi=120, bbox_inches="tight")
    pyplot.close(figure)

    figure, axes = pyplot.subplots(figsize=(6, 4))
    for method in methods:
        own = [row for row in rows if row["method"] == method and not row["failure"] and row["kind"] != "native"]
        if own:
            axes.plot([row["cpu_s"] for row in own], [row["mean_mm"] for row in own], "o", alpha=0.7, label=method)
    axes.set(xscale="log", yscale="log", xlabel="CPU seconds", ylabel="mean error, mm")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(folder / "registration_cost.png", dpi=120, bbox_inches="tight")
    pyplot.close(figure)
