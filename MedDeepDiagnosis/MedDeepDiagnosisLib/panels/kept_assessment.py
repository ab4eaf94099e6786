"""The last assessment, kept with the scene: an opened scene shows it again if it is of what is chosen there."""

import json
from pathlib import Path
from typing import Any

SHOWN = ("report", "assessment", "summary")
"""What the tab shows of an assessment; the rest is in its files."""


def inputsOf(node) -> dict[str, Any]:
    """Return what an assessment depends on, of a parameter node, as JSON types.

    The segmentation counts by its name: identifiers of nodes change when a scene is added to another one.
    """
    return {
        "model": node.model,
        "folder": str(node.modelFolder),
        "segmentation": None if node.segmentation is None else node.segmentation.GetName(),
        "segment": node.segmentId,
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
    node.lastAssessment = json.dumps({"inputs": inputs, "shown": shown})


def keptAssessment(node) -> dict[str, Any] | None:
    """Return the outputs that :func:`keepAssessment` stored, or None if there are none of what is chosen now."""
    try:
        kept = json.loads(node.lastAssessment)
        outputs = {name: kept["shown"][name] for name in SHOWN}
    except (ValueError, KeyError, TypeError):  # none yet, or of another version
        return None
    return outputs if kept.get("inputs") == inputsOf(node) else None


def reportIsThere(outputs: dict[str, Any]) -> bool:
    """Whether the report still lies where it was written: a scene may come from another computer."""
    return Path(outputs["report"]).is_file()
