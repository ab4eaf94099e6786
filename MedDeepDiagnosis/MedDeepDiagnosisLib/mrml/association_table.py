"""Associations as a table node, for the scene and its plots."""

from pathlib import Path

from MedDeepDiagnosisLib.associations.files import PAIR_COLUMNS, pair_rows
from MedDeepDiagnosisLib.associations.pairs import Associations
from MedDeepRegSegLib.mrml.tables import TableColumn, rows_from_csv, table_from_rows

_TITLES = {"first": "Finding", "second": "Second finding", "p": "p", "q": "q", "odds_ratio": "Odds ratio"}
_COUNTS = ("rows", "patients", "missing")


def association_table_node(associations: Associations, name: str = "Associations", *, node=None, beside=None):
    """Put associations into a table node, one row for each measure of each pair, strongest evidence first.

    Parameters
    ----------
    associations:
        Of :func:`~MedDeepDiagnosisLib.associations.pairs.associate`.
    name:
        Name of a new node, made unique.
    node:
        ``vtkMRMLTableNode`` whose content is replaced.
    beside:
        Node beside which a new node is placed in the subject hierarchy.

    Returns
    -------
    vtkMRMLTableNode
        Columns carry titles and descriptions; counts carry ``rows`` or ``patients`` as units. What is not known is NaN.

    Raises
    ------
    InputError
        If ``node`` is no table.
    """
    return table_from_rows(_columns(), pair_rows(associations.pairs), name, node=node, beside=beside)


def association_table_from_file(path: Path, name: str = "Associations", *, node=None, beside=None):
    """Put the table of pairs that the job "associations" wrote (``associations.csv``) into a table node.

    See :func:`association_table_node`. Raises InputError if the file cannot be read.
    """
    _, rows = rows_from_csv(path)
    return table_from_rows(_columns(), rows, name, node=node, beside=beside)


def _columns() -> list[TableColumn]:
    return [
        TableColumn(
            key=key,
            title=_TITLES.get(key, key.replace("_", " ").capitalize()),
            units="" if key not in _COUNTS else "patients" if key == "patients" else "rows",
            description=description,
        )
        for key, description in PAIR_COLUMNS.items()
    ]
