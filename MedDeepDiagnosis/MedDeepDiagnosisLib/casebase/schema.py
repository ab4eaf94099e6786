"""The tables of a case base, version 2.

``patients`` have ``studies``, these have ``cases`` (one lesion or one question each) and ``volumes``; a case has
``segments``, ``measurements``, ``findings``, ``outcomes`` and ``deep_features``. ``sources`` says where a row comes from.

Rows with the columns ``version`` and ``current`` are never changed but for ``current``: a new value is a new row. Times
are UTC in ISO 8601. This file imports SQLAlchemy and is only reached from within functions.
"""

from dataclasses import dataclass

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

SCHEMA_VERSION = 2

metadata = MetaData()


def _source() -> Column:
    return Column("source_id", ForeignKey("sources.id"), nullable=False)


def _versions() -> tuple[Column, ...]:
    return (
        Column("version", Integer, nullable=False),
        Column("current", Boolean, nullable=False),
        _source(),
    )


schema_versions = Table(
    "meddeep_schema",
    metadata,
    Column("version", Integer, primary_key=True),
    Column("applied_at", String(32), nullable=False),
    Column("software", String(64), nullable=False),
)
"""One row for each version that the database has had; the highest is the one it has."""

settings = Table(
    "settings", metadata, Column("name", String(64), primary_key=True), Column("value", Text, nullable=False)
)

sources = Table(
    "sources",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("name", String(512), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("software", String(64), nullable=False),
    Column("recorded_at", String(32), nullable=False),
    Column("recorded_by", String(128), nullable=False),
)

patients = Table(
    "patients",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(256), nullable=False, unique=True),
    Column("pseudonymous", Boolean, nullable=False),
    _source(),
)

studies = Table(
    "studies",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("patient_id", ForeignKey("patients.id"), nullable=False),
    Column("name", String(256), nullable=False),
    _source(),
    UniqueConstraint("patient_id", "name"),
)

cases = Table(
    "cases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", ForeignKey("studies.id"), nullable=False, index=True),
    Column("name", String(256), nullable=False, unique=True),
    Column("lookup", String(64), nullable=False, index=True),
    _source(),
)
"""``lookup`` is the keyed hash of the name in the source, so that a pseudonymous case is found by it; empty without."""

case_pathologies = Table(
    "case_pathologies",
    metadata,
    Column("case_id", ForeignKey("cases.id"), primary_key=True),
    Column("pathology", String(128), primary_key=True),
    _source(),
)

mappings = Table(
    "mappings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("layout", String(64), nullable=False),
    Column("pathology", String(128), nullable=False),
    Column("mapping", Text, nullable=False),
    *_versions(),
    UniqueConstraint("layout", "pathology", "version"),
)

volumes = Table(
    "volumes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", ForeignKey("studies.id"), nullable=False),
    Column("name", String(256), nullable=False),
    Column("path", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("modality", String(16), nullable=False),
    Column("geometry", Text, nullable=False),
    *_versions(),
    UniqueConstraint("study_id", "name", "version"),
)

segments = Table(
    "segments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False),
    Column("name", String(256), nullable=False),
    Column("identifier", String(256), nullable=False),
    Column("label", Integer, nullable=False),
    Column("terminology", Text, nullable=False),
    Column("volume", String(256), nullable=False),
    Column("path", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    *_versions(),
    UniqueConstraint("case_id", "name", "version"),
)


def _values(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("id", Integer, primary_key=True),
        Column("case_id", ForeignKey("cases.id"), nullable=False),
        Column("name", String(128), nullable=False),
        Column("value", Double, nullable=False),
        Column("units", String(32), nullable=False),
        Column("how", Text, nullable=False),
        *_versions(),
        UniqueConstraint("case_id", "name", "version"),
        Index(f"ix_{name}_current", "name", "current"),
    )


measurements = _values("measurements")
findings = _values("findings")
outcomes = _values("outcomes")

deep_features = Table(
    "deep_features",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False),
    Column("model", String(256), nullable=False),
    Column("dimension", Integer, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    *_versions(),
    UniqueConstraint("case_id", "model", "version"),
)
"""``vector`` is little-endian float32, ``4 * dimension`` bytes; ``model`` names the encoder and the hash of its weights."""


@dataclass(frozen=True)
class Versioned:
    """How rows of one kind are compared with what is stored.

    Attributes
    ----------
    table, owner, key:
        The table, its column that says whose the row is, and the one that tells the rows of one owner apart.
    decisive:
        Columns whose difference is a conflict.
    silent:
        Columns whose difference is a new version without being a conflict, for example a file that was moved.
    passive:
        Columns that are stored and not compared.
    """

    table: Table
    owner: str
    key: str
    decisive: tuple[str, ...]
    silent: tuple[str, ...] = ()
    passive: tuple[str, ...] = ()

    @property
    def payload(self) -> tuple[str, ...]:
        """All columns that a version holds."""
        return (*self.decisive, *self.silent, *self.passive)


VERSIONED = {
    "volumes": Versioned(volumes, "study_id", "name", ("sha256", "geometry", "modality"), ("path",)),
    "segments": Versioned(
        segments, "case_id", "name", ("sha256", "label"), ("path", "identifier", "terminology", "volume")
    ),
    "measurements": Versioned(measurements, "case_id", "name", ("value", "units"), passive=("how",)),
    "findings": Versioned(findings, "case_id", "name", ("value", "units"), passive=("how",)),
    "outcomes": Versioned(outcomes, "case_id", "name", ("value", "units"), passive=("how",)),
    "deep_features": Versioned(deep_features, "case_id", "model", ("vector",), passive=("dimension",)),
}
"""The kinds of rows that have versions, but for mappings, by the names of their tables."""

VALUE_KINDS = ("measurements", "findings", "outcomes")
