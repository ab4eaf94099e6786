"""All that is looked for in one table: pairs, rules and missing data."""

from dataclasses import dataclass

from MedDeepDiagnosisLib.associations.missing import MissingData, missing_data
from MedDeepDiagnosisLib.associations.pairs import Associations, associate
from MedDeepDiagnosisLib.associations.rules import Rules, find_rules
from MedDeepDiagnosisLib.associations.table import MixedTable
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of

DISCOVERY_Q = 0.05
"""Below this false discovery rate an association is shown as found."""


@dataclass(frozen=True)
class Experience:
    """What a table of cases says. Pairs, rules and missingness are three families of tests, each corrected for itself.

    Attributes
    ----------
    table, associations, rules, missing:
        See their classes.
    seed:
        Of resampling and permutation.
    """

    table: MixedTable
    associations: Associations
    rules: Rules
    missing: MissingData
    seed: int

    @property
    def found(self) -> int:
        """How many pairs are below ``DISCOVERY_Q``."""
        return len(self.associations.below(DISCOVERY_Q))


def explore(
    table: MixedTable,
    *,
    resamples: int = 400,
    permutations: int = 999,
    seed: int = 0,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Experience:
    """Look at a table in every way; see :func:`~MedDeepDiagnosisLib.associations.pairs.associate`.

    Raises
    ------
    Canceled
        If ``cancel`` was set.
    """
    pairs = associate(
        table,
        resamples=resamples,
        permutations=permutations,
        seed=seed,
        progress=part_of(progress, 0.0, 0.75),
        cancel=cancel,
    )
    progress(0.75, "looking for rules")
    rules = find_rules(table, cancel=cancel)
    progress(0.95, "looking at missing data")
    missing = missing_data(table, resamples=resamples, permutations=permutations, seed=seed)
    return Experience(table, pairs, rules, missing, seed)
