"""Many cases of one job, each in a child process and a folder of its own.

A case that fails does not stop the others. What became of each stands in ``summary.csv``, which is written anew after
each case. Who runs the cases, and where, is a :class:`~MedDeepRegSegLib.jobs.batch_crew.Crew`.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.batch_case import Case, Outcome
from MedDeepRegSegLib.jobs.batch_crew import Crew, CrewLost, Orders
from MedDeepRegSegLib.jobs.batch_kinds import BatchKind
from MedDeepRegSegLib.jobs.batch_table import Row
from MedDeepRegSegLib.jobs.failures import describe
from MedDeepRegSegLib.jobs.outputs import write_text
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress

SUMMARY = "summary.csv"
_TICK_S = 0.2


def run_batch(
    kind: BatchKind,
    rows: Sequence[Row],
    out: Path,
    *,
    crew: Crew,
    seed: int = 0,
    device: str = "auto",
    again: bool = False,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> list[Outcome]:
    """Run all cases of a table and write ``out/summary.csv``.

    Parameters
    ----------
    kind : BatchKind
        See :func:`MedDeepRegSegLib.jobs.batch_kinds.batch_kind`.
    rows : sequence of Row
    out : Path
        Each case gets the folder ``out/NAME``.
    crew : Crew
        Who runs the cases, see :func:`MedDeepRegSegLib.jobs.batch_crew.make_crew`.
    seed : int
        Of every case.
    device : str
        ``auto``, ``cpu`` or ``cuda``, for kinds that use it.
    again : bool
        Also run the cases that are done.
    progress, cancel
        See :mod:`MedDeepRegSegLib.jobs.progress`.

    Returns
    -------
    list of Outcome
        In the order of the table.

    Raises
    ------
    InputError
        When the cases cannot be run: no scheduler, no workers. What is done stays done.
    Canceled
        After the children have ended and the summary is written.
    """
    cancel = CancelToken() if cancel is None else cancel
    out = out.absolute()
    outcomes: dict[str, Outcome] = {}
    cases: list[Case] = []
    for row in rows:
        folder = out / row.name
        try:
            request = kind.request(row, folder, seed=seed, device=device)
        except Exception as error:  # whatever it is, the other cases go on
            outcomes[row.name] = Outcome(row.name, "failed", describe(error)[1])
            continue
        cases.append(Case(row.name, kind.JOB, request, folder, kind.JOBS))
    out.mkdir(parents=True, exist_ok=True)
    _write_summary(out / SUMMARY, kind, rows, outcomes)
    try:
        if cases:
            with crew:
                crew.start(cases, Orders(kind.figures, again, out))
                while len(outcomes) < len(rows):
                    if cancel.canceled:
                        crew.cancel()
                    ended = crew.ended(_TICK_S)
                    outcomes |= {outcome.name: outcome for outcome in ended}
                    if ended:
                        _write_summary(out / SUMMARY, kind, rows, outcomes)
                    progress(*_state(crew, len(outcomes), len(rows)))
    except CrewLost as error:
        msg = f"{error}; {_ready(outcomes)} of {len(rows)} cases are done: run it again to go on"
        raise InputError(msg) from error
    finally:
        if kind.JOINED:
            _join_tables(out, kind.JOINED, [row.name for row in rows if _is_done(outcomes.get(row.name))])
    if cancel.canceled:
        msg = f"canceled by the user; {_ready(outcomes)} of {len(rows)} cases are done: run it again to go on"
        raise Canceled(msg)
    progress(1.0, f"{len(rows)} of {len(rows)} cases")
    return [outcomes[row.name] for row in rows]


def _is_done(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.status in ("done", "skipped")


def _ready(outcomes: Mapping[str, Outcome]) -> int:
    """Return how many cases are done."""
    return sum(map(_is_done, outcomes.values()))


def _state(crew: Crew, ended: int, total: int) -> tuple[float, str]:
    """Return the part of all cases that is done, and what is being done."""
    running = crew.running()
    part = sum(fraction for fraction, _ in running.values())
    last = next(reversed(running.items()), None)
    said = crew.note() or (f"{last[0]}: {last[1][1]}" if last else "")
    return min(1.0, (ended + part) / total), f"{ended} of {total} cases" + (f"; {said}" if said else "")


def _write_summary(path: Path, kind: BatchKind, rows: Sequence[Row], outcomes: Mapping[str, Outcome]) -> None:
    """Write one line a case: status, figures, error, seconds."""
    table = [["name", "status", *kind.FIGURES, "error", "seconds"]]
    for row in rows:
        outcome = outcomes.get(row.name)
        if outcome is None:
            table.append([row.name, "not run", *("" for _ in kind.FIGURES), "", ""])
            continue
        status = "done" if outcome.status == "skipped" else outcome.status
        cells = [outcome.figures.get(column, "") for column in kind.FIGURES]
        table.append([row.name, status, *cells, outcome.error, str(outcome.seconds or "")])
    _write_csv(path, table)


def _join_tables(out: Path, name: str, cases: Sequence[str]) -> None:
    """Write the rows of ``out/CASE/name`` of all cases as ``out/name``, with the column ``name`` before theirs.

    Cases may have different columns; a cell is empty where a case has none. Without rows nothing is written.
    """
    columns: dict[str, None] = {}
    rows: list[dict[str, str]] = []
    for case in cases:
        with (out / case / name).open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            columns |= dict.fromkeys(reader.fieldnames or ())
            rows += [{**row, "name": case} for row in reader]
    if rows:
        heads = ["name", *(column for column in columns if column != "name")]
        _write_csv(out / name, [heads, *([row.get(head, "") for head in heads] for row in rows)])


def _write_csv(path: Path, table: Sequence[Sequence[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    write_text(path, text.getvalue())
