"""Settings for common tasks, as data files in ``Resources/Presets/registration``.

A file NAME.json holds ``title`` and ``description`` for a person, ``settings`` (fields of
:class:`~MedDeepRegSegLib.registration.settings.RegistrationSettings` that differ from the defaults, or must not follow
them when they change), and ``reasons``: why, for each of these settings.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.schema import from_json, to_json
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.resources import resource_path

_FOLDER = ("Presets", "registration")


@dataclass(frozen=True)
class RegistrationPreset:
    """Settings for one task.

    Attributes
    ----------
    name : str
        As commands and files call it.
    title, description : str
        For a person; the description is one sentence.
    settings : RegistrationSettings
    """

    name: str
    title: str
    description: str
    settings: RegistrationSettings


@dataclass(frozen=True)
class _Text:
    """What stands in a file beside the settings."""

    title: str
    description: str
    reasons: dict[str, str]


def preset_names() -> tuple[str, ...]:
    """Return the names of the presets there are, sorted."""
    return tuple(sorted(path.stem for path in resource_path(*_FOLDER).glob("*.json")))


def load_preset(name: str) -> RegistrationPreset:
    """Return a preset.

    Raises
    ------
    InputError
        When there is none of this name, or its file is damaged; the field is named.
    """
    names = preset_names()
    if name not in names:
        msg = f"preset {name!r} is not there, expected one of: {', '.join(names)}; choose one of them"
        raise InputError(msg)
    return read_preset(resource_path(*_FOLDER, f"{name}.json"))


def read_preset(path: Path) -> RegistrationPreset:
    """Return the preset in a file; see :func:`load_preset`."""
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        msg = f"preset file {path} cannot be read: {error}; reinstall MedDeep, or correct the file"
        raise InputError(msg) from error
    try:
        return _decoded(Path(path).stem, data)
    except InputError as error:
        msg = f"preset file {path}: {error}; reinstall MedDeep, or correct the file"
        raise InputError(msg) from error


def _decoded(name: str, data: Any) -> RegistrationPreset:
    """Return the preset of a file's content, or raise an InputError that names the field."""
    if not isinstance(data, dict) or not isinstance(data.get("settings"), dict):
        msg = "settings: expected an object with title, description, settings and reasons"
        raise InputError(msg)
    changed = data["settings"]
    text = from_json(_Text, {key: value for key, value in data.items() if key != "settings"})
    for part in ("title", "description"):
        if not getattr(text, part).strip():
            msg = f"{part}: expected a text for a person, got nothing"
            raise InputError(msg)
    if set(text.reasons) != set(changed):
        missing = sorted(set(text.reasons) ^ set(changed))
        msg = f"reasons: expected one for each of the settings and no other, see {', '.join(missing)}"
        raise InputError(msg)
    try:
        settings = from_json(RegistrationSettings, {**to_json(RegistrationSettings()), **changed})
    except InputError as error:
        msg = f"settings: {error}"
        raise InputError(msg) from error
    return RegistrationPreset(name, text.title, text.description, settings)
