"""Writes cases into the tables: new values, new versions of changed ones, and nothing for what is as before.

All of it happens in the transaction of the caller: what is stored is read and compared under the same lock.
"""

import getpass
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, bindparam, insert, select, update

from MedDeepDiagnosisLib.casebase import schema
from MedDeepDiagnosisLib.casebase.naming import Names
from MedDeepDiagnosisLib.casebase.records import CaseRecord, Origin, Policy, RowProblem
from MedDeepRegSegLib import __version__
from MedDeepRegSegLib.wording import counted

_CHUNK = 500
"""Names in one query; databases limit how many."""


@dataclass
class Outcome:
    """What was written, and which rows were not and why."""

    new_cases: int = 0
    updated_cases: int = 0
    unchanged_cases: int = 0
    new_values: int = 0
    changed_values: int = 0
    problems: list[RowProblem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class _Known:
    """A case that is stored: its row, and its current values by kind and key."""

    case_id: int
    study_id: int
    study: str
    patient: str
    pathologies: set[str]
    current: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)


@dataclass
class _Wanted:
    """A case to write: with its stored names, what is new and what gets a new version."""

    record: CaseRecord
    patient: str
    study: str
    case: str
    known: _Known | None
    new: list[tuple[str, dict[str, Any]]]
    changed: list[tuple[str, dict[str, Any], dict[str, Any]]]


def record_cases(
    connection: Connection,
    records: Sequence[CaseRecord],
    pathology: str,
    origin: Origin,
    names: Names,
    *,
    on_conflict: Policy,
) -> Outcome:
    """Write cases in the transaction of ``connection``.

    Parameters
    ----------
    pathology:
        Identifier of the pathology that the cases are of.
    origin:
        Where they come from; it is only stored if anything changes.
    on_conflict:
        What becomes of a row that says otherwise than what is stored. With ``refuse`` the problems are returned and the
        caller must roll back.
    """
    outcome = Outcome()
    origin = _without_names(origin, records, names)
    stored_names = [
        [names.within(name, record.patient) for name in (record.case, record.other_name) if name] for record in records
    ]
    known = _read_known(connection, (name for both in stored_names for name in both))
    wanted: list[_Wanted] = []
    shared: dict[tuple[str, str, str], str] = {}
    for record, (first, *others) in zip(records, stored_names, strict=True):
        patient = names.patient(record.patient)
        # With or without the patient's name before it, it is the same case of that patient.
        case = next((name for name in (first, *others) if name in known and known[name].patient == patient), first)
        found = _compare(record, known.get(case), case, names)
        problems = _conflicts(found, on_conflict) + _other_volumes(found, shared)
        if problems:
            outcome.problems += problems
        else:
            wanted.append(found)
    wanted = [item for item in wanted if _changes(item, pathology, outcome)]
    if wanted:
        _write(connection, wanted, pathology, origin, names)
    named = {record.patient for record in records if _path_names_patient(record, names)}
    if named:
        outcome.notes.append(
            f"the paths of files of {counted(len(named), 'patient')} hold their names and are stored: rename the folders "
            "and import again, or do not hand the case base on"
        )
    return outcome


def _without_names(origin: Origin, records: Sequence[CaseRecord], names: Names) -> Origin:
    """Return where rows come from with the names of their patients replaced: files are called after people."""
    name = origin.name
    for patient in {record.patient for record in records}:
        name = names.within(name, patient)
    return replace(origin, name=name)


def _path_names_patient(record: CaseRecord, names: Names) -> bool:
    paths = [*(volume.path for volume in record.volumes), *(segment.path for segment in record.segments)]
    return any(names.within(path, record.patient) != path for path in paths)


def add_source(connection: Connection, origin: Origin) -> int:
    """Store where rows come from and return the number of the source."""
    values = {
        "kind": origin.kind,
        "name": origin.name[:512],
        "sha256": origin.sha256,
        "software": f"MedDeep {__version__}",
        "recorded_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "recorded_by": (origin.who or user_name())[:128],
    }
    (key,) = connection.execute(insert(schema.sources).values(**values)).inserted_primary_key or (None,)
    assert key is not None
    return int(key)


