"""Files that are none, drivers that are absent, and readers beside a writer."""

import multiprocessing
import os
import sqlite3
import time
from contextlib import closing

import pytest

from MedDeepDiagnosisLib.casebase import database as module
from MedDeepDiagnosisLib.casebase import open_case_base
from MedDeepRegSegLib.errors import InputError, MissingPackageError


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nosuchbase://x", "nosuchbase: not a database that can be used"),
        ("postgresql+nosuchdriver://u:secret@h/x", "not a database that can be used"),
        ("://", "not a database that can be used"),
    ],
)
def test_urls_that_mean_nothing_are_refused(url, message):
    with pytest.raises(InputError, match=message) as told:
        open_case_base(url)
    assert "secret" not in str(told.value)


def test_a_missing_driver_is_named():
    with pytest.raises(MissingPackageError, match="needs the package pymysql: install it with 'pip install pymysql'"):
        open_case_base("mysql+pymysql://u@h/x")


def test_reading_an_absent_file_is_refused_and_makes_none(file, pathology):
    with open_case_base(file) as base, pytest.raises(InputError, match="does not exist"):
        base.rows(pathology)
    assert not file.exists()


def test_an_empty_file_holds_nothing_yet(file, pathology, rows):
    file.touch()
    with open_case_base(file) as base:
        with pytest.raises(InputError, match="holds nothing yet"):
            base.rows(pathology)
        assert base.import_rows(rows, pathology).new_cases == 3


def test_a_folder_and_files_of_something_else_are_refused(tmp_path, pathology, rows):
    with open_case_base(tmp_path) as base, pytest.raises(InputError, match="is a folder"):
        base.import_rows(rows, pathology)
    other = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(other)) as database:
        database.execute("CREATE TABLE scans (id INTEGER)")
    with open_case_base(other) as base, pytest.raises(InputError, match=r"something else \(it holds scans\)"):
        base.import_rows(rows, pathology)
    (tmp_path / "text.sqlite").write_text("patient,size\n" * 100)
    with open_case_base(tmp_path / "text.sqlite") as base, pytest.raises(InputError, match="damaged or no SQLite file"):
        base.cases()


def test_a_damaged_file_is_refused(filled, file, pathology):
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(file.read_bytes())
    content[4096:] = b"\x55" * (len(content) - 4096)
    file.write_bytes(content)
    with open_case_base(file) as base, pytest.raises(InputError, match="damaged"):
        base.rows(pathology)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_may_only_be_read_is_refused(filled, file, pathology, rows):
    file.chmod(0o400)
    with pytest.raises(InputError, match="cannot be written"):
        filled.import_rows([dict(rows[0], case="new")], pathology)


def test_a_writer_waits_for_another_and_then_says_so(filled, file, pathology, rows, monkeypatch):
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.2)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        start = time.monotonic()
        with pytest.raises(InputError, match="is in use"):
            filled.import_rows([dict(rows[0], case="new")], pathology)
        assert time.monotonic() - start > 0.15
        assert len(filled.cases()) == 3, "readers do not wait"
        other.execute("ROLLBACK")
    assert filled.import_rows([dict(rows[0], case="new")], pathology).new_cases == 1


def test_a_block_that_fails_leaves_nothing(filled, file, contents):
    from sqlalchemy import text

    before = contents(file)
    with pytest.raises(RuntimeError), filled.database.writing() as connection:  # noqa: PT012
        connection.execute(text("DELETE FROM outcomes"))
        raise RuntimeError("stop")
    assert contents(file) == before


def _processes():
    """Return how to start processes: those that need no new imports, where there are such."""
    methods = multiprocessing.get_all_start_methods()
    return multiprocessing.get_context("fork" if "fork" in methods else "spawn")


def _write(path, pathology, worker, count):
    with open_case_base(path) as base:
        for number in range(count):
            rows = [
                {"patient": f"P{worker}-{number}", "case": f"{worker}-{number}-{part}", "size": "5", "present": "1"}
                for part in range(20)
            ]
            base.import_rows(rows, pathology)


def _read(path, pathology, stop, found):
    sizes = []
    with open_case_base(path) as base:
        while not stop.is_set():
            rows = base.rows(pathology)
            assert all(row["size"] == 5.0 and row["present"] == 1.0 for row in rows), "a case without its values"
            sizes.append(len(rows))
    found.put(sizes)


def test_processes_read_whole_imports_while_others_write(file, pathology):
    """Two processes write 8 times 20 cases each while two read: no error, no half import, nothing lost."""
    with open_case_base(file) as base:
        base.import_rows([{"patient": "first", "case": "0", "size": "5", "present": "1"}], pathology)
    context = _processes()
    stop, found = context.Event(), context.Queue()
    readers = [context.Process(target=_read, args=(file, pathology, stop, found)) for _ in range(2)]
    writers = [context.Process(target=_write, args=(file, pathology, worker, 8)) for worker in range(2)]
    for process in (*readers, *writers):
        process.start()
    for process in writers:
        process.join(60)
    stop.set()
    sizes = [found.get(timeout=60) for _ in readers]
    for process in (*readers, *writers):
        process.join(60)
        assert process.exitcode == 0
    for seen in sizes:
        assert seen == sorted(seen)
        assert all(size % 20 == 1 for size in seen), "an import is seen whole or not at all"
    with open_case_base(file) as base:
        assert len(base.rows(pathology)) == 1 + 2 * 8 * 20


def _create(path, pathology, worker, start):
    start.wait(30)
    with open_case_base(path) as base:
        base.import_rows([{"patient": "Doe", "case": f"c{worker}", "size": "5"}], pathology)


def test_processes_that_make_one_case_base_at_once(file, pathology):
    context = _processes()
    start = context.Event()
    workers = [context.Process(target=_create, args=(file, pathology, number, start)) for number in range(4)]
    for worker in workers:
        worker.start()
    start.set()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    with open_case_base(file) as base:
        cases = base.cases()
    assert len(cases) == 4
    assert len({case.patient for case in cases}) == 1, "one key, so one pseudonym"
