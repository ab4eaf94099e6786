"""How a typed value lies in a parameter node. Names and spelling are Slicer's, for scenes to be exchanged."""

import collections.abc
import copy
import enum
import pathlib
import types
import typing

import slicer

_PATHS = (pathlib.Path, pathlib.PurePath)


def make_storage(kind):  # noqa: PLR0911 (one line a case)
    """Return the storage for a type.

    Raises
    ------
    TypeError
        If parameters of that type are not supported here.
    """
    if kind is bool:
        return _Text(bool, lambda value: "True" if value else "False", lambda text: text == "True", False)
    if kind is int:
        return _Text(int, str, int, 0)
    if kind is float:
        return _Text((int, float), str, float, 0)
    if kind is str:
        return _Text(str, str, str, "")
    if isinstance(kind, type) and issubclass(kind, _PATHS):
        return _Text(kind, str, kind, kind())
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return _Text(kind, lambda value: value.name, lambda text: kind[text], next(iter(kind)))
    if isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode):
        return _Node(kind)
    if typing.get_origin(kind) is list:
        return _List(make_storage(typing.get_args(kind)[0]))
    if typing.get_origin(kind) is tuple:
        return _Tuple([make_storage(part) for part in typing.get_args(kind)])
    if typing.get_origin(kind) is dict:
        return _Dict(_Tuple([make_storage(part) for part in typing.get_args(kind)]))
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return _Union([_Nothing() if part is type(None) else make_storage(part) for part in typing.get_args(kind)])
    msg = f"a parameter of type {kind} is not supported"
    raise TypeError(msg)


class _Text:
    """A value written as one text."""

    def __init__(self, kind, write, read, default) -> None:
        self.kind, self._write, self._read, self.default = kind, write, read, default

    def check(self, value) -> None:
        if value is None or not isinstance(value, self.kind):
            msg = f"value must be a {self.kind}, got {type(value).__name__} {value!r}"
            raise ValueError(msg) if value is None else TypeError(msg)

    def is_in(self, node, name: str) -> bool:
        return node.HasParameter(name)

    def write(self, node, name: str, value) -> None:
        self.check(value)
        node.SetParameter(name, self._write(value))

    def read(self, node, name: str):
        return self._read(node.GetParameter(name))

    def remove(self, node, name: str) -> None:
        node.UnsetParameter(name)


class _Node:
    """A node, kept as a node reference; the empty text of the same name says that it was set."""

    default = None

    def __init__(self, kind) -> None:
        self.kind = kind

    def check(self, value) -> None:
        if value is not None and not isinstance(value, self.kind):
            msg = f"value must be a {self.kind.__name__} or None, got {type(value).__name__}"
            raise TypeError(msg)

    def is_in(self, node, name: str) -> bool:
        return node.HasParameter(name)

    def write(self, node, name: str, value) -> None:
        self.check(value)
        node.SetParameter(name, "")
        node.SetNodeReferenceID(name, value.GetID() if value is not None else None)

    def read(self, node, name: str):
        return node.GetNodeReference(name)

    def remove(self, node, name: str) -> None:
        node.UnsetParameter(name)
        node.RemoveNodeReferenceIDs(name)


class _Nothing:
    """The value None in a union."""

    kind = type(None)
    default = None

    def check(self, value) -> None:
        if value is not None:
            msg = f"value must be None, got {value!r}"
            raise TypeError(msg)

    def is_in(self, node, name: str) -> bool:
        return node.HasParameter(name)

    def write(self, node, name: str, value) -> None:
        self.check(value)
        node.SetParameter(name, "True")

    def read(self, _node, _name: str):
        return None

    def remove(self, node, name: str) -> None:
        node.UnsetParameter(name)


class _List:
    """A list: its length under NAME.len, its elements under NAME.0, NAME.1 and so on."""

    kind = list
    default = ()

    def __init__(self, element) -> None:
        self._element = element

    def check(self, value) -> None:
        for element in value:
            self._element.check(element)

    def is_in(self, node, name: str) -> bool:
        return node.HasParameter(f"{name}.len")

    def write(self, node, name: str, value) -> None:
        self.check(value)
        with slicer.util.NodeModify(node):
            before = int(node.GetParameter(f"{name}.len") or 0)
            for index, element in enumerate(value):
                self._element.write(node, f"{name}.{index}", element)
            node.SetParameter(f"{name}.len", str(len(value)))
            for index in range(len(value), before):
                self._element.remove(node, f"{name}.{index}")

    def read(self, node, name: str):
        count = int(node.GetParameter(f"{name}.len"))
        return ObservedList(self, node, name, [self._element.read(node, f"{name}.{index}") for index in range(count)])

    def remove(self, node, name: str) -> None:
        for index in range(int(node.GetParameter(f"{name}.len") or 0)):
            self._element.remove(node, f"{name}.{index}")
        node.UnsetParameter(f"{name}.len")


