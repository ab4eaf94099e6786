import os

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.features.cache import FeatureCache, content_key, user_cache

ARRAYS = {"local": np.arange(1000, dtype=np.float32), "context": np.ones((2, 3), np.float16)}


def aged(cache, key, seconds):
    os.utime(cache.folder / f"{key}.npz", (seconds, seconds))


def test_gives_back_what_was_kept(tmp_path):
    cache = FeatureCache(tmp_path / "new")
    assert cache.get("a") is None
    assert cache.keep("a", ARRAYS)
    found = cache.get("a")
    assert {name: array.dtype for name, array in found.items()} == {"local": np.float32, "context": np.float16}
    np.testing.assert_array_equal(found["local"], ARRAYS["local"])
    cache.clear()
    assert cache.get("a") is None


def test_least_recently_used_goes_first(tmp_path):
    cache = FeatureCache(tmp_path, largest_bytes=10_500)  # two entries of about 4.5 kB
    for age, key in enumerate("ab"):
        cache.keep(key, ARRAYS)
        aged(cache, key, 1000 + age)
    cache.get("a")  # now b is the oldest
    cache.keep("c", ARRAYS)
    assert cache.get("b") is None
    assert cache.get("a") is not None
    assert cache.get("c") is not None


def test_what_is_larger_than_the_folder_is_not_kept(tmp_path):
    cache = FeatureCache(tmp_path, largest_bytes=1000)
    assert not cache.keep("a", ARRAYS)
    assert not list(tmp_path.iterdir())
    assert not FeatureCache(tmp_path, largest_bytes=0).keep("a", {"local": np.zeros(0)})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["cut", "flipped", "text", "pickle"])
def test_damaged_entries_are_none_and_go(tmp_path, damage):
    cache = FeatureCache(tmp_path)
    cache.keep("a", ARRAYS)
    path = tmp_path / "a.npz"
    content = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        content[1500] ^= 0xFF
        path.write_bytes(content)
    elif damage == "text":
        path.write_text("no archive")
    else:
        np.savez(path, local=np.array([{"a": 1}], dtype=object))
    assert cache.get("a") is None
    assert not path.exists()
    assert cache.keep("a", ARRAYS)
    assert cache.get("a") is not None


def test_folder_that_cannot_be_made_is_no_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert not FeatureCache(tmp_path / "file" / "cache").keep("a", ARRAYS)


def test_key_depends_on_voxels_type_geometry_and_facts():
    image = sitk.Image([3, 4, 5], sitk.sitkInt16)
    other = sitk.Image(image)
    other[1, 1, 1] = 1
    moved = sitk.Image(image)
    moved.SetOrigin((0, 0, 1e-9))
    keys = [
        content_key(image, 2.0, "torch"),
        content_key(other, 2.0, "torch"),
        content_key(moved, 2.0, "torch"),
        content_key(sitk.Cast(image, sitk.sitkUInt16), 2.0, "torch"),
        content_key(image, 1.0, "torch"),
        content_key(image, 2.0, "openvino"),
    ]
    assert len(set(keys)) == len(keys)
    assert content_key(sitk.Image(image), 2.0, "torch") == keys[0]


def test_user_cache_lies_beside_the_samples(tmp_path, monkeypatch):
    assert user_cache().folder == tmp_path / "cache" / "features"
    monkeypatch.setenv("MEDDEEP_FEATURE_CACHE_GB", "0.5")
    assert user_cache().largest_bytes == 500_000_000
    for wrong in ("much", "inf", "nan"):
        monkeypatch.setenv("MEDDEEP_FEATURE_CACHE_GB", wrong)
        with pytest.raises(InputError, match="gigabytes"):
            user_cache()
