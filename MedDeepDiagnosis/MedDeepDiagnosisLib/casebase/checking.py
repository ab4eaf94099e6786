"""From rows of a table to cases, with what is wrong in each row."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from MedDeepDiagnosisLib.casebase.mapping import STUDY_COLUMN, TableMapping
from MedDeepDiagnosisLib.casebase.records import CaseRecord, RowProblem, values_of
from MedDeepDiagnosisLib.cases import CASE_COLUMN, PATIENT_COLUMN
from MedDeepDiagnosisLib.lidc import patient_name
from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepDiagnosisLib.pathology.features import is_missing
from MedDeepRegSegLib.errors import InputError

_LONGEST_NAME = 200


def check_rows(
    rows: Sequence[Mapping[str, object]],
    places: Sequence[str],
    mapping: TableMapping,
    pathology: Pathology,
) -> tuple[list[CaseRecord], list[RowProblem]]:
    """Return the cases of the rows that can be used, and what is wrong with the others.

    An empty cell says nothing, and a required feature may be missing: it can be measured later. A row without a case has
    the patient's name for one; a second row of the patient gets ``/2``. Where cases are only numbered within each patient,
    the patient's name is put before the number.
    """
    read: list[CaseRecord] = []
    problems: list[RowProblem] = []
    counts: dict[str, int] = {}
    for row, place in zip(rows, places, strict=True):
        record = _record(row, place, mapping, pathology, counts=counts, problems=problems)
        if record is not None:
            read.append(record)
    faulty = {problem.place for problem in problems}
    # Rows with faults count for the names, so that these are the same when the faults are mended.
    records, repeated = without_repeats([record for record in with_own_names(read) if record.place not in faulty])
    order = {place: number for number, place in enumerate(places)}
    return records, sorted([*problems, *repeated], key=lambda problem: order[problem.place])


def with_own_names(records: Sequence[CaseRecord]) -> list[CaseRecord]:
    """Return cases with the patient's name before theirs where they are only numbered within each patient.

    A table that holds fewer of them may not show that; so each knows its other name, under which it may be stored.
    """
    owners: dict[str, str] = {}
    repeat = any(owners.setdefault(record.case, record.patient) != record.patient for record in records)
    named = []
    for record in records:
        alone = rf"(?<![0-9A-Za-z]){re.escape(record.patient)}(?![0-9A-Za-z])"
        if re.search(alone, record.case):
            named.append(record)
            continue
        own = f"{record.patient}/{record.case}"
        case, other = (own, record.case) if repeat else (record.case, own)
        named.append(replace(record, case=case, other_name=other))
    return named


def without_repeats(records: Sequence[CaseRecord]) -> tuple[list[CaseRecord], list[RowProblem]]:
    """Return each case once, and what repeats one with other values."""
    seen: dict[str, CaseRecord] = {}
    problems = []
    for record in records:
        before = seen.setdefault(record.case, record)
        if before is not record and not _same(before, record):
            message = f"repeats case {record.case!r} of {before.place} with other values: keep one of them"
            problems.append(RowProblem(record.place, "conflict", message))
    return list(seen.values()), problems


def _same(before: CaseRecord, record: CaseRecord) -> bool:
    return before == replace(record, place=before.place)


def _record(
    row: Mapping[str, object],
    place: str,
    mapping: TableMapping,
    pathology: Pathology,
    *,
    counts: dict[str, int],
    problems: list[RowProblem],
) -> CaseRecord | None:
    cells = {name: mapped.read(row.get(mapped.column)) for name, mapped in mapping.columns.items()}
    try:
        patient = patient_name(str(cells.get(PATIENT_COLUMN, "")))
    except InputError as error:
        problems.append(RowProblem(place, "implausible", str(error)))
        return None
    if not patient:
        column = mapping.columns[PATIENT_COLUMN].column
        problems.append(RowProblem(place, "missing", f"column {column!r} is empty, expected whose the row is"))
        return None
    counts[patient] = counts.get(patient, 0) + 1
    usual = patient if counts[patient] == 1 else f"{patient}/{counts[patient]}"
    case = str(cells.get(CASE_COLUMN) or usual).strip()
    study = str(cells.get(STUDY_COLUMN) or "").strip()
    if max(len(patient), len(case), len(study)) > _LONGEST_NAME:
        message = f"a name has more than {_LONGEST_NAME} letters: is the right column mapped?"
        problems.append(RowProblem(place, "implausible", message))
        return None
    numbers, wrong = parse_cells(cells, pathology)
    problems += [RowProblem(place, "implausible", message) for message in wrong]
    how = {name: mapped.how for name, mapped in mapping.columns.items()}
    return CaseRecord(place, patient, case, study, **values_of(pathology, numbers, how))


def parse_cells(cells: Mapping[str, object], pathology: Pathology) -> tuple[dict[str, float], list[str]]:
    """Return the values of features and targets (NaN where missing), and in words which are implausible."""
    numbers: dict[str, float] = {}
    wrong: list[str] = []
    for feature in pathology.features:
        cell = cells.get(feature.name)
        if is_missing(cell) and not feature.words:
            numbers[feature.name] = math.nan
            continue
        try:
            # A required value may be missing here: it can be measured later.
            numbers[feature.name] = (replace(feature, required=False) if feature.required else feature).parse(cell)
        except InputError as error:
            numbers[feature.name] = math.nan
            wrong.append(str(error))
    wrong += pathology.contradictions(numbers)
    for target in pathology.targets:
        try:
            numbers[target.name] = target.parse(cells.get(target.name))
        except InputError as error:
            wrong.append(str(error))
    return numbers, wrong
