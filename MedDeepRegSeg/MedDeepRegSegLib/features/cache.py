"""Features that were computed before, kept on disk.

An entry is found by what it was computed from: voxels and geometry of the image, weights, working voxel size, backend.
What was not used for longest goes first when the folder gets too large. A damaged entry is the same as none.

The entries derive from images of patients and lie in the user's own cache folder; they hold no names.
``MEDDEEP_FEATURE_CACHE_GB`` sets the size of the folder, 0 switches it off.
"""

import hashlib
import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import atomic_path
from MedDeepRegSegLib.volumes.samples import sample_cache

SIZE_VARIABLE = "MEDDEEP_FEATURE_CACHE_GB"

_DEFAULT_GB = 2.0
_SUFFIX = ".npz"


@dataclass(frozen=True)
class FeatureCache:
    """A folder of features.

    Attributes
    ----------
    folder : Path
        Is created when the first entry is kept.
    largest_bytes : int
        Entries beyond this are removed, least recently used first. 0 keeps nothing.
    """

    folder: Path
    largest_bytes: int = int(_DEFAULT_GB * 1e9)

    def get(self, key: str) -> dict[str, np.ndarray] | None:
        """Return the arrays kept under a key, or None. An entry that cannot be read is removed."""
        path = self._path(key)
        if self.largest_bytes <= 0 or not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}  # reading checks the sums of the archive
            os.utime(path)
        except (
            OSError,
            ValueError,
            KeyError,
            EOFError,
            zipfile.BadZipFile,
            zlib.error,
            NotImplementedError,
            MemoryError,
        ):
            _remove(path)
            return None
        return arrays

    def keep(self, key: str, arrays: Mapping[str, np.ndarray]) -> bool:
        """Keep arrays under a key, and return whether that was possible; a full disk is no reason to fail."""
        if self.largest_bytes <= 0 or sum(array.nbytes for array in arrays.values()) > self.largest_bytes:
            return False
        try:
            with atomic_path(self._path(key)) as temporary:
                np.savez(temporary, **dict(arrays))  # type: ignore[arg-type]
        except (OSError, InputError):
            return False
        self._trim(keep=self._path(key))
        return True

    def clear(self) -> None:
        """Remove all entries."""
        for path in self.folder.glob(f"[!.]*{_SUFFIX}"):
            _remove(path)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{_SUFFIX}"

    def _trim(self, *, keep: Path) -> None:
        """Remove the entries used least recently until the rest fits."""
        entries = []
        for path in self.folder.glob(f"[!.]*{_SUFFIX}"):  # another process may be writing an entry of a hidden name
            try:
                state = path.stat()
            except OSError:  # another process removed it
                continue
            entries.append((path != keep, -state.st_mtime_ns, path, state.st_size))
        total = 0
        for _, _, path, size in sorted(entries):  # the new entry, then from the latest to the oldest
            total += size
            if total > self.largest_bytes:
                _remove(path)


def user_cache() -> FeatureCache:
    """Return the cache in the user's cache folder (see :func:`~MedDeepRegSegLib.volumes.samples.sample_cache`).

    Raises
    ------
    InputError
        If ``MEDDEEP_FEATURE_CACHE_GB`` is no number.
    """
    text = os.environ.get(SIZE_VARIABLE, "").strip()
    try:
        size = float(text) if text else _DEFAULT_GB
        largest = int(size * 1e9)
    except (ValueError, OverflowError):
        msg = f"{SIZE_VARIABLE} is {text[:40]!r}, expected a number of gigabytes, 0 for none: correct or unset it"
        raise InputError(msg) from None
    return FeatureCache(sample_cache().parent / "features", largest)


def content_key(image: sitk.Image, *facts: object) -> str:
    """Return the key of an image and of facts that the result depends on: 64 hexadecimal digits.

    Parameters
    ----------
    image : SimpleITK.Image
        Its voxels, their type and its geometry count.
    facts
        Anything whose ``repr`` says all about it: numbers, texts.
    """
    digest = hashlib.sha256()
    geometry = (
        image.GetPixelIDTypeAsString(),
        image.GetSize(),
        image.GetSpacing(),
        image.GetOrigin(),
        image.GetDirection(),
    )
    digest.update(repr((geometry, facts)).encode())
    digest.update(np.ascontiguousarray(sitk.GetArrayViewFromImage(image)).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return  # open in another process: it goes another time
