"""Opens a case base by its URL or by the path of its file."""

from pathlib import Path
from typing import TYPE_CHECKING

from MedDeepRegSegLib.errors import InputError, MissingPackageError

if TYPE_CHECKING:
    from MedDeepDiagnosisLib.casebase.case_base import CaseBase

_SQLITE = "sqlite:///"


def open_case_base(url: str | Path, *, key_file: Path | None = None) -> "CaseBase":
    """Open a case base. A file that is absent is made by the first write; reading from it is refused.

    Parameters
    ----------
    url:
        A URL of SQLAlchemy, for example ``sqlite:///cases.sqlite`` or ``postgresql+psycopg://user@host/cases``. A plain
        path is taken as that of an SQLite file.
    key_file:
        File with the key of the pseudonyms; beside the database (``cases.sqlite.key``) by default, which only an SQLite
        file has.

    Raises
    ------
    InputError
        If the URL cannot be used.
    MissingPackageError
        If SQLAlchemy or the driver of the database is not installed.
    """
    try:
        import sqlalchemy  # noqa: F401  # only whether it is there
    except ImportError as error:
        msg = "the case base needs the package SQLAlchemy: install it with 'pip install sqlalchemy'"
        raise MissingPackageError(msg) from error
    from MedDeepDiagnosisLib.casebase.case_base import CaseBase
    from MedDeepDiagnosisLib.casebase.database import Database

    database = Database(resolved_url(url))
    if key_file is None and database.file is not None:
        key_file = database.file.with_name(database.file.name + ".key")
    return CaseBase(database, key_file)


def resolved_url(url: str | Path) -> str:
    """Return the URL with an absolute path where it names a file, so that it means the same in every folder.

    Examples
    --------
    >>> resolved_url("/data/cases.sqlite"), resolved_url("sqlite://")
    ('sqlite:////data/cases.sqlite', 'sqlite://')
    """
    text = str(url).strip()
    if not text:
        msg = "the URL of the case base is empty, expected for example cases.sqlite"
        raise InputError(msg)
    path = text if "://" not in text else text.removeprefix(_SQLITE) if text.startswith(_SQLITE) else ""
    if not path or path.startswith((":memory:", "file:")):
        return text
    return f"{_SQLITE}{Path(path).expanduser().absolute()}"
