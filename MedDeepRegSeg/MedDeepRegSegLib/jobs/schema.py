"""Frozen dataclasses to JSON and back, strictly typed.

Requests and results of jobs cross the border between two processes as JSON. What comes back is exactly
what was sent, or an :class:`~MedDeepRegSegLib.errors.InputError` that names the field.

Known types: ``str``, ``int``, ``float``, ``bool``, ``None``, ``Path``, ``Literal``, ``Enum`` (by value),
``tuple[X, ...]``, ``tuple[X, Y]``, ``dict[str, X]``, unions such as ``X | None``, and dataclasses of these.
"""

import dataclasses
import enum
import functools
import math
import numbers
import types
import typing
from pathlib import Path
from typing import Any, Literal, TypeVar, Union

from MedDeepRegSegLib.errors import InputError

T = TypeVar("T")


def to_json(value: Any) -> dict[str, Any]:
    """Return the dataclass instance ``value`` as a dictionary of JSON types.

    Every field is checked against its declared type, so that what is sent can be read back.

    Raises
    ------
    InputError
        If a field holds another type than declared, NaN or infinity. The message names the field.
    TypeError
        If ``value`` is not an instance of a dataclass, or a field is declared with an unknown type.
    """
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        msg = f"expected an instance of a dataclass, got {type(value).__name__}"
        raise TypeError(msg)
    return _encode_dataclass(value, type(value), "")


def from_json(cls: type[T], data: Any) -> T:
    """Return an instance of the dataclass ``cls`` made from the JSON dictionary ``data``.

    Raises
    ------
    InputError
        If a key is unknown or missing, or a value has another type than declared, or is NaN or infinite.
        The message names the field, for example ``settings.spacing_mm[1]``.
    """
    return _decode_dataclass(cls, data, "")


@functools.cache
def _hints(cls: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls) if field.init}


def _wrong(where: str, expected: str, value: Any) -> InputError:
    shown = repr(value)
    if len(shown) > 60:
        shown = shown[:57] + "..."
    return InputError(f"{where or 'request'}: expected {expected}, got {shown}")


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


# ---- to JSON


def _encode_dataclass(value: Any, cls: type, where: str) -> dict[str, Any]:
    return {name: _encode(getattr(value, name), hint, _join(where, name)) for name, hint in _hints(cls).items()}


def _encode(value: Any, hint: Any, where: str) -> Any:
    return _convert(value, hint, where, encode=True)


# ---- from JSON


def _decode_dataclass(cls: type[T], data: Any, where: str) -> T:
    if not isinstance(data, dict):
        raise _wrong(where, "an object with named fields", data)
    hints = _hints(typing.cast(Any, cls))
    unknown = [key for key in data if key not in hints]
    if unknown:
        msg = f"{_join(where, str(unknown[0])[:60])}: unknown field, expected one of {', '.join(hints)}"
        raise InputError(msg)
    for name in hints:
        if name not in data:
            msg = f"{_join(where, name)}: missing field"
            raise InputError(msg)
    values = {name: _convert(data[name], hint, _join(where, name), encode=False) for name, hint in hints.items()}
    try:
        return cls(**values)
    except InputError:
        raise
    except ValueError as error:
        msg = f"{where or 'request'}: {error}"
        raise InputError(msg) from error


# ---- both directions: the same types are accepted, only their form differs


def _convert(value: Any, hint: Any, where: str, *, encode: bool) -> Any:
    if encode and type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        value = value.item()  # a scalar of numpy is as good as one of Python
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return _convert(value, typing.get_args(hint)[0], where, encode=encode)
    if origin in (Union, types.UnionType):
        return _convert_union(value, typing.get_args(hint), where, encode=encode)
    if origin is Literal:
        for choice in typing.get_args(hint):
            if type(choice) is type(value) and choice == value:
                return value
        raise _wrong(where, f"one of {', '.join(map(repr, typing.get_args(hint)))}", value)
    if origin is tuple:
        return _convert_tuple(value, typing.get_args(hint), where, encode=encode)
    if origin is dict:
        return _convert_dict(value, typing.get_args(hint), where, encode=encode)
    if isinstance(hint, type):
        return _convert_class(value, hint, where, encode=encode)
    msg = f"{where}: fields of type {hint} cannot be sent to a job"
    raise TypeError(msg)


