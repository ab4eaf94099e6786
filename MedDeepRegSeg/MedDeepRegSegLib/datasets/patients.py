"""Whose each case is: from a table, from a part of its name, or as the layout of the folder says."""

import csv
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from MedDeepRegSegLib.datasets.dataset import Dataset
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.wording import by_number, counted


def read_patients(path: Path) -> dict[str, str]:
    """Return the patient of each case of a CSV table with the columns ``case`` and ``patient``.

    Raises
    ------
    InputError
        If it cannot be read, or names a case twice.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            sample = stream.read(4096)
            stream.seek(0)
            separator = max(",;\t", key=sample.partition("\n")[0].count)
            rows = list(csv.DictReader(stream, delimiter=separator))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        msg = f"{path} cannot be read ({error}), expected a CSV table with the columns case and patient"
        raise InputError(msg) from error
    known: dict[str, str] = {}
    for row in rows:
        case, patient = (row.get("case") or "").strip(), (row.get("patient") or "").strip()
        if not case or not patient or known.get(case, patient) != patient:
            msg = f"{path}: the row {str(dict(row))[:80]} names no case and its patient, each once, in the columns case and patient"
            raise InputError(msg)
        known[case] = patient
    return known


def patients_of(dataset: Dataset, known: Mapping[str, str] | None, pattern: str | None) -> Dataset:
    """Return the dataset with the patients of a table, or of a part of the names of cases; else as it is.

    Parameters
    ----------
    dataset : Dataset
    known : mapping of str to str, optional
        Patient of each case.
    pattern : str, optional
        Regular expression that is searched in the name of a case: its group ``patient``, its first group, or all of it.

    Raises
    ------
    InputError
        If both are given, the expression cannot be used, or a case has no patient.
    """
    if known is not None and pattern is not None:
        msg = "a table of patients and a pattern are given, expected one: choose --patients or --patient-pattern"
        raise InputError(msg)
    if known is not None:
        without = [case.name for case in dataset.cases if case.name not in known]
        if without:
            cases_have = f"{counted(len(without), 'case')} {by_number(len(without), 'has', 'have')}"
            msg = f"{cases_have} no patient in the table ({without[0]!r}): add a row for each"
            raise InputError(msg)
        return replace(dataset, cases=tuple(replace(case, patient=known[case.name]) for case in dataset.cases))
    if pattern is None:
        return dataset
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        msg = f"--patient-pattern {pattern!r} is no regular expression ({error}): correct it"
        raise InputError(msg) from error
    cases = []
    for case in dataset.cases:
        match = compiled.search(case.name)
        if match is None:
            msg = f"--patient-pattern {pattern!r} is not found in the case {case.name!r}: correct it, for example ([^_]+)_"
            raise InputError(msg)
        patient = match["patient"] if "patient" in compiled.groupindex else match[1] if compiled.groups else match[0]
        cases.append(replace(case, patient=patient or case.name))
    return replace(dataset, cases=tuple(cases))
