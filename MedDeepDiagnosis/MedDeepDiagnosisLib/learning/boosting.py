"""Gradient boosting of small trees: grown by scikit-learn, kept as arrays and evaluated by numpy.

Nothing of scikit-learn is needed to predict, and nothing is pickled. Values enter in the features' units, relative ones
divided by their reference; a missing value follows the branch that was learned for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.learning.sample import Sample
from MedDeepDiagnosisLib.learning.stored import StoredArrays
from MedDeepDiagnosisLib.models.encoding import on_scale
from MedDeepDiagnosisLib.pathology import Feature
from MedDeepRegSegLib.errors import InputError, MissingPackageError

Array = NDArray[np.float64]

SETTINGS = tuple({"trees": trees, "leaves": leaves} for leaves in (4.0, 12.0) for trees in (40.0, 80.0, 160.0))
"""What is tried inside the folds, the simplest first."""

_RATE = 0.06
_LEAST_LEAF = 20
_RIDGE = 1.0
_BINS = 64
_DEEPEST = 64

_PARTS = ("feature", "threshold", "left", "right", "missing_left", "value")


@dataclass(frozen=True)
class Trees:
    """The trees, each a run of nodes.

    Attributes
    ----------
    features:
        The F features.
    start:
        Score before any tree.
    roots:
        (T,) number of the first node of each tree.
    feature, threshold, left, right, missing_left, value:
        (M,) of each node: which feature is asked, up to which value one goes left, the two next nodes, whether a
        missing value goes left, and what a leaf adds. A leaf is its own next node.
    """

    features: tuple[Feature, ...]
    start: float
    roots: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: Array
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    missing_left: NDArray[np.bool_]
    value: Array

    def score(self, values: Array) -> Array:
        """Return (N,) log-odds or numbers of (N, F) values, NaN where missing."""
        scaled = on_scale(self.features, values[:, : len(self.features)])
        node = np.broadcast_to(self.roots, (len(scaled), len(self.roots))).copy()
        rows = np.arange(len(scaled))[:, None]
        for _ in range(_DEEPEST):
            asked = scaled[rows, self.feature[node]]
            goes_left = np.where(np.isnan(asked), self.missing_left[node], asked <= self.threshold[node])
            following = np.where(goes_left, self.left[node], self.right[node])
            if np.array_equal(following, node):
                break
            node = following
        return self.start + self.value[node].sum(axis=1)

    def first(self, count: int) -> "Trees":
        """Return the model of the first trees alone."""
        end = self.roots[count] if count < len(self.roots) else len(self.feature)
        nodes = {name: getattr(self, name)[:end] for name in _PARTS}
        return Trees(self.features, self.start, self.roots[:count], **nodes)

    def arrays(self) -> dict[str, Array]:
        """Return what :func:`from_arrays` takes."""
        nodes = {name: getattr(self, name).astype(float) for name in _PARTS}
        return {**nodes, "roots": self.roots.astype(float), "start": np.array([self.start])}


def from_arrays(features: tuple[Feature, ...], stored: StoredArrays) -> Trees:
    """Return a model from the arrays of a folder; raises InputError if they do not fit or do not end."""
    count = len(stored.get("value", None))
    left = stored.indices("left", count, below=count)
    right = stored.indices("right", count, below=count)
    own = np.arange(count)
    leaf = (left == own) & (right == own)
    if (~leaf & ((left <= own) | (right <= own))).any():
        msg = "the trees of the weights do not lead to leaves; get the model again"
        raise InputError(msg)
    return Trees(
        features=features,
        start=float(stored.get("start", 1)[0]),
        roots=stored.indices("roots", None, below=count),
        feature=stored.indices("feature", count, below=len(features)),
        threshold=stored.get("threshold", count),
        left=left,
        right=right,
        missing_left=stored.get("missing_left", count) > 0,
        value=stored.get("value", count),
    )


def fit_all(sample: Sample, *, binary: bool, settings: Sequence[dict[str, float]], seed: int) -> list[Trees]:
    """Grow the most trees of each number of leaves once; fewer trees are the first of them.

    Raises
    ------
    MissingPackageError
        If scikit-learn is not installed.
    """
    grown = {}
    for leaves in {setting["leaves"] for setting in settings}:
        most = max(int(setting["trees"]) for setting in settings if setting["leaves"] == leaves)
        grown[leaves] = exported(
            sample.features, grow(sample, binary=binary, trees=most, leaves=int(leaves), seed=seed)
        )
    return [grown[setting["leaves"]].first(int(setting["trees"])) for setting in settings]


def grow(sample: Sample, *, binary: bool, trees: int, leaves: int, seed: int) -> Any:
    """Return scikit-learn's fitted estimator; raises MissingPackageError if it is not installed."""
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    except ImportError as error:
        msg = "gradient boosting needs scikit-learn: install it with 'pip install scikit-learn'"
        raise MissingPackageError(msg) from error
    cls = HistGradientBoostingClassifier if binary else HistGradientBoostingRegressor
    estimator = cls(
        learning_rate=_RATE,
        max_iter=trees,
        max_leaf_nodes=leaves,
        min_samples_leaf=_LEAST_LEAF,
        l2_regularization=_RIDGE,
        max_bins=_BINS,
        early_stopping=False,
        random_state=seed,
    )
    table = on_scale(sample.features, sample.table)
    # scikit-learn refuses a column without any value; a constant one is never asked about.
    table[:, np.isnan(table).all(axis=0)] = 0.0
    return estimator.fit(table, sample.target)


def exported(features: tuple[Feature, ...], estimator: Any) -> Trees:
    """Return the trees of a fitted estimator of scikit-learn as arrays.

    scikit-learn keeps its trees in private fields; a test holds what comes out of here against what it predicts.
    """
    parts: dict[str, list[NDArray]] = {name: [] for name in _PARTS}
    roots, count = [], 0
    for (tree,) in estimator._predictors:
        nodes = tree.nodes
        own = np.arange(len(nodes)) + count
        leaf = nodes["is_leaf"].astype(bool)
        roots.append(count)
        parts["feature"].append(np.where(leaf, 0, nodes["feature_idx"]).astype(np.int64))
        # A split that only parts missing from given values has an infinite threshold.
        parts["threshold"].append(np.clip(np.where(leaf, 0.0, nodes["num_threshold"]), -1e300, 1e300))
        parts["left"].append(np.where(leaf, own, nodes["left"].astype(np.int64) + count))
        parts["right"].append(np.where(leaf, own, nodes["right"].astype(np.int64) + count))
        parts["missing_left"].append(nodes["missing_go_to_left"].astype(bool))
        parts["value"].append(np.where(leaf, nodes["value"], 0.0))
        count += len(nodes)
    joined = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    start = float(np.ravel(estimator._baseline_prediction)[0])
    return Trees(features, start, np.array(roots, dtype=np.int64), **joined)
