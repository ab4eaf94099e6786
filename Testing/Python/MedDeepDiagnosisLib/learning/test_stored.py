"""Arrays of a model folder."""

import numpy as np
import pytest

from MedDeepDiagnosisLib.learning.stored import StoredArrays, prefixed
from MedDeepRegSegLib.errors import InputError

ARRAYS = StoredArrays(prefixed("a", prefixed("b", {"x": np.arange(6).reshape(2, 3), "bad": np.array([np.inf])})))


def test_arrays_are_found_by_part_and_shape():
    part = ARRAYS.within("a").within("b")
    assert part.has("x")
    assert not part.has("y")
    assert part.get("x", None, 3).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert part.indices("x", 2, 3, below=6).dtype == np.int64


@pytest.mark.parametrize(("name", "shape"), [("y", (2, 3)), ("x", (3, 3)), ("x", (6,)), ("bad", (1,))])
def test_arrays_that_do_not_fit_are_refused(name, shape):
    with pytest.raises(InputError, match=f"a/b/{name}"):
        ARRAYS.within("a").within("b").get(name, *shape)


def test_indices_must_be_whole_and_in_range():
    part = ARRAYS.within("a").within("b")
    with pytest.raises(InputError, match="points to what is not there"):
        part.indices("x", 2, 3, below=5)
    with pytest.raises(InputError, match="points to what is not there"):
        StoredArrays({"x": np.array([0.5])}).indices("x", 1, below=2)


def test_divisors_must_be_above_0():
    assert StoredArrays({"x": np.array([0.5])}).divisors("x", 1).tolist() == [0.5]
    for bad in (0.0, -1.0):
        with pytest.raises(InputError, match="x of the weights divides by what is not above 0"):
            StoredArrays({"x": np.array([1.0, bad])}).divisors("x", 2)
