"""Many cases of one job, each in a child process and a folder of its own.

A case that fails does not stop the others. What became of each stands in ``summary.csv``, which is written anew after
each case. ``batch.json`` tells that a folder is one of a batch, and of which command: see :func:`claim_folder`. Who runs the cases, and where, is a :class:`~MedDeepRegSegLib.jobs.batch_crew.Crew`.
"""

import contextlib
import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.batch_case import Case, Outcome
from MedDeepRegSegLib.jobs.batch_crew import Crew, CrewLost, Orders
from MedDeepRegSegLib.jobs.batch_kinds import BatchKind
from MedDeepRegSegLib.jobs.batch_table import Row
from MedDeepRegSegLib.jobs.failures import describe
from MedDeepRegSegLib.jobs.outputs import write_json, write_text
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress

SUMMARY = "summary.csv"
CLAIM = "batch.json"
"""File that says which command a folder is for."""
_TICK_S = 0.2


def claim_folder(out: Path, command: str, kind: BatchKind, table: Path) -> None:
    """Make ``out`` the folder of batches of a command, by its ``batch.json``.

    Raises
    ------
    InputError
        When it is that of another command, holds tables of somebody else's, or ``table`` would be overwritten.
    """
    tables = [out / name for name in (SUMMARY, kind.JOINED) if name]
    for path in (*tables, out / CLAIM):
        if path.resolve() == table.resolve() or (path.exists() and table.exists() and path.samefile(table)):
            msg = f"the table {table} would be overwritten by the batch: give it another name or choose another folder"
            raise InputError(msg)
    if (out / CLAIM).exists():
        before = _claimed_by(out / CLAIM)
        if before != command:
            msg = (
                f"the folder {out} is that of a batch of {before or 'another program'}, expected one of {command}: "
                f"choose another folder"
            )
            raise InputError(msg)
        return
    foreign = next((path for path in tables if path.exists()), None)
    if foreign is not None:
        msg = (
            f"{foreign} was not written by a batch (there is no {CLAIM}) and is not overwritten: choose another folder"
        )
        raise InputError(msg)
    write_json(out / CLAIM, {"command": command})


def _claimed_by(path: Path) -> str | None:
    """Return the command in a ``batch.json``; None where it is none."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    command = data.get("command") if isinstance(data, dict) else None
    return command if isinstance(command, str) else None


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
    except BaseException as error:
        with contextlib.suppress(Exception):  # what went wrong before is what is told
            _join_tables(out, kind, rows, outcomes)
        if isinstance(error, CrewLost):
            msg = f"{error}; {_ready(outcomes)} of {len(rows)} cases are done: run it again to go on"
            raise InputError(msg) from error
        raise
    _join_tables(out, kind, rows, outcomes)
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


def _join_tables(out: Path, kind: BatchKind, cases: Sequence[Row], outcomes: Mapping[str, Outcome]) -> None:
    """Write the rows of the tables of all cases that are done as one table, with the column ``name`` before theirs.

    Cases may have different columns; a cell is empty where a case has none. Without rows there is no such table: one of an
    earlier run is removed.

    Raises
    ------
    InputError
        When the table of a case cannot be read any more. Those of the others are joined.
    """
    if not kind.JOINED:
        return
    columns: dict[str, None] = {}
    rows: list[dict[str, str]] = []
    gone: list[str] = []
    for case in (row.name for row in cases if _is_done(outcomes.get(row.name))):
        try:
            with (out / case / kind.JOINED).open(newline="", encoding="utf-8") as file:
                reader = csv.DictReader(file)
                columns |= dict.fromkeys(reader.fieldnames or ())
                rows += [{**row, "name": case} for row in reader]
        except OSError:
            gone.append(case)
    if rows:
        heads = ["name", *(column for column in columns if column != "name")]
        _write_csv(out / kind.JOINED, [heads, *([row.get(head, "") for head in heads] for row in rows)])
    else:
        (out / kind.JOINED).unlink(missing_ok=True)
    if gone:
        msg = f"{out / gone[0] / kind.JOINED} was removed while the batch ran: run it again"
        raise InputError(msg)


def _write_csv(path: Path, table: Sequence[Sequence[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    write_text(path, text.getvalue())
