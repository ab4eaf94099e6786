"""A model as a folder that anyone can read, check and pass on: no pickle, nothing that runs code.

``model.json``
    What the model is, and the SHA-256 of the weights.
``model.safetensors``
    The numbers. Its header holds the SHA-256 of the description, so neither file can be changed alone.
``MODEL_CARD.md``
    The same for people.

The seal shows damage and mix-ups. It is no signature: whoever writes both files anew can seal them anew, so what is
read is bounded and checked all the same.
"""

import hashlib
import json
import typing
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np

from MedDeepRegSegLib.errors import InputError, MissingPackageError
from MedDeepRegSegLib.jobs.outputs import atomic_folder, write_json, write_text
from MedDeepRegSegLib.jobs.schema import from_json, to_json

WEIGHTS_FILE = "model.safetensors"
DESCRIPTION_FILE = "model.json"
CARD_FILE = "MODEL_CARD.md"

_HEADER_KEY = "description_sha256"
_LARGEST_DESCRIPTION = 4 * 2**20
_LARGEST_HEADER = 2**20
_LARGEST_WEIGHTS = 512 * 2**20


class Sealable(Protocol):
    """A frozen dataclass with the field ``weights_sha256``; ``format`` and ``format_version`` are Literals, if any."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def weights_sha256(self) -> str:
        """SHA-256 of the file of weights, in hexadecimal."""


D = TypeVar("D", bound=Sealable)


def write_sealed(
    folder: Path,
    arrays: Mapping[str, np.ndarray],
    description: D,
    card: str,
    *,
    texts: Mapping[str, str] | None = None,
) -> D:
    """Write a model folder, whole or not at all, and return the description with the hash of the weights set.

    ``texts`` are further files for people, by name.
    """
    weights = _to_bytes(arrays, {_HEADER_KEY: _seal(description)})
    sealed = replace(description, weights_sha256=hashlib.sha256(weights).hexdigest())
    with atomic_folder(folder) as temporary:
        (temporary / WEIGHTS_FILE).write_bytes(weights)
        write_json(temporary / DESCRIPTION_FILE, to_json(sealed))
        write_text(temporary / CARD_FILE, card)
        for name, text in (texts or {}).items():
            write_text(temporary / name, text)
    return sealed


def read_sealed(folder: Path, cls: type[D], *, hint: str) -> tuple[D, dict[str, np.ndarray]]:
    """Read a model folder and verify that its two files are whole and belong together.

    Parameters
    ----------
    folder:
        Holds ``model.json`` and ``model.safetensors``.
    cls:
        Type of the description.
    hint:
        How to get such a folder, to say where one is missing.

    Raises
    ------
    InputError
        If a file is missing, damaged or too large, was changed after it was written, belongs to another model, or has
        a format that this version does not know.
    MissingPackageError
        If safetensors is not installed.
    """
    folder = Path(folder)
    for name in (DESCRIPTION_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            msg = f"{folder} is not a model folder: {name} is missing; {hint}"
            raise InputError(msg)
    description = _read_description(folder / DESCRIPTION_FILE, cls)
    path = folder / WEIGHTS_FILE
    weights = _read_bytes(path, _LARGEST_WEIGHTS)
    if hashlib.sha256(weights).hexdigest() != description.weights_sha256:
        msg = (
            f"{path} is not the file that {DESCRIPTION_FILE} names (SHA-256 differs): it was changed "
            "or belongs to another model; get the model again"
        )
        raise InputError(msg)
    if _metadata(weights, path).get(_HEADER_KEY) != _seal(description):
        msg = f"{folder / DESCRIPTION_FILE} was changed after the model was written; get the model again"
        raise InputError(msg)
    return description, _from_bytes(weights, path)


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """Read a file of weights that has no description beside it.

    Raises
    ------
    InputError
        If it is missing, damaged or too large.
    MissingPackageError
        If safetensors is not installed.
    """
    weights = _read_bytes(path, _LARGEST_WEIGHTS)
    _metadata(weights, path)  # refuses a header without bounds
    return _from_bytes(weights, path)


def _seal(description: Sealable) -> str:
    """Return the hash of a description, whatever the hash of the weights in it."""
    data = to_json(replace(description, weights_sha256=""))
    canonical = json.dumps(data, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _read_description(path: Path, cls: type[D]) -> D:
    content = _read_bytes(path, _LARGEST_DESCRIPTION)
    try:
        data = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _invalid(path, error) from error
    _check_format(path, data, cls)
    try:
        return from_json(cls, data)
    except InputError as error:
        raise _invalid(path, error) from error


def _check_format(path: Path, data: Any, cls: type[Sealable]) -> None:
    """Tell a model of another kind or of another version from a damaged one."""
    if not isinstance(data, dict):
        return
    hints = typing.get_type_hints(cls)
    kinds, versions = typing.get_args(hints.get("format")), typing.get_args(hints.get("format_version"))
    kind, version = data.get("format"), data.get("format_version")
    if kinds and isinstance(kind, str) and kind not in kinds:
        msg = f"{path} describes a model of format {kind[:60]!r}, expected {kinds[0]!r}: choose the folder of such a model"
        raise InputError(msg)
    if versions and type(version) is int and version not in versions:
        remedy = "update MedDeep" if version > max(versions) else "get the model again"
        msg = f"{path} is of format version {str(version)[:20]}, expected {versions[0]}: {remedy}"
        raise InputError(msg)


def _read_bytes(path: Path, largest: int) -> bytes:
    try:
        size = path.stat().st_size
        if size > largest:
            msg = f"{path} has {size / 2**20:.0f} MB, expected at most {largest / 2**20:.0f} MB: it is not a file of a model"
            raise InputError(msg)
        return path.read_bytes()
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror or error}): check the file and its permissions"
        raise InputError(msg) from error


def _metadata(weights: bytes, path: Path) -> dict[str, Any]:
    """Return what the header of a safetensors file says beside its tensors."""
    length = int.from_bytes(weights[:8], "little")
    if length > _LARGEST_HEADER:
        msg = f"{path} is not a file of weights: its header has {length} bytes, expected at most {_LARGEST_HEADER}"
        raise InputError(msg)
    try:
        metadata = json.loads(weights[8 : 8 + length].decode("utf-8")).get("__metadata__", {})
        return dict(metadata)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _not_safetensors(path, error) from error


def _from_bytes(weights: bytes, path: Path) -> dict[str, np.ndarray]:
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load
    except ImportError as error:
        raise _missing_safetensors() from error
    try:
        return load(weights)
    except KeyError as error:  # a type of number that numpy does not know, as bfloat16
        msg = f"{path} holds numbers of type {error.args[0]}, which MedDeep does not read; get the model again"
        raise InputError(msg) from error
    except (SafetensorError, ValueError, TypeError) as error:
        raise _not_safetensors(path, error) from error


def _to_bytes(arrays: Mapping[str, np.ndarray], metadata: dict[str, str]) -> bytes:
    try:
        from safetensors.numpy import save
    except ImportError as error:
        raise _missing_safetensors() from error
    return save(dict(arrays), metadata=metadata)


def _invalid(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} is not a valid model description: {_line(error)}")


def _not_safetensors(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} is not a safetensors file: {_line(error)}; get the model again")


def _line(error: Exception) -> str:
    """Return the words of an error as one line: names in a file may hold line ends."""
    return " ".join(str(error).split())


def _missing_safetensors() -> MissingPackageError:
    return MissingPackageError("models need the package safetensors: install it with 'pip install safetensors'")