def user_name() -> str:
    """Return who is logged in, as far as the machine knows."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def add_version(
    connection: Connection, spec: schema.Versioned, owner: Any, values: dict[str, Any], *, before: Any, source: int
) -> None:
    """Store a new version of one row; ``before`` is the current one or None."""
    _retire(connection, spec, [] if before is None else [before["id"]])
    version = 1 if before is None else before["version"] + 1
    row = {spec.owner: owner, **values, "version": version, "current": True, "source_id": source}
    connection.execute(insert(spec.table), [row])


def _retire(connection: Connection, spec: schema.Versioned, identifiers: Sequence[int]) -> None:
    if identifiers:
        statement = update(spec.table).where(spec.table.c.id == bindparam("row")).values(current=False)
        connection.execute(statement, [{"row": identifier} for identifier in identifiers])


def _payloads(record: CaseRecord, names: Names) -> list[tuple[str, dict[str, Any]]]:
    """Return all versioned rows of a record: kind and columns. The patient's name is only left in paths."""

    def plain(text: str) -> str:
        return names.within(text, record.patient)

    found: list[tuple[str, dict[str, Any]]] = []
    for kind in schema.VALUE_KINDS:
        found += [
            (kind, {"name": v.name, "value": float(v.value), "units": v.units, "how": plain(v.how)})
            for v in getattr(record, kind)
        ]
    found += [("volumes", {**vars(volume), "name": plain(volume.name)}) for volume in record.volumes]
    found += [
        ("segments", {**vars(segment), "name": plain(segment.name), "volume": plain(segment.volume)})
        for segment in record.segments
    ]
    for deep in record.deep_features:
        vector = np.ascontiguousarray(deep.vector, dtype="<f4").ravel()
        found.append(("deep_features", {"model": deep.model, "dimension": len(vector), "vector": vector.tobytes()}))
    return found


def _compare(record: CaseRecord, known: _Known | None, case: str, names: Names) -> _Wanted:
    study = names.within(record.study, record.patient) or (known.study if known else case)
    wanted = _Wanted(record, names.patient(record.patient), study, case, known, [], [])
    for kind, row in _payloads(record, names):
        spec = schema.VERSIONED[kind]
        before = None if known is None else known.current.get((kind, row[spec.key]))
        if before is None:
            wanted.new.append((kind, row))
        elif any(before[column] != row[column] for column in (*spec.decisive, *spec.silent)):
            wanted.changed.append((kind, row, before))
    return wanted


def _conflicts(wanted: _Wanted, on_conflict: Policy) -> list[RowProblem]:
    """Return why a row cannot be taken. What belongs to another patient or study is never taken."""
    record, known = wanted.record, wanted.known
    found = []
    if known is not None and known.patient != wanted.patient:
        message = f"case {wanted.case} is stored for patient {known.patient}, here it is one of {wanted.patient}: give it another name"
        found.append(RowProblem(record.place, "conflict", message))
    elif known is not None and record.study and known.study != wanted.study:
        message = (
            f"case {wanted.case} is stored in study {known.study}, here it is in {wanted.study}: give it another name"
        )
        found.append(RowProblem(record.place, "conflict", message))
    if found or on_conflict == "update":
        return found
    for kind, row, before in wanted.changed:
        spec = schema.VERSIONED[kind]
        if any(before[column] != row[column] for column in spec.decisive):
            told = f"{_told(kind, before)} is stored, here it is {_told(kind, row)}"
            message = (
                f"case {wanted.case}: {row[spec.key]} {told}: correct one, or update (the old stays in the history)"
            )
            found.append(RowProblem(record.place, "conflict", message))
    return found


def _other_volumes(wanted: _Wanted, shared: dict[tuple[str, str, str], str]) -> list[RowProblem]:
    """Return which volumes of a case are others in another case of the same study; ``shared`` holds their hashes."""
    found = []
    for volume in wanted.record.volumes:
        if shared.setdefault((wanted.patient, wanted.study, volume.name), volume.sha256) != volume.sha256:
            message = f"case {wanted.case}: {volume.name} is another file in another case of the study {wanted.study}: rename one"
            found.append(RowProblem(wanted.record.place, "conflict", message))
    return found


def _told(kind: str, row: dict[str, Any]) -> str:
    if kind in schema.VALUE_KINDS:
        return f"{row['value']:.6g} {row['units']}".strip()
    if kind == "deep_features":
        return f"a vector of {row['dimension']}"
    return f"file {row['sha256'][:12]}"


def _changes(wanted: _Wanted, pathology: str, outcome: Outcome) -> bool:
    outcome.new_values += len(wanted.new)
    outcome.changed_values += len(wanted.changed)
    if wanted.known is None:
        outcome.new_cases += 1
    elif wanted.new or wanted.changed or pathology not in wanted.known.pathologies:
        outcome.updated_cases += 1
    else:
        outcome.unchanged_cases += 1
        return False
    return True


