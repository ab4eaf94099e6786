"""What goes into a case base and what is told about it, free of any database."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from MedDeepDiagnosisLib.casebase.mapping import TableMapping
from MedDeepDiagnosisLib.pathology import Pathology

_SHOWN_PLACES = 3

Policy = Literal["refuse", "skip", "update"]
"""What to do with a row that contradicts what is stored: refuse all, leave the row out, or make a new version."""


@dataclass(frozen=True)
class Value:
    """One value of a case.

    Attributes
    ----------
    name, value, units:
        The feature or target, and its value as a number in its units; a step of a scale is its number.
    how:
        Where the value comes from: ``column 'Volume (ml)' x 1000``, or the measurement that gave it.
    """

    name: str
    value: float
    units: str = ""
    how: str = ""


@dataclass(frozen=True)
class VolumeReference:
    """A volume by reference: where it is and what it was, without its voxels.

    Attributes
    ----------
    name:
        Tells the volumes of a study apart.
    path:
        File or DICOM folder; empty if it lies in no file.
    sha256:
        Of the file; of the voxels if there is no file.
    modality:
        ``CT``, ``MR`` or ``unknown``.
    geometry:
        Size, spacing (mm), origin (LPS mm) and direction as JSON; see :func:`geometry_json`.
    """

    name: str
    path: str
    sha256: str
    modality: str
    geometry: str


@dataclass(frozen=True)
class SegmentReference:
    """A segment by reference: the file, and which label in it. ``volume`` is the name of the volume it was drawn on."""

    name: str
    identifier: str
    label: int
    terminology: str
    volume: str
    path: str
    sha256: str


@dataclass(frozen=True, eq=False)
class DeepFeature:
    """A vector (D,) that an encoder made of a lesion; ``model`` names the encoder and the hash of its weights."""

    model: str
    vector: NDArray[np.float32]


@dataclass(frozen=True)
class CaseRecord:
    """One case as it comes from a source.

    Attributes
    ----------
    place:
        Where it stands in the source, for messages: ``line 7`` or a folder.
    patient, study, case:
        Names as in the source; ``study`` is empty where the source knows none.
    other_name:
        The case's name with the patient's before it, or without: it may be stored as that. Empty if there is none.
    measurements, findings, outcomes:
        What was measured, what a reader or the history says, and what came of it.
    """

    place: str
    patient: str
    case: str
    study: str = ""
    other_name: str = ""
    measurements: tuple[Value, ...] = ()
    findings: tuple[Value, ...] = ()
    outcomes: tuple[Value, ...] = ()
    volumes: tuple[VolumeReference, ...] = ()
    segments: tuple[SegmentReference, ...] = ()
    deep_features: tuple[DeepFeature, ...] = ()


@dataclass(frozen=True)
class Origin:
    """Where cases come from: ``table``, ``folder``, ``scene`` or ``program``; file name, its SHA-256, and who."""

    kind: str
    name: str
    sha256: str = ""
    who: str = ""


@dataclass(frozen=True)
class ImportOptions:
    """How cases are stored.

    Attributes
    ----------
    keep_names:
        Store the patients' names as they are, not pseudonyms.
    on_conflict:
        What becomes of rows that say otherwise than what is stored: ``refuse`` all, ``skip`` the row, or ``update``, which
        makes new versions. A row that repeats a case of the same source with other values is never taken.
    on_implausible:
        What becomes of rows with implausible values or without patient: ``refuse`` all, or ``skip`` the row.
    trial:
        Say what would be done and write nothing.
    """

    keep_names: bool = False
    on_conflict: Policy = "refuse"
    on_implausible: Literal["refuse", "skip"] = "refuse"
    trial: bool = False

    def refuses(self, problem: "RowProblem") -> bool:
        """Return whether one such problem means that nothing is stored."""
        return (self.on_conflict if problem.kind == "conflict" else self.on_implausible) == "refuse"


@dataclass(frozen=True)
class RowProblem:
    """Why a row cannot be taken: ``implausible``, ``conflict`` or ``missing`` (patient), and what to do about it."""

    place: str
    kind: Literal["implausible", "conflict", "missing"]
    message: str

    @property
    def text(self) -> str:
        """The problem in one line."""
        return f"{self.place}: {self.message}"


@dataclass(frozen=True)
class ProblemGroup:
    """Rows that have the same problem, such as one word that no scale knows."""

    message: str
    places: tuple[str, ...]

    @property
    def text(self) -> str:
        """The problem in one line, with the number of its rows and the first of them."""
        if len(self.places) == 1:
            return f"{self.places[0]}: {self.message}"
        more = len(self.places) - _SHOWN_PLACES
        shown = ", ".join(self.places[:_SHOWN_PLACES]) + (f" and {more} more" if more > 0 else "")
        return f"{len(self.places)} rows ({shown}): {self.message}"


def grouped(problems: Sequence[RowProblem]) -> tuple[ProblemGroup, ...]:
    """Return each problem once with all of its rows, in the order of the first ones."""
    places: dict[str, dict[str, None]] = {}
    for problem in problems:
        places.setdefault(problem.message, {})[problem.place] = None
    return tuple(ProblemGroup(message, tuple(found)) for message, found in places.items())


@dataclass(frozen=True)
class ImportReport:
    """What an import did, or would do.

    Attributes
    ----------
    rows:
        Rows of the source.
    new_cases, updated_cases, unchanged_cases, skipped_rows:
        Cases that were not there, that got new or changed values, that are as before, and rows left out.
    new_values, changed_values:
        Values that were not there, and new versions of values that were.
    problems:
        Row by row; with the policy ``refuse`` there are none in a report that was written.
    refusal:
        Of a trial: why the import itself would store nothing, and what to do about it. Empty if it would store.
    mapping, mapping_from:
        Column of each feature or target in words, and whether the mapping was ``given``, ``remembered`` or ``suggested``.
    columns:
        The same mapping as it can be given; None where there was no single table.
    notes:
        What a reader should know, for example columns that were not used.
    written:
        False for a trial.
    """

    rows: int
    new_cases: int = 0
    updated_cases: int = 0
    unchanged_cases: int = 0
    skipped_rows: int = 0
    new_values: int = 0
    changed_values: int = 0
    problems: tuple[RowProblem, ...] = ()
    refusal: str = ""
    mapping: dict[str, str] = field(default_factory=dict)
    mapping_from: str = "given"
    columns: TableMapping | None = None
    notes: tuple[str, ...] = ()
    written: bool = True


@dataclass(frozen=True)
class CaseSummary:
    """One line of the list of cases."""

    case: str
    patient: str
    study: str
    pathologies: tuple[str, ...]
    values: int
    versions: int


@dataclass(frozen=True)
class HistoryEntry:
    """One version of one value: what it was, when and by whom it came, from where, and whether it is the current one."""

    what: str
    name: str
    version: int
    current: bool
    value: str
    how: str
    source: str
    sha256: str
    software: str
    recorded_at: str
    recorded_by: str


def values_of(pathology: Pathology, numbers: Mapping[str, float], how: Mapping[str, str]) -> dict[str, Any]:
    """Return feature values by the kind of record they are stored as: arguments of :class:`CaseRecord`.

    Parameters
    ----------
    numbers:
        Values of features and targets by name; NaN is left out.
    how:
        Where each comes from.
    """
    kinds: dict[str, list[Value]] = {"measurements": [], "findings": [], "outcomes": []}
    for feature in pathology.features:
        number = numbers.get(feature.name, np.nan)
        if not np.isnan(number):
            kind = "measurements" if feature.group == "measured" else "findings"
            kinds[kind].append(Value(feature.name, float(number), feature.units, how.get(feature.name, "")))
    for target in pathology.targets:
        number = numbers.get(target.name, np.nan)
        if not np.isnan(number):
            kinds["outcomes"].append(Value(target.name, float(number), target.units, how.get(target.name, "")))
    return {kind: tuple(values) for kind, values in kinds.items()}


def geometry_json(image: sitk.Image) -> str:
    """Return the grid of an image (LPS mm) as JSON text that compares equal for equal grids."""
    grid = {
        "size": list(image.GetSize()),
        "spacing_mm": [round(x, 9) for x in image.GetSpacing()],
        "origin_lps_mm": [round(x, 6) for x in image.GetOrigin()],
        "direction": [round(x, 9) for x in image.GetDirection()],
    }
    return json.dumps(grid)
