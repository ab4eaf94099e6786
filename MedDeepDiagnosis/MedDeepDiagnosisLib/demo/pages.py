"""The sections of the demo's report."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import SimpleITK as sitk

from MedDeepDiagnosisLib.demo.nodule import NoduleCase
from MedDeepDiagnosisLib.reports.content import Fact, Picture, PictureSection, Section, TableSection, TextSection
from MedDeepRegSegLib.registration.quality import Quality
from MedDeepRegSegLib.segmentation.overlay import checkerboard_picture, edge_overlay_picture
from MedDeepRegSegLib.volumes.resampling import resample_to
from MedDeepRegSegLib.volumes.samples import SAMPLES

SAMPLES_USED = ("ct-head-atlas", "mr-head-t1", "lidc-annotations")
REPORTED = (
    "Volume",
    "Surface",
    "Sphericity",
    "Center",
    "Oriented box",
    "Largest 3D",
    "Longest",
    "Intensity mean",
    "Note",
)
"""Beginnings of the measurements that the report shows."""
LIGHTS = {"good": "good", "check": "check it", "failed": "failed"}
EXPLANATIONS = {
    "consistency": (
        "The CT and the MR come from different people and lie in two spaces more than a meter apart; nobody knows their "
        "true correspondence. The MR was therefore registered twice, as it is and moved by a known rotation, shift and "
        "smooth deformation. The error is the distance between where both registrations send a point of the CT, "
        "compared through the known movement. It shows how repeatable the registration is, not how true."
    ),
    "truth": (
        "The phantom's MR was moved by a known rotation, shift and smooth deformation, so the true place of each "
        "landmark is known exactly. The error is the distance between where the registration sends a landmark and "
        "where it is (target registration error)."
    ),
}


@dataclass(frozen=True)
class ErrorRow:
    """Errors at all points at one stage, (N,) mm."""

    stage: str
    errors_mm: np.ndarray


@dataclass(frozen=True)
class RegistrationOutcome:
    """One registration for the report.

    Attributes
    ----------
    kind:
        Whether the errors are about consistency or against exact truth.
    fixed_node:
        Volume node of the fixed image.
    start:
        The transform that the pictures "before" are made with, fixed to moving points.
    rows:
        Errors by stage; the first is before, the last after the registration.
    """

    title: str
    short_title: str
    kind: Literal["consistency", "truth"]
    fixed_node: object
    fixed: sitk.Image
    moving: sitk.Image
    registered: sitk.Image
    start: sitk.Transform
    quality: Quality
    rows: tuple[ErrorRow, ...]

    @property
    def before_mm(self) -> float:
        """Mean error as given."""
        return float(np.mean(self.rows[0].errors_mm))

    @property
    def after_mm(self) -> float:
        """Mean error after the registration."""
        return float(np.mean(self.rows[-1].errors_mm))


def registration_fact(outcome: RegistrationOutcome) -> Fact:
    """Return the error after the registration for the top of the report."""
    name = "Consistency error" if outcome.kind == "consistency" else "Target registration error (phantom)"
    return Fact(name, f"{outcome.after_mm:.1f} mm", f"before {outcome.before_mm:.0f} mm")


def registration_pages(outcome: RegistrationOutcome) -> list[Section]:
    """Return the errors, the quality and the pictures before and after."""
    before = resample_to(outcome.moving, outcome.fixed, outcome.start)
    started = "as given" if len(outcome.rows) == 2 else "with the image centers aligned"
    pictures = [
        Picture(
            checkerboard_picture(outcome.fixed, image, axis),
            caption=f"Checkerboard of CT and MR, {axis}, {when}.",
            description=f"Squares of the CT and of the MR in turn, {axis} slice, {when}.",
        )
        for axis in ("axial", "coronal")
        for image, when in ((before, f"before ({started})"), (outcome.registered, "after the registration"))
    ]
    pictures += [
        Picture(
            edge_overlay_picture(outcome.fixed, outcome.registered, axis),
            caption=f"Edges of the CT on the registered MR, {axis}.",
        )
        for axis in ("axial", "sagittal")
    ]
    quality = outcome.quality
    return [
        TableSection(
            f"Registration: {outcome.title}",
            ("Stage", "Mean (mm)", "Median (mm)", "95th percentile (mm)", "Largest (mm)"),
            tuple(
                (
                    row.stage,
                    float(np.mean(row.errors_mm)),
                    float(np.median(row.errors_mm)),
                    float(np.percentile(row.errors_mm, 95)),
                    float(np.max(row.errors_mm)),
                )
                for row in outcome.rows
            ),
            text=EXPLANATIONS[outcome.kind],
            notes=(f"{len(outcome.rows[0].errors_mm)} points.",),
            digits=3,
        ),
        TextSection(
            f"Its quality, judged without the truth: {LIGHTS[quality.light]}",
            items=tuple(quality.reasons),
        ),
        PictureSection(f"Before and after: {outcome.short_title}", tuple(pictures), columns=2),
    ]


def segmentation_pages(name: str, pictures: Mapping[str, np.ndarray], measured, *, clicks: int) -> list[Section]:
    """Return the pictures of the structure that was grown from this many clicks, and the table of measurements."""
    columns, rows = measured
    drawn = [Picture(pixels, caption=f"{name}, {view.replace('three_d', '3D')}.") for view, pixels in pictures.items()]
    # One row for each measurement reads better on a page than a table of thirty columns.
    titles = [str(row[columns[0].key]) for row in rows]
    table = tuple(
        (
            f"{column.title} ({column.units})" if column.units else column.title,
            *("" if row[column.key] is None else row[column.key] for row in rows),
        )
        for column in columns[1:]
        if column.title.startswith(REPORTED) and any(row[column.key] is not None for row in rows)
    )
    points = "one point" if clicks == 1 else f"{clicks} points"
    return [
        PictureSection(
            f"A structure grown from {points}: {name.lower()}",
            tuple(drawn),
            text=f"The structure was grown from {points} in the CT by MedDeep's growing network.",
            columns=2,
        ),
        TableSection(
            "Measurements",
            ("Measurement", *titles),
            table,
            text="The most used ones; measurements.csv holds all of them. Positions are RAS.",
        ),
    ]


def nodule_pages(nodule: NoduleCase, surface: np.ndarray, sections: tuple[Section, ...]) -> list[Section]:
    """Return where the nodule comes from, its shape, and the assessment."""
    return [
        TextSection("A lung nodule", paragraphs=nodule.origin),
        PictureSection("Shape of the nodule", (Picture(surface, caption="The outlined nodule in 3D."),), columns=1),
        *sections,
    ]


def sample_facts(*, offline: bool) -> tuple[tuple[str, str], ...]:
    """Return the sample files that were used with their hashes, for the report."""
    if offline:
        return (("Images", "phantoms, made by this program"),)
    return tuple((f"{SAMPLES[name].title} ({SAMPLES[name].license})", SAMPLES[name].sha256) for name in SAMPLES_USED)
