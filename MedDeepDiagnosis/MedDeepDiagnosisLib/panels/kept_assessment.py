"""The last assessment, kept with the scene: an opened scene shows it again if it is of what is chosen there."""

import json
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.mrml.segment_digest import segment_digest

SHOWN = ("report", "assessment", "summary")
"""What the tab shows of an assessment; the rest is in its files."""

VERSION = 1
"""Of what is kept. What another version kept is not shown."""

REPORT = "report.html"


def inputsOf(node) -> dict[str, Any]:
    """Return what an assessment depends on, of a parameter node, as JSON types.

    The lesion counts by its voxels: after it was drawn anew, an assessment is no longer one of it. Volumes count by their
    names: identifiers of nodes change when a scene is added to another one.
    """
    return {
        "model": node.model,
        "folder": str(node.modelFolder),
        "lesion": segment_digest(node.segmentation, node.segmentId),
        "volume": None if node.lesionVolume is None else node.lesionVolume.GetName(),
        "findings": {key: node.findings[key] for key in node.findings},
        "facts": {key: node.facts[key] for key in node.facts},
    }


def keepAssessment(node, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
    """Store in the parameter node what came out.

    Parameters
    ----------
    node:
        The typed parameter node.
    inputs:
        What :func:`inputsOf` returned when the assessment was started.
    outputs:
        What :class:`MedDeepDiagnosisLib.mrml.tasks.AssessTask` returned.
    """
    shown = {name: outputs[name] for name in SHOWN} | {"report": str(outputs["report"])}
    node.lastAssessment = json.dumps({"version": VERSION, "inputs": inputs, "shown": shown})


def keptAssessment(node) -> dict[str, Any] | None:
    """Return the outputs that :func:`keepAssessment` stored, or None if there are none of what is chosen now."""
    try:
        kept = json.loads(node.lastAssessment)
        outputs = {name: kept["shown"][name] for name in SHOWN}
    except (ValueError, KeyError, TypeError):  # none yet, or of another version
        return None
    return outputs if kept.get("version") == VERSION and kept.get("inputs") == inputsOf(node) else None


def reportIsThere(outputs: dict[str, Any]) -> bool:
    """Whether the report of a kept assessment still lies where it was written.

    A scene may come from another computer, or from a stranger: nothing but a report is opened for it, and no other
    computer is asked for one.
    """
    path = Path(outputs["report"])
    local = not outputs["report"].startswith(("\\\\", "//"))
    return local and path.name == REPORT and path.is_file()