def _convert_class(value: Any, hint: type, where: str, *, encode: bool) -> Any:
    if hint in _SIMPLE:
        return _convert_simple(value, hint, where)
    if hint is float:
        return _convert_float(value, where)
    if hint is Path:
        return _convert_path(value, where, encode=encode)
    if issubclass(hint, enum.Enum):
        return _convert_enum(value, hint, where, encode=encode)
    if not dataclasses.is_dataclass(hint):
        msg = f"{where}: fields of type {hint.__name__} cannot be sent to a job"
        raise TypeError(msg)
    if not encode:
        return _decode_dataclass(hint, value, where)
    if type(value) is not hint:
        raise _wrong(where, hint.__name__, value)
    return _encode_dataclass(value, hint, where)


_SIMPLE: dict[type, str] = {
    type(None): "nothing (null)",
    bool: "true or false",
    int: "a whole number",
    str: "a text",
}


def _convert_simple(value: Any, hint: type, where: str) -> Any:
    if type(value) is not hint:
        raise _wrong(where, _SIMPLE[hint], value)
    return value


def _convert_float(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise _wrong(where, "a number", value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _wrong(where, "a finite number", value)
    return number


def _convert_path(value: Any, where: str, *, encode: bool) -> Any:
    if encode:
        if not isinstance(value, Path):
            raise _wrong(where, "a path", value)
        value = str(value)
    if not isinstance(value, str) or not value or "\0" in value:
        raise _wrong(where, "a path", value)
    return value if encode else Path(value)


def _convert_enum(value: Any, hint: type[enum.Enum], where: str, *, encode: bool) -> Any:
    if encode:
        if not isinstance(value, hint):
            raise _wrong(where, f"a {hint.__name__}", value)
        return value.value
    for member in hint:
        if type(member.value) is type(value) and member.value == value:
            return member
    raise _wrong(where, f"one of {', '.join(repr(member.value) for member in hint)}", value)


def _convert_tuple(value: Any, hints: tuple[Any, ...], where: str, *, encode: bool) -> Any:
    if not isinstance(value, tuple if encode else list):
        raise _wrong(where, "a list", value)
    if len(hints) == 2 and hints[1] is Ellipsis:
        hints = (hints[0],) * len(value)
    elif len(hints) != len(value):
        raise _wrong(where, f"a list of {len(hints)}", value)
    items = [
        _convert(item, hint, f"{where}[{index}]", encode=encode)
        for index, (item, hint) in enumerate(zip(value, hints, strict=True))
    ]
    return items if encode else tuple(items)


def _convert_dict(value: Any, hints: tuple[Any, ...], where: str, *, encode: bool) -> Any:
    if hints[0] is not str:
        msg = f"{where}: only dictionaries with text keys can be sent to a job"
        raise TypeError(msg)
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise _wrong(where, "an object with named values", value)
    return {key: _convert(item, hints[1], f"{where}[{key!r}]", encode=encode) for key, item in value.items()}


def _convert_union(value: Any, hints: tuple[Any, ...], where: str, *, encode: bool) -> Any:
    if value is None and type(None) in hints:
        return None
    problems: list[InputError] = []
    for hint in hints:
        if hint is type(None):
            continue
        try:
            return _convert(value, hint, where, encode=encode)
        except InputError as problem:
            problems.append(problem)
    # The arm that got deepest into the value names the wrong place best.
    raise max(problems, key=lambda problem: str(problem).find(":")) if problems else _wrong(where, "null", value)
