"""Which classes a dataset has, and which of its values each file of labels uses for them: mapped once, by name.

Segments of ``.seg.nrrd`` files are told apart by their names, not by their values: the same name in another spelling (case,
blanks, underscores) is the same class. Plain label maps have values alone; they are named by the folder's description or by
:class:`~MedDeepRegSegLib.datasets.naming.Naming`, else ``Segment 1`` and so on.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.datasets.checks.finding import EVERY_CASE, Finding
from MedDeepRegSegLib.datasets.dataset import Case, Dataset
from MedDeepRegSegLib.datasets.naming import Naming, key_of
from MedDeepRegSegLib.datasets.sources.found import BACKGROUND, Found, FoundCase
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation
from MedDeepRegSegLib.segmentation.segments import Segment, named_segment
from MedDeepRegSegLib.wording import counted

Absent = Literal["background", "unknown"]
_NAMING = "segment names"
_NAME_THEM = 'name all of them with --classes NAMES.json, a file such as {"liver": 1, "spleen": 2}'


@dataclass(frozen=True)
class _Drawn:
    """The segments of one file; ``described`` where the file names them itself."""

    segments: tuple[Segment, ...]
    values: frozenset[int]
    described: bool


def unite(
    found: Found,
    name: str,
    naming: Naming,
    *,
    absent: Absent = "background",
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[Dataset, tuple[Finding, ...]]:
    """Return the dataset of what was found, with its classes, and what is to be said about their names.

    Parameters
    ----------
    found : Found
    name : str
        Of the dataset.
    naming : Naming
    absent : {"background", "unknown"}
        What a class is where a file of labels has no segment (plain label map: no voxel) of it: looked for and not there, or
        not looked for. Training does not learn from unknown classes.
    progress, cancel
        As everywhere.

    Raises
    ------
    InputError
        If no class is found, or names contradict each other.
    """
    drawn: dict[str, _Drawn] = {}
    with_labels = [case for case in found.cases if case.labels is not None]
    for number, case in enumerate(with_labels):
        progress(number / len(with_labels), f"Reading the labels of {case.name}")
        if cancel is not None:
            cancel.raise_if_canceled()
        drawn_here = _read(case, cancel)
        if drawn_here is not None:
            drawn[case.name] = drawn_here
    names = {**found.names, **naming.values}
    renames = {key_of(old): new for old, new in naming.renames}
    classes = _Classes(names, renames, found.ignored_value)
    for case_name, segments in drawn.items():
        classes.add(case_name, segments)
    classes.number()
    if not classes.segments and with_labels:
        files = counted(len(with_labels), "file")
        msg = f"no class is found in {files} of labels, expected at least one: look whether labels are empty or unreadable"
        raise InputError(msg)
    cases = tuple(_case(case, drawn.get(case.name), classes, absent) for case in found.cases)
    notes = [
        Finding(case=EVERY_CASE, check="folder", severity="warning", what=note, todo="check the folder")
        for note in found.notes
    ]
    unknown_where = sum(case.annotated is not None for case in cases)
    if unknown_where:
        what = f"in {counted(unknown_where, 'case')} classes are absent and taken for not looked for: nothing is learned there"
        notes.append(
            Finding(case=EVERY_CASE, check=_NAMING, severity="note", what=what, todo="nothing, it was asked for")
        )
    dataset = Dataset(
        name=name,
        channels=found.channels,
        classes=classes.segments,
        ignored_value=classes.ignored_value,
        cases=cases,
    )
    return dataset, (*notes, *classes.findings(absent, drawn))


def _read(case: FoundCase, cancel: CancelToken | None) -> _Drawn | None:
    assert case.labels is not None
    try:
        labels, segments = read_segmentation(case.labels, cancel=cancel)
    except (InputError, RuntimeError):
        return None  # the checks read it again, and say so
    values = frozenset(int(value) for value in np.unique(sitk.GetArrayViewFromImage(labels)) if value)
    described = case.labels.name.lower().endswith((".nrrd", ".nhdr")) and any(
        segment.name != f"Segment {segment.value}" for segment in segments
    )
    return _Drawn(segments, values, described)


class _Classes:
    """Collects names, and numbers them."""

    def __init__(self, names: Mapping[int, str], renames: Mapping[str, str], ignored: int | None) -> None:
        self._names = names
        self._renames = renames
        self.ignored_value = ignored
        self._shown: dict[str, Counter[str]] = {}  # spelling
        self._values: dict[str, Counter[int]] = {}
        self._segments: dict[str, dict[tuple[float, float, float], Segment]] = {}
        self._cases: dict[str, set[str]] = {}
        self._by_value: dict[int, dict[str, str]] = {}
        self._twice: list[tuple[str, str]] = []
        self._unnamed: dict[int, str] = {}  # classes that are called by their value alone
        self._number: dict[str, int] = {}
        for value, name in names.items():
            self._note(key_of(self._final(name)), self._final(name), value, None, "")
        self.segments: tuple[Segment, ...] = ()

    def _final(self, name: str) -> str:
        return self._renames.get(key_of(name), name)

    def name_of(self, segment: Segment, described: bool) -> str:
        """Return the name of the class of a segment."""
        name = segment.name if described else self._names.get(segment.value, segment.name)
        return self._final(name)

    def add(self, case: str, drawn: _Drawn) -> None:
        """Take the segments of a file."""
        seen: set[str] = set()
        for segment in drawn.segments:
            if not drawn.described and segment.value == self.ignored_value:
                continue
            lacking = not drawn.described and self._names and segment.value not in self._names
            if lacking and key_of(segment.name) not in self._renames:
                continue  # a value that the description lacks: the checks tell
            name = self.name_of(segment, drawn.described)
            key = key_of(name)
            if not drawn.described and name == f"Segment {segment.value}":
                self._unnamed[segment.value] = name
            if drawn.described and key in seen and not any(key_of(new) == key for new in self._renames.values()):
                self._twice.append((case, name))
            seen.add(key)
            self._note(key, name, segment.value, segment if drawn.described else None, case)

    def _note(self, key: str, name: str, value: int, segment: Segment | None, case: str) -> None:
        if key in (BACKGROUND, "ignored", "ignore"):
            return
        self._shown.setdefault(key, Counter())[name] += 1
        self._values.setdefault(key, Counter())[value] += 1
        self._cases.setdefault(key, set())
        if case:
            self._cases[key].add(case)
            self._by_value.setdefault(value, {}).setdefault(key, case)
        if segment is not None:
            self._segments.setdefault(key, {}).setdefault(segment.color, segment)

    def number(self) -> None:
        """Give each class its value: that of the description, else the one most files use, else a free one."""
        taken: dict[int, str] = {}
        fixed: dict[str, int] = {}
        for value, name in self._names.items():
            key = key_of(self._final(name))
            if key in ("ignored", "ignore"):
                self.ignored_value = 255 if self.ignored_value is None else self.ignored_value
            fixed.setdefault(key, value)
        ordered = sorted(self._values, key=lambda key: (key not in fixed, -sum(self._values[key].values()), key))
        for key in ordered:
            wanted = [fixed[key]] if key in fixed else [value for value, _ in self._values[key].most_common()]
            free = (value for value in range(1, 65536) if value not in taken and value != self.ignored_value)
            value = next((value for value in wanted if value not in taken and value != self.ignored_value), next(free))
            taken[value] = key
            self._number[key] = value
        self.segments = tuple(self._segment(value, taken[value]) for value in sorted(taken))

    def _segment(self, value: int, key: str) -> Segment:
        name = self._shown[key].most_common(1)[0][0]
        known = next(iter(self._segments.get(key, {}).values()), None)
        return named_segment(value, name) if known is None else replace(known, value=value, name=name, identifier="")

    def number_of(self, name: str) -> int:
        """Return the value of a class by name; 0 for the background."""
        key = key_of(name)
        if key in ("ignored", "ignore"):
            return self.ignored_value or 0
        return self._number.get(key, 0)

    def findings(self, absent: Absent, drawn: Mapping[str, _Drawn]) -> list[Finding]:
        """Return what is to be said about names."""
        found = []

        def tell(severity: Literal["warning", "note"], what: str, todo: str, case: str = EVERY_CASE) -> None:
            found.append(Finding(case=case, check=_NAMING, severity=severity, what=what, todo=todo))

        if self._unnamed:
            names = [repr(name) for _, name in sorted(self._unnamed.items())]
            shown = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
            tell("note", f"the labels hold no names of classes, which are called by their values: {shown}", _NAME_THEM)
        for case, name in self._twice:
            tell("warning", f"two segments are called {name!r}, they become one class", "rename one in Slicer", case)
        for key, spellings in self._shown.items():
            if len(spellings) > 1:
                tell(
                    "note", f"{', '.join(map(repr, spellings))} are taken for one class", "use --rename if they are not"
                )
            if len(self._segments.get(key, {})) > 1:
                name = spellings.most_common(1)[0][0]
                tell("note", f"{name!r} has {len(self._segments[key])} different colors, the first is taken", "nothing")
            used = sorted(self._values[key])
            if len(used) > 1 and key in self._segments:
                name = spellings.most_common(1)[0][0]
                tell("note", f"{name!r} has the values {used} in different files, it is mapped by name", "nothing")
        for value, keys in sorted(self._by_value.items()):
            if len(keys) > 1:
                shown = ", ".join(f"{self._shown[key].most_common(1)[0][0]!r} in {case}" for key, case in keys.items())
                what = f"the value {value} has {len(keys)} names ({shown}): each is a class of its own"
                tell("warning", what, "if they are the same structure, use --rename OLD=NEW")
        with_labels = len(drawn)
        for key, cases in self._cases.items():
            if cases and len(cases) < with_labels and absent == "background":
                name = self._shown[key].most_common(1)[0][0]
                what = (
                    f"{name!r} is absent in {with_labels - len(cases)} of {with_labels} cases and taken for not there"
                )
                tell("note", what, "if it was not looked for there, use --absent unknown")
        return found


def _case(case: FoundCase, drawn: _Drawn | None, classes: _Classes, absent: Absent) -> Case:
    values: list[tuple[int, int]] = []
    annotated = None
    if drawn is not None:
        held: set[int] = set()
        for segment in drawn.segments:
            number = classes.number_of(classes.name_of(segment, drawn.described))
            if drawn.described or number or key_of(classes.name_of(segment, False)) == BACKGROUND:
                values.append((segment.value, number))
            else:
                values.append((segment.value, segment.value))  # no class, or ignored: the checks tell
            held.add(number)
        known = {segment.value for segment in classes.segments}
        if absent == "unknown" and known - held:
            annotated = tuple(sorted(known & held))
        allowed = {0, *known, classes.ignored_value}
        if any(number not in allowed for _, number in values) or all(own == number for own, number in values):
            values = []  # values stand for themselves; those of no class are an error of the case
    return Case(
        name=case.name,
        patient=case.patient or case.name,
        images=case.images,
        labels=case.labels,
        values=tuple(sorted(values)),
        annotated=annotated,
        role=case.role,
        frames=case.frames,
    )