class _Tuple:
    """A tuple of fixed length: its parts under NAME.0, NAME.1 and so on."""

    kind = tuple

    def __init__(self, parts) -> None:
        self._parts = parts
        self.default = tuple(part.default for part in parts)

    def check(self, value) -> None:
        if len(value) != len(self._parts):
            msg = f"value must have {len(self._parts)} parts, got {len(value)}"
            raise ValueError(msg)
        for part, element in zip(self._parts, value, strict=True):
            part.check(element)

    def is_in(self, node, name: str) -> bool:
        return self._parts[0].is_in(node, f"{name}.0")

    def write(self, node, name: str, value) -> None:
        self.check(value)
        with slicer.util.NodeModify(node):
            for index, (part, element) in enumerate(zip(self._parts, value, strict=True)):
                part.write(node, f"{name}.{index}", element)

    def read(self, node, name: str):
        return tuple(part.read(node, f"{name}.{index}") for index, part in enumerate(self._parts))

    def remove(self, node, name: str) -> None:
        for index, part in enumerate(self._parts):
            part.remove(node, f"{name}.{index}")


class _Dict:
    """A dictionary: a list of its pairs."""

    kind = dict

    def __init__(self, pair: _Tuple) -> None:
        self._pairs = _List(pair)

    @property
    def default(self):
        return {}

    def check(self, value) -> None:
        self._pairs.check(list(value.items()))

    def is_in(self, node, name: str) -> bool:
        return self._pairs.is_in(node, name)

    def write(self, node, name: str, value) -> None:
        self._pairs.write(node, name, list(value.items()))

    def read(self, node, name: str):
        return ObservedDict(self, node, name, dict(self._pairs.read(node, name)))

    def remove(self, node, name: str) -> None:
        self._pairs.remove(node, name)


class _Observed:
    """Writes itself back when it is changed. As in Slicer it is no list and no dict, only used like one."""

    def __init__(self, storage, node, name: str, values) -> None:
        self._storage, self._node, self._name, self._values = storage, node, name, values

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._values})"

    def __eq__(self, other) -> bool:
        return self._values == (other._values if isinstance(other, _Observed) else other)

    __hash__ = None

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, key):
        return self._values[key]

    def __setitem__(self, key, value) -> None:
        self._change("__setitem__", key, value)

    def __delitem__(self, key) -> None:
        self._change("__delitem__", key)

    def _change(self, method: str, *arguments):
        values = copy.copy(self._values)
        result = getattr(values, method)(*arguments)
        self._storage.write(self._node, self._name, values)
        self._values = values
        return result


class ObservedList(_Observed, collections.abc.MutableSequence):
    """A list in a parameter node."""

    def insert(self, index, value) -> None:
        self._change("insert", index, value)

    def extend(self, values) -> None:
        self._change("extend", list(values))

    def sort(self, **options) -> None:
        self[:] = sorted(self._values, **options)


class ObservedDict(_Observed):
    """A dictionary in a parameter node. As in Slicer, `get` and `pop` take no default, and there is no `update`."""

    def __contains__(self, key) -> bool:
        return key in self._values

    def __iter__(self):
        return iter(self._values)

    def keys(self):
        return self._values.keys()

    def values(self):
        return self._values.values()

    def items(self):
        return self._values.items()

    def get(self, key):
        return self._values.get(key)

    def pop(self, key):
        return self._change("pop", key)

    def popitem(self):
        return self._change("popitem")

    def clear(self) -> None:
        self._change("clear")


class _Union:
    """One of several types; the type in use is the number behind the name."""

    def __init__(self, parts) -> None:
        self._parts = parts
        self.default = None if any(part.kind is type(None) for part in parts) else parts[0].default

    def check(self, value) -> None:
        self._part(value)

    def _part(self, value) -> int:
        for index, part in enumerate(self._parts):
            if isinstance(value, part.kind):
                part.check(value)
                return index
        msg = f"value {value!r} has none of the types {[part.kind for part in self._parts]}"
        raise TypeError(msg)

    def is_in(self, node, name: str) -> bool:
        return any(part.is_in(node, f"{name}.{index}") for index, part in enumerate(self._parts))

    def write(self, node, name: str, value) -> None:
        index = self._part(value)
        with slicer.util.NodeModify(node):
            self.remove(node, name)
            self._parts[index].write(node, f"{name}.{index}", value)

    def read(self, node, name: str):
        for index, part in enumerate(self._parts):
            if part.is_in(node, f"{name}.{index}"):
                return part.read(node, f"{name}.{index}")
        raise KeyError(name)

    def remove(self, node, name: str) -> None:
        for index, part in enumerate(self._parts):
            part.remove(node, f"{name}.{index}")
