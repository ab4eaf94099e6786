"""The sections of a report that give the reasons of a prediction, each with what it does not say."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import SimpleITK as sitk

from MedDeepDiagnosisLib.models.relied_on import FeatureImportance
from MedDeepDiagnosisLib.reasons.counterfactual import Counterfactual
from MedDeepDiagnosisLib.reasons.faithfulness import Faithfulness
from MedDeepDiagnosisLib.reasons.nearest import KnownCase, NearestCases
from MedDeepDiagnosisLib.reasons.occlusion import LesionAttribution
from MedDeepDiagnosisLib.reports.content import (
    Fact,
    Picture,
    PictureSection,
    TableSection,
    TextSection,
)
from MedDeepDiagnosisLib.reports.rendering import format_percent
from MedDeepRegSegLib.segmentation.overlay import slice_picture
from MedDeepRegSegLib.segmentation.segments import Segment

Words = Callable[[float], str]
"""From a prediction or an outcome to its text, for example ``Target.display`` or ``format_percent``."""

_NAMED_DIFFERENCES = 3
_STEPS = 3
_COLORS = (
    (0.13, 0.40, 0.67),
    (0.40, 0.66, 0.81),
    (0.82, 0.90, 0.94),
    (0.99, 0.86, 0.78),
    (0.94, 0.54, 0.38),
    (0.70, 0.09, 0.17),
)
"""From lowers most to raises most (ColorBrewer RdBu, readable with color blindness)."""


def faithfulness_text(check: Faithfulness) -> str:
    """Return in one or two sentences whether reasons were shown to be faithful."""
    what = "when the features are taken away, those that the reasons name first before others, the prediction changes"
    if check.verdict == "faithful":
        return f"Checked: {what} faster than in random order ({_p_text(check)})."
    if check.verdict == "not shown":
        return f"Not confirmed: {what} no faster than in random order ({_p_text(check)}). Do not rely on these reasons."
    return "Not checked: there are too few features, or removing them does not change the prediction."


def faithfulness_section(check: Faithfulness, *, words: Words = format_percent) -> TextSection:
    """Return in words and figures what became of the prediction when what the reasons name was taken away."""
    result = {"faithful": "yes", "not shown": "not shown"}.get(check.verdict, "could not be tested")
    figures = (
        f"area between the curves of the deletion test {check.area:.3g}; with random orders {check.random_area:.3g}; "
        f"{_p_text(check)}"
    )
    label = "Do the reasons hold?"
    facts = [Fact(label, result, figures if check.falling else "")]
    if check.falling:
        first = check.removed[0]
        what = "the part that raises it most" if first == 1 else f"the {first} parts that raise it most"
        other = "the part that lowers it most" if first == 1 else f"the {first} parts that lower it most"
        facts += [
            Fact(f"Without {what}", words(check.falling[0])),
            Fact(f"Without {other}", words(check.rising[0])),
        ]
    return TextSection("Are the reasons faithful?", (faithfulness_text(check),), tuple(facts))


def importance_section(importances: Sequence[FeatureImportance]) -> TableSection:
    """Return what each feature is worth to the model of a variant over all held-out cases, most important first."""
    ordered = sorted(importances, key=lambda one: -one.drop)
    score = ordered[0].score
    return TableSection(
        "What the model relies on",
        ("Feature", f"Loss of {score}", "95 % interval"),
        tuple((one.title, one.drop, f"{_signed(one.low)} to {_signed(one.high)}") for one in ordered),
        text=(
            f"How much the {score} gets worse on cases that were not learned from when a feature is taken from another "
            "patient. About 0: the model does as well without it."
        ),
        notes=("Features that go together can stand in for each other, so that each alone seems to matter little.",),
        digits=3,
    )


def nearest_section(nearest: NearestCases, *, outcome: Words) -> TableSection:
    """Return the nearest known cases with their outcome and what differs most. They are named by their rows alone."""
    rows = tuple((case.label, outcome(case.outcome), case.distance, _differences(case)) for case in nearest.cases)
    return TableSection(
        "Most alike known cases",
        ("Case", "Outcome", "Distance", "Differs most in"),
        rows,
        text=nearest.note,
        notes=(
            "Distance: mean difference of the features, where 1 is the range of the central 90 % of the known cases. "
            "Cases that look alike can end differently; these few are no estimate of a probability.",
        ),
        digits=2,
    )


def counterfactual_section(
    found: Counterfactual, *, words: Words = format_percent, kept: Sequence[str] = ()
) -> TableSection | TextSection:
    """Return what would have to differ for the model to say otherwise. It is never worded as advice.

    Parameters
    ----------
    kept:
        Titles of the features that were not allowed to differ.
    """
    title = "What would have to differ for the model to say otherwise"
    fixed = (f"Taken as they are: {', '.join(kept)}.",) if kept else ()
    if not found.found:
        return TextSection(title, (found.note, *fixed, found.statement))
    side = "below" if found.end < found.threshold else "at or above"
    return TableSection(
        title,
        ("Feature", "In this case", "In the other case", "Prediction then"),
        tuple(
            (
                f"{change.title} ({change.along})" if change.along else change.title,
                change.before,
                change.after,
                words(change.prediction),
            )
            for change in found.changes
        ),
        text=(
            f"For this case the model says {words(found.start)}. It would say {words(found.end)}, {side} "
            f"{words(found.threshold)}, for a case that differs in nothing but this:"
        ),
        notes=(*fixed, found.statement),
    )


def lesion_section(
    found: LesionAttribution, image: sitk.Image, *, window: tuple[float, float] | None = None
) -> PictureSection:
    """Return slices of the lesion, tinted by what its blocks add to the prediction.

    Parameters
    ----------
    image:
        That was encoded.
    window:
        Width and center of the gray scale; None for one that suits the image.
    """
    # For its size: a small block of the same tissue gets the same tint as a large one.
    by_size = found.values / found.parts
    reach = float(np.abs(by_size).max())
    blocks = sitk.GetArrayFromImage(found.blocks).astype(int)
    inside = blocks > 0
    part = np.append(0.0, by_size / reach if reach > 0 else np.zeros(len(by_size)))[blocks]
    # Steps 1 to 3 lower, 4 to 6 raise.
    step = np.clip(np.floor((part + 1) * _STEPS), 0, 2 * _STEPS - 1).astype(np.uint8) + 1
    labels = sitk.GetImageFromArray(np.where(inside, step, 0).astype(np.uint8))
    labels.CopyInformation(found.image)
    names = ("lowers most", "lowers", "lowers slightly", "raises slightly", "raises", "raises most")
    used = set(np.unique(step[inside]).tolist())
    segments = tuple(
        Segment(number, name, color)
        for number, (name, color) in enumerate(zip(names, _COLORS, strict=True), start=1)
        if number in used
    )
    center = [float(np.mean(axis)) for axis in inside.nonzero()[::-1]]
    position = found.image.TransformContinuousIndexToPhysicalPoint(center)
    pictures = tuple(
        Picture(
            slice_picture(
                image,
                axis,
                position=position,
                labels=labels,
                segments=segments,
                window_level=window,
                margin_mm=15.0,
                contours=False,
                fill=0.6,
            ),
            caption=f"{axis.capitalize()}, {len(found.values)} blocks of {found.block_mm:.1f} mm",
            description=f"{axis} slice through the lesion; its blocks are tinted by what they add to the prediction",
            legend=tuple((segment.name, segment.color) for segment in segments),
        )
        for axis in ("axial", "coronal")
    )
    return PictureSection(
        "Which part of the lesion",
        pictures,
        text=(
            "Tint: what a block adds to the prediction for its size, compared with the rest of the lesion. "
            + faithfulness_text(found.faithfulness).replace("features", "blocks")
            + " Features of a place depend on its surroundings too, so borders of the tint are not borders of tissue."
        ),
    )


def _differences(case: KnownCase) -> str:
    known = [item for item in case.differences if item.known and item.difference > 0]
    known.sort(key=lambda item: -item.difference)
    named = [f"{item.title}: {item.other} instead of {item.own}" for item in known[:_NAMED_DIFFERENCES]]
    return "; ".join(named) or "nothing that both have"


def _p_text(check: Faithfulness) -> str:
    return f"p = {check.p_value:.2g} over {check.orders} orders"


def _signed(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}".replace("-", "\N{MINUS SIGN}")
