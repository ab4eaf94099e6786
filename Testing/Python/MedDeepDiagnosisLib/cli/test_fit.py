"""What ``meddeep fit`` asks for, and what it says."""

import argparse
from pathlib import Path

import pytest

from MedDeepDiagnosisLib.cli.fit import COMMAND
from MedDeepDiagnosisLib.fit_job import Result
from MedDeepRegSegLib.errors import InputError


def request(tmp_path, *words):
    table = tmp_path / "cases.csv"
    table.write_text("patient,size\nA,1\n")
    parser = argparse.ArgumentParser()
    COMMAND.add_parser(parser.add_subparsers())
    fixed = ["fit", "lung_nodule", "--table", str(table), "--out", str(tmp_path / "model")]
    return COMMAND.request(parser.parse_args([*fixed, *words]))


def test_learners_and_target_reach_the_job(tmp_path):
    assert request(tmp_path).learners == ("additive",)
    asked = request(tmp_path, "--models", "mean, svm,boosting", "--target", "suspicious")
    assert asked.learners == ("mean", "svm", "boosting")
    assert asked.target == "suspicious"


@pytest.mark.parametrize(("models", "message"), [("forest", "'forest' is unknown"), (" , ", "names no learner")])
def test_unknown_learners_are_refused(tmp_path, models, message):
    with pytest.raises(InputError, match=message):
        request(tmp_path, "--models", models)


def test_the_summary_tells_scores_of_probabilities_or_numbers():
    scores = {"auc": {}, "brier": {}, "correlation": {}, "mean_absolute_error": {}, "coverage": {}, "abstention": {}}
    empty = Result(Path("model"), 10, 5, **scores, weights_sha256="")
    binary = Result(Path("model"), 10, 5, **{**scores, "auc": {"all": 0.9}, "brier": {"all": 0.1}}, weights_sha256="")
    number = Result(
        Path("model"),
        10,
        5,
        **{**scores, "correlation": {"all": 0.7}, "mean_absolute_error": {"all": 2.5}},
        weights_sha256="",
    )
    assert len(COMMAND.summary(empty)) == 2
    assert "  all: AUC 0.900, Brier score 0.100 (on patients not learned from)" in COMMAND.summary(binary)
    assert "  all: R 0.700, mean error 2.5 (on patients not learned from)" in COMMAND.summary(number)
