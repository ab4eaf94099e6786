"""Every pair of columns of a table: how strongly they go together, how sure that is, and on how many cases it rests."""

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.associations.measures import OddsRatio
from MedDeepDiagnosisLib.associations.pair_measures import Estimate, PairData, Shuffle, main_estimates
from MedDeepDiagnosisLib.associations.resampling import PatientBootstrap
from MedDeepDiagnosisLib.associations.shared_information import shared_information
from MedDeepDiagnosisLib.associations.significance import Permuter, benjamini_hochberg
from MedDeepDiagnosisLib.associations.table import Column, MixedTable
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress

FEWEST_PATIENTS = 10
"""No test is made of a pair with fewer patients that have both values."""

_ORDER = {"number": 0, "ordinal": 1, "binary": 2, "category": 3}


@dataclass(frozen=True)
class Association:
    """Two columns and how they go together.

    Attributes
    ----------
    first, second:
        Names of the columns.
    estimates:
        The main measure first, then others; the last is the mutual information. Empty where nothing can be measured.
    rows, patients:
        With both values.
    missing:
        Rows where one or both values are missing.
    odds_ratio:
        Of two binary columns.
    note:
        What to mind, or why there is no estimate.
    """

    first: str
    second: str
    estimates: tuple[Estimate, ...]
    rows: int
    patients: int
    missing: int
    odds_ratio: OddsRatio | None = None
    note: str = ""

    @property
    def main(self) -> Estimate | None:
        """The measure that fits the types of both columns, or None."""
        return self.estimates[0] if self.estimates else None

    @property
    def information(self) -> Estimate | None:
        """The mutual information, or None."""
        return self.estimates[-1] if self.estimates else None

    @property
    def strength(self) -> float:
        """Size of the main measure in [0, 1]; NaN without one."""
        return abs(self.main.value) if self.main else math.nan

    @property
    def q(self) -> float:
        """False discovery rate at which the main measure is a discovery; NaN without one."""
        return self.main.q if self.main else math.nan


@dataclass(frozen=True)
class Associations:
    """All pairs of a table.

    Attributes
    ----------
    pairs:
        Strongest evidence first.
    tests:
        How many tests were made and corrected for.
    clustered:
        Whether some patient has several rows, so that intervals and tests are by patient.
    """

    pairs: tuple[Association, ...]
    tests: int
    clustered: bool

    def below(self, q: float) -> tuple[Association, ...]:
        """Return the pairs whose main measure has a q value below ``q``."""
        return tuple(pair for pair in self.pairs if pair.q < q)


def associate(
    table: MixedTable,
    *,
    resamples: int = 400,
    permutations: int = 999,
    seed: int = 0,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Associations:
    """Measure every pair of columns.

    =====================  ===========================  ===========================  ================================
    pair                   measure                      test, one row a patient      95 % interval, one row a patient
    =====================  ===========================  ===========================  ================================
    numbers, ordinals      Spearman (numbers: Pearson)  t                            Fisher's z
    binary, number         rank-biserial                Mann-Whitney                 Newcombe
    binary, binary         phi, odds ratio              Fisher's exact               bootstrap, Woolf
    category, category     Cramer's V, bias-corrected   chi-square, or permutation   noncentral chi-square
    category, number       eta of ranks                 Kruskal-Wallis               noncentral chi-square
    all                    mutual information           permutation                  noncentral chi-square
    =====================  ===========================  ===========================  ================================

    Where a patient has several rows, tests are those of sums within patients, measures with a sign get an interval from
    patients drawn with replacement, and the others one at the effective number of rows. A level that few patients have is
    tested by permutation of patients.

    Parameters
    ----------
    resamples:
        Of the bootstrap.
    permutations:
        At most so many for each permutation test.
    seed:
        Of both.

    Raises
    ------
    Canceled
        If ``cancel`` was set.
    """
    index = table.patient_index
    clustered = len(index) > table.patient_count
    bootstrap = PatientBootstrap(index, count=resamples, seed=seed)
    permuter = Permuter(index, seed=seed)
    order = sorted(range(len(table.columns)), key=lambda at: (_ORDER[table.columns[at].kind], at))
    chosen = list(itertools.combinations(order, 2))
    found = []
    for number, (one, two) in enumerate(chosen):
        if cancel is not None:
            cancel.raise_if_canceled()
        progress(number / len(chosen), f"pair {number + 1} of {len(chosen)}")
        found.append(
            associate_pair(
                (table.columns[one], table.values[:, one]),
                (table.columns[two], table.values[:, two]),
                index,
                bootstrap=bootstrap,
                permuter=permuter,
                permutations=permutations,
                clustered=clustered,
            )
        )
    progress(1.0, "pairs measured")
    return corrected(found, clustered=clustered)


def associate_pair(
    first: tuple[Column, NDArray[np.float64]],
    second: tuple[Column, NDArray[np.float64]],
    patients: NDArray[np.intp],
    *,
    bootstrap: PatientBootstrap,
    permuter: Permuter,
    permutations: int,
    clustered: bool,
) -> Association:
    """Measure one pair of columns, the one with more order first (number, ordinal, binary, category).

    Q values are still NaN: see :func:`corrected`.
    """
    both = ~np.isnan(first[1]) & ~np.isnan(second[1])
    data = PairData(
        first[0], second[0], first[1][both], second[1][both], patients[both], both, bootstrap, clustered=clustered
    )
    note = ""
    if data.patients < FEWEST_PATIENTS:
        note = f"fewer than {FEWEST_PATIENTS} patients have both values: not measured"
    elif min(len(np.unique(data.first)), len(np.unique(data.second))) < 2:
        note = "one does not vary where both are known: not measured"
    pair = Association(first[0].name, second[0].name, (), data.rows, data.patients, int((~both).sum()), note=note)
    if note:
        return pair
    information, codes = shared_information(first, second, both, data, permuter, permutations=permutations)
    estimates, odds, note = main_estimates(data, Shuffle(codes, permuter, permutations))
    return replace(pair, estimates=(*estimates, information), odds_ratio=odds, note=note)


def corrected(pairs: list[Association], *, clustered: bool) -> Associations:
    """Return pairs with the q values of all their tests as one family, strongest evidence first."""
    p_values = np.array([estimate.p for pair in pairs for estimate in pair.estimates])
    q_values = iter(benjamini_hochberg(p_values).tolist())
    done = [
        replace(pair, estimates=tuple(replace(estimate, q=next(q_values)) for estimate in pair.estimates))
        for pair in pairs
    ]
    done.sort(key=lambda pair: (_last_if_unknown(pair.q), -_last_if_unknown(pair.strength, -1.0)))
    return Associations(tuple(done), int((~np.isnan(p_values)).sum()), clustered)


def _last_if_unknown(value: float, otherwise: float = 2.0) -> float:
    return otherwise if math.isnan(value) else value
