"""The Brain Imaging Data Structure: ``sub-01/anat/sub-01_T1w.nii.gz``, labels in ``derivatives`` (bids.neuroimaging.io).

A session is a case. Labels are files that end in ``_dseg`` or ``_mask``; their names are those of a ``.tsv`` with the columns
``index`` and ``name``, as BIDS has it.
"""

import csv
import re
from collections import Counter
from pathlib import Path

from MedDeepRegSegLib.datasets.sources.found import Found, FoundCase, is_image, stem_of
from MedDeepRegSegLib.errors import InputError

TITLE = "BIDS (sub-*/, labels in derivatives/)"

_LABELS = ("dseg", "mask", "seg")
_PLACE = re.compile(r"(?P<patient>sub-[A-Za-z0-9]+)(?:_(?P<session>ses-[A-Za-z0-9]+))?(?:_.*)?_(?P<kind>[A-Za-z0-9]+)")
_VOLUMES = ("anat", "ct", "micr", "pet", "perf")


def fits(folder: Path) -> bool:
    """Return whether the folder has ``sub-*`` folders that hold images."""
    return any(True for _ in _files(folder, "sub-*"))


def find(folder: Path) -> Found:
    """Return one case for each session. Channels are the kinds of images that all cases with labels have.

    Raises
    ------
    InputError
        If a session has several files of labels, or no kind of image is there in all sessions with labels.
    """
    images: dict[str, dict[str, Path]] = {}
    patients: dict[str, str] = {}
    notes = []
    for file, name, match in _named(folder, "sub-*"):
        if match["kind"] in _LABELS or not set(file.parts[:-1]) & set(_VOLUMES):
            continue
        patients[name] = match["patient"]
        kinds = images.setdefault(name, {})
        if match["kind"] in kinds:
            notes.append(f"{name} has several {match['kind']}: {kinds[match['kind']].name} is taken, not {file.name}")
        kinds.setdefault(match["kind"], file)
    drawn = _drawn(folder)
    for name in sorted(set(drawn) - set(images)):
        notes.append(f"the labels {drawn[name].name} have no image in {name}, they are left out")
    channels = _channels(images, [name for name in images if name in drawn] or list(images), folder)
    cases = [
        FoundCase(
            name=name,
            patient=patients[name],
            images=tuple(kinds[channel] for channel in channels),
            labels=drawn.get(name),
        )
        for name, kinds in images.items()
        if set(channels) <= set(kinds)
    ]
    if incomplete := sorted(set(images) - {case.name for case in cases}):
        notes.append(f"{', '.join(incomplete[:5])} lack {' or '.join(channels)} and are left out")
    return Found(
        layout=TITLE, channels=channels, cases=tuple(cases), names=_label_names(folder, drawn), notes=tuple(notes)
    )


def _files(folder: Path, pattern: str) -> list[Path]:
    return sorted(file for top in folder.glob(pattern) if top.is_dir() for file in top.rglob("*") if is_image(file))


def _named(folder: Path, pattern: str) -> list[tuple[Path, str, re.Match[str]]]:
    found = []
    for file in _files(folder, pattern):
        match = _PLACE.fullmatch(stem_of(file))
        if match:
            name = match["patient"] + (f"_{match['session']}" if match["session"] else "")
            found.append((file, name, match))
    return found


def _drawn(folder: Path) -> dict[str, Path]:
    """Return the labels of each session; those in ``derivatives`` count before those beside the images."""
    drawn: dict[str, Path] = {}
    for pattern in ("derivatives", "sub-*"):
        place: dict[tuple[str, str], Path] = {}
        for file, name, match in _named(folder, pattern):
            if match["kind"] not in _LABELS:
                continue
            if (name, match["kind"]) in place:
                msg = (
                    f"{name} has several files of labels ({place[name, match['kind']].name} and {file.name}), expected one: "
                    "say which by --image-pattern and --label-pattern"
                )
                raise InputError(msg)
            place[name, match["kind"]] = file
        for kind in _LABELS:
            for (name, own), file in place.items():
                if own == kind:
                    drawn.setdefault(name, file)
    return drawn


def _channels(images: dict[str, dict[str, Path]], names: list[str], folder: Path) -> tuple[str, ...]:
    counts = Counter(kind for name in names for kind in images[name])
    channels = tuple(sorted(kind for kind, count in counts.items() if count == len(names)))
    if not channels:
        msg = f"no kind of image is there in all sessions of {folder} ({', '.join(sorted(counts)) or 'none found'}): complete them"
        raise InputError(msg)
    return channels


def _label_names(folder: Path, drawn: dict[str, Path]) -> dict[int, str]:
    """Return the names of label values of the first ``.tsv`` that tells them."""
    beside = [file.with_name(f"{stem_of(file)}.tsv") for file in drawn.values()]
    for path in [*beside, *sorted(folder.glob("derivatives/**/*dseg.tsv")), folder / "dseg.tsv"]:
        if not path.is_file():
            continue
        try:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                rows = list(csv.DictReader(stream, delimiter="\t"))
            return {int(row["index"]): row["name"] for row in rows if int(row["index"]) > 0}
        except (OSError, KeyError, TypeError, ValueError) as error:
            msg = f"{path} cannot be read ({error}), expected the columns index and name: correct it"
            raise InputError(msg) from error
    return {}
