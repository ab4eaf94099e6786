import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs import outputs
from MedDeepRegSegLib.jobs.outputs import (
    atomic_folder,
    atomic_path,
    remove_journaled,
    suffix_of,
    write_json,
    write_text,
)


def write_half_and_raise(final, error):
    with atomic_path(final) as temporary:
        temporary.write_text("half")
        raise error


def fill_folder(final, names, error=None):
    with atomic_folder(final) as temporary:
        for name in names:
            (temporary / name).write_text("x")
        if error is not None:
            raise error


def everything_below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*"))


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("a.nii.gz", ".nii.gz"),
        ("A.NII.GZ", ".NII.GZ"),
        ("a.b.seg.nrrd", ".seg.nrrd"),
        ("a.1.nrrd", ".nrrd"),
        ("points.mrk.json", ".mrk.json"),
        (".nii.gz", ".gz"),
        ("plain", ""),
    ],
)
def test_suffix_that_decides_the_format(name, suffix):
    assert suffix_of(Path(name)) == suffix


def test_file_appears_only_when_complete(tmp_path):
    final = tmp_path / "new" / "folder" / "a.seg.nrrd"
    with atomic_path(final) as temporary:
        assert temporary.name.endswith(".seg.nrrd")
        assert temporary.parent == final.parent
        temporary.write_bytes(b"half")
        assert not final.exists()
        temporary.write_bytes(b"whole")
    assert final.read_bytes() == b"whole"
    assert everything_below(tmp_path) == ["new", "new/folder", "new/folder/a.seg.nrrd"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_failure_keeps_the_old_file_and_leaves_nothing(tmp_path, error):
    old = tmp_path / "old.csv"
    old.write_text("old")
    with pytest.raises(error):
        write_half_and_raise(old, error)
    with pytest.raises(error):
        write_half_and_raise(tmp_path / "a" / "b" / "new.csv", error)
    assert everything_below(tmp_path) == ["old.csv"]
    assert old.read_text() == "old"


def test_block_that_writes_nothing_fails(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.csv"):
        pass


def test_folder_is_merged_and_strangers_are_left_alone(tmp_path):
    final = tmp_path / "out"
    (final / "tables").mkdir(parents=True)
    (final / "mine.txt").write_text("mine")
    (final / "tables" / "old.csv").write_text("old")
    (final / "report.html").write_text("old")
    with atomic_folder(final) as temporary:
        (temporary / "report.html").write_text("new")
        (temporary / "tables").mkdir()
        (temporary / "tables" / "new.csv").write_text("new")
        assert (final / "report.html").read_text() == "old"
    assert (final / "report.html").read_text() == "new"
    assert everything_below(final) == ["mine.txt", "report.html", "tables", "tables/new.csv", "tables/old.csv"]
    assert everything_below(tmp_path)[0] == "out"


def test_failing_folder_changes_nothing(tmp_path):
    final = tmp_path / "out"
    with pytest.raises(RuntimeError):
        fill_folder(final, ["report.html"], RuntimeError())
    assert everything_below(tmp_path) == []


def test_folder_in_conflict_moves_nothing(tmp_path):
    final = tmp_path / "out"
    (final / "b").mkdir(parents=True)
    with pytest.raises(InputError, match="in the way"):
        fill_folder(final, ["a", "b"])
    assert everything_below(tmp_path) == ["out", "out/b"]


def test_bad_targets_are_input_errors(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a folder"), atomic_path(tmp_path):
        pass
    with pytest.raises(InputError, match="is a file"), atomic_folder(tmp_path / "file"):
        pass
    with pytest.raises(InputError, match="is a file"), atomic_path(tmp_path / "file" / "a.csv"):
        pass
    with pytest.raises(InputError, match="two files"), atomic_path(tmp_path / "a.mhd"):
        pass
    assert everything_below(tmp_path) == ["file"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="this user may write everywhere")
def test_folder_without_permission_is_an_input_error(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InputError, match="permission"), atomic_path(tmp_path / "a.csv"):
            pass
    finally:
        tmp_path.chmod(0o700)


def test_text_and_json(tmp_path):
    write_text(tmp_path / "a.txt", "ä\nb")
    assert (tmp_path / "a.txt").read_bytes() == "ä\nb".encode()
    write_json(tmp_path / "a.json", {"a": [1, 2.5]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": [1, 2.5]}
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "b.json", {"a": float("nan")})
    assert everything_below(tmp_path) == ["a.json", "a.txt"]


def test_journal_of_a_killed_process_removes_its_leftovers_and_nothing_else(tmp_path):
    script = """
import os, sys
from pathlib import Path
from MedDeepRegSegLib.jobs.outputs import atomic_folder, atomic_path, keep_journal
folder = Path(sys.argv[1])
keep_journal(folder / "journal")
with atomic_path(folder / "a.nii.gz") as one, atomic_folder(folder / "out") as two:
    one.write_text("half")
    (two / "b").write_text("half")
    os._exit(9)
"""
    library = Path(outputs.__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(library)}
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], env=environment, check=False)
    assert len(everything_below(tmp_path)) == 4
    precious = tmp_path / "precious.txt"
    precious.write_text("keep")
    with (tmp_path / "journal").open("a") as journal:
        journal.write(json.dumps(str(precious)) + "\nnonsense\n[]\n")
    remove_journaled(tmp_path / "journal")
    assert everything_below(tmp_path) == ["journal", "precious.txt"]


@pytest.mark.parametrize("name", [".", "./", "", "sub/..", "../here", "new/../other"])
def test_a_folder_may_be_named_by_its_place(tmp_path, monkeypatch, name):
    here = tmp_path / "here"
    (here / "sub").mkdir(parents=True)
    monkeypatch.chdir(here)
    fill_folder(name, ["a.txt"])
    assert (Path(name) / "a.txt").is_file()
    assert not [path for path in everything_below(tmp_path) if "partial" in path]
    fill_folder(Path(name), ["a.txt"])
    assert (Path(name) / "a.txt").is_file()


def test_a_file_beside_which_the_process_moves_away(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with atomic_path(Path("a.txt")) as temporary:
        temporary.write_text("x")
        monkeypatch.chdir(tmp_path / "elsewhere")
    assert everything_below(tmp_path) == ["a.txt", "elsewhere"]


def test_the_folder_itself_is_no_file_to_write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="is a folder"), atomic_path(Path(".")):
        pass
