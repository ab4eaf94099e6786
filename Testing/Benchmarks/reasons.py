"""Measures the reasons of predictions: how long they take, and how often they are shown to be faithful.

    python Testing/Benchmarks/reasons.py [--cases 40] [--out FOLDER]

Gradient boosting and plain logistic regression of scikit-learn learn from 70 % of its breast cancer data (30 features);
held-out cases are explained, in log-odds. Each way of attribution faces the same deletion test. Run with
OMP_NUM_THREADS=1 for times on one core. Prints Markdown tables; with --out, writes figures.json as well.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from MedDeepDiagnosisLib.cases import CaseTable
from MedDeepDiagnosisLib.fitting import BACKGROUND_CASES
from MedDeepDiagnosisLib.models.metrics import auc
from MedDeepDiagnosisLib.models.prediction import REASON_EVALUATIONS
from MedDeepDiagnosisLib.pathology import Feature
from MedDeepDiagnosisLib.reasons.counterfactual import counterfactual
from MedDeepDiagnosisLib.reasons.faithfulness import deletion_test
from MedDeepDiagnosisLib.reasons.importance import permutation_importance
from MedDeepDiagnosisLib.reasons.nearest import learn_scales, nearest_cases
from MedDeepDiagnosisLib.reasons.predictor import Array, Predictor, thinned
from MedDeepDiagnosisLib.reasons.shapley import Attribution, planned_samples, shapley_values
from MedDeepRegSegLib.jobs.outputs import write_json


def data() -> tuple[tuple[Feature, ...], CaseTable, CaseTable]:
    """Return the features, and the cases for learning and for explaining."""
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    features = tuple(
        Feature(
            name=str(name).replace(" ", "_"),
            title=str(name).capitalize(),
            units="",
            description="",
            group="measured",
            kind="number",
            scale="linear",
            minimum=0.0,
            maximum=1e5,
            words=(),
            required=False,
            measurement=None,
        )
        for name in bunch.feature_names
    )
    names = np.arange(len(bunch.target)).astype(str)
    whole = CaseTable(tuple(f.name for f in features), bunch.data, 1.0 - bunch.target, names, names)
    order = np.random.default_rng(0).permutation(len(whole))
    cut = int(0.7 * len(whole))
    return features, whole.rows(order[:cut]), whole.rows(order[cut:])


def models(train: CaseTable) -> dict[str, tuple[Predictor, Array | None]]:
    """Return predictors of log-odds; of a linear one its weights too."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    boosting = HistGradientBoostingClassifier(random_state=0).fit(train.values, train.target)
    middle, spread = train.values.mean(axis=0), train.values.std(axis=0)
    linear = LogisticRegression(max_iter=2000).fit((train.values - middle) / spread, train.target)
    return {
        "gradient boosting (100 trees)": (boosting.decision_function, None),
        "logistic regression": (
            lambda values: linear.decision_function((values - middle) / spread),
            linear.coef_[0] / spread,
        ),
    }


def one_by_one(predict: Predictor, row: Array, background: Array, template: Attribution) -> Attribution:
    """Return the simple rival: what the prediction loses when one feature alone is taken from the background."""
    changed = np.repeat(background[None], len(row), axis=0)
    for number in range(len(row)):
        others = np.arange(len(row)) != number
        changed[number][:, others] = row[others]
    means = predict(changed.reshape(-1, len(row))).reshape(len(row), -1).mean(axis=1)
    return replace(template, values=predict(row[None])[0] - means)


def timed(work: Callable[[], object]) -> tuple[object, float]:
    """Return a result and the milliseconds it took."""
    start = time.perf_counter()
    result = work()
    return result, 1000 * (time.perf_counter() - start)


