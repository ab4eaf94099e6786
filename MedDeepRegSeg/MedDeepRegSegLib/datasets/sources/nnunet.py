"""The raw layout of nnU-Net, versions 1 and 2: ``imagesTr/CASE_0000.nii.gz``, ``labelsTr/CASE.nii.gz``, ``dataset.json``.

https://github.com/MIC-DKFZ/nnUNet/blob/master/documentation/dataset_format.md
"""

import re
from pathlib import Path

from MedDeepRegSegLib.datasets.sources.found import (
    Found,
    FoundCase,
    described_channels,
    described_labels,
    images_in,
    read_description,
    stem_of,
    unique,
)
from MedDeepRegSegLib.errors import InputError

TITLE = "nnU-Net raw (imagesTr/CASE_0000, labelsTr/CASE)"

_NUMBERED = re.compile(r"(?P<case>.+)_(?P<channel>\d{4})")


def fits(folder: Path) -> bool:
    """Return whether all files of ``imagesTr`` are numbered by channel."""
    files = images_in(folder / "imagesTr")
    return bool(files) and all(_NUMBERED.fullmatch(stem_of(file)) for file in files)


def find(folder: Path) -> Found:
    """Return the cases. Those of ``imagesTs`` are test cases where ``labelsTs`` has their labels, else unused.

    Raises
    ------
    InputError
        If a channel of a case is missing, or ``dataset.json`` is damaged.
    """
    data = read_description(folder)
    names, ignored = ({}, None) if data is None else described_labels(data, folder / "dataset.json")
    channels = () if data is None else unique(described_channels(data))
    cases: list[FoundCase] = []
    for images, labels, is_test in (("imagesTr", "labelsTr", False), ("imagesTs", "labelsTs", True)):
        drawn = {stem_of(file): file for file in images_in(folder / labels)}
        for name, numbered in _numbered(folder / images).items():
            if not channels:
                channels = tuple(f"channel {number}" for number in sorted(numbered))
            if sorted(numbered) != list(range(len(channels))):
                msg = (
                    f"case {name!r} of {folder / images} has the channels {sorted(numbered)}, "
                    f"expected 0 to {len(channels) - 1} ({', '.join(channels)}): add the missing files"
                )
                raise InputError(msg)
            cases.append(
                FoundCase(
                    name=name,
                    images=tuple(numbered[number] for number in sorted(numbered)),
                    labels=drawn.get(name),
                    role="test" if is_test and name in drawn else "unused",
                )
            )
    return Found(layout=TITLE, channels=channels, cases=tuple(cases), names=names, ignored_value=ignored)


def _numbered(folder: Path) -> dict[str, dict[int, Path]]:
    cases: dict[str, dict[int, Path]] = {}
    for file in images_in(folder):
        if match := _NUMBERED.fullmatch(stem_of(file)):
            cases.setdefault(match["case"], {})[int(match["channel"])] = file
    return cases
