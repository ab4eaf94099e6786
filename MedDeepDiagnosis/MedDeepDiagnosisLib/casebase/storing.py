"""Stores checked cases in one transaction, or says row by row why not."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from MedDeepDiagnosisLib.casebase import queries
from MedDeepDiagnosisLib.casebase.database import Database
from MedDeepDiagnosisLib.casebase.mapping import TableMapping
from MedDeepDiagnosisLib.casebase.naming import Naming
from MedDeepDiagnosisLib.casebase.recording import Outcome, add_source, add_version, record_cases
from MedDeepDiagnosisLib.casebase.records import CaseRecord, ImportOptions, ImportReport, Origin, RowProblem, grouped
from MedDeepDiagnosisLib.casebase.suggestion import suggest_mapping
from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.wording import counted

_SHOWN_PROBLEMS = 20


class _TrialEnds(Exception):
    """Rolls the transaction of a trial back."""


@dataclass(frozen=True)
class Store:
    """Where cases go, of which pathology they are, where they come from, and how they are stored."""

    database: Database
    naming: Naming
    pathology: Pathology
    origin: Origin
    options: ImportOptions

    def run(
        self,
        records: Sequence[CaseRecord],
        report: ImportReport,
        *,
        remember: tuple[str, TableMapping] | None = None,
    ) -> ImportReport:
        """Store records and return the completed report.

        Parameters
        ----------
        report:
            With the problems of rows that did not become records.
        remember:
            Layout and mapping to keep.

        Raises
        ------
        InputError
            If a problem, of the report or with what is stored, is to be refused. Nothing is stored then.
        """
        refused = [problem for problem in report.problems if self.options.refuses(problem)]
        if not self.database.exists():
            if refused and not self.options.trial:
                raise InputError(refusal(refused))
            if self.options.trial:
                # A trial makes no file: what it would do is the same in an empty database in memory.
                memory = Database("sqlite://")
                empty = replace(self, database=memory, naming=Naming(None, memory.name, memory=True))
                return empty._run(records, report, refused, remember)
        return self._run(records, report, refused, remember)

    def _run(
        self,
        records: Sequence[CaseRecord],
        report: ImportReport,
        refused: Sequence[RowProblem],
        remember: tuple[str, TableMapping] | None,
    ) -> ImportReport:
        outcome = Outcome()
        trial = self.options.trial
        try:
            with self.database.writing() as connection:
                names = self.naming.names(connection, keep=self.options.keep_names, trial=trial)
                outcome = record_cases(
                    connection,
                    records,
                    self.pathology.identifier,
                    self.origin,
                    names,
                    on_conflict=self.options.on_conflict,
                )
                refused = [*refused, *(problem for problem in outcome.problems if self.options.refuses(problem))]
                if refused and not trial:
                    raise InputError(refusal(refused))
                if remember is not None:
                    self._remember(connection, *remember)
                if trial:
                    raise _TrialEnds
        except _TrialEnds:
            pass
        problems = (*report.problems, *outcome.problems)
        return replace(
            report,
            new_cases=outcome.new_cases,
            updated_cases=outcome.updated_cases,
            unchanged_cases=outcome.unchanged_cases,
            skipped_rows=len({problem.place for problem in problems}),
            new_values=outcome.new_values,
            changed_values=outcome.changed_values,
            problems=problems,
            refusal=_outlook(refused, report.rows) if refused else "",
            notes=(*report.notes, *outcome.notes),
            written=not trial,
        )

    def _remember(self, connection: Connection, layout: str, mapping: TableMapping) -> None:
        """Store a mapping for tables of a layout, as a new version if it differs from the one that is stored."""
        text = json.dumps(mapping.to_json(), ensure_ascii=False, sort_keys=True)
        before = queries.current_mapping(connection, layout, self.pathology.identifier)
        if before is not None and before["mapping"] == text:
            return
        values = {"pathology": self.pathology.identifier, "mapping": text}
        source = add_source(connection, self.origin)
        add_version(connection, queries.MAPPINGS, layout, values, before=before, source=source)


def choose_mapping(
    given: TableMapping | None,
    stored: TableMapping | None,
    pathology: Pathology,
    header: tuple[str, ...],
    rows: Sequence[Mapping[str, object]],
) -> tuple[TableMapping, str, tuple[str, ...]]:
    """Return the mapping that is given, else the one that is remembered if it fits, else a suggestion; how; and notes."""
    if given is not None:
        return given, "given", ()
    notes: tuple[str, ...] = ()
    if stored is not None:
        try:
            stored.check(pathology, header)
        except InputError as error:
            notes = (f"the mapping that was remembered does not fit any more ({error}): another is suggested",)
        else:
            return stored, "remembered", ()
    suggestion = suggest_mapping(pathology, header, rows)
    return suggestion.mapping, "suggested", (*notes, *suggestion.notes)


def refusal(problems: Sequence[RowProblem]) -> str:
    """Return why nothing was stored, problem by problem, in one line."""
    groups = grouped(problems)
    shown = [group.text for group in groups[:_SHOWN_PROBLEMS]]
    more = len(groups) - len(shown)
    rest = f"; and {counted(more, 'further problem')}" if more else ""
    count = len({problem.place for problem in problems})
    return (
        f"nothing was imported: {counted(count, 'row')} cannot be taken. {'; '.join(shown)}{rest}. {_way_out(problems)}"
    )


def _outlook(problems: Sequence[RowProblem], rows: int) -> str:
    """Return what would become of the import that was tried, in one line."""
    count = len({problem.place for problem in problems})
    return f"nothing would be imported, {count} of {counted(rows, 'row')} cannot be taken. {_way_out(problems)}"


def _way_out(problems: Sequence[RowProblem]) -> str:
    kinds = {"conflict" if problem.kind == "conflict" else "implausible" for problem in problems}
    options = " ".join(f"--on-{kind} skip" for kind in sorted(kinds, reverse=True))
    return f"Correct them, or leave such rows out ({options})"
