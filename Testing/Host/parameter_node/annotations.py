"""What may stand in ``Annotated[type, ...]``: a default, validators and hints for widgets."""

from dataclasses import dataclass


class Default:
    """The value of a parameter that was never set; from `generator`, a new one each time."""

    def __init__(self, value=None, *, generator=None):
        self._value = value
        self._generator = generator

    @property
    def value(self):
        return self._generator() if self._generator is not None else self._value


@dataclass
class Decimals:
    """Digits after the point that a widget shows."""

    value: int


@dataclass
class SingleStep:
    """Step of a widget."""

    value: float


class Validator:
    """Refuses values; subclasses say which."""

    def validate(self, value) -> None:
        """Raise ValueError or TypeError if the value is not allowed."""
        raise NotImplementedError


class NotNone(Validator):
    """Refuses None."""

    def validate(self, value) -> None:
        if value is None:
            msg = "value must not be None"
            raise ValueError(msg)


class IsInstance(Validator):
    """Refuses values of other types; None passes."""

    def __init__(self, classtype):
        self.classtype = classtype

    def validate(self, value) -> None:
        if value is not None and not isinstance(value, self.classtype):
            msg = f"value must be a {self.classtype}, got {type(value).__name__} {value!r}"
            raise TypeError(msg)


class WithinRange(Validator):
    """Refuses numbers outside of bounds; the bounds are allowed."""

    def __init__(self, minimum, maximum):
        self.minimum = minimum
        self.maximum = maximum

    def validate(self, value) -> None:
        if not self.minimum <= value <= self.maximum:
            msg = f"value must be within [{self.minimum}, {self.maximum}], got {value}"
            raise ValueError(msg)


class Minimum(Validator):
    """Refuses smaller numbers."""

    def __init__(self, minimum):
        self.minimum = minimum

    def validate(self, value) -> None:
        if value < self.minimum:
            msg = f"value must be at least {self.minimum}, got {value}"
            raise ValueError(msg)


class Maximum(Validator):
    """Refuses larger numbers."""

    def __init__(self, maximum):
        self.maximum = maximum

    def validate(self, value) -> None:
        if value > self.maximum:
            msg = f"value must be at most {self.maximum}, got {value}"
            raise ValueError(msg)


class Choice(Validator):
    """Refuses everything but the choices."""

    def __init__(self, choices):
        self.choices = choices

    def validate(self, value) -> None:
        if value not in self.choices:
            msg = f"value must be one of {self.choices}, got {value!r}"
            raise ValueError(msg)


class Exclude(Validator):
    """Refuses some values."""

    def __init__(self, excludedValues):
        self.excludedValues = excludedValues

    def validate(self, value) -> None:
        if value in self.excludedValues:
            msg = f"value must not be one of {self.excludedValues}, got {value!r}"
            raise ValueError(msg)
