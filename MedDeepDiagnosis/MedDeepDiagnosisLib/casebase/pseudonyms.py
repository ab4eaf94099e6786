"""Stable pseudonyms: a keyed hash of a patient's identifier.

Who has the database alone cannot try identifiers until one fits: that takes the key, which lies beside the database in a
file that only its owner can read, and is left out when the database is handed on.
"""

import base64
import contextlib
import hashlib
import hmac
import os
import re
import secrets
import stat
from pathlib import Path

from MedDeepRegSegLib.errors import InputError

_BYTES = 32
_LENGTH = 12
"""Letters of a pseudonym, 5 bits each: for a million patients the chance that two share one is below one in a million."""
_FORM = re.compile(rf"P-[A-Z2-7]{{{_LENGTH}}}")


class Pseudonyms:
    """Names for patients and cases, made with one key.

    Parameters
    ----------
    key:
        32 random bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def patient(self, identifier: str) -> str:
        """Return the pseudonym of a patient, for example ``P-7XK2QJ4MZAB3``; the same for the same identifier."""
        digest = self._digest("patient", identifier)
        return "P-" + base64.b32encode(digest).decode()[:_LENGTH]

    def lookup(self, case: str) -> str:
        """Return the hash by which a case is found under the name it had in its source."""
        return self._digest("case", case.strip()).hex()[:32]

    @property
    def check(self) -> str:
        """A text that tells this key from others and does not say it."""
        return self._digest("check", "").hex()[:16]

    def _digest(self, what: str, text: str) -> bytes:
        return hmac.new(self._key, f"{what}\0{text}".encode(), hashlib.sha256).digest()


def is_public_identifier(patient: str) -> bool:
    """Return whether an identifier is one of a public collection: it is a pseudonym already and is kept.

    Patients of LIDC-IDRI who are kept back for evaluation must be known as such.
    """
    return patient.startswith("LIDC-IDRI-")


def is_pseudonym(patient: str) -> bool:
    """Return whether a name is a pseudonym already, as in a table that was exported: it is kept."""
    return _FORM.fullmatch(patient) is not None


def load_key(path: Path, *, create: bool) -> bytes:
    """Read the key of a case base, or make it.

    Parameters
    ----------
    path:
        A text file with 64 hexadecimal digits, readable by its owner only.
    create:
        Make it where it is absent.

    Raises
    ------
    InputError
        If it is absent and not to be made, is no key, or others may read it.
    """
    if create and not path.exists():
        _write_key(path)
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii").strip()
        key = bytes.fromhex(text)
    except FileNotFoundError as error:
        msg = f"the key of the pseudonyms {path} is not there: put it back beside the case base, new names would not fit the old"
        raise InputError(msg) from error
    except (OSError, ValueError) as error:
        msg = f"the key of the pseudonyms {path} cannot be read ({error}), expected {2 * _BYTES} hexadecimal digits"
        raise InputError(msg) from error
    if len(key) != _BYTES:
        msg = f"the key of the pseudonyms {path} has {len(key)} bytes, expected {_BYTES}: put the right file back"
        raise InputError(msg)
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        msg = f"the key of the pseudonyms {path} can be read by others, expected by its owner only: chmod 600 {path.name}, or keep it elsewhere (--key FILE)"
        raise InputError(msg)
    return key


def _put_in_place(temporary: Path, path: Path) -> None:
    """Give a file its name; raises FileExistsError where the name is taken."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a disk without links, as exFAT
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(temporary.read_bytes())


def _write_key(path: Path) -> None:
    """Put a new key there whole, unless another process was first."""
    temporary = path.with_name(f".{path.name}.partial-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_bytes(_BYTES).hex() + "\n")
        # A link fails where the name is taken, in one step; a rename would replace the other's key.
        with contextlib.suppress(FileExistsError):
            _put_in_place(temporary, path)
    except OSError as error:
        msg = f"cannot write the key of the pseudonyms {path}: {error.strerror or error}; choose a folder you may write to"
        raise InputError(msg) from error
    finally:
        temporary.unlink(missing_ok=True)
