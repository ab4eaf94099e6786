"""Images and labels by regular expressions of their names, for folders that no known layout fits.

``ilist(?P<case>.*)\\.nii\\.gz`` matches ``ilist3.nii.gz`` and says that this is case 3. ``(?P<channel>...)`` tells several
images of a case apart, ``(?P<patient>...)`` whose it is.
"""

import re
from pathlib import Path

from MedDeepRegSegLib.datasets.sources.found import Found, FoundCase, is_image
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.wording import by_number, counted

TITLE = "names that match --image-pattern and --label-pattern"


def find(folder: Path, image_pattern: str, label_pattern: str | None) -> Found:
    """Return the cases whose files match.

    Parameters
    ----------
    folder : Path
        Searched with all folders in it.
    image_pattern, label_pattern : str
        Regular expressions for the path below the folder (parts joined by ``/``), or for the name of the file alone.

    Raises
    ------
    InputError
        If an expression cannot be used, nothing matches, or two files are the same of one case.
    """
    images = _compiled(image_pattern, "--image-pattern")
    labels = None if label_pattern is None else _compiled(label_pattern, "--label-pattern")
    found: dict[str, dict[str, Path]] = {}
    drawn: dict[str, Path] = {}
    patients: dict[str, str] = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and is_image(path)):
        if labels is not None and (match := _match(labels, file, folder)):
            _put(drawn, match["case"], file, f"labels of {match['case']!r}")
        elif match := _match(images, file, folder):
            parts = match.groupdict()
            channel = parts.get("channel") or "image"
            _put(found.setdefault(match["case"], {}), channel, file, f"{channel} of {match['case']!r}")
            if parts.get("patient"):
                patients[match["case"]] = parts["patient"]
    if not found:
        msg = f"no image below {folder} matches --image-pattern {image_pattern!r}: correct it, names are matched whole"
        raise InputError(msg)
    channels = tuple(sorted({channel for kinds in found.values() for channel in kinds}))
    notes = []
    if extra := sorted(set(drawn) - set(found)):
        files = f"{counted(len(extra), 'file')} of labels {by_number(len(extra), 'has', 'have')}"
        notes.append(f"{files} no image of the same case, left out ({extra[0]})")
    whole = {name: kinds for name, kinds in found.items() if len(kinds) == len(channels)}
    if lacking := sorted(set(found) - set(whole)):
        notes.append(f"{', '.join(lacking[:5])} lack one of {', '.join(channels)} and are left out")
    cases = [
        FoundCase(
            name=name,
            patient=patients.get(name),
            images=tuple(kinds[channel] for channel in channels),
            labels=drawn.get(name),
        )
        for name, kinds in whole.items()
    ]
    return Found(layout=TITLE, channels=channels, cases=tuple(cases), notes=tuple(notes))


def _compiled(text: str, option: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text)
    except re.error as error:
        msg = f"{option} {text!r} is no regular expression ({error}): correct it"
        raise InputError(msg) from error
    if "case" not in pattern.groupindex:
        msg = f"{option} {text!r} does not say which part is the case, expected (?P<case>...) in it"
        raise InputError(msg)
    return pattern


def _match(pattern: re.Pattern[str], file: Path, folder: Path) -> re.Match[str] | None:
    return pattern.fullmatch(file.name) or pattern.fullmatch(file.relative_to(folder).as_posix())


def _put(files: dict[str, Path], key: str, file: Path, what: str) -> None:
    if key in files:
        msg = f"{files[key].name} and {file.name} are both the {what}, expected one: make the pattern narrower"
        raise InputError(msg)
    files[key] = file
