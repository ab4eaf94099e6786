"""The case base as its users see it: rows for a pathology, import, lists, history."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.casebase import queries, schema
from MedDeepDiagnosisLib.casebase.checking import check_rows, with_own_names, without_repeats
from MedDeepDiagnosisLib.casebase.database import Database
from MedDeepDiagnosisLib.casebase.mapping import TableMapping, mapping_from_json
from MedDeepDiagnosisLib.casebase.naming import Naming
from MedDeepDiagnosisLib.casebase.records import (
    CaseRecord,
    CaseSummary,
    HistoryEntry,
    ImportOptions,
    ImportReport,
    Origin,
    RowProblem,
)
from MedDeepDiagnosisLib.casebase.storing import Store, choose_mapping
from MedDeepDiagnosisLib.cases import CASE_COLUMN, PATIENT_COLUMN
from MedDeepDiagnosisLib.pathology import Feature, Pathology, Target
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.wording import by_number, counted

_SHOWN_CASES = 20


class CaseBase:
    """Cases in a database; see :func:`~MedDeepDiagnosisLib.casebase.open_case_base`.

    Parameters
    ----------
    database:
        Where the cases are.
    key_file:
        File of the key of the pseudonyms; None where the database has no place of its own.
    """

    def __init__(self, database: Database, key_file: Path | None) -> None:
        self.database = database
        self._naming = Naming(key_file, database.name, memory=database.memory)

    def __enter__(self) -> "CaseBase":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    # ---- reading

    def rows(self, pathology: Pathology, *, with_outcome: bool = True) -> list[dict[str, object]]:
        """Return the cases of a pathology, as :func:`~MedDeepDiagnosisLib.cases.table_from_rows` takes them.

        Parameters
        ----------
        with_outcome:
            Leave cases out that have none of the targets or lack a required feature: nothing can be learned from them.

        Returns
        -------
        list of dict
            ``patient``, ``case``, features and targets by name; None where a value is missing. Sorted by case.
        """
        return self.training_rows(pathology)[0] if with_outcome else self._all_rows(pathology)

    def training_rows(self, pathology: Pathology) -> tuple[list[dict[str, object]], tuple[str, ...]]:
        """Return the rows that can be learned from, and what must be noted about those that cannot."""
        rows, left = [], 0
        required = [feature.name for feature in pathology.features if feature.required]
        for row in self._all_rows(pathology):
            known = any(row[target.name] is not None for target in pathology.targets)
            if known and all(row[name] is not None for name in required):
                rows.append(row)
            else:
                left += 1
        if not left:
            return rows, ()
        what = f"{counted(left, 'case')} of the case base {by_number(left, 'was', 'were')} left out: no outcome, or a required value is missing"
        return rows, (what,)

    def row(self, case: str, pathology: Pathology) -> dict[str, object]:
        """Return one case as :meth:`rows` does, with what is known of it; raises InputError if there is none."""
        with self.database.reading() as connection:
            number, name, patient = self._find(connection, case)
            values = queries.current_values(connection, [number])
        return _row(pathology, name, patient, values.get(number, {}))

    def cases(self) -> tuple[CaseSummary, ...]:
        """Return a line for each case, sorted by name."""
        with self.database.reading() as connection:
            return queries.summaries(connection)

    def history(self, case: str) -> tuple[HistoryEntry, ...]:
        """Return every version of every value of a case, the newest of each first."""
        with self.database.reading() as connection:
            number, _, _ = self._find(connection, case)
            return queries.history(connection, number)

    def summary(self, case: str) -> CaseSummary:
        """Return the line of one case; raises InputError if there is none."""
        with self.database.reading() as connection:
            number, _, _ = self._find(connection, case)
            return queries.summaries(connection, number)[0]

    def references(self, case: str, kind: str) -> tuple[dict[str, Any], ...]:
        """Return the current ``volumes`` or ``segments`` of a case: path, hash and the like."""
        with self.database.reading() as connection:
            number, _, _ = self._find(connection, case)
            return queries.references(connection, number, kind)

    def deep_features(self, pathology: Pathology, model: str) -> dict[str, NDArray[np.float32]]:
        """Return the vector (D,) that a model made of each case of a pathology that has one."""
        with self.database.reading() as connection:
            return queries.deep_features(connection, pathology.identifier, model)

    def deep_models(self, pathology: Pathology) -> dict[str, int]:
        """Return which models made vectors of cases of a pathology, and of how many cases."""
        with self.database.reading() as connection:
            return queries.deep_models(connection, pathology.identifier)

    def table(self, pathology: Pathology | None = None) -> tuple[list[str], list[dict[str, object]]]:
        """Return columns and rows of all cases, of one pathology or with every name that there is.

        Raises
        ------
        InputError
            If a name of several pathologies is stored in different units.
        """
        if pathology is not None:
            columns = [PATIENT_COLUMN, CASE_COLUMN, *(t.name for t in pathology.targets)]
            return [*columns, *(f.name for f in pathology.features)], self._all_rows(pathology)
        with self.database.reading() as connection:
            found = queries.cases_of(connection, None)
            values = queries.current_values(connection, [number for number, _, _ in found])
        units: dict[str, str] = {}
        for name, (_, unit) in ((name, value) for row in values.values() for name, value in row.items()):
            if units.setdefault(name, unit) != unit:
                shown = " and ".join(text or "no units" for text in sorted({units[name], unit}))
                msg = f"{name} is stored in {shown}, which one column cannot hold: name one pathology (--model)"
                raise InputError(msg)
        names = sorted(units)
        rows: list[dict[str, object]] = [
            {PATIENT_COLUMN: patient, CASE_COLUMN: case}
            | {name: values.get(number, {}).get(name, (None,))[0] for name in names}
            for number, case, patient in found
        ]
        return [PATIENT_COLUMN, CASE_COLUMN, *names], rows

    # ---- writing

    def import_rows(
        self,
        rows: Sequence[Mapping[str, object]],
        pathology: Pathology,
        *,
        source: Origin | str = "program",
        mapping: TableMapping | None = None,
        places: Sequence[str] | None = None,
        layout: str = "",
        options: ImportOptions | None = None,
    ) -> ImportReport:
        """Check rows and store them in one transaction, as asked, or not at all.

        Parameters
        ----------
        rows:
            Cases by column. An empty cell changes nothing.
        source:
            Where the rows come from.
        mapping:
            Which column is what; remembered or suggested by the names of the columns where it is None.
        places:
            Where each row stands in its source; ``row 1`` and so on by default.
        layout:
            What tells tables with these columns; the mapping is remembered under it. Empty remembers nothing.
        options:
            What to do with problems, and with names.

        Raises
        ------
        InputError
            If no column says whose a row is, or there are problems to be refused; they are listed.
        """
        header = tuple(dict.fromkeys(column for row in rows for column in row))
        stored = self.remembered_mapping(layout, pathology) if layout and mapping is None else None
        chosen, how, notes = choose_mapping(mapping, stored, pathology, header, rows)
        chosen.check(pathology, header)
        where = places or [f"row {number}" for number in range(1, len(rows) + 1)]
        records, problems = check_rows(rows, where, chosen, pathology)
        report = ImportReport(
            rows=len(rows),
            problems=tuple(problems),
            mapping=chosen.in_words(),
            mapping_from=how,
            columns=chosen,
            notes=notes,
        )
        origin = Origin(kind="program", name=source) if isinstance(source, str) else source
        store = Store(self.database, self._naming, pathology, origin, options or ImportOptions())
        return store.run(records, report, remember=(layout, chosen) if layout else None)

    def import_records(
        self,
        records: Sequence[CaseRecord],
        pathology: Pathology,
        origin: Origin,
        *,
        problems: Sequence[RowProblem] = (),
        notes: tuple[str, ...] = (),
        options: ImportOptions | None = None,
    ) -> ImportReport:
        """Store cases that were made elsewhere, with volumes, segments and deep features; see :meth:`import_rows`.

        Parameters
        ----------
        problems:
            What was found before, of cases that are not among the records.
        """
        rows = len(records) + len({problem.place for problem in problems})
        kept, repeated = without_repeats(with_own_names(records))
        report = ImportReport(rows=rows, problems=(*problems, *repeated), notes=notes)
        return Store(self.database, self._naming, pathology, origin, options or ImportOptions()).run(kept, report)

    def remembered_mapping(self, layout: str, pathology: Pathology) -> TableMapping | None:
        """Return the mapping that was last used for tables of a layout; None if there is none."""
        if not self.database.exists():
            return None
        with self.database.reading() as connection:
            stored = queries.current_mapping(connection, layout, pathology.identifier)
        return None if stored is None else mapping_from_json(json.loads(stored["mapping"]))

    # ---- within

    def _all_rows(self, pathology: Pathology) -> list[dict[str, object]]:
        with self.database.reading() as connection:
            found = queries.cases_of(connection, pathology.identifier)
            values = queries.current_values(connection, [number for number, _, _ in found])
        return [_row(pathology, case, patient, values.get(number, {})) for number, case, patient in found]

    def _find(self, connection: Any, case: str) -> tuple[int, str, str]:
        found = queries.find_case(connection, [schema.cases.c.name == case])
        lookup = None if found else self._naming.lookup(case)
        if lookup is not None:
            found = queries.find_case(connection, [schema.cases.c.lookup == lookup])
        if not found:
            patients = self._naming.patients(case)
            named = [name for _, name, _ in queries.find_case(connection, [schema.patients.c.name.in_(patients)])]
            msg = f"case {case!r} is not in the case base {self.database.name}: {_which_case(named)}"
            raise InputError(msg)
        return found[0]


def _which_case(of_patient: Sequence[str]) -> str:
    """Return what to name instead, where the name may be that of a patient with cases."""
    if not of_patient:
        return "see its cases with 'meddeep cases list'"
    more = len(of_patient) - _SHOWN_CASES
    shown = ", ".join(of_patient[:_SHOWN_CASES]) + (f" and {more} more ('meddeep cases list')" if more > 0 else "")
    return f"it is a patient with {counted(len(of_patient), 'case')}, name {by_number(len(of_patient), 'it', 'one')}: {shown}"


def rows_sha256(rows: Sequence[Mapping[str, object]]) -> str:
    """Return the SHA-256 of rows in hexadecimal: what a model was fitted on, whatever the file or database."""
    text = json.dumps([dict(row) for row in rows], sort_keys=True, ensure_ascii=False, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


def _row(pathology: Pathology, case: str, patient: str, values: Mapping[str, tuple[float, str]]) -> dict[str, object]:
    row: dict[str, object] = {PATIENT_COLUMN: patient, CASE_COLUMN: case}
    parts: tuple[Feature | Target, ...] = (*pathology.targets, *pathology.features)
    for part in parts:
        value, units = values.get(part.name, (math.nan, part.units))
        if units != part.units:
            msg = f"case {case}: {part.name} is stored in {units or 'no units'}, {pathology.title} has it in {part.units or 'none'}: import it again"
            raise InputError(msg)
        row[part.name] = None if math.isnan(value) else value
    return row
