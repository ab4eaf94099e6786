"""What is read from the tables of a case base."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, func, insert, select

from MedDeepDiagnosisLib.casebase import schema
from MedDeepDiagnosisLib.casebase.records import CaseSummary, HistoryEntry
from MedDeepRegSegLib.errors import InputError

MAPPINGS = schema.Versioned(schema.mappings, "layout", "pathology", ("mapping",))
_CHUNK = 500
_JOINED = schema.cases.join(schema.studies).join(schema.patients, schema.studies.c.patient_id == schema.patients.c.id)


def setting(connection: Connection, name: str) -> str | None:
    """Return a setting of the database, or None."""
    return connection.execute(select(schema.settings.c.value).where(schema.settings.c.name == name)).scalar()


def add_setting(connection: Connection, name: str, value: str) -> None:
    """Store a setting that there is not."""
    connection.execute(insert(schema.settings).values(name=name, value=value))


def find_case(connection: Connection, conditions: Sequence[ColumnElement[bool]]) -> list[tuple[int, str, str]]:
    """Return number, name and patient of the cases that fulfill all conditions."""
    columns = (schema.cases.c.id, schema.cases.c.name, schema.patients.c.name)
    statement = select(*columns).select_from(_JOINED).where(*conditions).order_by(schema.cases.c.name)
    return [(number, name, patient) for number, name, patient in connection.execute(statement)]


def cases_of(connection: Connection, pathology: str | None) -> list[tuple[int, str, str]]:
    """Return number, name and patient of the cases of a pathology, or of all, sorted by name."""
    if pathology is None:
        return find_case(connection, [])
    links = schema.case_pathologies.c
    chosen = select(links.case_id).where(links.pathology == pathology)
    return find_case(connection, [schema.cases.c.id.in_(chosen)])


def current_values(connection: Connection, cases: Sequence[int]) -> dict[int, dict[str, tuple[float, str]]]:
    """Return the current values of cases: number of the case to name to value and units.

    A name that is stored as two kinds, because a pathology changed, has the value that was stored last.
    """
    found: dict[int, dict[str, tuple[float, str]]] = {number: {} for number in cases}
    stored: dict[tuple[int, str], int] = {}
    for kind in schema.VALUE_KINDS:
        table = schema.VERSIONED[kind].table.c
        columns = (table.case_id, table.name, table.value, table.units, table.source_id)
        for start in range(0, len(cases), _CHUNK):
            chosen = table.case_id.in_(cases[start : start + _CHUNK])
            for number, name, value, units, source in connection.execute(select(*columns).where(chosen, table.current)):
                if source >= stored.get((number, name), 0):
                    stored[number, name] = source
                    found[number][name] = (value, units)
    return found


def summaries(connection: Connection, number: int | None = None) -> tuple[CaseSummary, ...]:
    """Return a line for each case, or for one."""
    links: dict[int, list[str]] = {}
    table = schema.case_pathologies.c
    for case_id, pathology in connection.execute(select(table.case_id, table.pathology).order_by(table.pathology)):
        links.setdefault(case_id, []).append(pathology)
    counts: dict[int, list[int]] = {}
    for kind in schema.VALUE_KINDS:
        values = schema.VERSIONED[kind].table.c
        grouped = select(values.case_id, values.current, func.count()).group_by(values.case_id, values.current)
        for case_id, current, count in connection.execute(grouped):
            both = counts.setdefault(case_id, [0, 0])
            both[0] += count if current else 0
            both[1] += count
    columns = (schema.cases.c.id, schema.cases.c.name, schema.patients.c.name, schema.studies.c.name)
    statement = select(*columns).select_from(_JOINED).order_by(schema.cases.c.name)
    if number is not None:
        statement = statement.where(schema.cases.c.id == number)
    return tuple(
        CaseSummary(name, patient, study, tuple(links.get(case_id, ())), *counts.get(case_id, (0, 0)))
        for case_id, name, patient, study in connection.execute(statement)
    )


def history(connection: Connection, case: int) -> tuple[HistoryEntry, ...]:
    """Return all versions of all rows of a case, the newest of each first."""
    found = []
    for kind, spec in schema.VERSIONED.items():
        owner = _owner(connection, case, spec)
        table = spec.table.join(schema.sources, spec.table.c.source_id == schema.sources.c.id)
        columns = [column.label(f"source_{column.name}") for column in schema.sources.c]
        statement = (
            select(spec.table, *columns[1:])
            .select_from(table)
            .where(spec.table.c[spec.owner] == owner)
            .order_by(spec.table.c[spec.key], spec.table.c.version.desc())
        )
        for row in connection.execute(statement).mappings():
            found.append(
                HistoryEntry(
                    what=kind,
                    name=row[spec.key],
                    version=row["version"],
                    current=row["current"],
                    value=_shown(kind, dict(row)),
                    how=str(row.get("how", "")),
                    source=f"{row['source_kind']} {row['source_name']}",
                    sha256=row["source_sha256"],
                    software=row["source_software"],
                    recorded_at=row["source_recorded_at"],
                    recorded_by=row["source_recorded_by"],
                )
            )
    return tuple(found)


def references(connection: Connection, case: int, kind: str) -> tuple[dict[str, Any], ...]:
    """Return the current volumes or segments of a case, sorted by name."""
    spec = schema.VERSIONED[kind]
    table = spec.table
    chosen = (table.c[spec.owner] == _owner(connection, case, spec), table.c.current)
    rows = connection.execute(select(table).where(*chosen).order_by(table.c[spec.key])).mappings()
    return tuple({name: row[name] for name in (spec.key, *spec.payload)} for row in rows)


def deep_features(connection: Connection, pathology: str, model: str) -> dict[str, NDArray[np.float32]]:
    """Return the current vectors of one model by case; raises InputError if one is not as long as it says."""
    table, links = schema.deep_features, schema.case_pathologies
    joined = schema.cases.join(table).join(links, links.c.case_id == schema.cases.c.id)
    statement = (
        select(schema.cases.c.name, table.c.dimension, table.c.vector)
        .select_from(joined)
        .where(links.c.pathology == pathology, table.c.model == model, table.c.current)
        .order_by(schema.cases.c.name)
    )
    found = {}
    for name, dimension, blob in connection.execute(statement):
        vector = np.frombuffer(blob, dtype="<f4").astype(np.float32)
        if len(vector) != dimension:
            msg = f"case {name}: the deep features of {model} have {len(vector)} numbers, expected {dimension}: the case base is damaged"
            raise InputError(msg)
        found[name] = vector
    return found


def deep_models(connection: Connection, pathology: str) -> dict[str, int]:
    """Return the models that made current vectors of cases of a pathology, and of how many cases; by name."""
    table, links = schema.deep_features, schema.case_pathologies
    statement = (
        select(table.c.model, func.count())
        .select_from(table.join(links, links.c.case_id == table.c.case_id))
        .where(links.c.pathology == pathology, table.c.current)
        .group_by(table.c.model)
        .order_by(table.c.model)
    )
    return {str(model): int(count) for model, count in connection.execute(statement)}


def current_mapping(connection: Connection, layout: str, pathology: str) -> dict[str, Any] | None:
    """Return the row of the mapping that is remembered for a layout, or None."""
    table = schema.mappings.c
    chosen = (table.layout == layout, table.pathology == pathology, table.current)
    row = connection.execute(select(schema.mappings).where(*chosen)).mappings().first()
    return None if row is None else dict(row)


def _owner(connection: Connection, case: int, spec: schema.Versioned) -> int:
    if spec.owner == "case_id":
        return case
    statement = select(schema.cases.c.study_id).where(schema.cases.c.id == case)
    return int(connection.execute(statement).scalar_one())


def _shown(kind: str, row: dict[str, Any]) -> str:
    if kind in schema.VALUE_KINDS:
        return f"{row['value']:.6g} {row['units']}".strip()
    if kind == "deep_features":
        return f"{row['dimension']} numbers"
    return str(row["path"] or "in no file")
