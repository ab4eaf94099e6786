"""The table that the stroke models are learned from, built from the folder of the SOOP data.

SOOP is the Stroke Outcome Optimization Project (Absher J et al., Scientific Data 2024;11:839; OpenNeuro ds004889, CC0):
lesion masks in MNI space with age, sex, history, NIHSS at admission and modified Rankin scale at discharge.
"""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk

from MedDeepDiagnosisLib.pathology.features import is_missing
from MedDeepDiagnosisLib.stroke.atlas import atlas_load
from MedDeepDiagnosisLib.stroke.measuring import lesion_measurements
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import write_text
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.volumes.reading import read_label_map

ATLAS_FILE = "ArterialAtlas136.nii.gz"

YOUNGEST = 18.0
"""Years; the few younger patients are not learned from, as the models are for adults."""

GOOD_RANKIN = 2
"""Largest modified Rankin scale of a patient who looks after own affairs without help."""

_LESION = re.compile(r"^bwsr(sub-\w+?)_lesion\.nii(\.gz)?$")
_OLDEST = 89.0
"""Ages above it are pooled in the data as ``89+``."""


@dataclass(frozen=True)
class LeftOut:
    """A case that is not in the table, and why."""

    case: str
    reason: str


@dataclass(frozen=True)
class SoopTable:
    """What :func:`soop_table` builds.

    Attributes
    ----------
    rows:
        One for each patient: ``patient``, ``case``, the clinical and measured features, and the targets ``nihss``,
        ``rankin`` and ``rankin_above_2``; None where missing.
    left_out:
        Cases that cannot be learned from.
    notes:
        How many cases there are, and how many were left out for which reason.
    """

    rows: tuple[dict[str, object], ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]


