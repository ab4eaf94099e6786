"""The log of a run: a table that grows while it runs."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from MedDeepRegSegLib.errors import InputError
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
            writer.writerows(_texts(row) for row in kept)

    def write(self, row: Mapping[str, float]) -> None:
        """Add a row; it is in the file when this returns, so that a curve can be drawn live.

        Raises
        ------
        InputError
            When it cannot be written, for example because the disk is full.
        """
        try:
            with self.path.open("a", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, self._columns, lineterminator="\n")
                writer.writerow(_texts({name: row[name] for name in self._columns}))
        except OSError as error:
            msg = f"{self.path} cannot be written ({error.strerror}): make room on the disk, then go on with the same command"
            raise InputError(msg) from error


def read_log(path: Path) -> list[dict[str, float]]:
    """Return the rows of a log; an unfinished last row is left out."""
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    # A number that is cut off is a number, too: without its line end, a row is not complete.
    lines = text[: text.rfind("\n") + 1].splitlines()
    result = []
    for row in csv.DictReader(lines):
        try:
            result.append({name: float(value) for name, value in row.items()})
        except (TypeError, ValueError):  # too few or too many cells, or no numbers
            continue
    return [row for row in result if "step" in row]


def _texts(row: Mapping[str, float]) -> dict[str, str]:
    """Return six digits of each number, and all of whole ones as steps are."""
    return {name: str(int(value)) if float(value).is_integer() else f"{value:.6g}" for name, value in row.items()}
