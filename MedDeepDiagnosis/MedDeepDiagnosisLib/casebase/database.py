"""The connection to the database of a case base: readers beside a writer, and errors that a person understands."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, create_engine, event, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, IntegrityError, NoSuchModuleError, ProgrammingError
from sqlalchemy.pool import NullPool, StaticPool

from MedDeepDiagnosisLib.casebase.migration import check_known, create_schema, migrate, stored_version
from MedDeepDiagnosisLib.casebase.schema import SCHEMA_VERSION, schema_versions
from MedDeepRegSegLib.errors import InputError, MissingPackageError
from MedDeepRegSegLib.jobs.outputs import atomic_path

BUSY_SECONDS = 30.0
"""How long a writer waits for another one to end."""

_WRITES = "meddeep_writes"


class Database:
    """A database by its URL. Nothing is opened before the first :meth:`reading` or :meth:`writing`.

    An SQLite file has a write-ahead log: readers see the last complete state while one process writes.

    Attributes
    ----------
    file:
        The SQLite file; None for other databases and for one in memory.
    name:
        For messages: the file's name or the URL without password.

    Raises
    ------
    InputError
        If the URL cannot be read or names a database that SQLAlchemy does not know.
    MissingPackageError
        If the driver is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
            sqlite = parsed.get_backend_name() == "sqlite"
            self.memory = sqlite and parsed.database in (None, "", ":memory:")
            self.file = Path(str(parsed.database)) if sqlite and not self.memory else None
            self.name = self.file.name if self.file else parsed.render_as_string(hide_password=True)
            # Short-lived connections: no file is held open, and a forked process shares none.
            self._engine = create_engine(parsed, poolclass=StaticPool if self.memory else NullPool)
        except (ArgumentError, ValueError, NoSuchModuleError) as error:
            msg = f"{url.partition('://')[0]}: not a database that can be used ({_first_line(error)}), expected for example cases.sqlite or sqlite:///cases.sqlite"
            raise InputError(msg) from error
        except ImportError as error:
            package = error.name or "its driver"
            msg = f"the database {url.partition('://')[0]} needs the package {package}: install it with 'pip install {package}'"
            raise MissingPackageError(msg) from error
        self._ready = False
        self._sqlite = sqlite
        if sqlite:
            event.listen(self._engine, "connect", _on_connect)
            event.listen(self._engine, "begin", _on_begin)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the database throughout.

        Raises
        ------
        InputError
            If there is no case base, or it cannot be read.
        """
        self._prepare(write=False)
        with self._told(), self._engine.connect() as connection:
            if not self._sqlite:  # which sees one state in any transaction
                connection = connection.execution_options(isolation_level="REPEATABLE READ")  # noqa: PLW2901
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection in a transaction that is kept whole, or not at all if the block raises.

        An empty or absent database gets its tables.
        """
        self._prepare(write=True)
        with self._transaction() as connection:
            yield connection

    def exists(self) -> bool:
        """Return whether there is a case base already; raises InputError if something else is there."""
        if self.file is not None and not self.file.exists():
            return False
        if self.file is not None and self.file.is_dir():
            self._check_place(write=True)
        with self._told(), self._engine.connect() as connection:
            return inspect(connection).has_table(schema_versions.name)

    def close(self) -> None:
        """Close what is open; a database in memory is gone then."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._told(), self._engine.connect() as plain:
            connection = plain.execution_options(**{_WRITES: True})
            with connection.begin():
                yield connection

    def _prepare(self, *, write: bool) -> None:
        if self._ready:
            return
        if self.file is not None and not self.file.is_file():
            self._check_place(write=write)
        if not self._has_tables():
            if not write:
                msg = f"case base {self.name} holds nothing yet: import cases first (meddeep cases import)"
                raise InputError(msg)
            self._create()
        with self._told(), self._engine.connect() as connection, connection.begin():
            version = stored_version(connection)
        check_known(version, self.name)
        if version < SCHEMA_VERSION:
            self._back_up(version)
            with self._transaction() as connection:
                migrate(connection)
        self._ready = True

    def _check_place(self, *, write: bool) -> None:
        assert self.file is not None
        if self.file.is_dir():
            msg = f"case base {self.file} is a folder, expected a file, for example {self.file / 'cases.sqlite'}"
            raise InputError(msg)
        if not write:
            msg = f"case base {self.file} does not exist: check the name, or import cases first (meddeep cases import)"
            raise InputError(msg)
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            msg = (
                f"cannot make the folder {self.file.parent} of the case base: {error.strerror or error}; choose another"
            )
            raise InputError(msg) from error

    def _has_tables(self) -> bool:
        with self._told(), self._engine.connect() as connection:
            names = inspect(connection).get_table_names()
        if names and schema_versions.name not in names:
            shown = ", ".join(sorted(names)[:3])
            msg = f"{self.name} is a database of something else (it holds {shown}), expected a case base or a name that is not in use"
            raise InputError(msg)
        return bool(names)

    def _create(self) -> None:
        if self.file is not None:
            self._use_log()
        with self._transaction() as connection:
            # Another process may have made the tables since we looked; here it cannot any more.
            if not inspect(connection).has_table(schema_versions.name):
                create_schema(connection)

    def _use_log(self) -> None:
        """Turn the write-ahead log on, which stays on; another process may be doing the same."""
        end = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                raw = self._engine.raw_connection()
                try:
                    raw.cursor().execute("PRAGMA journal_mode=WAL")
                    return
                finally:
                    raw.close()
            except Exception as error:
                if "locked" not in str(error) or time.monotonic() > end:
                    with self._told():
                        raise
                time.sleep(0.05)

    def _back_up(self, version: int) -> None:
        """Keep a copy of an SQLite file beside it before its tables change."""
        if self.file is None:
            return
        copy = self.file.with_name(f"{self.file.name}.version{version}")
        if copy.exists():
            return
        with atomic_path(copy) as temporary, self._told(), self._engine.connect() as connection:
            # Not within a transaction, which SQLAlchemy would begin.
            cursor = connection.connection.cursor()
            try:
                cursor.execute("VACUUM INTO ?", (str(temporary),))
            except sqlite3.Error as error:
                msg = f"case base {self.name} is to be brought from schema version {version} to {SCHEMA_VERSION}, and no copy can be kept beside it: {error}"
                raise InputError(msg) from error

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError as error:
            if self._sqlite:
                raise  # writers take turns: this is a fault of the program, which must not hide behind a message
            msg = f"case base {self.name}: another program wrote the same cases meanwhile: run this again"
            raise InputError(msg) from error
        except ProgrammingError:
            raise
        except DatabaseError as error:
            raise InputError(self._explain(error)) from error

    def _explain(self, error: DatabaseError) -> str:
        said = str(error.orig).lower()
        where = f"case base {self.name}"
        if "not a database" in said or "malformed" in said or "corrupt" in said:
            return (
                f"{where} is damaged or no SQLite file ({error.orig}): take a copy of it from before, or another name"
            )
        if "locked" in said or "busy" in said:
            return f"{where} is in use: another program has been writing for {BUSY_SECONDS:g} s; try again when it has ended"
        if "readonly" in said or "read-only" in said:
            return f"{where} cannot be written: you may only read the file or its folder; choose another place"
        if "unable to open" in said:
            return f"{where} cannot be opened: check the folder and your permissions ({self.file or self.name})"
        return f"{where} cannot be used: {_first_line(error.orig)}"


def _first_line(error: object) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _on_connect(connection, _record) -> None:
    # The driver's own begin comes late and leaves table changes outside of transactions; see _on_begin.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={int(1000 * BUSY_SECONDS)}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    # A writer takes its lock at once: two that read first and then write would block each other.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
