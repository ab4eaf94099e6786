"""Task that looks for what goes together among cases: a table node and a page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from MedDeepDiagnosisLib.casebase.opening import resolved_url
from MedDeepDiagnosisLib.mrml.association_table import association_table_from_file
from MedDeepDiagnosisLib.mrml.case_sources import case_source
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.task_base import node_in_scene, one_action

PAIRS_FILE = "associations.csv"


class AssociationsTask:
    """Measures how strongly findings go together, each with interval and corrected for the number of tests.

    Parameters
    ----------
    source:
        Table node or table file, one row for each case; None where ``db`` has the cases.
    out:
        Folder of the page and of the tables.
    db:
        File or URL of a case base; needs a pathology.
    pathology:
        Name of a pathology that ships, or the path of its file; None guesses what the columns are.
    outcomes:
        Columns that are outcomes.
    table_node:
        Table to fill; a new one without.
    seed:
        Of resampling and permutation.
    resamples, permutations:
        Of the bootstrap, and at most of each permutation test.

    Notes
    -----
    :meth:`collect` returns the ``table`` node, the ``report`` (path), how many pairs were looked at and ``found``, and the
    ``strongest`` of them in words.
    """

    def __init__(
        self,
        source=None,
        *,
        out: str | Path,
        db: str | Path | None = None,
        pathology: str | Path | None = None,
        outcomes: Sequence[str] = (),
        table_node=None,
        seed: int = 0,
        resamples: int = 400,
        permutations: int = 999,
    ) -> None:
        self._source, self._out, self._db, self._node = source, Path(out), db, table_node
        self._pathology = None if pathology is None else str(pathology)
        self._outcomes, self._seed = tuple(outcomes), seed
        self._resamples, self._permutations = resamples, permutations

    def prepare(self, folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepDiagnosisLib.associations_job import Request

        if self._source is not None and self._db is not None:
            msg = "a table and a case base are given, expected the cases of one of them"
            raise InputError(msg)
        return "associations", Request(
            out=self._out,
            table=None if self._db is not None else case_source(self._source, folder),
            database=None if self._db is None else resolved_url(self._db),
            pathology=self._pathology,
            outcomes=self._outcomes,
            seed=self._seed,
            resamples=self._resamples,
            permutations=self._permutations,
        )

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        node_in_scene(self._node, "the output table")
        report = Path(result.report)
        with one_action():
            table = association_table_from_file(report.parent / PAIRS_FILE, node=self._node)
        return {
            "table": table,
            "report": report,
            "rows": result.rows,
            "patients": result.patients,
            "pairs": result.pairs,
            "found": result.found,
            "strongest": result.strongest,
            "left_out": result.left_out,
        }
