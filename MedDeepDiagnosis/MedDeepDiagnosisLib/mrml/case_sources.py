"""Where cases come from: a file that stays where it is, or a table of the scene that becomes a file for the job."""

import csv
import re
from pathlib import Path

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.tables import rows_from_table


def case_source(source, folder: Path) -> Path:
    """Return the file or folder of a source of cases.

    Parameters
    ----------
    source:
        A path, or a ``vtkMRMLTableNode`` with one row for each case. Keys of its columns become names of columns.
    folder:
        Gets the table of a node, as CSV under the name of the node.

    Raises
    ------
    InputError
        If there is no source, or a node is no table or has no rows.
    """
    if source is None:
        msg = "there are no cases: give a table of the scene, a file, or a case base"
        raise InputError(msg)
    if isinstance(source, str | Path):
        return Path(source)
    columns, rows = rows_from_table(source)
    if not rows:
        msg = f"table {source.GetName()!r} has no rows, expected one for each case: pick another table"
        raise InputError(msg)
    name = re.sub(r"[^\w. -]", "_", source.GetName()) or "table"
    path = folder / f"{name}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([column.key for column in columns])
        writer.writerows(["" if row[c.key] is None else row[c.key] for c in columns] for row in rows)
    return path
