"""What the types of a pathology alone do not say. Each check raises ValueError with the name of what is wrong."""

from collections.abc import Sequence

from MedDeepDiagnosisLib.pathology.features import Feature
from MedDeepDiagnosisLib.pathology.targets import Target

NO_INFORMATION = "no_information"
"""Name of the baseline that predicts the same for every case; no variant may take it."""

ONLY_CLINICAL = "only_clinical"
"""Name of the baseline that knows the clinical features alone; no variant may take it."""

RESERVED = (NO_INFORMATION, ONLY_CLINICAL)


def check_feature(feature: Feature) -> None:
    """Refuse a feature that contradicts itself."""
    problem = ""
    if not feature.minimum < feature.maximum:
        problem = f"minimum {feature.minimum:g} is not below maximum {feature.maximum:g}"
    elif feature.scale == "log" and feature.minimum <= 0:
        problem = "a logarithmic feature needs a minimum above 0"
    elif (feature.kind == "number") == bool(feature.words):
        problem = "a rating needs words and a number must have none"
    elif any(not feature.minimum <= step.value <= feature.maximum for step in feature.words):
        problem = "a word of the scale lies outside the plausible range"
    if problem:
        msg = f"feature {feature.name}: {problem}"
        raise ValueError(msg)


def check_reference(feature: Feature, features: Sequence[Feature]) -> None:
    """Refuse a feature that is relative to one that does not fit."""
    if feature.relative_to is None:
        return
    found = [other for other in features if other.name == feature.relative_to]
    # A missing reference would leave nothing to divide by, and one of another group would not be in every model.
    fits = found and found[0].required and found[0].relative_to is None and found[0].group == feature.group
    if not fits or found[0].scale != "log" or feature.scale != "log":
        msg = f"feature {feature.name}: relative_to {feature.relative_to!r}, expected a required logarithmic feature of its group, and to be logarithmic itself"
        raise ValueError(msg)


def check_bound(feature: Feature, features: Sequence[Feature]) -> None:
    """Refuse a feature that is bounded by one that does not fit."""
    if feature.never_above is None:
        return
    found = [other for other in features if other.name == feature.never_above and other is not feature]
    if not found or {feature.kind, found[0].kind} != {"number"} or feature.units != found[0].units:
        msg = f"feature {feature.name}: never_above {feature.never_above!r}, expected another number in the same units"
        raise ValueError(msg)


def check_variant_names(identifier: str, names: Sequence[str], baselines: Sequence[str]) -> None:
    """Refuse names that repeat or that a baseline has: scores are kept under them."""
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        msg = f"pathology {identifier}: variant names are not unique ({', '.join(repeated)})"
        raise ValueError(msg)
    reserved = {*RESERVED, *(f"only_{baseline}" for baseline in baselines)}
    for name in names:
        if name in reserved:
            msg = f"variant {name}: the name is reserved for a baseline, choose another"
            raise ValueError(msg)


def check_baseline(variant: str, baseline: str, features: Sequence[Feature]) -> None:
    """Refuse a baseline that is no feature of its variant, or cannot stand alone."""
    found = [feature for feature in features if feature.name == baseline]
    if not found:
        msg = f"variant {variant}: baseline {baseline!r} is not one of its features"
        raise ValueError(msg)
    if found[0].relative_to is not None:
        msg = (
            f"variant {variant}: baseline {baseline!r} is relative to {found[0].relative_to!r}, expected "
            "a feature that enters a model alone"
        )
        raise ValueError(msg)


def check_targets(identifier: str, targets: Sequence[Target], features: Sequence[str]) -> None:
    """Refuse no target, and names that a table could not hold beside each other."""
    if not targets:
        msg = f"pathology {identifier}: there is no target, expected at least one"
        raise ValueError(msg)
    names = [target.name for target in targets]
    if len(set(names)) != len(names) or set(names) & set(features):
        msg = f"pathology {identifier}: target names are not unique, or a feature has the name of one"
        raise ValueError(msg)
    for target in targets:
        _check_target(target)


def _check_target(target: Target) -> None:
    problem = ""
    if not target.reference:
        problem = "reference is empty, expected where the truth comes from"
    elif target.kind == "binary" and not (target.positive and target.negative):
        problem = "positive or negative is empty, expected which cases count as what"
    elif (target.kind == "ordinal") != bool(target.words):
        problem = "an ordinal needs words and others must have none"
    elif target.kind == "ordinal" and len({step.value for step in target.words}) < 2:
        problem = "an ordinal needs two steps or more"
    elif target.kind == "number" and (target.minimum is None or target.maximum is None):
        problem = "a number needs minimum and maximum"
    elif target.kind != "binary" and not target.lowest < target.highest:
        problem = f"minimum {target.lowest:g} is not below maximum {target.highest:g}"
    elif any(not target.lowest <= step.value <= target.highest for step in target.words):
        problem = "a word of the scale lies outside of minimum and maximum"
    if problem:
        msg = f"target {target.name}: {problem}"
        raise ValueError(msg)