def _write(connection: Connection, wanted: Sequence[_Wanted], pathology: str, origin: Origin, names: Names) -> None:
    source = add_source(connection, origin)
    fresh = [item for item in wanted if item.known is None]
    patients = _add_patients(connection, fresh, names, source)
    studies = _add_studies(connection, fresh, patients, source)
    rows = [
        {
            "study_id": studies[item.patient, item.study],
            "name": item.case,
            "lookup": names.lookup(item.record.case),
            "source_id": source,
        }
        for item in fresh
    ]
    if rows:
        connection.execute(insert(schema.cases), rows)
    identifiers = dict(_select_in(connection, schema.cases.c.name, schema.cases.c.id, (i.case for i in fresh)))
    links = []
    inserts: dict[str, list[dict[str, Any]]] = {kind: [] for kind in schema.VERSIONED}
    retired: dict[str, list[int]] = {kind: [] for kind in schema.VERSIONED}
    given: set[tuple[str, int, str]] = set()
    for item in wanted:
        case_id = identifiers[item.case] if item.known is None else item.known.case_id
        study_id = studies[item.patient, item.study] if item.known is None else item.known.study_id
        if item.known is None or pathology not in item.known.pathologies:
            links.append({"case_id": case_id, "pathology": pathology, "source_id": source})
        for kind, row, before in [*((k, r, None) for k, r in item.new), *item.changed]:
            spec = schema.VERSIONED[kind]
            owner = study_id if spec.owner == "study_id" else case_id
            if (kind, owner, row[spec.key]) in given:
                continue  # two cases of one study name the same volume
            given.add((kind, owner, row[spec.key]))
            version = 1 if before is None else before["version"] + 1
            inserts[kind].append({spec.owner: owner, **row, "version": version, "current": True, "source_id": source})
            retired[kind] += [] if before is None else [before["id"]]
    if links:
        connection.execute(insert(schema.case_pathologies), links)
    for kind, spec in schema.VERSIONED.items():
        _retire(connection, spec, retired[kind])
        if inserts[kind]:
            connection.execute(insert(spec.table), inserts[kind])


def _add_patients(connection: Connection, items: Iterable[_Wanted], names: Names, source: int) -> dict[str, int]:
    kept = {item.patient: names.is_kept(item.record.patient) for item in items}
    column = schema.patients.c
    found = dict(_select_in(connection, column.name, column.id, kept))
    rows = [
        {"name": name, "pseudonymous": not own, "source_id": source} for name, own in kept.items() if name not in found
    ]
    if rows:
        connection.execute(insert(schema.patients), rows)
    return dict(_select_in(connection, column.name, column.id, kept))


def _add_studies(
    connection: Connection, items: Iterable[_Wanted], patients: dict[str, int], source: int
) -> dict[tuple[str, str], int]:
    wanted = {(item.patient, item.study) for item in items}
    table = schema.studies.c
    name_of = {number: name for name, number in patients.items()}

    def stored() -> dict[tuple[str, str], int]:
        found = {}
        for chunk in _chunks(sorted(name_of)):
            statement = select(table.patient_id, table.name, table.id).where(table.patient_id.in_(chunk))
            for patient, name, number in connection.execute(statement):
                found[name_of[patient], name] = number
        return found

    before = stored()
    rows = [
        {"patient_id": patients[patient], "name": name, "source_id": source}
        for patient, name in sorted(wanted - before.keys())
    ]
    if rows:
        connection.execute(insert(schema.studies), rows)
    return stored()


def _read_known(connection: Connection, names: Iterable[str]) -> dict[str, _Known]:
    """Return the stored cases of these names with their current values."""
    cases, studies, patients = schema.cases, schema.studies, schema.patients
    found: dict[str, _Known] = {}
    joined = cases.join(studies).join(patients, studies.c.patient_id == patients.c.id)
    columns = (cases.c.name, cases.c.id, studies.c.id, studies.c.name, patients.c.name)
    for chunk in _chunks(sorted(set(names))):
        for name, number, study_id, study, patient in connection.execute(
            select(*columns).select_from(joined).where(cases.c.name.in_(chunk))
        ):
            found[name] = _Known(number, study_id, study, patient, set())
    by_case = {known.case_id: [known] for known in found.values()}
    by_study: dict[int, list[_Known]] = {}
    for known in found.values():
        by_study.setdefault(known.study_id, []).append(known)
    links = schema.case_pathologies.c
    for number, identifier in _select_in(connection, links.case_id, links.pathology, by_case):
        by_case[number][0].pathologies.add(identifier)
    for kind, spec in schema.VERSIONED.items():
        owners = by_study if spec.owner == "study_id" else by_case
        owner = spec.table.c[spec.owner]
        for chunk in _chunks(sorted(owners)):
            statement = select(spec.table).where(owner.in_(chunk), spec.table.c.current)
            for row in connection.execute(statement).mappings():
                for known in owners[row[spec.owner]]:
                    known.current[kind, row[spec.key]] = dict(row)
    return found


def _select_in(connection: Connection, column: Any, other: Any, wanted: Iterable[Any]) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    for chunk in _chunks(sorted(set(wanted))):
        found += [(a, b) for a, b in connection.execute(select(column, other).where(column.in_(chunk)))]
    return found


def _chunks(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]
