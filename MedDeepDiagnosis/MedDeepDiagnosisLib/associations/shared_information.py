"""Mutual information of two columns of any type: finds dependence that has no direction, such as a U shape."""

import math

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.associations import measures
from MedDeepDiagnosisLib.associations.pair_measures import EFFECTIVE, NONCENTRAL, Estimate, PairData
from MedDeepDiagnosisLib.associations.significance import PatientScores, Permuter, indicators, permutation_p
from MedDeepDiagnosisLib.associations.table import Column

MOST_BINS = 5
"""Numbers are cut into so many groups of about equal size, or fewer in small tables."""

_ROWS_PER_CELL = 5


def shared_information(
    first: tuple[Column, NDArray[np.float64]],
    second: tuple[Column, NDArray[np.float64]],
    both: NDArray[np.bool_],
    data: PairData,
    permuter: Permuter,
    *,
    permutations: int,
) -> tuple[Estimate, tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return the mutual information in bits, and the codes that it was computed from.

    The estimate is the plug-in less its bias (Miller-Madow), at the effective number of rows where rows of one patient
    are alike; 2 n ln(2) bits is the G statistic, from which the interval comes.

    References
    ----------
    Miller GA. Note on the bias of information estimates. In: Information theory in psychology. 1955:95-100.
    """
    codes = (binned(*first), binned(*second))
    one, two = codes[0][both], codes[1][both]
    table = measures.contingency(one.astype(float), two.astype(float))
    bits = float(measures.mutual_information(table[None])[0])
    freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
    count, interval = float(len(one)), NONCENTRAL
    if data.clustered and freedom:
        scores = PatientScores(indicators(one.astype(float)), indicators(two.astype(float)), data.index)
        count, interval = count / scores.design_effect, EFFECTIVE
    statistic = 2 * count * math.log(2) * bits
    scale = 2 * count * math.log(2)
    if not freedom:  # all in one bin
        return Estimate(
            "mutual information (bits)", math.nan, math.nan, math.nan, "", math.nan, "", signed=False
        ), codes
    low, high = (bound / scale for bound in measures.noncentral_interval(statistic, freedom))
    value = max(0.0, bits - freedom / scale)
    p = permutation_p(*codes, measures.mutual_information, permuter, permutations=permutations)
    test = "permutation of patients"
    return (
        Estimate(
            "mutual information (bits)", value, min(low, value), max(high, value), interval, p, test, signed=False
        ),
        codes,
    )


def binned(column: Column, values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return (N,) codes from 0, -1 where missing: levels as they are, numbers in groups of about equal size."""
    known = ~np.isnan(values)
    codes = np.full(len(values), -1, np.intp)
    distinct = np.unique(values[known])
    bins = int(np.clip(math.sqrt(known.sum() / _ROWS_PER_CELL), 2, MOST_BINS))
    if column.kind in {"category", "binary"} or len(distinct) <= bins:
        codes[known] = np.searchsorted(distinct, values[known])
        return codes
    edges = np.unique(np.quantile(values[known], np.arange(1, bins) / bins))
    codes[known] = np.searchsorted(edges, values[known], side="left")
    codes[known] = np.unique(codes[known], return_inverse=True)[1]
    return codes
