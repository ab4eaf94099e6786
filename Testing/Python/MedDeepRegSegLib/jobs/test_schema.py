import dataclasses
import enum
import json
import math
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.schema import from_json, to_json


class Side(enum.Enum):
    LEFT = "left"
    RIGHT = "right"


@dataclasses.dataclass(frozen=True)
class Settings:
    kind: Literal["rigid", "affine"] = "rigid"
    iterations: int = 10
    side: Side = Side.LEFT


@dataclasses.dataclass(frozen=True)
class Everything:
    image: Path
    mask: Path | None
    name: str
    count: int
    size_mm: float
    fast: bool
    point: tuple[float, float, float]
    points: tuple[tuple[float, float, float], ...]
    weights: dict[str, float]
    limit: int | str | None
    settings: Settings


FINITE = st.floats(allow_nan=False, allow_infinity=False)
POINT = st.tuples(FINITE, FINITE, FINITE)
# "." is what an empty path becomes; a path of a file never holds NUL.
PATH = st.text(st.characters(exclude_characters="\0"), min_size=1).map(Path)
EVERYTHING = st.builds(
    Everything,
    image=PATH,
    mask=st.none() | PATH,
    name=st.text(),
    count=st.integers(),
    size_mm=FINITE,
    fast=st.booleans(),
    point=POINT,
    points=st.lists(POINT, max_size=4).map(tuple),
    weights=st.dictionaries(st.text(), FINITE, max_size=3),
    limit=st.none() | st.integers() | st.text(),
    settings=st.builds(
        Settings, kind=st.sampled_from(["rigid", "affine"]), iterations=st.integers(), side=st.sampled_from(Side)
    ),
)
EXAMPLE = Everything(
    image=Path("a.nrrd"),
    mask=None,
    name="",
    count=1,
    size_mm=1.5,
    fast=True,
    point=(0.0, 1.0, 2.0),
    points=((1.0, 2.0, 3.0),),
    weights={"a": 1.0},
    limit=None,
    settings=Settings(),
)


@given(EVERYTHING)
def test_round_trip_through_json_text(value):
    assert from_json(Everything, json.loads(json.dumps(to_json(value), allow_nan=False))) == value


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"count": True}, "count"),
        ({"count": 1.0}, "count"),
        ({"count": "1"}, "count"),
        ({"size_mm": "1"}, "size_mm"),
        ({"size_mm": math.nan}, "size_mm"),
        ({"size_mm": math.inf}, "size_mm"),
        ({"size_mm": 10**400}, "size_mm"),
        ({"size_mm": None}, "size_mm"),
        ({"fast": 1}, "fast"),
        ({"name": 5}, "name"),
        ({"image": None}, "image"),
        ({"image": ""}, "image"),
        ({"image": "a\0b"}, "image"),
        ({"mask": 3}, "mask"),
        ({"point": [1.0, 2.0]}, "point"),
        ({"point": "abc"}, "point"),
        ({"points": [[1.0, 2.0, None]]}, r"points[0][2]"),
        ({"weights": {"b": "x"}}, "weights['b']"),
        ({"weights": [1]}, "weights"),
        ({"limit": 1.5}, "limit"),
        ({"settings": None}, "settings"),
        ({"settings": {"kind": "elastic", "iterations": 1, "side": "left"}}, "settings.kind"),
        ({"settings": {"kind": "rigid", "iterations": 1, "side": "up"}}, "settings.side"),
        ({"settings": {"kind": "rigid", "iterations": 1}}, "settings.side"),
        ({"extra": 1}, "extra"),
    ],
)
def test_wrong_values_are_refused_and_named(change, names):
    data = {**to_json(EXAMPLE), **change}
    with pytest.raises(InputError) as caught:
        from_json(Everything, data)
    assert str(caught.value).startswith(names)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Everything)])
def test_missing_fields_are_refused_and_named(field):
    data = to_json(EXAMPLE)
    del data[field]
    with pytest.raises(InputError, match=f"^{field}: missing"):
        from_json(Everything, data)


@pytest.mark.parametrize("data", [None, [], "text", 3, True])
def test_other_than_an_object_is_refused(data):
    with pytest.raises(InputError, match="expected an object"):
        from_json(Everything, data)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"size_mm": math.nan}, "size_mm"),
        ({"count": 1.5}, "count"),
        ({"points": [(1.0, 2.0, 3.0)]}, "points"),
        ({"image": "a.nrrd"}, "image"),
        ({"settings": None}, "settings"),
    ],
)
def test_what_cannot_be_read_back_is_not_sent(change, names):
    with pytest.raises(InputError, match=f"^{names}"):
        to_json(dataclasses.replace(EXAMPLE, **change))


def test_scalars_of_numpy_are_sent_as_plain_numbers():
    value = dataclasses.replace(EXAMPLE, count=np.int16(4), size_mm=np.float32(0.5), fast=np.bool_(False))
    data = to_json(value)
    assert (data["count"], data["size_mm"], data["fast"]) == (4, 0.5, False)
    assert type(data["count"]) is int
    assert type(data["fast"]) is bool


def test_value_errors_of_a_dataclass_become_input_errors():
    @dataclasses.dataclass(frozen=True)
    class Positive:
        size: float

        def __post_init__(self):
            if self.size <= 0:
                msg = "size must be positive"
                raise ValueError(msg)

    with pytest.raises(InputError, match="size must be positive"):
        from_json(Positive, {"size": -1})
