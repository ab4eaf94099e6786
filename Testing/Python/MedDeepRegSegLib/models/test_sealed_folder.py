"""The seal of a model folder: what was changed, damaged or mixed up is refused, whatever the kind of model."""

import hashlib
import json
import os
import pickle
import shutil
import sys
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from MedDeepRegSegLib.errors import InputError, MissingPackageError
from MedDeepRegSegLib.models import sealed_folder
from MedDeepRegSegLib.models.sealed_folder import read_sealed, write_sealed


@dataclass(frozen=True)
class Note:
    """A description of the least kind."""

    format: Literal["toy"]
    format_version: Literal[2]
    text: str
    number: float
    weights_sha256: str = ""


NOTE = Note("toy", 2, "some words", 0.1)
ARRAYS = {"a": np.arange(6, dtype=np.float16).reshape(2, 3), "b": np.array(0.25, dtype=np.float64)}


@pytest.fixture
def sealed(tmp_path):
    write_sealed(tmp_path / "model", ARRAYS, NOTE, "card\n")
    return tmp_path / "model"


def read(folder):
    return read_sealed(folder, Note, hint="make one")


def refused(folder, match):
    with pytest.raises(InputError, match=match) as caught:
        read(folder)
    assert "\n" not in str(caught.value)


def name_weights(folder, content):
    """Put other weights into the folder, with the right SHA-256 in the description."""
    (folder / "model.safetensors").write_bytes(content)
    data = json.loads((folder / "model.json").read_text())
    data["weights_sha256"] = hashlib.sha256(content).hexdigest()
    (folder / "model.json").write_text(json.dumps(data))


def test_what_is_written_is_read(sealed):
    description, arrays = read(sealed)
    assert (description.text, description.number) == ("some words", 0.1)
    assert description.weights_sha256 == hashlib.sha256((sealed / "model.safetensors").read_bytes()).hexdigest()
    assert arrays.keys() == ARRAYS.keys()
    for name, array in arrays.items():
        assert array.dtype == ARRAYS[name].dtype
        assert np.array_equal(array, ARRAYS[name])


def test_folder_holds_three_files_and_the_same_bytes_each_time(sealed, tmp_path):
    assert sorted(path.name for path in sealed.iterdir()) == ["MODEL_CARD.md", "model.json", "model.safetensors"]
    write_sealed(tmp_path / "again", ARRAYS, NOTE, "card\n")
    for path in sealed.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_layout_of_the_description_does_not_matter(sealed):
    path = sealed / "model.json"
    path.write_text(json.dumps(dict(reversed(json.loads(path.read_text()).items()))))
    assert read(sealed)[0].text == "some words"


def test_failed_write_leaves_the_old_model(sealed):
    before = (sealed / "model.json").read_bytes()
    with pytest.raises(ValueError, match="finite"):
        write_sealed(sealed, ARRAYS, Note("toy", 2, "other", float("nan")), "card")
    assert (sealed / "model.json").read_bytes() == before
    assert read(sealed)[0].text == "some words"


@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
def test_missing_file_is_refused(sealed, name):
    (sealed / name).unlink()
    refused(sealed, rf"{name} is missing; make one")
    (sealed / name).mkdir()
    refused(sealed, rf"{name} is missing; make one")


