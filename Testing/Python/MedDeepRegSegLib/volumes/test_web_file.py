"""One file from the web: whole or an error. The server runs in the test: no network."""

import contextlib
import http.server
import threading

import pytest

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.volumes.web_file import download_file

DATA = bytes(range(256)) * 1000


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/missing":
            self.send_error(404)
            return
        self.send_response(200)
        self.end_headers()  # no length is told, as a server may do
        with contextlib.suppress(OSError):  # the test may hang up
            self.wfile.write(DATA[: len(DATA) // 2] if self.path == "/short" else DATA)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def server():
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


def test_the_file_comes_whole_with_progress(server, tmp_path):
    told = []
    download_file(f"{server}/file", tmp_path / "f", size_bytes=len(DATA), progress=told.append)
    assert (tmp_path / "f").read_bytes() == DATA
    assert told == sorted(told)
    assert told[-1] == 1.0


@pytest.mark.parametrize(
    ("path", "size", "message"),
    [
        ("/short", len(DATA), f"gave {len(DATA) // 2} bytes, expected {len(DATA)}"),
        ("/file", 1000, "gave more bytes, expected 1000"),
        ("/missing", len(DATA), "answers 404"),
    ],
)
def test_what_is_wrong_is_told(server, tmp_path, path, size, message):
    with pytest.raises(InputError, match=message):
        download_file(server + path, tmp_path / "f", size_bytes=size)
    # An answer without an end does not fill the disk.
    assert (tmp_path / "f").stat().st_size <= max(size, 0)


def test_no_server_and_no_address_are_told(tmp_path):
    with pytest.raises(InputError, match="cannot be reached"):
        download_file("http://127.0.0.1:9/file", tmp_path / "f", size_bytes=1, timeout_s=2)
    with pytest.raises(InputError, match="is no web address"):
        download_file("file:///etc/hostname", tmp_path / "f", size_bytes=1)


def test_cancel_ends_it(server, tmp_path):
    token = CancelToken()
    with pytest.raises(Canceled):
        download_file(
            f"{server}/file", tmp_path / "f", size_bytes=len(DATA), progress=lambda _: token.cancel(), cancel=token
        )