def explain_all(
    predict: Predictor, weights: Array | None, train: CaseTable, rows: Array, seed: int
) -> dict[str, float]:
    """Explain cases in three ways and return the figures of one model."""
    background = thinned(train.values, BACKGROUND_CASES, seed=seed)
    samples = planned_samples(rows.shape[1], len(background), evaluations=REASON_EVALUATIONS)
    generator = np.random.default_rng(seed)
    milliseconds, test_ms, errors, gaps = [], [], [], []
    verdicts: dict[str, list[bool]] = {"shapley": [], "one by one": [], "random": []}
    areas: dict[str, list[float]] = {name: [] for name in verdicts}
    for row in rows:
        found, spent = timed(lambda row=row: shapley_values(predict, row, background, seed=seed, samples=samples))
        milliseconds.append(spent)
        errors.append(found.errors.max() / np.abs(found.values).max())
        gaps.append(abs(found.values.sum() + found.base - found.prediction))
        if weights is not None:
            gaps[-1] = max(gaps[-1], np.abs(found.values - weights * (row - background.mean(axis=0))).max())
        ways = {
            "shapley": found,
            "one by one": one_by_one(predict, row, background, found),
            "random": replace(found, values=generator.normal(size=len(row))),
        }
        for name, way in ways.items():
            check, spent = timed(lambda row=row, way=way: deletion_test(predict, row, way, background, seed=seed))
            verdicts[name].append(check.verdict == "faithful")
            areas[name].append(check.area)
            if name == "shapley":
                test_ms.append(spent)
    return {
        "milliseconds": float(np.median(milliseconds)),
        "slowest_milliseconds": float(np.max(milliseconds)),
        "test_milliseconds": float(np.median(test_ms)),
        "relative_standard_error": float(np.median(errors)),
        "largest_gap": float(np.max(gaps)),
        **{f"faithful_{name.replace(' ', '_')}": float(np.mean(seen)) for name, seen in verdicts.items()},
        **{f"area_{name.replace(' ', '_')}": float(np.mean(seen)) for name, seen in areas.items()},
    }


def other_reasons(
    predict: Predictor, features: tuple[Feature, ...], train: CaseTable, test: CaseTable, rows: Array
) -> dict[str, float]:
    """Return times and outcomes of nearest cases, counterfactuals and importance."""
    scales, learn_ms = timed(lambda: learn_scales(features, train))
    near = [timed(lambda row=row: nearest_cases(row, train, scales)) for row in rows]
    changed = [timed(lambda row=row: counterfactual(predict, row, scales, train.values, threshold=0.0)) for row in rows]
    found, importance_ms = timed(
        lambda: permutation_importance(
            predict, test.values, test.target, test.patients, auc, seed=0, repeats=5, draws=50
        )
    )
    return {
        "scales_milliseconds": learn_ms,
        "nearest_milliseconds": float(np.median([spent for _, spent in near])),
        "far": float(np.mean([item.far for item, _ in near])),
        "counterfactual_milliseconds": float(np.median([spent for _, spent in changed])),
        "counterfactuals_found": float(np.mean([item.found for item, _ in changed])),
        "counterfactuals_crossing": float(
            np.mean([(item.end >= 0) != (item.start >= 0) for item, _ in changed if item.found])
        ),
        "changes": float(np.mean([len(item.changes) for item, _ in changed if item.found])),
        "importance_seconds": importance_ms / 1000,
        "largest_loss_of_auc": float(max(item.drop for item in found)),
        "grouped_loss_of_auc": float(
            permutation_importance(
                predict, test.values, test.target, test.patients, auc, seed=0, repeats=5, draws=1, groups=[range(30)]
            )[0].drop
        ),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    features, train, test = data()
    rows = test.values[: options.cases]
    figures = {}
    for name, (predict, weights) in models(train).items():
        figures[name] = {
            "auc": auc(test.target, predict(test.values)),
            **explain_all(predict, weights, train, rows, options.seed),
            **other_reasons(predict, features, train, test, rows),
        }
    print(f"{len(rows)} held-out cases, {len(features)} features, background of {BACKGROUND_CASES} cases\n")
    print(f"| | {' | '.join(figures)} |\n|---|{'---|' * len(figures)}")
    for key in next(iter(figures.values())):
        print(f"| {key.replace('_', ' ')} | {' | '.join(f'{model[key]:.3g}' for model in figures.values())} |")
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        write_json(options.out / "figures.json", figures)


if __name__ == "__main__":
    main()
