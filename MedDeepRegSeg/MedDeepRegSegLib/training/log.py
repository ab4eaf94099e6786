"""The log of a run: a table that grows while it runs, and a picture of its curves."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from MedDeepRegSegLib.jobs.outputs import atomic_path


class TrainingLog:
    """A CSV file with one row for each report.

    Parameters
    ----------
    path : Path
    columns : sequence of str
        The first is ``step``.
    after : int
        Rows of later steps are removed: a run goes on from its checkpoint, and what came after it is repeated.
    """

    def __init__(self, path: Path, columns: Sequence[str], *, after: int = 0) -> None:
        self.path, self._columns = path, tuple(columns)
        kept = [row for row in read_log(path) if row["step"] <= after] if path.exists() and after else []
        with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self._columns, lineterminator="\n", extrasaction="ignore")
            writer.writeheader()
            writer.writerows({name: f"{value:.6g}" for name, value in row.items()} for row in kept)

    def write(self, row: Mapping[str, float]) -> None:
        """Add a row; it is in the file when this returns, so that a curve can be drawn live."""
        with self.path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self._columns, lineterminator="\n")
            writer.writerow({name: f"{row[name]:.6g}" for name in self._columns})


def read_log(path: Path) -> list[dict[str, float]]:
    """Return the rows of a log; an unfinished last row is left out."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    result = []
    for row in rows:
        try:
            result.append({name: float(value) for name, value in row.items()})
        except (TypeError, ValueError):  # a row that is being written now
            continue
    return result


def draw_curves(path: Path, picture: Path, groups: Mapping[str, Sequence[str]]) -> None:
    """Draw columns of a log against the step, one panel for each group, as PNG.

    Parameters
    ----------
    path : Path
        The log.
    picture : Path
        ``.png`` to write.
    groups : mapping
        Title of a panel to the names of its columns.
    """
    from matplotlib.figure import Figure  # without pyplot: nothing global, no window

    rows = read_log(path)
    figure = Figure(figsize=(4.6 * len(groups), 3.4), layout="constrained")
    panels = figure.subplots(1, len(groups), squeeze=False)[0]
    for panel, (title, names) in zip(panels, groups.items(), strict=True):
        for name in names:
            panel.plot([row["step"] for row in rows], [row[name] for row in rows], label=name.replace("_", " "), lw=1.2)
        panel.set_title(title)
        panel.set_xlabel("step")
        panel.grid(alpha=0.3)
        panel.legend(frameon=False)
    with atomic_path(picture) as temporary:
        figure.savefig(temporary, dpi=110)
