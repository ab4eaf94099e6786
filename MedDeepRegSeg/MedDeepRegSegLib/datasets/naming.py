"""What the user says of the names of classes: names of label values, and names that stand for others."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from MedDeepRegSegLib.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Naming:
    """What the user says of names.

    Attributes
    ----------
    values : dict of int to str
        Name of label values, instead of those of the folder. Several values may have one name: they become one class, with
        the first of the values. The name ``background`` drops voxels, ``ignored`` says that nothing is known of them.
    renames : tuple of (str, str)
        Name in the files, and name of the class it stands for; ``background`` drops it.
    """

    values: Mapping[int, str] = field(default_factory=dict)
    renames: tuple[tuple[str, str], ...] = ()


def read_naming(path: Path | None, renames: Sequence[str] = ()) -> Naming:
    """Return the names of a file such as ``{"liver": 1, "kidneys": [2, 3]}``, and of texts ``OLD=NEW``.

    Raises
    ------
    InputError
        If one cannot be used.
    """
    pairs = []
    for text in renames:
        old, equals, new = text.partition("=")
        if not (equals and old.strip() and new.strip()):
            msg = f"--rename {text!r} is no pair of names, expected OLD=NEW, for example --rename 'Liver 2=liver'"
            raise InputError(msg)
        pairs.append((old.strip(), new.strip()))
    if path is None:
        return Naming(renames=tuple(pairs))
    try:
        data = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        msg = (
            f'{path} cannot be read ({str(error)[:80]}), expected names and values as {{"liver": 1, "kidneys": [2, 3]}}'
        )
        raise InputError(msg) from error
    values: dict[int, str] = {}
    for name, given in data.items() if isinstance(data, dict) else ():
        for value in given if isinstance(given, list) else [given]:
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65535 or value in values:
                msg = f"{path}: {name!r} has the value {value!r}, expected a whole number from 1, each only once: correct it"
                raise InputError(msg)
            values[value] = str(name).strip() or f"Segment {value}"
    if not values:
        msg = f'{path} names no value, expected names and values as {{"liver": 1, "kidneys": [2, 3]}}'
        raise InputError(msg)
    return Naming(values=values, renames=tuple(pairs))


def key_of(name: str) -> str:
    """Return what names of one class have in common: no difference of case, blanks and underscores."""
    return " ".join(name.casefold().replace("_", " ").split())
