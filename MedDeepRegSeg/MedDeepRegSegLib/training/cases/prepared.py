"""Cases as the network sees them, prepared once: in memory as far as a budget goes, and on disk beyond it."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from MedDeepRegSegLib.datasets.dataset import Case, Dataset
from MedDeepRegSegLib.datasets.loading import load_case
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import atomic_folder
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.jobs.schema import to_json
from MedDeepRegSegLib.models.segmenter_input import Preprocessing, prepare, prepare_labels
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.training.cases.settings import UNKNOWN

_MOST_PLACES = 4000  # voxels of each class that patches are drawn around: as good as all of them
_RECIPE = 1  # raised whenever the same case gives other numbers: what lies on disk becomes void
_OUTSIDE = 65535  # of label maps that do not cover the image: nothing is known there


@dataclass(frozen=True, eq=False)
class PreparedCase:
    """A case as the network sees it.

    Attributes
    ----------
    name : str
    values : numpy.ndarray, shape (inputs, z, y, x), float32
    classes : numpy.ndarray, shape (z, y, x), int16
        Output of the network that is right, and :data:`~.settings.UNKNOWN`.
    looked_for : tuple of bool
        For each output.
    places : tuple of numpy.ndarray
        For each output from 1: (n, 3) voxels (z, y, x) of it, at most a few thousand.
    """

    name: str
    values: np.ndarray
    classes: np.ndarray
    looked_for: tuple[bool, ...]
    places: tuple[np.ndarray, ...]


class PreparedCases:
    """Prepares cases and keeps them.

    Parameters
    ----------
    dataset : Dataset
    cases : sequence of Case
        All have labels.
    how : Preprocessing
    folder : Path
        Of the files on disk; is made where absent. They can be removed at any time.
    memory_bytes : float
        Budget of what is kept in memory; the cases used last stay.
    """

    def __init__(
        self, dataset: Dataset, cases: Sequence[Case], how: Preprocessing, folder: Path, *, memory_bytes: float = 2e9
    ) -> None:
        self._dataset, self._cases, self._how = dataset, tuple(cases), how
        self._folder, self._budget = Path(folder), memory_bytes
        self._kept: OrderedDict[int, PreparedCase] = OrderedDict()
        lacking = [case.name for case in cases if case.labels is None]
        if lacking:
            msg = f"case {lacking[0]!r} has no labels, expected labels of all cases to learn from: draw them or leave it out"
            raise InputError(msg)

    def __len__(self) -> int:
        return len(self._cases)

    @property
    def classes(self) -> tuple[Segment, ...]:
        """Of the dataset; output k of a network is the one at k - 1."""
        return self._dataset.classes

    def prepare_all(self, progress: Progress = no_progress, cancel: CancelToken | None = None) -> None:
        """Prepare what is not on disk yet.

        Raises
        ------
        InputError
            If a case cannot be used.
        Canceled
            If ``cancel`` was set.
        """
        for number, case in enumerate(self._cases):
            if cancel is not None:
                cancel.raise_if_canceled()
            progress(number / len(self._cases), f"Preparing {case.name}")
            if self._read(number) is None:
                self._write(number, cancel)
        progress(1.0, f"{len(self._cases)} cases are prepared")

    def __getitem__(self, number: int) -> PreparedCase:
        """Return a case; arrays beyond the budget are read from disk where they are used."""
        known = self._kept.get(number)
        if known is not None:
            self._kept.move_to_end(number)
            return known
        found = self._read(number)
        if found is None:
            self._write(number, None)
            found = self._read(number)
        assert found is not None
        size = _bytes(found)
        while self._kept and size + sum(map(_bytes, self._kept.values())) > self._budget:
            self._kept.popitem(last=False)
        if size <= self._budget:
            found = PreparedCase(
                found.name, np.array(found.values), np.array(found.classes), found.looked_for, found.places
            )
            self._kept[number] = found
        return found

    def _path(self, number: int) -> Path:
        """Return where a case lies: another one when the files, the classes or the preprocessing are others."""
        case = self._cases[number]
        facts = [_RECIPE, to_json(self._how), to_json(case), [one.value for one in self._dataset.classes]]
        facts += [self._dataset.ignored_value, [_stamp(file) for file in (*case.images, case.labels) if file]]
        key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:24]
        return self._folder / key

    def _read(self, number: int) -> PreparedCase | None:
        path = self._path(number)
        try:
            values = np.load(path / "values.npy", mmap_mode="r", allow_pickle=False)
            classes = np.load(path / "classes.npy", mmap_mode="r", allow_pickle=False)
            places = np.load(path / "places.npy", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        if values.shape[1:] != classes.shape or len(values) != self._how.inputs:
            return None
        case = self._cases[number]
        known = case.annotated
        looked_for = (True, *(known is None or one.value in known for one in self._dataset.classes))
        split = tuple(places[places[:, 0] == output, 1:] for output in range(1, len(looked_for)))
        return PreparedCase(case.name, values, classes, looked_for, split)

    def _write(self, number: int, cancel: CancelToken | None) -> None:
        case = self._cases[number]
        loaded = load_case(case, self._dataset, cancel=cancel)
        try:
            prepared = prepare(loaded.images, self._how)
            assert loaded.labels is not None
            labels = prepare_labels(loaded.labels, prepared.grid, _OUTSIDE)
        except InputError as error:
            msg = f"case {case.name!r}: {error}"
            raise InputError(msg) from error
        classes = self._outputs(labels)
        rng = np.random.default_rng(number)
        rows = []
        for output in range(1, len(self._dataset.classes) + 1):
            own = np.argwhere(classes == output)
            if len(own) > _MOST_PLACES:
                own = own[np.sort(rng.choice(len(own), _MOST_PLACES, replace=False))]
            rows.append(np.column_stack([np.full(len(own), output), own]))
        with atomic_folder(self._path(number)) as temporary:
            np.save(temporary / "values.npy", prepared.values)
            np.save(temporary / "classes.npy", classes)
            np.save(temporary / "places.npy", np.concatenate(rows).astype(np.int32))

    def _outputs(self, labels: np.ndarray) -> np.ndarray:
        """Return outputs of the network for values of the dataset, int16."""
        outputs = np.zeros(65536, np.int16)
        for number, segment in enumerate(self._dataset.classes, start=1):
            outputs[segment.value] = number
        for value in (_OUTSIDE, self._dataset.ignored_value):
            if value is not None:
                outputs[value] = UNKNOWN
        return outputs[labels]


def _stamp(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except OSError:
        return (0, 0)
    return state.st_size, state.st_mtime_ns


def _bytes(case: PreparedCase) -> int:
    return case.values.nbytes + case.classes.nbytes
