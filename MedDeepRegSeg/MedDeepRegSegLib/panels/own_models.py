"""What panels have to know of a model of one's own before a job reads it."""

import json
from pathlib import Path

DESCRIPTION = "model.json"
"""File that says what a model is."""
IN_BUNDLE = "meddeep"
"""Key of the metadata of a bundle under which the same lies."""


def needsMonai(description: Path) -> bool:
    """Whether the network that a file describes is MONAI's. What cannot be read is left to the job, which says why."""
    told = described(description)
    told = told.get(IN_BUNDLE, told)
    settings = told.get("settings") if isinstance(told, dict) else None
    return isinstance(settings, dict) and settings.get("network", "encoder") != "encoder"


def described(path: Path) -> dict:
    """Return what the description of a model holds, unchecked; nothing where it cannot be read."""
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return description if isinstance(description, dict) else {}
