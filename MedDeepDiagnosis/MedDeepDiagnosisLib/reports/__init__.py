"""Self-contained HTML reports: a typed content, and one template that shows it."""

from MedDeepDiagnosisLib.reports.content import (
    Contributor,
    Fact,
    Picture,
    PictureSection,
    PredictionSection,
    Provenance,
    Report,
    TableSection,
    TextSection,
)
from MedDeepDiagnosisLib.reports.rendering import render_report, write_report

__all__ = [
    "Contributor",
    "Fact",
    "Picture",
    "PictureSection",
    "PredictionSection",
    "Provenance",
    "Report",
    "TableSection",
    "TextSection",
    "render_report",
    "write_report",
]
