"""Augmentations for common tasks, as data files in ``Resources/Presets/augmentation``.

A file NAME.json holds ``title`` and ``description`` for a person, ``transforms`` (for each that may happen, the fields of its
settings that differ from the defaults, see :class:`~MedDeepRegSegLib.augmentation.settings.AugmentationSettings`), and ``reasons``:
why, for each transform. A file of one's own may be used instead of a name.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.augmentation.settings import AugmentationSettings
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.schema import from_json, to_json
from MedDeepRegSegLib.resources import resource_path

_FOLDER = ("Presets", "augmentation")
_LARGEST_FILE = 2**20


@dataclass(frozen=True)
class AugmentationPreset:
    """An augmentation for one task.

    Attributes
    ----------
    name : str
        As commands and files call it.
    title, description : str
        For a person; the description is one sentence.
    settings : AugmentationSettings
    """

    name: str
    title: str
    description: str
    settings: AugmentationSettings


@dataclass(frozen=True)
class _Text:
    """What stands in a file beside the transforms."""

    title: str
    description: str
    reasons: dict[str, str]


def preset_names() -> tuple[str, ...]:
    """Return the names of the presets there are, sorted."""
    return tuple(sorted(path.stem for path in resource_path(*_FOLDER).glob("*.json")))


def load_preset(name_or_path: str | Path) -> AugmentationPreset:
    """Return a preset by its name (upper or lower case), or from a file that ends in ``.json``.

    Raises
    ------
    InputError
        When there is none, or its file is damaged; the field is named.
    """
    text = str(name_or_path)
    if text.lower().endswith(".json"):
        return read_preset(Path(name_or_path))
    names = {name.lower(): name for name in preset_names()}
    if text.lower() not in names:
        msg = (
            f"augmentation preset {text!r} is not there, expected one of {', '.join(names.values())} or a .json file: "
            "choose one of them"
        )
        raise InputError(msg)
    return read_preset(resource_path(*_FOLDER, f"{names[text.lower()]}.json"))


def read_preset(path: Path) -> AugmentationPreset:
    """Return the preset in a file; see :func:`load_preset`."""
    path = Path(path)
    try:
        if path.stat().st_size > _LARGEST_FILE:
            msg = f"preset file {path} has {path.stat().st_size / 2**20:.0f} MB, expected a preset: choose another file"
            raise InputError(msg)
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"preset file {path} cannot be read ({error.strerror or error}): choose another file"
        raise InputError(msg) from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        msg = f"preset file {path} is not JSON ({str(error)[:80]}): correct it"
        raise InputError(msg) from error
    try:
        return _decoded(path.stem, data)
    except InputError as error:
        msg = f"preset file {path}: {error}"
        raise InputError(msg) from error


def _decoded(name: str, data: Any) -> AugmentationPreset:
    """Return the preset of a file's content, or raise an InputError that names the field."""
    if not isinstance(data, dict) or not isinstance(data.get("transforms"), dict):
        msg = "transforms: expected an object with title, description, transforms and reasons"
        raise InputError(msg)
    changed = data["transforms"]
    text = from_json(_Text, {key: value for key, value in data.items() if key != "transforms"})
    for part in ("title", "description"):
        if not getattr(text, part).strip():
            msg = f"{part}: expected a text for a person, got nothing"
            raise InputError(msg)
    if set(text.reasons) != set(changed):
        missing = sorted(set(text.reasons) ^ set(changed))
        msg = f"reasons: expected one for each of the transforms and no other, see {', '.join(missing)}"
        raise InputError(msg)
    defaults = to_json(AugmentationSettings())
    for transform, fields in changed.items():
        if not isinstance(fields, dict):
            msg = f"transforms.{transform}: expected an object with its settings"
            raise InputError(msg)
        if "probability" not in fields:
            msg = f"transforms.{transform}.probability: missing field, expected how often it is drawn, 0 to 1"
            raise InputError(msg)
    merged = {**defaults, **{key: {**defaults.get(key, {}), **fields} for key, fields in changed.items()}}
    try:
        settings = from_json(AugmentationSettings, merged)
    except InputError as error:
        msg = f"transforms: {error}"
        raise InputError(msg) from error
    return AugmentationPreset(name, text.title, text.description, settings)
