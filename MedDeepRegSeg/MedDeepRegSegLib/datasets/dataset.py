"""A dataset: cases of images and labels, what the labels mean, and which cases are kept for what.

The file of a dataset (``.json``) only refers to images; they stay where they are and are never written to. Paths below the
folder of the file are stored relative to it, so that both can be moved together.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import write_json
from MedDeepRegSegLib.jobs.schema import from_json, to_json
from MedDeepRegSegLib.segmentation.segments import Segment, check_segments

Role = Literal["training", "validation", "test", "unused"]
"""What a case is for: weights are fitted to ``training``, the best of them chosen by ``validation``, and ``test`` is only
ever looked at by evaluation. Cases without labels are ``unused`` until labels are there."""

_LARGEST_FILE = 64 * 2**20


@dataclass(frozen=True, kw_only=True)
class Case:
    """One examination.

    Attributes
    ----------
    name : str
        Unique in the dataset.
    patient : str
        Whose it is: cases of one patient always have the same role.
    images : tuple of Path
        One file (or folder of one DICOM series) for each channel of the dataset. All lie in the space of the first, on
        grids of their own.
    labels : Path, optional
        Label map or ``.seg.nrrd``, in the space of the first image. None where nothing is drawn yet.
    values : tuple of (int, int)
        Value in the file of labels, and the value of the dataset's class that it stands for; 0 for background. Values that
        are not listed stand for themselves where nothing is listed, and for the background otherwise.
    annotated : tuple of int, optional
        Values of the classes that were looked for in this case. Where others lie is unknown, not background: training does
        not learn there. None: all classes.
    role : Role
    frames : tuple of int
        Frame (from 0) of each file of ``images`` that is meant, where one 4-D file holds several channels; empty where each
        file is one volume.
    left_out : str
        Why the case is not used though it has labels; empty where nothing speaks against it. Its role is ``unused`` then.
    """

    name: str
    patient: str
    images: tuple[Path, ...]
    labels: Path | None = None
    values: tuple[tuple[int, int], ...] = ()
    annotated: tuple[int, ...] | None = None
    role: Role = "unused"
    frames: tuple[int, ...] = ()
    left_out: str = ""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Cases and what is known of all of them.

    Attributes
    ----------
    name : str
    channels : tuple of str
        Name of each image of a case, for example ``("T1", "FLAIR")``.
    classes : tuple of Segment
        What is to be found: value, name, color and coded meaning, values from 1. Voxels of no class are background.
    ignored_value : int, optional
        Value of voxels, once mapped, of which nothing is known.
    cases : tuple of Case
    split_seed : int, optional
        Of the draw that gave the cases their roles; None where the roles were given.
    """

    format: Literal["meddeep-dataset"] = "meddeep-dataset"
    format_version: Literal[1] = 1
    name: str
    channels: tuple[str, ...]
    classes: tuple[Segment, ...]
    ignored_value: int | None = None
    cases: tuple[Case, ...]
    split_seed: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no dataset can be."""
        if not self.channels:
            msg = "the dataset has no channels, expected the name of each image of a case: name one, for example CT"
            raise InputError(msg)
        check_segments(self.classes)
        known = {segment.value for segment in self.classes}
        if self.ignored_value in known:
            msg = f"ignored_value {self.ignored_value} is the value of a class, expected another one: choose 255"
            raise InputError(msg)
        repeated = [name for name, count in Counter(case.name for case in self.cases).items() if count > 1]
        if repeated:
            msg = (
                f"{len(repeated)} names of cases are used more than once ({repeated[0]!r}): give each case its own name"
            )
            raise InputError(msg)
        for case in self.cases:
            if len(case.images) != len(self.channels):
                msg = (
                    f"case {case.name!r} has {len(case.images)} images, expected {len(self.channels)} "
                    f"({', '.join(self.channels)}): complete it, or leave it out"
                )
                raise InputError(msg)
            if case.frames and (len(case.frames) != len(case.images) or min(case.frames) < 0):
                msg = f"case {case.name!r} names the frames {case.frames}, expected one from 0 on for each image: correct it"
                raise InputError(msg)
            if case.left_out and case.role != "unused":
                msg = f"case {case.name!r} is left out ({case.left_out}) and has the role {case.role}, expected unused"
                raise InputError(msg)
            unknown = {value for _, value in case.values} - known - {0, self.ignored_value}
            unknown |= set(case.annotated or ()) - known
            if unknown:
                msg = f"case {case.name!r} names the class {min(unknown)}, expected one of {sorted(known)}: correct it"
                raise InputError(msg)

    def of_role(self, *roles: Role) -> tuple[Case, ...]:
        """Return the cases of these roles."""
        return tuple(case for case in self.cases if case.role in roles)

    def with_roles(self, roles: Iterable[tuple[str, Role]], split_seed: int | None = None) -> "Dataset":
        """Return the dataset with other roles: pairs of the name of a case and its role; others stay."""
        new = dict(roles)
        cases = tuple(replace(case, role=new.get(case.name, case.role)) for case in self.cases)
        return replace(self, cases=cases, split_seed=split_seed)


def read_dataset(path: Path) -> Dataset:
    """Read the file of a dataset; its paths come back absolute.

    Raises
    ------
    InputError
        If the file is missing, damaged, of a newer version or no dataset. Whether the images can be read is not tried.
    """
    path = Path(path)
    if path.is_dir():
        msg = f"{path} is a folder, expected the file of a dataset: make one with 'meddeep dataset {path} --out DATASET.json'"
        raise InputError(msg)
    try:
        size = path.stat().st_size
        if size > _LARGEST_FILE:
            msg = f"{path} has {size / 2**20:.0f} MB, expected a dataset of at most {_LARGEST_FILE / 2**20:.0f} MB"
            raise InputError(msg)
        data = json.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror or error}): give a dataset as 'meddeep dataset' writes it"
        raise InputError(msg) from error
    except (ValueError, RecursionError) as error:
        msg = f"{path} is not a dataset ({str(error)[:80]}): make it with 'meddeep dataset FOLDER --out {path.name}'"
        raise InputError(msg) from error
    if not isinstance(data, dict) or data.get("format") != "meddeep-dataset":
        msg = f"{path} is not a dataset of MedDeep: make one of its folder with 'meddeep dataset FOLDER --out DATASET.json'"
        raise InputError(msg)
    if isinstance(data.get("format_version"), int) and data["format_version"] > 1:
        msg = f"{path} was written by a newer version of MedDeep: update MedDeep"
        raise InputError(msg)
    try:
        dataset = from_json(Dataset, data)
    except InputError as error:
        msg = f"{path}: {error}"
        raise InputError(msg) from error
    folder = path.absolute().parent
    return _with_paths(dataset, lambda file: Path(os.path.normpath(folder / file)))


def write_dataset(dataset: Dataset, path: Path) -> None:
    """Write the file of a dataset, whole or not at all."""
    folder = Path(path).absolute().parent

    def stored(file: Path) -> Path:
        file = file.absolute()
        return file.relative_to(folder) if file.is_relative_to(folder) else file

    write_json(Path(path), to_json(_with_paths(dataset, stored)))


def _with_paths(dataset: Dataset, change: Callable[[Path], Path]) -> Dataset:
    cases = tuple(
        replace(
            case,
            images=tuple(change(image) for image in case.images),
            labels=None if case.labels is None else change(case.labels),
        )
        for case in dataset.cases
    )
    return replace(dataset, cases=cases)
