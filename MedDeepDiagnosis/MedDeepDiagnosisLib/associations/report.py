"""Experience as one HTML page that needs nothing else; a short script sorts its tables, and it reads well without."""

import base64
import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

from MedDeepDiagnosisLib.associations.experience import DISCOVERY_Q, Experience
from MedDeepDiagnosisLib.associations.pairs import Association
from MedDeepDiagnosisLib.associations.pictures import heat_map, network
from MedDeepDiagnosisLib.associations.rules import Rule
from MedDeepDiagnosisLib.reports.content import Fact, Provenance
from MedDeepDiagnosisLib.reports.rendering import format_cell, format_percent, report_environment
from MedDeepDiagnosisLib.resources import resource_path
from MedDeepRegSegLib.jobs.outputs import write_text
from MedDeepRegSegLib.wording import counted

MOST_PAIRS, MOST_RULES = 300, 40
STATEMENT = "For research. Associations are no causes, and findings of one table need to be seen again in another."
_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Amount:
    """A number of a table as it is shown, and by which it is sorted."""

    text: str
    sort: float


@dataclass(frozen=True)
class PairRow:
    """A pair as it is shown in the table of the page."""

    first: str
    second: str
    how: str
    measure: str
    value: Amount
    bar: tuple[float, float, str]
    interval: str
    q: Amount
    p: Amount
    bits: Amount
    odds: str
    rows: int
    patients: int
    missing: int
    note: str
    made: str
    found: bool


@dataclass(frozen=True)
class RuleRow:
    """A rule as it is shown."""

    conditions: str
    conclusion: str
    support: Amount
    confidence: Amount
    lift: Amount
    interval: str
    q: Amount
    counts: str
    patients: int


def render_associations(experience: Experience, provenance: Provenance, *, title: str, subject: str) -> str:
    """Return the page. Every text is escaped; it loads nothing and runs no script but its own.

    Raises
    ------
    MissingPackageError
        If jinja2 is not installed.
    """
    script = resource_path("reports", "associations.js").read_text(encoding="utf-8")
    environment = report_environment()
    environment.filters["pvalue"] = format_p
    table, pairs = experience.table, experience.associations.pairs
    labels = {column.name: column.label for column in table.columns}
    found = [rule for rule in experience.rules.rules if rule.q < DISCOVERY_Q]
    missing = [_pair_row(pair, labels) for pair in experience.missing.with_outcome if pair.main is not None]
    return environment.get_template("associations.html.j2").render(
        title=title,
        subject=subject,
        statement=STATEMENT,
        provenance_of=provenance,
        summary=_summary(experience),
        network=network(table.columns, pairs),
        heat=heat_map(table.columns, pairs),
        pairs=[_pair_row(pair, labels) for pair in pairs[:MOST_PAIRS]],
        pair_count=len(pairs),
        rules=[_rule_row(rule) for rule in found[:MOST_RULES]],
        rules_found=len(found),
        rule_search=experience.rules,
        missing=experience.missing,
        missing_pairs=missing,
        outcomes=[column.label for column in table.columns if column.outcome],
        table=table,
        labels=labels,
        clustered=experience.associations.clustered,
        tests=experience.associations.tests,
        script=script,
        script_hash=script_hash(script),
    )


def write_associations(experience: Experience, provenance: Provenance, path: Path, *, title: str, subject: str) -> None:
    """Render the page and write it, whole or not at all."""
    write_text(path, render_associations(experience, provenance, title=title, subject=subject))


