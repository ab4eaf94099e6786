"""Computes Shapley values with the package shap, for the tests of ``reasons/shapley.py`` to compare with.

    python Testing/Benchmarks/reasons_reference.py --out Testing/Data/shapley_reference.json

shap depends on a package ``slicer`` that overwrites files of slicer-core's package of the same name. So it must never be
installed beside the extension: make an environment of its own (``python -m venv``; ``pip install shap scikit-learn``).
Needs nothing of MedDeep. The file holds the trees of a small gradient boosting model on scikit-learn's breast cancer
data, so that the tests need neither shap nor the same version of scikit-learn.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import shap
import sklearn
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier

FEATURES = 12
ROWS = (0, 19, 300)


def main() -> None:
    """Fit, explain twice, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    generator = np.random.default_rng(0)
    values, target = load_breast_cancer(return_X_y=True)
    values = values[:, :FEATURES].copy()
    values[generator.random(values.shape) < 0.1] = np.nan
    model = HistGradientBoostingClassifier(max_iter=25, max_leaf_nodes=6, learning_rate=0.2, random_state=0)
    model.fit(values, target)
    background = values[generator.choice(len(values), 20, replace=False)]
    rows = values[list(ROWS)]
    exact = shap.explainers.Exact(model.decision_function, shap.maskers.Independent(background))(rows)
    trees = shap.TreeExplainer(model, background, feature_perturbation="interventional", model_output="raw")(rows)
    print(f"largest difference of shap's two explainers: {np.abs(exact.values - trees.values).max():.2e}")
    nodes = [step[0].nodes for step in model._predictors]
    names = ("value", "feature_idx", "num_threshold", "missing_go_to_left", "left", "right", "is_leaf")
    content = {
        "made_with": {"shap": shap.__version__, "scikit-learn": sklearn.__version__, "numpy": np.__version__},
        "start": float(np.ravel(model._baseline_prediction)[0]),
        "trees": [{name: tree[name].tolist() for name in names} for tree in nodes],
        "rows": _with_none(rows),
        "background": _with_none(background),
        "predictions": model.decision_function(rows).tolist(),
        "exact": exact.values.tolist(),
        "tree": trees.values.tolist(),
    }
    options.out.write_text(json.dumps(content).replace("Infinity", "1e308") + "\n", encoding="utf-8")


def _with_none(values: np.ndarray) -> list:
    return [[None if np.isnan(value) else float(value) for value in row] for row in values]


if __name__ == "__main__":
    main()
