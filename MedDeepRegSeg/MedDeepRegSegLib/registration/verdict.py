"""The light of a registration: good, check it, or failed, with reasons that a radiologist understands."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from MedDeepRegSegLib.registration.quality import LabelOverlap, Light

_LITTLE_OVERLAP = 0.3
_PART_OVERLAP = 0.8
_INVERSE_MM = 0.5
_LANDMARK_CHECK_MM = 5.0
_LANDMARK_FAIL_MM = 15.0
_LABEL_CHECK = 0.6
_UNEVEN = 0.3
_SIZE_RANGE = (0.75, 1.33)


@dataclass(frozen=True)
class Findings:
    """What the verdict looks at; see :class:`MedDeepRegSegLib.registration.quality.Quality` for the shared names.

    Attributes
    ----------
    shifted_information : tuple of float
        Mutual information after shifting the result by 15 mm each way along each axis.
    size_change : float
        Cube root of the determinant of the linear part: 1.1 is 10 % larger.
    """

    information_before: float
    information_after: float
    shifted_information: tuple[float, ...]
    overlap: float
    folding_fraction: float
    sd_log_jacobian: float
    inverse_p95_mm: float
    size_change: float
    ambiguous: bool
    landmark_errors_mm: tuple[float, ...] = ()
    labels: tuple[LabelOverlap, ...] = ()


Remark = tuple[Light, str]


def verdict(findings: Findings, notes: Sequence[str] = ()) -> tuple[Light, tuple[str, ...]]:
    """Return the light and its reasons, the gravest first.

    Parameters
    ----------
    findings : Findings
    notes : sequence of str
        What the method says about its work; each asks for a look.
    """
    remarks: list[Remark] = [
        *_overlap_remarks(findings),
        *_match_remarks(findings),
        *_truth_remarks(findings),
        *_shape_remarks(findings),
    ]
    remarks.extend(("check", note) for note in notes)
    order: tuple[Light, ...] = ("failed", "check", "good")
    reasons = tuple(text for light in order for own, text in remarks if own == light)
    worst: Light = next((light for light in order if any(own == light for own, _ in remarks)), "good")
    return worst, reasons


def _overlap_remarks(f: Findings) -> Iterator[Remark]:
    if f.overlap < _LITTLE_OVERLAP:
        yield "failed", f"only {f.overlap:.0%} of the fixed body lies inside the moving image"
    elif f.overlap < _PART_OVERLAP:
        yield "check", f"{f.overlap:.0%} of the fixed body lies inside the moving image; the rest was not compared"


def _match_remarks(f: Findings) -> Iterator[Remark]:
    ways = len(f.shifted_information)
    worse = sum(f.information_after <= other for other in f.shifted_information)
    if ways and not worse:
        yield "good", "shifting the result by 15 mm in any direction makes the match worse"
    elif ways:
        light: Light = "failed" if worse > ways / 3 else "check"
        yield light, f"shifting the result by 15 mm makes the match better in {worse} of {ways} directions"
    if f.information_after < 0.98 * f.information_before:
        yield "check", "the images match less well than before the registration"
    if f.ambiguous:
        yield (
            "check",
            "another position, more than 10 mm away, matches nearly as well: compare the anatomy or give landmarks",
        )


def _truth_remarks(f: Findings) -> Iterator[Remark]:
    if f.landmark_errors_mm:
        mean, worst = float(np.mean(f.landmark_errors_mm)), float(np.max(f.landmark_errors_mm))
        light: Light = "failed" if mean > _LANDMARK_FAIL_MM else "check" if mean > _LANDMARK_CHECK_MM else "good"
        yield light, f"landmarks are {mean:.1f} mm apart on average (largest {worst:.1f} mm)"
    for item in f.labels:
        if item.after < item.before - 0.02:
            yield (
                "check",
                f"label {item.label} overlaps by {item.after:.2f} (Dice), less than the {item.before:.2f} before",
            )
    if f.labels:
        # Thin labels overlap little even when they are a millimeter off, so only the mean is judged.
        mean_dice = float(np.mean([item.after for item in f.labels]))
        own: Light = "good" if mean_dice >= _LABEL_CHECK else "check"
        yield own, f"labels overlap by {mean_dice:.2f} on average (Dice)"


def _shape_remarks(f: Findings) -> Iterator[Remark]:
    if f.folding_fraction > 0:
        yield "failed", f"the deformation folds tissue over itself in {f.folding_fraction:.2%} of the body"
    if f.inverse_p95_mm > _INVERSE_MM:
        yield "check", f"the inverse is off by up to {f.inverse_p95_mm:.1f} mm (95th percentile)"
    if not _SIZE_RANGE[0] <= f.size_change <= _SIZE_RANGE[1]:
        yield (
            "check",
            f"the body was scaled by a factor of {f.size_change:.2f}: check that both images show the same part",
        )
    if f.sd_log_jacobian > _UNEVEN:
        yield "check", "the deformation stretches some tissue much more than its neighborhood"
    elif f.sd_log_jacobian > 0 and f.folding_fraction == 0:
        yield "good", "nothing folds, and the deformation is even"