def soop_table(
    folder: Path | str,
    *,
    atlas: sitk.Image | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> SoopTable:
    """Measure every lesion of the SOOP data and join it with what is known of the patient.

    Parameters
    ----------
    folder:
        Holds ``participants.tsv`` (itself or in ``Scripts``) and ``NIfTI/bwsrsub-*_lesion.nii.gz``.
    atlas:
        Arterial atlas; the one in the folder (itself or in ``NIfTI``) if None.

    Raises
    ------
    InputError
        If a file is missing or a value in it is none.
    Canceled
        If ``cancel`` was set.
    """
    folder = Path(folder)
    people = read_participants(_first(folder, ("participants.tsv", "Scripts/participants.tsv")))
    grid = atlas if atlas is not None else read_label_map(_first(folder, (ATLAS_FILE, f"NIfTI/{ATLAS_FILE}")))
    lesions = _lesions(folder / "NIfTI")
    rows: list[dict[str, object]] = []
    left_out: list[LeftOut] = []
    for number, case in enumerate(sorted(lesions.keys() | people.keys(), key=_order)):
        if number % 20 == 0:
            progress(number / len(lesions.keys() | people.keys()), f"measuring lesion of {case}")
        if cancel is not None:
            cancel.raise_if_canceled()
        person = people.get(case)
        reason = _reason(person, case in lesions)
        if reason:
            left_out.append(LeftOut(case, reason))
            continue
        try:
            loads = atlas_load(read_label_map(lesions[case]), grid)
        except InputError as error:
            left_out.append(LeftOut(case, f"the lesion cannot be measured: {error}"))
            continue
        rows.append({"patient": case, "case": case, **(person or {}), **lesion_measurements(loads)})
    if not rows:
        msg = f"{folder} has no patient with a lesion mask, age, sex and NIHSS, expected the SOOP data"
        raise InputError(msg)
    return SoopTable(tuple(rows), tuple(left_out), _notes(rows, left_out))


def read_participants(path: Path | str) -> dict[str, dict[str, object]]:
    """Read ``participants.tsv``.

    Returns
    -------
    Case to ``age`` (years), ``sex`` and ``prior_stroke`` (words), ``bmi`` (kg/m²), and the targets ``nihss``,
    ``rankin`` and ``rankin_above_2``; None where the table says ``n/a``.

    Raises
    ------
    InputError
        If it cannot be read, lacks a column, or holds a value that is none. Names the line.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.DictReader(file, delimiter="\t"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        msg = f"table {path} cannot be read ({error}): expected participants.tsv of the SOOP data"
        raise InputError(msg) from error
    needed = ("participant_id", "sex", "age", "priorstroke", "bmi", "nihss", "gs_rankin_6isdeath")
    absent = [name for name in needed if not lines or name not in lines[0]]
    if absent:
        msg = f"table {path} has no column {absent[0]!r}, expected participants.tsv of the SOOP data"
        raise InputError(msg)
    people: dict[str, dict[str, object]] = {}
    for number, line in enumerate(lines, start=2):
        case = (line["participant_id"] or "").strip()
        if not case or case in people:
            msg = f"table {path}, line {number}: participant {case!r} is empty or there twice, expected each once"
            raise InputError(msg)
        try:
            people[case] = _person(line)
        except ValueError as error:
            msg = f"table {path}, line {number}: {error}"
            raise InputError(msg) from error
    return people


def write_soop_table(table: SoopTable, path: Path | str) -> None:
    """Write the table as CSV for ``meddeep fit acute_stroke``; missing values are empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(table.rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in table.rows:
        writer.writerow({name: _cell(value) for name, value in row.items()})
    write_text(Path(path), text.getvalue())


def _person(line: Mapping[str, str]) -> dict[str, object]:
    rankin = _number(line, "gs_rankin_6isdeath")
    return {
        "age": _number(line, "age"),
        "sex": _word(line, "sex", {"M": "male", "F": "female"}),
        "prior_stroke": _word(line, "priorstroke", {"0": "no", "1": "yes", "0.0": "no", "1.0": "yes"}),
        "bmi": _number(line, "bmi"),
        "nihss": _number(line, "nihss"),
        "rankin": rankin,
        "rankin_above_2": None if rankin is None else float(rankin > GOOD_RANKIN),
    }


def _number(line: Mapping[str, str], column: str) -> float | None:
    text = (line[column] or "").strip()
    if is_missing(text):
        return None
    if column == "age" and text == f"{_OLDEST:.0f}+":
        return _OLDEST
    try:
        return float(text)
    except ValueError:
        msg = f"{column} is {text[:40]!r}, expected a number or n/a"
        raise ValueError(msg) from None


def _word(line: Mapping[str, str], column: str, words: Mapping[str, str]) -> str | None:
    text = (line[column] or "").strip()
    if is_missing(text):
        return None
    if text not in words:
        msg = f"{column} is {text[:40]!r}, expected one of {', '.join(words)} or n/a"
        raise ValueError(msg)
    return words[text]


def _reason(person: Mapping[str, object] | None, has_lesion: bool) -> str:
    """Return why a case is left out, or an empty text."""
    if person is None:
        return "no line in participants.tsv"
    if not has_lesion:
        return "no lesion mask"
    if person["age"] is None or person["sex"] is None:
        return "age or sex is missing"
    if float(str(person["age"])) < YOUNGEST:
        return f"younger than {YOUNGEST:.0f} years"
    return "NIHSS and Rankin are missing" if person["nihss"] is None and person["rankin"] is None else ""


def _notes(rows: list[dict[str, object]], left_out: list[LeftOut]) -> tuple[str, ...]:
    counts: dict[str, int] = {}
    for case in left_out:
        kind = case.reason.split(":")[0]
        counts[kind] = counts.get(kind, 0) + 1
    reasons = (
        f"{count} {'case was' if count == 1 else 'cases were'} left out: {reason}."
        for reason, count in sorted(counts.items())
    )
    ranked = sum(row["rankin"] is not None for row in rows)
    oldest = sum(row["age"] == _OLDEST for row in rows)
    return (
        f"{len(rows)} patients have a lesion mask and NIHSS or Rankin; {ranked} have a Rankin scale at discharge.",
        *reasons,
        f"Patients of 89 years or more, {oldest} of them, are pooled in the data and count as 89.",
    )


def _lesions(folder: Path) -> dict[str, Path]:
    found = {}
    for path in sorted(folder.glob("bwsrsub-*_lesion.nii*")):
        match = _LESION.match(path.name)
        if match:
            found[match.group(1)] = path
    if not found:
        msg = f"{folder} has no lesion mask bwsrsub-*_lesion.nii.gz, expected the folder NIfTI of the SOOP data"
        raise InputError(msg)
    return found


def _first(folder: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    msg = f"{folder} has no file {names[0]}, expected the SOOP data"
    raise InputError(msg)


def _order(case: str) -> tuple[int, str]:
    digits = case.removeprefix("sub-")
    return (int(digits), case) if digits.isdigit() else (10**9, case)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.9g}" if isinstance(value, float) else str(value)
