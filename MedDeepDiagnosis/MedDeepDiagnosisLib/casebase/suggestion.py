"""Suggests which column of a table is which feature, by names, titles and units. It guesses nothing that is not written."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from MedDeepDiagnosisLib.casebase.mapping import STUDY_COLUMN, MappedColumn, TableMapping
from MedDeepDiagnosisLib.casebase.units import factor_between, is_unit, plain_units
from MedDeepDiagnosisLib.cases import CASE_COLUMN, PATIENT_COLUMN
from MedDeepDiagnosisLib.pathology import Feature, Pathology, RatingWord, Target
from MedDeepDiagnosisLib.pathology.features import MISSING_WORDS
from MedDeepRegSegLib.errors import InputError

_PLACE_NAMES = {
    PATIENT_COLUMN: (
        "patient",
        "patient id",
        "patientid",
        "participant id",
        "participant",
        "subject",
        "subject id",
        "pid",
    ),
    CASE_COLUMN: ("case", "case id", "lesion", "lesion id", "nodule", "nodule id", "finding id"),
    STUDY_COLUMN: ("study", "study id", "scan", "scan id", "session", "session id", "accession", "accession number"),
}
_YES_NO = {"yes": "1", "no": "0", "true": "1", "false": "0", "y": "1", "n": "0"}


@dataclass(frozen=True)
class Suggestion:
    """A mapping, and what was not used or is not sure."""

    mapping: TableMapping
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Header:
    """A column's name in parts: ``Volume (ml)`` and ``volume_ml`` are the name ``volume`` in ``ml``."""

    column: str
    names: frozenset[str]
    units: str
    remark: str


def suggest_mapping(
    pathology: Pathology, header: Sequence[str], rows: Iterable[Mapping[str, object]] = ()
) -> Suggestion:
    """Find the columns of a pathology's features and targets, of patient, case and study.

    Parameters
    ----------
    header:
        Names of the columns.
    rows:
        The table, for abbreviations of words such as ``M`` and ``F``.

    Raises
    ------
    InputError
        If two columns fit one feature equally well.
    """
    columns = [_split(column) for column in header]
    found: dict[str, MappedColumn] = {}
    notes: list[str] = []
    for place, names in _PLACE_NAMES.items():
        matching = [column for column in columns if column.names & set(names)]
        if matching:  # the order of the names says what is meant most
            found[place] = MappedColumn(_best_place(matching, names).column)
    taken = {mapped.column for mapped in found.values()}
    cells = [dict(row) for row in rows]
    parts: tuple[Feature | Target, ...] = (*pathology.features, *pathology.targets)
    for part in parts:
        candidates = [column for column in columns if column.names & _names_of(part) and column.column not in taken]
        if not candidates:
            continue
        column, factor, note = _fitting(part, candidates)
        notes += note
        if column is not None:
            words = _abbreviations(part, {str(row.get(column.column) or "").strip() for row in cells})
            found[part.name] = MappedColumn(column.column, factor, words)
            taken.add(column.column)
    unused = [column for column in header if column not in taken]
    if unused:
        notes.append(f"columns that were not used: {', '.join(unused)}")
    return Suggestion(TableMapping(found), tuple(notes))


def _best_place(matching: list[_Header], names: Sequence[str]) -> _Header:
    return min(matching, key=lambda column: min(names.index(name) for name in column.names & set(names)))


def _fitting(part: Feature | Target, candidates: list[_Header]) -> tuple[_Header | None, float, list[str]]:
    """Return the column of a feature with the factor of its units, or None, and notes."""
    fitting: list[tuple[_Header, float]] = []
    notes = []
    for column in candidates:
        factor = factor_between(column.units, part.units) if column.units else 1.0
        if factor is None:
            wanted = part.units or "no units"
            notes.append(
                f"column {column.column!r} is not taken for {part.name}: {column.units} cannot become {wanted}"
            )
        else:
            fitting.append((column, factor))
    # The very name, then the very units, decide between several.
    for best in (
        [pair for pair in fitting if pair[0].column == part.name],
        [pair for pair in fitting if pair[0].units and plain_units(pair[0].units) == plain_units(part.units)],
        fitting,
    ):
        if len(best) == 1:
            column, factor = best[0]
            if part.units and not column.units:
                said = f", {column.remark!r} is no known unit" if column.remark else ""
                notes.append(f"column {column.column!r} says no units: taken as {part.units}{said}")
            return column, factor, notes
        if best:
            break
    if fitting:
        shown = ", ".join(repr(column.column) for column, _ in fitting)
        msg = f"{len(fitting)} columns may be {part.name} ({shown}): say which by a mapping"
        raise InputError(msg)
    return None, 1.0, notes


def _split(column: str) -> _Header:
    bracket = re.fullmatch(r"(.+?)\s*[\(\[]\s*([^()\[\]]+?)\s*[\)\]]\s*", column)
    base, inside = (bracket[1], bracket[2]) if bracket else (column, "")
    units = inside if inside and is_unit(inside) else ""
    words = re.split(r"[\s_.\-]+", base.strip())
    names = {_plain(column), _plain(base)}
    if len(words) > 1 and is_unit(words[-1]):
        names.add(_plain(" ".join(words[:-1])))
        units = units or words[-1]
    return _Header(column, frozenset(names | {_sorted(name) for name in names}), units, "" if units else inside)


def _names_of(part: Feature | Target) -> set[str]:
    texts = [part.name, part.title]
    if isinstance(part, Feature) and part.measurement:
        texts.append(part.measurement)
    names: set[str] = set()
    for text in texts:
        names |= _split(text).names
    return names


def _plain(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(r"[^\W_]+|%", plain))


def _sorted(name: str) -> str:
    return " ".join(sorted(name.split()))  # "diameter, longest" is the longest diameter


def _abbreviations(part: Feature | Target, cells: set[str]) -> dict[str, str]:
    """Return what cells stand for that are no words of the scale but begin just one, or say yes or no."""
    words: dict[str, str] = {}
    for cell in sorted(cell.casefold() for cell in cells):
        if cell in MISSING_WORDS or cell in words or _parses(part, cell):
            continue
        starts = [step.word for step in _steps(part) if step.word.casefold().startswith(cell)]
        if len(starts) == 1:
            words[cell] = starts[0]
        elif isinstance(part, Target) and part.kind == "binary" and cell in _YES_NO:
            words[cell] = _YES_NO[cell]
    return words


def _steps(part: Feature | Target) -> tuple[RatingWord, ...]:
    return part.words


def _parses(part: Feature | Target, cell: str) -> bool:
    try:
        part.parse(cell)
    except InputError:
        return False
    return True
