"""Files for other programs."""

import csv
import json
from dataclasses import replace

import numpy as np

from MedDeepDiagnosisLib.associations.files import PAIR_COLUMNS, RULE_COLUMNS, known, pair_rows, rule_row, write_files


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_tables_and_json_hold_the_same(experience, tmp_path):
    write_files(experience, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "associations.csv", "rules.csv", "missing.csv", "associations.json",
    }  # fmt: skip
    rows = read(tmp_path / "associations.csv")
    data = json.loads((tmp_path / "associations.json").read_text(encoding="utf-8"))
    assert list(rows[0]) == list(PAIR_COLUMNS)
    assert len(rows) == len(data["associations"]["pairs"]) == experience.associations.tests
    first, pair = rows[0], experience.associations.pairs[0]
    assert (first["first"], first["measure"], float(first["value"])) == (pair.first, pair.main.measure, pair.main.value)
    assert {row["odds_ratio"] for row in rows if row["measure"] == "phi"} != {""}
    assert list(read(tmp_path / "rules.csv")[0]) == list(RULE_COLUMNS)
    missing = read(tmp_path / "missing.csv")
    assert [int(row["missing"]) for row in missing] == np.isnan(experience.table.values).sum(0).tolist()
    assert data["missing"]["with_outcome"][0]["second"] == "binary_1"
    assert (data["rows"], data["patients"], data["seed"]) == (120, 120, 0)


def test_what_is_not_known_is_none(experience, mixed):
    from MedDeepDiagnosisLib.associations.pairs import associate

    table = mixed(0)
    table.values[8:, 0] = np.nan
    rows = pair_rows(associate(table, resamples=2, permutations=9).pairs)
    (row,) = [row for row in rows if (row["first"], row["second"]) == ("number_1", "number_2")]
    assert (row["measure"], row["q"]) == (None, None)
    assert "fewer than 10" in row["note"]
    assert [known(float("nan")), known(float("inf")), known(2.0), known("a")] == [None, None, 2.0, "a"]
    rule = experience.rules.rules[0]
    assert rule_row(rule)["conclusion"] == rule.conclusion.text


def test_names_like_formulas_are_guarded(experience, tmp_path):
    name = '=HYPERLINK("x")'
    columns = tuple(
        replace(column, name=name) if not at else column for at, column in enumerate(experience.missing.columns)
    )
    write_files(replace(experience, missing=replace(experience.missing, columns=columns)), tmp_path)
    assert read(tmp_path / "missing.csv")[0]["column"] == f"'{name}"
