"""The layout of the Medical Segmentation Decathlon: ``dataset.json`` lists images and labels (medicaldecathlon.com)."""

import os
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.datasets.sources import nnunet
from MedDeepRegSegLib.datasets.sources.found import (
    Found,
    FoundCase,
    described_channels,
    described_labels,
    read_description,
    stem_of,
    unique,
)
from MedDeepRegSegLib.errors import InputError

TITLE = "Medical Segmentation Decathlon (dataset.json with a list of cases)"


def fits(folder: Path) -> bool:
    """Return whether the folder has a ``dataset.json`` that lists cases, and files that are not numbered by channel."""
    data = read_description(folder)
    return data is not None and isinstance(data.get("training"), list) and not nnunet.fits(folder)


def find(folder: Path) -> Found:
    """Return the cases. Those listed as test have no labels, and stay unused.

    Raises
    ------
    InputError
        If the list is damaged, or leads out of the folder.
    """
    data = read_description(folder)
    path = folder / "dataset.json"
    if data is None or not isinstance(data.get("training"), list):
        msg = f"{path} lists no cases, expected 'training' with image and label: choose another --layout"
        raise InputError(msg)
    names, ignored = described_labels(data, path)
    channels = unique(described_channels(data) or ("image",))
    cases = []
    for entry in [*data["training"], *_listed(data.get("test"))]:
        if isinstance(entry, str):
            entry = {"image": entry}  # noqa: PLW2901 - test cases are names of files alone
        if not isinstance(entry, dict) or not isinstance(entry.get("image"), str):
            msg = f"{path}: a case is {str(entry)[:60]!r}, expected image and label: correct it"
            raise InputError(msg)
        image = _inside(folder, entry["image"], path)
        labels = _inside(folder, str(entry["label"]), path) if entry.get("label") else None
        several = len(channels) > 1  # frames of one 4-D file
        cases.append(
            FoundCase(
                name=stem_of(image),
                images=(image,) * len(channels),
                labels=labels,
                frames=tuple(range(len(channels))) if several else (),
            )
        )
    return Found(layout=TITLE, channels=channels, cases=tuple(cases), names=names, ignored_value=ignored)


def _listed(test: Any) -> list[Any]:
    return test if isinstance(test, list) else []


def _inside(folder: Path, name: str, path: Path) -> Path:
    found = folder / name
    if not found.resolve().is_relative_to(folder.resolve()):
        msg = f"{path}: {name[:80]!r} lies outside of the folder, expected a file within it: correct it"
        raise InputError(msg)
    return Path(os.path.normpath(found))
