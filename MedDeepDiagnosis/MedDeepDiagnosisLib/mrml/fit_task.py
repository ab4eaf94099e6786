"""Task that learns a model from cases: its scores as a table, its reliability as a plot."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from MedDeepDiagnosisLib.casebase.opening import resolved_url
from MedDeepDiagnosisLib.mrml.case_sources import case_source
from MedDeepDiagnosisLib.mrml.score_nodes import reliability_chart, score_table
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.task_base import one_action

CARD_FILE = "MODEL_CARD.md"


class FitTask:
    """Validates learners on patients that they have not seen, and fits the first one on all.

    Parameters
    ----------
    pathology:
        Name of a pathology that ships, or the path of its file.
    source:
        Table node or table file, one row for each case; None where ``db`` has the cases.
    out:
        Folder of the model.
    db:
        File or URL of a case base.
    learners:
        Names (:data:`MedDeepDiagnosisLib.learning.learners.NAMES`); the first is what the model predicts with.
    target:
        Which target to predict; None for the first of the pathology.
    seed:
        Of folds and resampling.
    exclude_patients:
        Not to be learned from.

    Notes
    -----
    :meth:`collect` returns the folder of the ``model`` and its ``card`` (paths), the ``table`` of scores, the ``chart`` of
    the reliability, and ``cases`` and ``patients``.
    """

    def __init__(
        self,
        pathology: str | Path,
        source=None,
        *,
        out: str | Path,
        db: str | Path | None = None,
        learners: Sequence[str] = (),
        target: str | None = None,
        seed: int = 0,
        exclude_patients: Sequence[str] = (),
    ) -> None:
        self._pathology, self._source, self._out, self._db = str(pathology), source, Path(out), db
        self._learners, self._target, self._seed = tuple(learners), target, seed
        self._exclude = tuple(exclude_patients)

    def prepare(self, folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepDiagnosisLib.fit_job import Request
        from MedDeepDiagnosisLib.fitting import DEFAULT_LEARNERS

        if self._source is not None and self._db is not None:
            msg = "a table and a case base are given, expected the cases of one of them"
            raise InputError(msg)
        return "fit", Request(
            pathology=self._pathology,
            annotations=None if self._db is not None else case_source(self._source, folder),
            out=self._out,
            seed=self._seed,
            exclude_patients=self._exclude,
            db=None if self._db is None else resolved_url(self._db),
            learners=self._learners or DEFAULT_LEARNERS,
            target=self._target,
        )

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepDiagnosisLib.models.model_folder import DESCRIPTION_FILE, ModelDescription
        from MedDeepRegSegLib.jobs.schema import from_json

        model = Path(result.model)
        data = json.loads((model / DESCRIPTION_FILE).read_text(encoding="utf-8"))
        description = from_json(ModelDescription, data)
        with one_action():
            table = score_table(description, f"{model.name} scores")
            chart = reliability_chart(description, f"{model.name} reliability", beside=table)
        return {
            "model": model,
            "card": model / CARD_FILE,
            "table": table,
            "chart": chart,
            "cases": result.cases,
            "patients": result.patients,
        }
