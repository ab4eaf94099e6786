"""Chooses the layout of a folder by what it holds."""

from pathlib import Path
from typing import Literal, Protocol

from MedDeepRegSegLib.datasets.sources import bids, msd, nnunet, pairs, patterns
from MedDeepRegSegLib.datasets.sources.found import Found
from MedDeepRegSegLib.errors import InputError

Layout = Literal["auto", "msd", "nnunet", "bids", "pairs"]


class _Source(Protocol):
    TITLE: str

    def fits(self, folder: Path) -> bool: ...

    def find(self, folder: Path) -> Found: ...


_SOURCES: dict[str, _Source] = {"msd": msd, "nnunet": nnunet, "bids": bids, "pairs": pairs}


def find_cases(
    folder: Path, *, layout: Layout = "auto", image_pattern: str | None = None, label_pattern: str | None = None
) -> Found:
    """Return the cases of a folder.

    Parameters
    ----------
    folder : Path
    layout : {"auto", "msd", "nnunet", "bids", "pairs"}
        How it is laid out; ``auto`` chooses the only one that fits.
    image_pattern, label_pattern : str, optional
        Regular expressions instead; see :mod:`MedDeepRegSegLib.datasets.sources.patterns`.

    Raises
    ------
    InputError
        If there is no such folder, no layout fits or two do, or there is no case.
    """
    if not folder.is_dir():
        msg = f"{folder} is no folder, expected one with images and labels: check the path"
        raise InputError(msg)
    if image_pattern is not None:
        return patterns.find(folder, image_pattern, label_pattern)
    if label_pattern is not None:
        msg = "--label-pattern is given without --image-pattern, expected both: give the other, too"
        raise InputError(msg)
    if layout == "auto":
        fitting = [name for name, source in _SOURCES.items() if source.fits(folder)]
        if "nnunet" in fitting or "msd" in fitting:  # both are pairs of folders, too, and know more
            fitting = [name for name in fitting if name != "pairs"]
        if not fitting:
            known = "; ".join(f"{name}: {source.TITLE}" for name, source in _SOURCES.items())
            msg = (
                f"{folder} is laid out in no known way, expected one of {known}. "
                "Rename its files, or tell their names with --image-pattern and --label-pattern"
            )
            raise InputError(msg)
        if len(fitting) > 1:
            msg = f"{folder} can be read in {len(fitting)} ways ({', '.join(fitting)}), expected one: choose with --layout"
            raise InputError(msg)
        layout = fitting[0]  # type: ignore[assignment]
    found = _SOURCES[layout].find(folder)
    if not found.cases:
        msg = f"{folder} has no case of the layout {layout} ({_SOURCES[layout].TITLE}): check the folder"
        raise InputError(msg)
    return found
