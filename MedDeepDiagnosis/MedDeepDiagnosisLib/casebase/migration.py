"""Brings a case base of an older schema to the one of this version, step by step, in one transaction.

Version 1 had no deep features and did not say how a value was measured. A step holds the tables as they were then, not
those of :mod:`.schema`, so that it does the same for ever.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select, text

from MedDeepDiagnosisLib.casebase.schema import SCHEMA_VERSION, metadata, schema_versions
from MedDeepRegSegLib import __version__
from MedDeepRegSegLib.errors import InputError


def create_schema(connection: Connection) -> None:
    """Make all tables in an empty database."""
    metadata.create_all(connection)
    _note(connection, SCHEMA_VERSION)


def stored_version(connection: Connection) -> int:
    """Return the version of the schema of a case base.

    Raises
    ------
    InputError
        If it says none.
    """
    versions = connection.execute(select(schema_versions.c.version)).scalars().all()
    if not versions:
        msg = "the case base does not say the version of its schema: it is damaged, take a copy of it from before"
        raise InputError(msg)
    return max(versions)


def check_known(version: int, name: str) -> None:
    """Raise InputError for a schema that only a newer MedDeep knows, or one that never was."""
    if version > SCHEMA_VERSION:
        msg = (
            f"case base {name} has schema version {version}, this MedDeep ({__version__}) knows versions up to "
            f"{SCHEMA_VERSION}: update MedDeep"
        )
        raise InputError(msg)
    if version < 1:
        msg = f"case base {name} has schema version {version}, expected 1 to {SCHEMA_VERSION}: it is damaged"
        raise InputError(msg)


def migrate(connection: Connection) -> int:
    """Run the steps that are missing and return from which version.

    Another process may have migrated meanwhile: the version is read within the transaction.
    """
    before = stored_version(connection)
    for version in range(before, SCHEMA_VERSION):
        _STEPS[version](connection)
        _note(connection, version + 1)
    return before


def _note(connection: Connection, version: int) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    connection.execute(insert(schema_versions).values(version=version, applied_at=now, software=__version__))


def _from_1_to_2(connection: Connection) -> None:
    from sqlalchemy import Boolean, Column, Integer, LargeBinary, MetaData, String, Table, UniqueConstraint

    for table in ("measurements", "findings", "outcomes"):
        connection.execute(text(f"ALTER TABLE {table} ADD COLUMN how TEXT DEFAULT '' NOT NULL"))
        connection.execute(text(f"UPDATE {table} SET how = 'not recorded (schema version 1)'"))
    Table(
        "deep_features",
        MetaData(),
        Column("id", Integer, primary_key=True),
        # Of other tables of the database, which this list of tables does not hold: no references.
        Column("case_id", Integer, nullable=False),
        Column("model", String(256), nullable=False),
        Column("dimension", Integer, nullable=False),
        Column("vector", LargeBinary, nullable=False),
        Column("version", Integer, nullable=False),
        Column("current", Boolean, nullable=False),
        Column("source_id", Integer, nullable=False),
        UniqueConstraint("case_id", "model", "version"),
    ).create(connection)


_STEPS: dict[int, Callable[[Connection], None]] = {1: _from_1_to_2}
"""What turns a version into the next."""