@effort(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_changed_byte_goes_unseen(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bytes") / "model"
    write_sealed(folder, ARRAYS, NOTE, "card")
    original = read(folder)[0]
    name = data.draw(st.sampled_from(["model.json", "model.safetensors"]))
    content = bytearray((folder / name).read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    (folder / name).write_bytes(content)
    try:
        description = read(folder)[0]
    except InputError:
        pass
    else:  # white space between the fields
        assert name == "model.json"
        assert description == original
    shutil.rmtree(folder)


@pytest.mark.parametrize("kept", [0, 7, 100, -1])
def test_truncated_weights_are_refused(sealed, kept):
    path = sealed / "model.safetensors"
    content = path.read_bytes()[:kept]
    path.write_bytes(content)
    refused(sealed, "SHA-256 differs")
    name_weights(sealed, content)
    refused(sealed, "is not a safetensors file|was changed after")


def test_weights_of_another_model_are_refused(sealed, tmp_path):
    write_sealed(tmp_path / "other", ARRAYS, Note("toy", 2, "other words", 0.1), "card")
    content = (tmp_path / "other" / "model.safetensors").read_bytes()
    (sealed / "model.safetensors").write_bytes(content)
    refused(sealed, "SHA-256 differs")
    name_weights(sealed, content)
    refused(sealed, "model.json was changed after the model was written")


def test_changed_description_is_refused(sealed):
    path = sealed / "model.json"
    path.write_text(path.read_text().replace("some words", "fine words"))
    refused(sealed, "model.json was changed after the model was written")


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_pickle_under_another_name_is_refused_and_not_run(sealed, tmp_path):
    sprung = tmp_path / "sprung"
    name_weights(sealed, pickle.dumps(Trap(sprung)))
    refused(sealed, "header has|is not a safetensors file")
    assert not sprung.exists()
    (sealed / "model.json").write_bytes(pickle.dumps(Trap(sprung)))
    refused(sealed, "is not a valid model description")
    assert not sprung.exists()


def test_oversized_files_and_headers_are_refused(sealed, monkeypatch):
    header = b'{"__metadata__":{"description_sha256":"' + b"x" * 2**20 + b'"}}'
    name_weights(sealed, len(header).to_bytes(8, "little") + header)
    refused(sealed, "its header has 1048618 bytes, expected at most 1048576")
    name_weights(sealed, (2**63).to_bytes(8, "little") + b"{}")
    refused(sealed, "its header has")
    monkeypatch.setattr(sealed_folder, "_LARGEST_WEIGHTS", 5)
    refused(sealed, "expected at most 0 MB")
    with (sealed / "model.json").open("ab") as file:
        file.truncate(5 * 2**20)
    refused(sealed, "model.json has 5 MB, expected at most 4 MB")


@pytest.mark.parametrize("header", [b"[]", b"[" * 100_000, b'{"__metadata__": 3}', b'{"a": 1}', b"\xff", b""])
def test_odd_headers_are_refused(sealed, header):
    name_weights(sealed, len(header).to_bytes(8, "little") + header)
    refused(sealed, "is not a safetensors file|was changed after")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"{", "not a valid model description"),
        (b"\xff\xfe", "not a valid model description"),
        (b"[" * 100_000, "not a valid model description"),
        (b"[]", "not a valid model description"),
        (b"{}", "format: missing field"),
        (b'{"fo\\nrmat": 1}', "unknown field"),
        (b'{"format": "toy", "format_version": 3, "shape": 1}', "of format version 3, expected 2: update MedDeep"),
        (b'{"format": "toy", "format_version": 1}', "of format version 1, expected 2: get the model again"),
        (b'{"format": "toy", "format_version": true}', "missing field"),
        (b'{"format": "car", "format_version": 9}', "of format 'car', expected 'toy'"),
        (b'{"format": ["toy"]}', "missing field"),
    ],
)
def test_odd_descriptions_are_refused(sealed, content, match):
    (sealed / "model.json").write_bytes(content)
    refused(sealed, match)


def test_number_that_is_none_is_refused(sealed):
    path = sealed / "model.json"
    path.write_text(path.read_text().replace("0.1", "NaN"))
    refused(sealed, "number: expected a finite number")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read every file")
def test_unreadable_file_is_refused(sealed):
    (sealed / "model.safetensors").chmod(0)
    refused(sealed, "cannot be read")


def test_missing_package_says_what_to_do(sealed, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(MissingPackageError, match="pip install safetensors"):
        read(sealed)
