"""Tables and curves of the benchmark of training."""

import numpy as np

LABELS = {"encoder": "from the encoder that ships", "scratch": "same network, random weights", "unet": "MONAI U-Net"}
COLORS = {"encoder": "#0072B2", "scratch": "#D55E00", "unet": "#009E73"}


def groups_of(results):
    """Return the results by task, number of cases and time, and in these by method: a list of folds."""
    groups = {}
    for result in results:
        key = (result["task"], result["cases"], result["minutes"])
        groups.setdefault(key, {}).setdefault(result["method"], {})[result["fold"]] = result
    return groups


def curve(result):
    """Return processor seconds and mean Dice of the checks."""
    rows = result["rows"]
    return np.array([row["cpu_seconds"] for row in rows]), np.array([row["mean"] for row in rows])


def seconds_to(result, score):
    """Return the processor seconds to a Dice, between the checks by linear interpolation; NaN where it is not reached."""
    seconds, scores = curve(result)
    seconds, scores = np.concatenate([[0.0], seconds]), np.concatenate([[0.0], np.maximum.accumulate(scores)])
    if scores[-1] < score:
        return float("nan")
    after = int(np.argmax(scores >= score))
    low, high = scores[after - 1], scores[after]
    return float(seconds[after - 1] + (score - low) / max(high - low, 1e-9) * (seconds[after] - seconds[after - 1]))


def summarize(results):
    """Return a table as text: Dice at the end, and the time to what random weights reach at the end."""
    lines = []
    for (task, cases, minutes), methods in sorted(groups_of(results).items()):
        lines.append(f"\n{task}, {cases} cases to learn from, {minutes:g} processor minutes")
        lines.append(f"  {'method':32}{'parameters':>11}{'folds':>6}{'half time':>10}{'end':>7}  classes")
        for method, folds in methods.items():
            ends = [result["rows"][-1] for result in folds.values()]
            halves = [np.interp(30 * minutes, *curve(result)) for result in folds.values()]
            names = [name for name in ends[0] if name not in ("step", "seconds", "cpu_seconds", "mean")]
            classes = ", ".join(f"{name} {np.nanmean([end[name] for end in ends]):.2f}" for name in names)
            lines.append(
                f"  {LABELS[method]:32}{next(iter(folds.values()))['parameters']:>11,}{len(folds):>6}"
                f"{np.mean(halves):>10.3f}{np.mean([end['mean'] for end in ends]):>7.3f}  {classes}"
            )
        lines += _ratios(methods)
    return "\n".join(lines)


def _ratios(methods):
    """Return how much of the time of random weights the encoder needs to the Dice that they reach, fold by fold."""
    lines = []
    for other in ("scratch", "unet"):
        if "encoder" not in methods or other not in methods:
            continue
        for part, words in ((1.0, "at the end"), (0.95, "at the end, times .95")):
            ratios = []
            for fold in sorted(methods["encoder"].keys() & methods[other].keys()):
                score = part * curve(methods[other][fold])[1][-1]
                own, its = seconds_to(methods["encoder"][fold], score), seconds_to(methods[other][fold], score)
                ratios.append(own / its if np.isfinite(own) else float("inf"))
            if ratios:
                reached = sum(np.isfinite(ratios))
                lines.append(
                    f"  time of the encoder to what '{LABELS[other]}' has {words}: {np.median(ratios):.2f} of its time "
                    f"(median; reached in {reached} of {len(ratios)})"
                )
    return lines


def draw(results, path):
    """Draw the mean curves, one panel for each task and number of cases."""
    from matplotlib.figure import Figure

    groups = sorted(groups_of(results).items())
    if not groups:
        return
    figure = Figure(figsize=(5.4 * len(groups), 3.9), layout="constrained", facecolor="white")
    panels = figure.subplots(1, len(groups), squeeze=False)[0]
    for panel, ((task, cases, minutes), methods) in zip(panels, groups, strict=True):
        grid = np.linspace(0, 60 * minutes, 60)
        for method, folds in methods.items():
            curves = [
                np.interp(grid, *[np.concatenate([[0.0], part]) for part in curve(one)]) for one in folds.values()
            ]
            for one in curves:
                panel.plot(grid / 60, one, color=COLORS[method], lw=0.7, alpha=0.3)
            panel.plot(grid / 60, np.mean(curves, axis=0), color=COLORS[method], lw=2, label=LABELS[method])
        panel.set_title(f"{task}: {cases} cases to learn from", loc="left", fontsize=11)
        panel.set_xlabel("processor minutes of training")
        panel.set_ylabel("mean Dice on the case that is left out")
        panel.set_ylim(0, 1)
        panel.grid(axis="y", color="#e4e4e4")
        panel.spines[["top", "right"]].set_visible(False)
        panel.legend(frameon=False, fontsize=9, loc="lower right")
    figure.savefig(path, dpi=120)
