"""Reads the description of a condition from its file."""

import json
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from MedDeepDiagnosisLib.pathology.description import Guideline, Pathology
from MedDeepDiagnosisLib.pathology.features import Feature
from MedDeepDiagnosisLib.pathology.targets import Target
from MedDeepDiagnosisLib.resources import resource_path
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.schema import from_json

_PARTS: dict[str, type] = {"features": Feature, "targets": Target, "guidelines": Guideline}


def load_pathology(source: str | Path) -> Pathology:
    """Load a pathology that ships with the extension by name, or one's own from a file.

    Parameters
    ----------
    source:
        ``lung_nodule``, or the path of a JSON file.

    Raises
    ------
    InputError
        If there is none of that name, or the file is not a valid description. The message names the field.
    """
    path = Path(source)
    if path.suffix != ".json":
        path = resource_path("pathologies") / f"{source}.json"
        if Path(source).name != str(source) or not path.is_file():
            known = ", ".join(sorted(entry.stem for entry in resource_path("pathologies").glob("*.json")))
            msg = f"pathology {str(source)!r} is unknown, expected one of {known}, or the path of a .json file"
            raise InputError(msg)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"pathology file {path} cannot be read as JSON: {error}"
        raise InputError(msg) from error
    return from_json(Pathology, _completed(data))


def _completed(data: Any) -> Any:
    """Read a file of one ``target`` as one of ``targets``, and fill in what has a usual value."""
    if not isinstance(data, dict):
        return data
    complete = dict(data)
    if "target" in complete and "targets" not in complete:
        complete["targets"] = [complete.pop("target")]
    for key, cls in _PARTS.items():
        if isinstance(complete.get(key), list):
            complete[key] = [_with_defaults(cls, entry) for entry in complete[key]]
    return complete


def _with_defaults(cls: type, entry: Any) -> Any:
    if not isinstance(entry, dict):
        return entry
    usual = {field.name: field.default for field in fields(cls) if field.default is not MISSING}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in usual.items()} | entry
