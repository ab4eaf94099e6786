"""Download one file of known size from the web. Proxies of the environment hold (``HTTPS_PROXY``)."""

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken

_PIECE_BYTES = 64 * 1024
_TIMEOUT_S = 20.0


def download_file(
    url: str,
    target: Path,
    *,
    size_bytes: int,
    progress: Callable[[float], None] | None = None,
    cancel: CancelToken | None = None,
    timeout_s: float = _TIMEOUT_S,
) -> None:
    """Download a file.

    Parameters
    ----------
    url:
        Address, https or http.
    target:
        File to write; on an error a part of it may be left.
    size_bytes:
        Size it must have, so that no endless answer fills the disk.
    progress:
        Gets the fraction that has come.
    timeout_s:
        How long to wait for the server, seconds; a cancel is seen between two pieces.

    Raises
    ------
    InputError
        If the address is none of the web, the server cannot be reached or refuses, or the size differs.
    OSError
        If the file cannot be written.
    Canceled
        If ``cancel`` was set.
    """
    if not url.startswith(("https://", "http://")):
        msg = f"{url!r} is no web address, expected https://"
        raise InputError(msg)
    count = 0
    with target.open("wb") as file:
        try:
            with urllib.request.urlopen(url, timeout=timeout_s) as answer:
                while piece := answer.read(_PIECE_BYTES):
                    if cancel is not None:
                        cancel.raise_if_canceled()
                    count += len(piece)
                    if count > size_bytes:
                        break
                    file.write(piece)
                    if progress is not None:
                        progress(count / size_bytes)
        except urllib.error.HTTPError as error:
            msg = f"{url} answers {error.code} {error.reason}: it was withdrawn, or your proxy refuses it"
            raise InputError(msg) from error
        except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            msg = f"{url} cannot be reached ({reason}): connect to the internet, or set HTTPS_PROXY"
            raise InputError(msg) from error
    if count != size_bytes:
        msg = f"{url} gave {count if count < size_bytes else 'more'} bytes, expected {size_bytes}: try again"
        raise InputError(msg)
