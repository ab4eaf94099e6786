"""Experience as files for other programs: CSV tables and one JSON file."""

import csv
import dataclasses
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from MedDeepDiagnosisLib.associations.experience import Experience
from MedDeepDiagnosisLib.associations.pairs import Association
from MedDeepDiagnosisLib.associations.rules import Rule
from MedDeepDiagnosisLib.spreadsheet import guarded
from MedDeepRegSegLib.jobs.outputs import write_json, write_text

PAIR_COLUMNS: dict[str, str] = {
    "first": "Name of one column.",
    "second": "Name of the other column.",
    "measure": "Measure of how strongly they go together.",
    "value": "The measure, from -1 to 1, from 0 to 1, or bits of mutual information.",
    "low": "Lower end of the 95 % interval.",
    "high": "Upper end of the 95 % interval.",
    "interval": "How the interval was made.",
    "p": "P value of independence, two-sided.",
    "test": "The test that it comes from.",
    "q": "P value corrected for all tests of pairs (Benjamini-Hochberg).",
    "rows": "Rows where both values are known.",
    "patients": "Patients where both values are known.",
    "missing": "Rows where one or both values are missing.",
    "odds_ratio": "Odds ratio, of two binary columns.",
    "odds_ratio_low": "Lower end of its 95 % interval (Woolf).",
    "odds_ratio_high": "Upper end of its 95 % interval (Woolf).",
    "note": "What to mind.",
}
"""Columns of the table of pairs, and what they hold."""

RULE_COLUMNS = (
    *("conditions", "conclusion", "support", "confidence", "lift", "low", "high", "p", "q", "test"),
    *("rows", "patients", "missing", "together"),
)
MISSING_COLUMNS = ("column", "missing", "fraction")


def pair_rows(pairs: Sequence[Association]) -> list[dict[str, object]]:
    """Return one row for each measure of each pair, with the keys of ``PAIR_COLUMNS``; None where undefined."""
    rows: list[dict[str, object]] = []
    for pair in pairs:
        common: dict[str, object] = {
            "first": pair.first,
            "second": pair.second,
            "rows": pair.rows,
            "patients": pair.patients,
            "missing": pair.missing,
            "note": pair.note,
        }
        if not pair.estimates:
            rows.append({**dict.fromkeys(PAIR_COLUMNS), **common})
        for estimate in pair.estimates:
            numbers = {name: known(getattr(estimate, name)) for name in ("value", "low", "high", "p", "q")}
            odds = pair.odds_ratio if estimate is pair.main else None
            rows.append(
                {
                    **dict.fromkeys(PAIR_COLUMNS),
                    **common,
                    **numbers,
                    "measure": estimate.measure,
                    "interval": estimate.interval,
                    "test": estimate.test,
                    "odds_ratio": odds.value if odds else None,
                    "odds_ratio_low": odds.low if odds else None,
                    "odds_ratio_high": odds.high if odds else None,
                }
            )
    return rows


def rule_row(rule: Rule) -> dict[str, object]:
    """Return a rule as one row with the keys of ``RULE_COLUMNS``; None where undefined."""
    row = {name: getattr(rule, name) for name in RULE_COLUMNS if name not in {"conditions", "conclusion"}}
    return {
        "conditions": " and ".join(item.text for item in rule.conditions),
        "conclusion": rule.conclusion.text,
        **{name: known(value) for name, value in row.items()},
    }


def write_files(experience: Experience, folder: Path) -> None:
    """Write ``associations.csv``, ``rules.csv``, ``missing.csv`` and ``associations.json`` into a folder."""
    pairs = pair_rows(experience.associations.pairs)
    rules = [rule_row(rule) for rule in experience.rules.rules]
    missing = [
        dict(zip(MISSING_COLUMNS, (column.name, column.rows, column.fraction), strict=True))
        for column in experience.missing.columns
    ]
    _write_csv(folder / "associations.csv", tuple(PAIR_COLUMNS), pairs)
    _write_csv(folder / "rules.csv", RULE_COLUMNS, rules)
    _write_csv(folder / "missing.csv", MISSING_COLUMNS, missing)
    table = experience.table
    data = {
        "rows": len(table),
        "patients": table.patient_count,
        "patients_known": table.patients_known,
        "seed": experience.seed,
        "columns": [dataclasses.asdict(column) for column in table.columns],
        "left_out": [{"column": name, "reason": reason} for name, reason in table.left_out],
        "associations": {
            "tests": experience.associations.tests,
            "by_patient": experience.associations.clustered,
            "pairs": pairs,
        },
        "rules": {"tests": experience.rules.tests, "rules": rules},
        "missing": {
            "columns": missing,
            "complete_rows": experience.missing.complete_rows,
            "patterns": [dataclasses.asdict(pattern) for pattern in experience.missing.patterns],
            "pattern_count": experience.missing.pattern_count,
            "tests": experience.missing.tests,
            "with_outcome": pair_rows(experience.missing.with_outcome),
        },
    }
    write_json(folder / "associations.json", data)


def known(value: Any) -> Any:
    """Return a value, or None for a number that is not finite."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: guarded(cell) if isinstance(cell, str) else cell for name, cell in row.items()})
    write_text(path, text.getvalue())
