"""A condition as a whole: features, targets, the models to fit, and what it does not apply to."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from MedDeepDiagnosisLib.pathology.checks import (
    check_baseline,
    check_bound,
    check_feature,
    check_reference,
    check_targets,
    check_variant_names,
)
from MedDeepDiagnosisLib.pathology.features import Feature, Group
from MedDeepDiagnosisLib.pathology.targets import Target
from MedDeepRegSegLib.errors import InputError

CONTRADICTION = 1.05
"""One value may exceed another that bounds it by this factor: voxels and calipers round, above all where it is small."""


@dataclass(frozen=True)
class Variant:
    """A model to fit: with which groups of features. ``baseline`` names the one feature of the simple comparison."""

    name: str
    title: str
    groups: tuple[Group, ...]
    baseline: str


@dataclass(frozen=True)
class Guideline:
    """A guideline to read beside a prediction.

    Attributes
    ----------
    title, url, note:
        What it is, where it is, and for whom.
    rules:
        Name of the file of its rules in ``Resources/guidelines``; empty if it is pointed to, not applied.
    """

    title: str
    url: str
    note: str
    rules: str = ""


@dataclass(frozen=True)
class Pathology:
    """A condition to assess. See the attributes of :class:`Feature`, :class:`Target` and :class:`Variant`.

    There is a model for one target at a time: :attr:`target`, the first. :meth:`for_target` puts another there.
    """

    identifier: str
    version: str
    title: str
    subject: str
    targets: tuple[Target, ...]
    features: tuple[Feature, ...]
    variants: tuple[Variant, ...]
    exclusions: tuple[str, ...]
    training_data: str
    training_license: str
    guidelines: tuple[Guideline, ...]

    def __post_init__(self) -> None:
        """Check what types alone do not say.

        Raises
        ------
        ValueError
            If there is no target, names are not unique or are reserved, a range is empty, a rating has no words, a feature refers to one
            that does not fit, or a baseline is not a feature of its variant that can stand alone.
        """
        names = [feature.name for feature in self.features]
        if len(set(names)) != len(names):
            msg = f"pathology {self.identifier}: feature names are not unique"
            raise ValueError(msg)
        for feature in self.features:
            check_feature(feature)
            check_reference(feature, self.features)
            check_bound(feature, self.features)
        check_targets(self.identifier, self.targets, names)
        check_variant_names(
            self.identifier,
            [variant.name for variant in self.variants],
            [variant.baseline for variant in self.variants],
        )
        for variant in self.variants:
            check_baseline(variant.name, variant.baseline, self.features_of(variant.name))

    @cached_property
    def _by_name(self) -> dict[str, Feature]:
        return {feature.name: feature for feature in self.features}

    @property
    def target(self) -> Target:
        """What is predicted: the first target."""
        return self.targets[0]

    def for_target(self, name: str) -> "Pathology":
        """Return the pathology with that target alone; raises InputError for an unknown one."""
        for target in self.targets:
            if target.name == name:
                return replace(self, targets=(target,))
        msg = f"{name!r} is not predicted for {self.title}, expected one of {', '.join(t.name for t in self.targets)}"
        raise InputError(msg)

    def feature(self, name: str) -> Feature:
        """Return a feature by name; raises InputError for an unknown one."""
        if name not in self._by_name:
            msg = f"{name!r} is not a feature of {self.title}, expected one of {', '.join(self._by_name)}"
            raise InputError(msg)
        return self._by_name[name]

    def variant(self, name: str) -> Variant:
        """Return a variant by name; raises InputError for an unknown one."""
        for variant in self.variants:
            if variant.name == name:
                return variant
        msg = f"{name!r} is not a model of {self.title}, expected one of {', '.join(v.name for v in self.variants)}"
        raise InputError(msg)

    def features_of(self, variant: str) -> tuple[Feature, ...]:
        """Return the features that a variant uses, in order."""
        groups = self.variant(variant).groups
        return tuple(feature for feature in self.features if feature.group in groups)

    def parse_values(self, values: Mapping[str, object]) -> dict[str, float]:
        """Return the value of every feature as a number, NaN where it is missing.

        Keys that are no features are ignored: a table may hold more.

        Raises
        ------
        InputError
            If a value is implausible or a required one is missing.
        """
        return {feature.name: feature.parse(values.get(feature.name)) for feature in self.features}

    def contradictions(self, values: Mapping[str, float]) -> tuple[str, ...]:
        """Return in words which values cannot belong to one shape; NaN contradicts nothing."""
        found = []
        for feature in self.features:
            if feature.never_above is None:
                continue
            bound = self._by_name[feature.never_above]
            value, limit = values[feature.name], values[bound.name]
            if value > CONTRADICTION * limit:
                found.append(
                    f"{feature.title} of {feature.display(value)} is above {bound.title} of {bound.display(limit)}, "
                    "which no shape allows: check both"
                )
        return tuple(found)