def script_hash(script: str) -> str:
    """Return the hash by which the content security policy of the page allows this script and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


def format_p(value: float) -> str:
    """Return a p or q value: three digits after the point, ``< .001`` below, a dash where no test was made."""
    if math.isnan(value):
        return "\N{EN DASH}"
    return "< .001" if value < 0.001 else f"{value:.3f}".removeprefix("0")


def _summary(experience: Experience) -> tuple[Fact, ...]:
    table, missing = experience.table, experience.missing
    patients = str(table.patient_count) if table.patients_known else "not named"
    note = "" if table.patients_known else "each row counts as a patient"
    complete = format_percent(missing.complete_rows / len(table))
    return (
        Fact("Rows", str(len(table)), f"{complete} without gaps"),
        Fact(
            "Patients", patients, note or ("several rows each" if experience.associations.clustered else "one row each")
        ),
        Fact("Findings", str(len(table.columns)), f"{counted(len(table.left_out), 'column')} left out"),
        Fact(
            "Associations found",
            f"{experience.found} of {counted(len(experience.associations.pairs), 'pair')}",
            f"false discovery rate below {DISCOVERY_Q:.0%}".replace("%", " %"),
        ),
    )


def _pair_row(pair: Association, labels: dict[str, str]) -> PairRow:
    main, information, odds = pair.main, pair.information, pair.odds_ratio
    nothing = Amount("\N{EN DASH}", -1.0)
    common = (labels.get(pair.first, pair.first), labels.get(pair.second, pair.second))
    if main is None or information is None:
        return PairRow(
            *common, "not measured", "", nothing, (50, 0, "none"), "", Amount("\N{EN DASH}", 2.0),
            Amount("\N{EN DASH}", 2.0), nothing, "", pair.rows, pair.patients, pair.missing, pair.note, "", False,
        )  # fmt: skip
    sign = "none" if not main.signed else "up" if main.value >= 0 else "down"
    found = pair.q < DISCOVERY_Q
    how = {"none": "differs with", "up": "rises with", "down": "falls as"}[sign] if found else "not shown"
    reach = 0.0 if math.isnan(main.value) else 50 * min(abs(main.value), 1.0)
    return PairRow(
        *common,
        how=how,
        measure=main.measure,
        value=Amount(_signed(main.value), abs(main.value)),
        bar=(50 - reach if sign == "down" else 50, reach, sign),
        interval="" if math.isnan(main.low) else f"{_signed(main.low)} to {_signed(main.high)}",
        q=Amount(format_p(main.q), 2.0 if math.isnan(main.q) else main.q),
        p=Amount(format_p(main.p), 2.0 if math.isnan(main.p) else main.p),
        bits=nothing if information is main or math.isnan(information.value) else _bits(pair),
        odds="" if odds is None else f"odds ratio {_short(odds.value)} ({_short(odds.low)} to {_short(odds.high)})",
        rows=pair.rows,
        patients=pair.patients,
        missing=pair.missing,
        note=pair.note,
        made=f"{main.test}; interval: {main.interval}",
        found=found,
    )


def _bits(pair: Association) -> Amount:
    information = pair.estimates[-1]
    star = "*" if information.q < DISCOVERY_Q else ""
    return Amount(f"{information.value:.2f}{star}", information.value)


def _rule_row(rule: Rule) -> RuleRow:
    interval = "" if math.isnan(rule.low) else f"{rule.low:.2f} to {rule.high:.2f}"
    return RuleRow(
        conditions=" and ".join(item.text for item in rule.conditions),
        conclusion=rule.conclusion.text,
        support=Amount(format_percent(rule.support), rule.support),
        confidence=Amount(format_percent(rule.confidence), rule.confidence),
        lift=Amount(f"{rule.lift:.2f}", rule.lift),
        interval=interval,
        q=Amount(format_p(rule.q), 2.0 if math.isnan(rule.q) else rule.q),
        counts=f"{rule.together} of {rule.rows}",
        patients=rule.patients,
    )


def _signed(value: float) -> str:
    if math.isnan(value):
        return "\N{EN DASH}"
    text = f"{abs(value):.2f}"
    return f"{_MINUS}{text}" if value < 0 and float(text) else text


def _short(value: float) -> str:
    return format_cell(value, 3) if 0.01 <= value < 1000 else f"{value:.1e}"
