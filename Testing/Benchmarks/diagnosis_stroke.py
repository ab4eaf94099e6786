"""Measures the stroke models on the SOOP data, against baselines, in nested cross-validation grouped by patient.

    python Testing/Benchmarks/diagnosis_stroke.py --data FOLDER [--table soop.csv] [--seeds 5] [--out FOLDER]

FOLDER holds participants.tsv and the lesion masks (github.com/neurolabusc/StrokeOutcomeOptimizationProjectDemo). The
table of ``meddeep stroke FOLDER --out soop.csv`` saves measuring the lesions again. Every figure is out of fold; what
is chosen is chosen inside the training folds; intervals resample patients. The first division into folds validates all
methods; the further ones, with other seeds, the shipped features only. Prints Markdown tables; with --out, writes
figures.json as well.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from MedDeepDiagnosisLib.cases import CaseTable, read_rows, table_from_rows
from MedDeepDiagnosisLib.learning.learners import MEAN
from MedDeepDiagnosisLib.learning.permutation import shuffled_outcomes
from MedDeepDiagnosisLib.learning.sample import sample_of, task_of
from MedDeepDiagnosisLib.learning.selecting import fit_predictor
from MedDeepDiagnosisLib.models.metrics import Estimate, auc, pearson
from MedDeepDiagnosisLib.models.validation import Validation, outer_folds, validate_variants
from MedDeepDiagnosisLib.pathology import Pathology, load_pathology
from MedDeepDiagnosisLib.stroke.soop import soop_table, write_soop_table
from MedDeepRegSegLib.jobs.outputs import write_json

TARGETS = ("nihss", "rankin_above_2")
LEARNERS = (MEAN, "additive", "elastic-net", "svm", "boosting")
FULL = "measured_and_clinical"
SHUFFLES = 20
BARS = {"nihss": 0.60, "rankin_above_2": 0.80}


def main_score(validation: Validation) -> Estimate:
    """Return the correlation of a number, or the AUC."""
    return validation.numbers.pearson if validation.numbers is not None else validation.scores.auc


def second_score(validation: Validation) -> Estimate:
    """Return the mean absolute error of a number, or the Brier score."""
    return validation.numbers.mean_absolute_error if validation.numbers is not None else validation.scores.brier


def text(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def further_scores(table: CaseTable, pathology: Pathology, seed: int) -> dict[str, float]:
    """Return the score of every learner with the shipped features on folds of another seed."""
    only = replace(pathology, variants=(pathology.variant(FULL),))
    found = validate_variants(table, only, learners=LEARNERS, seed=seed, bootstrap_repeats=10)
    return {validation.name: main_score(validation).value for validation in found}


def shuffled_scores(table: CaseTable, pathology: Pathology) -> list[float]:
    """Return scores after outcomes were shuffled over all rows: chance, unless test rows leak into the learning.

    Scored fold by fold: where there is nothing to learn, predictions are little more than the mean of the training folds,
    and that is low where the test fold is high, so that rows of several folds together would score below chance.
    """
    features = pathology.features_of(FULL)
    values = table.select([feature.name for feature in features])
    task = task_of(pathology.target)
    score = pearson if pathology.target.kind == "number" else auc
    scores = []
    for seed in range(SHUFFLES):
        fold = outer_folds(table, seed=seed)
        sample = sample_of(features, values, shuffled_outcomes(table.target, seed=seed), table.patients)
        for number in np.unique(fold):
            test = fold == number
            predicted = fit_predictor("additive", sample.rows(~test), task, seed=seed).predict(values[test])
            scores.append(score(sample.target[test], predicted))
    return scores


def subgroups(table: CaseTable, predicted: np.ndarray, *, binary: bool) -> list[tuple[str, int, float]]:
    """Return title, number of cases and score of men and women, and of ages below and from 70."""
    age, sex = table.select(["age"])[:, 0], table.select(["sex"])[:, 0]
    groups = {"men": sex == 0, "women": sex == 1, "below 70 years": age < 70, "70 years and more": age >= 70}
    score = auc if binary else pearson
    return [(name, int(of.sum()), score(table.target[of], predicted[of])) for name, of in groups.items()]


def report(target: str, rows: list[dict[str, str]], seeds: int) -> dict:
    """Print the tables of one target and return its figures."""
    pathology = load_pathology("acute_stroke").for_target(target)
    table = table_from_rows(pathology, rows)
    binary = pathology.target.kind == "binary"
    main, second = ("AUC", "Brier score") if binary else ("R", "mean absolute error")
    start = time.perf_counter()
    found = {v.name: v for v in validate_variants(table, pathology, learners=LEARNERS, seed=0)}
    seconds = time.perf_counter() - start
    further = [further_scores(table, pathology, seed) for seed in range(1, seeds)]
    positive = f", {int(table.target.sum())} with the outcome" if binary else ""
    print(f"\n## {pathology.target.title}\n\n{len(table)} patients{positive}; {seconds:.0f} s for one validation\n")
    print(f"| method | {main} (95 % interval) | {main} with other folds | {second} (95 % interval) |")
    print("|---|---|---|---|")
    figures = {}
    for name, validation in found.items():
        scores = [main_score(validation).value, *(run[name] for run in further if name in run)]
        others = ", ".join(f"{score:.3f}" for score in scores[1:]) or "-"
        print(f"| {validation.title} | {text(main_score(validation))} | {others} | {text(second_score(validation))} |")
        figures[name] = {"seeds": scores, "low": main_score(validation).low, "high": main_score(validation).high}
    best = found[FULL]
    print(f"\n{first_line(target, figures, main)}")
    coverage = best.coverage
    print(
        f"conformal at {coverage.level:.2f}: holds the truth in {coverage.coverage:.3f}, abstains in "
        f"{coverage.abstention:.3f}, mean width {coverage.width:.2f}"
    )
    groups = subgroups(table, best.probabilities, binary=binary)
    print(", ".join(f"{name} ({count}): {main} {value:.3f}" for name, count, value in groups))
    shuffled = shuffled_scores(table, pathology)
    error = np.std(shuffled) / np.sqrt(len(shuffled))
    print(f"shuffled outcomes ({SHUFFLES} times, additive model): {main} {np.mean(shuffled):.3f} (SE {error:.3f})")
    return {"cases": len(table), "methods": figures, "shuffled": shuffled}


def first_line(target: str, figures: dict, main: str) -> str:
    mean = float(np.mean(figures[FULL]["seeds"]))
    verdict = "yes" if mean >= BARS[target] else "no"
    return f"bar: {main} {BARS[target]:.2f}; mean of all divisions {mean:.3f}: {verdict}"


def run() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the SOOP data")
    parser.add_argument("--table", type=Path, help="table made from it before")
    parser.add_argument("--seeds", type=int, default=5, help="how many divisions into folds")
    parser.add_argument("--target", choices=TARGETS, help="only one of the two")
    parser.add_argument("--out", type=Path, help="folder for figures.json")
    args = parser.parse_args()
    if args.data is None and args.table is None:
        parser.error("nothing to measure: give --data or --table")
    if args.table is not None:
        rows = read_rows(args.table)
    else:
        table = soop_table(args.data)
        print(*table.notes, sep="\n")
        with tempfile.TemporaryDirectory() as folder:
            write_soop_table(table, Path(folder) / "soop.csv")
            rows = read_rows(Path(folder) / "soop.csv")
    figures = {target: report(target, rows, args.seeds) for target in TARGETS if args.target in (None, target)}
    if args.out is not None:
        write_json(args.out / "figures.json", figures)


if __name__ == "__main__":
    run()
