"""A typed description of a condition to assess: its features, what is predicted, and what it does not apply to.

A pathology is data, not code: one JSON file in ``Resources/pathologies`` (or one's own file). It says how each
feature is measured or rated, in which units, and which values are plausible, so that a form can be generated from
it and a value can be refused with a reason.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from MedDeepDiagnosisLib.resources import resource_path
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.schema import from_json

_CONTRADICTION = 1.05
"""One value may exceed another that bounds it by this factor: voxels and calipers round, above all where it is small."""

NO_INFORMATION = "no_information"
"""Name of the baseline that gives every case the same probability; no variant may take it."""

_MISSING_WORDS = frozenset({"", "na", "n/a", "nan", "none", "not given", "unknown"})


@dataclass(frozen=True)
class RatingWord:
    """One step of a rating scale: the number that is stored and the word that a reader chooses."""

    value: int
    word: str


@dataclass(frozen=True)
class Feature:
    """One thing that is measured or rated.

    Attributes
    ----------
    name:
        Column name in tables and files.
    title, units, description:
        For people. ``units`` is empty for numbers without one and for ratings.
    group:
        ``measured`` by the extension from a segmentation, or a sign ``rated`` by a reader.
    kind:
        ``number``; ``ordinal``, a rating whose steps have an order; ``category``, one whose steps have none.
    scale:
        How a number enters a model: as it is or as its logarithm.
    minimum, maximum:
        Smallest and largest plausible value (inclusive), in ``units``. Others are refused.
    words:
        The steps of a rating, empty for a number.
    required:
        Whether there is no assessment without it. Others may be missing.
    measurement:
        Name of the measurement of the extension that gives the value; None for a rating.
    relative_to:
        Name of the feature that this one is divided by before it enters a model, or None. Diameters of one lesion go
        together; relative to one of them they say shape, and the reasons of a prediction can be read one by one.
    never_above:
        Name of a number in the same units that this one cannot exceed in any shape, or None: a diameter in one slice
        is never above the largest in 3D. Values that do say that one of them is wrong.
    """

    name: str
    title: str
    units: str
    description: str
    group: Literal["measured", "rated"]
    kind: Literal["number", "ordinal", "category"]
    scale: Literal["linear", "log"]
    minimum: float
    maximum: float
    words: tuple[RatingWord, ...]
    required: bool
    measurement: str | None
    relative_to: str | None = None
    never_above: str | None = None

    @property
    def label(self) -> str:
        """Title with units, for example ``Volume (mm³)``."""
        return f"{self.title} ({self.units})" if self.units else self.title

    def parse(self, value: object) -> float:
        """Return a value of a table or a form as a number; NaN when it is missing.

        Parameters
        ----------
        value:
            A number, its text, or a word of the rating scale (upper and lower case alike). None, an empty text and
            words such as ``unknown`` mean missing.

        Raises
        ------
        InputError
            If the value is no number or word of the scale, or lies outside the plausible range.
        """
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return self._missing()
        text = str(value).strip()
        word = self._value_of_word(text)
        if word is None and text.lower() in _MISSING_WORDS:
            return self._missing()
        number = self._number(text) if word is None else word
        allowed = {float(step.value) for step in self.words}
        if (self.words and number not in allowed) or not self.minimum <= number <= self.maximum:
            msg = f"{self.name} is {text}, expected {self.allowed_text}"
            raise InputError(msg)
        return number

    def display(self, number: float) -> str:
        """Return a value as a person writes it: with units, or as the word of the scale."""
        if math.isnan(number):
            return "not given"
        for step in self.words:
            if step.value == number:
                return f"{step.word} ({step.value})"
        return f"{number:.3g} {self.units}".strip() if abs(number) < 1000 else f"{number:.0f} {self.units}".strip()

    @property
    def allowed_text(self) -> str:
        """What values are allowed, in words."""
        if self.words:
            return "one of " + ", ".join(f"{step.value} ({step.word})" for step in self.words)
        return f"{self.minimum:g} to {self.maximum:g} {self.units}".strip()

    def _missing(self) -> float:
        if self.required:
            msg = f"{self.name} is missing, expected {self.allowed_text}: there is no assessment without it"
            raise InputError(msg)
        return math.nan

    def _value_of_word(self, text: str) -> float | None:
        for step in self.words:
            if step.word.casefold() == text.casefold():
                return float(step.value)
        return None

    def _number(self, text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            msg = f"{self.name} is {text[:60]!r}, expected {self.allowed_text}"
            raise InputError(msg)
        return number


@dataclass(frozen=True)
class Target:
    """What is predicted.

    Attributes
    ----------
    name:
        Column of the outcome in training tables: 1 when it is present, 0 when not.
    title:
        What a probability is the probability of.
    positive, negative, left_out:
        Which cases count as present, as absent, and which are left out of learning.
    reference:
        Where the truth comes from, and what it is not.
    """

    name: str
    title: str
    positive: str
    negative: str
    left_out: str
    reference: str


@dataclass(frozen=True)
class Variant:
    """A model to fit: with which groups of features. ``baseline`` names the one feature of the simple comparison."""

    name: str
    title: str
    groups: tuple[Literal["measured", "rated"], ...]
    baseline: str


@dataclass(frozen=True)
class Guideline:
    """A guideline to read beside a prediction. It is pointed to, not applied."""

    title: str
    url: str
    note: str


@dataclass(frozen=True)
class Pathology:
    """A condition to assess. See the attributes of :class:`Feature`, :class:`Target` and :class:`Variant`."""

    identifier: str
    version: str
    title: str
    subject: str
    target: Target
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
            If names are not unique or are reserved, a range is empty, a rating has no words, a feature refers to one
            that does not fit, or a baseline is not a feature of its variant that can stand alone.
        """
        names = [feature.name for feature in self.features]
        if len(set(names)) != len(names):
            msg = f"pathology {self.identifier}: feature names are not unique"
            raise ValueError(msg)
        for feature in self.features:
            _check_feature(feature)
            _check_reference(feature, self.features)
            _check_bound(feature, self.features)
        _check_variant_names(self)
        for variant in self.variants:
            _check_baseline(self, variant)

    @cached_property
    def _by_name(self) -> dict[str, Feature]:
        return {feature.name: feature for feature in self.features}

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
            if value > _CONTRADICTION * limit:
                found.append(
                    f"{feature.title} of {feature.display(value)} is above {bound.title} of {bound.display(limit)}, "
                    "which no shape allows: check both"
                )
        return tuple(found)


