"""The light of a registration: good, check it, or failed, with reasons that a radiologist understands."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from MedDeepRegSegLib.registration.quality import LabelOverlap, Light, LocalMatch


@dataclass(frozen=True)
class Thresholds:
    """Where the light turns, each with its reason. Fractions are 0 to 1, lengths in mm.

    Attributes
    ----------
    little_overlap, part_overlap : float
        Of the fixed body inside the moving image: below 0.3 (the least that the search accepts) too little was compared
        to trust anything; below 0.8 a person should know that a part was not compared.
    little_shown : float
        Of the fixed body in the common field of view where the moving image shows body: a brain without its skull fills
        about half of a head. Bodies of one patient differ by a few hundredths.
    inverse_mm : float
        95th percentile of the error of the inverse; a fifth of a usual voxel, and less than a reader can see.
    landmark_check_mm, landmark_fail_mm : float
        Mean error at landmarks: experts place landmarks 2 to 3 mm apart, so 5 mm is not their doing; 15 mm is another
        organ.
    label_check : float
        Mean Dice of labels: below 0.6 neighbors of organ size are mixed up.
    uneven : float
        Standard deviation of log det J: 0.3 means that a sixth of the body grows or shrinks by more than 35 %.
    least_size, largest_size : float
        Factor of length: heads of adults differ by 10 %, children from adults by less than a third.
    bend_mm : float
        Mean displacement by the deformation from which the gain of the local match must show.
    gain_per_mm : float
        Gain of the match of edges for each mm of mean displacement. It was 0.020 to 0.053 in five pairs where the
        deformation took points well nearer to a known truth, and at most 0.008 in five results for a pair of average
        heads, of which three took them farther away and two a little nearer: below the threshold nothing tells.
    worse_fraction : float
        Of the body where the deformation made the match of edges worse; a coin would say 0.5. Hardly telling by itself:
        0.04 to 0.26 in the former, 0.29 to 0.46 in the latter.
    check_weight, fail_weight : float
        What each remark leaves of the score.
    """

    little_overlap: float = 0.3
    part_overlap: float = 0.8
    little_shown: float = 0.65
    inverse_mm: float = 0.5
    landmark_check_mm: float = 5.0
    landmark_fail_mm: float = 15.0
    label_check: float = 0.6
    uneven: float = 0.3
    least_size: float = 0.75
    largest_size: float = 1.33
    bend_mm: float = 1.5
    gain_per_mm: float = 0.012
    worse_fraction: float = 0.5
    check_weight: float = 0.8
    fail_weight: float = 0.3


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
    moving_overlap: float = 1.0
    shown_fraction: float = 1.0
    local_match: LocalMatch | None = None
    landmark_errors_mm: tuple[float, ...] = ()
    labels: tuple[LabelOverlap, ...] = ()


Remark = tuple[Light, str]


@dataclass(frozen=True)
class Verdict:
    """Light, reasons (the gravest first), and the score (see :func:`score_of`)."""

    light: Light
    reasons: tuple[str, ...]
    score: float


def verdict(findings: Findings, notes: Sequence[str] = (), thresholds: Thresholds | None = None) -> Verdict:
    """Judge a registration.

    Without landmarks or labels this sees what speaks against a result; it cannot prove one. What it cannot see: an error
    below about 10 mm of a linear map, a mirrored image of a body that is alike on both sides, and a deformation that
    takes structures to their neighbors where these look the same.

    Parameters
    ----------
    findings : Findings
    notes : sequence of str
        What the method says about its work; each asks for a look.
    thresholds : Thresholds, optional
    """
    limits = thresholds or Thresholds()
    remarks: list[Remark] = [
        *_overlap_remarks(findings, limits),
        *_match_remarks(findings),
        *_bend_remarks(findings, limits),
        *_truth_remarks(findings, limits),
        *_shape_remarks(findings, limits),
    ]
    remarks.extend(("check", note) for note in notes)
    order: tuple[Light, ...] = ("failed", "check", "good")
    reasons = tuple(text for light in order for own, text in remarks if own == light)
    worst: Light = next((light for light in order if any(own == light for own, _ in remarks)), "good")
    return Verdict(worst, reasons, score_of([light for light, _ in remarks], limits))


def score_of(lights: Sequence[Light], thresholds: Thresholds | None = None) -> float:
    """Return a number to sort many results by: 1 without a remark, less with each, least with those that fail.

    It is the product of 0.8 for each remark that asks for a check and 0.3 for each that says failed; further remarks never
    raise it. It is no probability.
    """
    limits = thresholds or Thresholds()
    return limits.check_weight ** lights.count("check") * limits.fail_weight ** lights.count("failed")


def _overlap_remarks(f: Findings, limits: Thresholds) -> Iterator[Remark]:
    if f.overlap < limits.little_overlap:
        yield "failed", f"only {f.overlap:.0%} of the fixed body lies inside the moving image"
    elif f.overlap < limits.part_overlap:
        yield "check", f"{f.overlap:.0%} of the fixed body lies inside the moving image; the rest was not compared"
    if f.moving_overlap < limits.little_overlap and f.overlap >= limits.little_overlap:
        yield "check", f"only {f.moving_overlap:.0%} of the moving body lies inside the fixed image"
    if f.shown_fraction < limits.little_shown:
        yield (
            "check",
            f"the moving image shows body in only {f.shown_fraction:.0%} of the fixed body, as if a part was cut out or "
            "it is another part: check that both images show the same",
        )


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


def _bend_remarks(f: Findings, limits: Thresholds) -> Iterator[Remark]:
    match = f.local_match
    if match is None or match.bend_mm < limits.bend_mm:
        return
    if match.gain < limits.gain_per_mm * match.bend_mm or match.worse_fraction > limits.worse_fraction:
        yield (
            "check",
            f"the deformation moves tissue by {match.bend_mm:.1f} mm on average, but edges match hardly better than with "
            f"the linear map alone ({match.gain:+.0%}; worse in {match.worse_fraction:.0%} of the body): compare with "
            "the linear result",
        )
    else:
        yield "good", f"with the deformation, edges match better by {match.gain:.0%} than with the linear map alone"


def _truth_remarks(f: Findings, limits: Thresholds) -> Iterator[Remark]:
    if f.landmark_errors_mm:
        mean, worst = float(np.mean(f.landmark_errors_mm)), float(np.max(f.landmark_errors_mm))
        light: Light = (
            "failed" if mean > limits.landmark_fail_mm else "check" if mean > limits.landmark_check_mm else "good"
        )
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
        own: Light = "good" if mean_dice >= limits.label_check else "check"
        yield own, f"labels overlap by {mean_dice:.2f} on average (Dice)"


def _shape_remarks(f: Findings, limits: Thresholds) -> Iterator[Remark]:
    if f.folding_fraction > 0:
        yield "failed", f"the deformation folds tissue over itself in {f.folding_fraction:.2%} of the body"
    if f.inverse_p95_mm > limits.inverse_mm:
        yield "check", f"the inverse is off by up to {f.inverse_p95_mm:.1f} mm (95th percentile)"
    if not limits.least_size <= f.size_change <= limits.largest_size:
        yield (
            "check",
            f"the body was scaled by a factor of {f.size_change:.2f}: check that both images show the same part",
        )
    if f.sd_log_jacobian > limits.uneven:
        yield "check", "the deformation stretches some tissue much more than its neighborhood"
    elif f.sd_log_jacobian > 0 and f.folding_fraction == 0:
        yield "good", "nothing folds, and the deformation is even"
