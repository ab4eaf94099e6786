"""What a folder was found to hold, before its labels were looked at."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.datasets.dataset import Role
from MedDeepRegSegLib.errors import InputError

IMAGE_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha", ".mhd", ".nhdr")
"""Endings of files that may be images or labels."""

BACKGROUND = "background"
"""The name of what belongs to no class."""


@dataclass(frozen=True, kw_only=True)
class FoundCase:
    """A case: see :class:`~MedDeepRegSegLib.datasets.dataset.Case`. ``patient`` is None where the layout does not tell."""

    name: str
    images: tuple[Path, ...]
    labels: Path | None = None
    patient: str | None = None
    frames: tuple[int, ...] = ()
    role: Role = "unused"


@dataclass(frozen=True, kw_only=True)
class Found:
    """All cases of a folder.

    Attributes
    ----------
    layout : str
        The way it is laid out, for people.
    names : dict of int to str
        Name of each label value where the folder tells; empty where names follow from the files of labels.
    ignored_value : int, optional
        Value of voxels of which nothing is known.
    notes : tuple of str
        What the user should know of what was taken and what was not.
    """

    layout: str
    channels: tuple[str, ...]
    cases: tuple[FoundCase, ...]
    names: Mapping[int, str] = field(default_factory=dict)
    ignored_value: int | None = None
    notes: tuple[str, ...] = ()


def is_image(path: Path) -> bool:
    """Return whether a file may be an image by its name; hidden files are none."""
    return path.name.lower().endswith(IMAGE_SUFFIXES) and not path.name.startswith(".")


def stem_of(path: Path) -> str:
    """Return the name of an image file without its ending: ``a`` of ``a.nii.gz`` and of ``a.seg.nrrd``."""
    for suffix in (".seg.nrrd", *IMAGE_SUFFIXES):
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.stem


def images_in(folder: Path) -> list[Path]:
    """Return the image files directly in a folder, sorted; none where there is no folder."""
    return sorted(path for path in folder.iterdir() if path.is_file() and is_image(path)) if folder.is_dir() else []


def read_description(folder: Path) -> dict[str, Any] | None:
    """Return the content of ``dataset.json`` as MSD and nnU-Net write it; None where the folder has none.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    path = folder / "dataset.json"
    if not path.is_file():
        return None
    try:
        data = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{path} cannot be read ({str(error)[:80]}): correct it, or remove it and choose another --layout"
        raise InputError(msg) from error
    if not isinstance(data, dict):
        msg = f"{path} holds no description of a dataset, expected an object with labels: correct it"
        raise InputError(msg)
    return data if data.get("format") != "meddeep-dataset" else None


def described_labels(data: Mapping[str, Any], path: Path) -> tuple[dict[int, str], int | None]:
    """Return name of each label value, and the ignored value, of ``labels`` in a ``dataset.json``.

    MSD and nnU-Net v1 write value to name, nnU-Net v2 name to value.
    """
    labels = data.get("labels", {})
    names: dict[int, str] = {}
    ignored = None
    if not isinstance(labels, dict):
        msg = f"{path}: labels is no object, expected names and values: correct it"
        raise InputError(msg)
    for key, item in labels.items():
        if isinstance(item, list):
            msg = (
                f"{path}: {key!r} is a region of several labels ({item}), expected one value for each class: "
                "regions are not supported, give the parts with --classes"
            )
            raise InputError(msg)
        value, name = (key, item) if str(key).strip().isdigit() else (item, key)
        try:
            number = int(value)
        except (TypeError, ValueError) as error:
            msg = f"{path}: the label {key!r} has the value {item!r}, expected a whole number: correct it"
            raise InputError(msg) from error
        if str(name).strip().lower() == "ignore":
            ignored = number
        elif number > 0:
            names[number] = str(name).strip() or f"Segment {number}"
    return names, ignored


def described_channels(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of channels in the order of their numbers; empty where ``dataset.json`` has none."""
    channels = data.get("channel_names", data.get("modality", {}))
    if isinstance(channels, dict):
        keys = sorted(channels, key=lambda key: int(key) if str(key).isdigit() else 0)
        return tuple(str(channels[key]) for key in keys)
    return tuple(map(str, channels)) if isinstance(channels, list) else ()


def unique(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names, numbered where one is used twice: two channels of an MSD task may both be called MRI."""
    return tuple(f"{name} {index + 1}" if names.count(name) > 1 else name for index, name in enumerate(names))