def _check_feature(feature: Feature) -> None:
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


def _check_reference(feature: Feature, features: tuple[Feature, ...]) -> None:
    if feature.relative_to is None:
        return
    found = [other for other in features if other.name == feature.relative_to]
    # A missing reference would leave nothing to divide by, and one of another group would not be in every model.
    fits = found and found[0].required and found[0].relative_to is None and found[0].group == feature.group
    if not fits or found[0].scale != "log" or feature.scale != "log":
        msg = f"feature {feature.name}: relative_to {feature.relative_to!r}, expected a required logarithmic feature of its group, and to be logarithmic itself"
        raise ValueError(msg)


def _check_bound(feature: Feature, features: tuple[Feature, ...]) -> None:
    if feature.never_above is None:
        return
    found = [other for other in features if other.name == feature.never_above and other is not feature]
    if not found or {feature.kind, found[0].kind} != {"number"} or feature.units != found[0].units:
        msg = f"feature {feature.name}: never_above {feature.never_above!r}, expected another number in the same units"
        raise ValueError(msg)


def _check_variant_names(pathology: Pathology) -> None:
    # The scores of variants and of baselines are kept under their names, so these must differ.
    names = [variant.name for variant in pathology.variants]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        msg = f"pathology {pathology.identifier}: variant names are not unique ({', '.join(repeated)})"
        raise ValueError(msg)
    reserved = {NO_INFORMATION, *(f"only_{variant.baseline}" for variant in pathology.variants)}
    for name in names:
        if name in reserved:
            msg = f"variant {name}: the name is reserved for a baseline, choose another"
            raise ValueError(msg)


def _check_baseline(pathology: Pathology, variant: Variant) -> None:
    found = [feature for feature in pathology.features_of(variant.name) if feature.name == variant.baseline]
    if not found:
        msg = f"variant {variant.name}: baseline {variant.baseline!r} is not one of its features"
        raise ValueError(msg)
    if found[0].relative_to is not None:
        msg = (
            f"variant {variant.name}: baseline {variant.baseline!r} is relative to {found[0].relative_to!r}, expected "
            "a feature that enters a model alone"
        )
        raise ValueError(msg)


def load_pathology(source: str | Path) -> Pathology:
    """Load a pathology that ships with the extension by name, or one's own from a file.

    Parameters
    ----------
    source:
        ``lung_nodule``, or the path of a JSON file.

    Raises
    ------
    InputError
        If there is none of that name, or the file is not a valid description. The message names the field.
    """
    path = Path(source)
    if path.suffix != ".json":
        path = resource_path("pathologies") / f"{source}.json"
        if Path(source).name != str(source) or not path.is_file():
            known = ", ".join(sorted(entry.stem for entry in resource_path("pathologies").glob("*.json")))
            msg = f"pathology {str(source)!r} is unknown, expected one of {known}, or the path of a .json file"
            raise InputError(msg)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"pathology file {path} cannot be read as JSON: {error}"
        raise InputError(msg) from error
    return from_json(Pathology, data)
