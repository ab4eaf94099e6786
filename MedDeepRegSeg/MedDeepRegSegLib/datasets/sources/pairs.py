"""Images and labels as pairs of files: beside each other (``a.nii.gz``, ``a_seg.nii.gz``), or in two folders."""

import re
from pathlib import Path

from MedDeepRegSegLib.datasets.dataset import Role
from MedDeepRegSegLib.datasets.sources.found import Found, FoundCase, images_in, stem_of
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.wording import by_number, counted

TITLE = "pairs of files (NAME and NAME_seg, NAME-label or NAME.seg.nrrd; or the folders images and labels)"

_FOLDERS = (
    *(("images", labels) for labels in ("labels", "masks", "segmentations")),
    ("image", "label"),
    ("imagesTr", "labelsTr"),
    ("imagesTs", "labelsTs"),
)
_MARK = re.compile(r"(?P<case>.+?)[ ._-](?:seg|segs|segmentation|label|labels|labelmap|mask|gt)", re.IGNORECASE)


def fits(folder: Path) -> bool:
    """Return whether there are two folders of images and labels, or labels beside images."""
    if any(images_in(folder / images) and images_in(folder / labels) for images, labels in _FOLDERS):
        return True
    return any(_is_labels(file) for file in images_in(folder))


def find(folder: Path) -> Found:
    """Return the pairs. Those of ``imagesTs`` are test cases where there is ``imagesTr``, too.

    Raises
    ------
    InputError
        If two files are images of one case.
    """
    cases: dict[str, FoundCase] = {}
    notes: list[str] = []
    both = bool(images_in(folder / "imagesTr"))
    used: dict[str, str] = {}
    for images, labels in _FOLDERS:
        if images_in(folder / images) and images_in(folder / labels):
            if images in used:
                msg = (
                    f"{folder} has labels of {images} in both {used[images]} and {labels}, expected one: move one away"
                )
                raise InputError(msg)
            used[images] = labels
            is_test = both and images == "imagesTs"
            _add(cases, notes, images_in(folder / images), images_in(folder / labels), "test" if is_test else "unused")
    if not cases:
        files = images_in(folder)
        drawn = [file for file in files if _is_labels(file)]
        _add(cases, notes, [file for file in files if not _is_labels(file)], drawn, "unused")
    return Found(layout=TITLE, channels=("image",), cases=tuple(cases.values()), notes=tuple(notes))


def _is_labels(file: Path) -> bool:
    return file.name.lower().endswith(".seg.nrrd") or _MARK.fullmatch(stem_of(file)) is not None


def _case_of(labels: Path) -> str:
    match = _MARK.fullmatch(stem_of(labels))
    return match["case"] if match else stem_of(labels)


def _add(cases: dict[str, FoundCase], notes: list[str], images: list[Path], labels: list[Path], role: Role) -> None:
    drawn: dict[str, Path] = {}
    names = {stem_of(image) for image in images}
    for file in labels:
        name = stem_of(file) if stem_of(file) in names else _case_of(file)
        if name in drawn:
            msg = (
                f"{drawn[name].name} and {file.name} are both labels of {name!r}, expected one: "
                "move one away, or say which by --label-pattern"
            )
            raise InputError(msg)
        drawn[name] = file
    for image in images:
        name = stem_of(image)
        if name in cases:
            msg = f"{cases[name].images[0]} and {image} are both images of {name!r}, expected one: rename or move one"
            raise InputError(msg)
        of_it = drawn.pop(name) if name in drawn else None
        cases[name] = FoundCase(name=name, images=(image,), labels=of_it, role=role if of_it else "unused")
    if drawn:
        left = ", ".join(file.name for file in list(drawn.values())[:5])
        files = f"{counted(len(drawn), 'file')} of labels {by_number(len(drawn), 'has', 'have')}"
        notes.append(f"{files} no image of the same name, left out ({left})")
