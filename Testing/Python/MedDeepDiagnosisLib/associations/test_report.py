"""The page."""

import math
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import numpy as np
import pytest

from MedDeepDiagnosisLib.associations.experience import explore
from MedDeepDiagnosisLib.associations.report import (
    STATEMENT,
    format_p,
    render_associations,
    script_hash,
    write_associations,
)
from MedDeepDiagnosisLib.associations.table import Column
from MedDeepDiagnosisLib.reports.content import Provenance

HOSTILE = "<script>alert(1)</script>\"' onload=x {{ 7*7 }} </style>&amp; Ünïcode"
VOID = {"meta", "link", "img", "br", "input", "hr"}
SOURCE = Provenance(date(2026, 1, 2), (("MedDeep", "1"),), (("Table cases.csv", "ab12"),), 0)


class Checker(HTMLParser):
    """Checks that tags are closed, and collects tags, texts and attributes."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.texts, self.attributes = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def page_of(experience, title="Associations"):
    text = render_associations(experience, SOURCE, title=title, subject="cases.csv")
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    return text, checker


def test_page_is_whole_and_loads_nothing(experience):
    text, checker = page_of(experience)
    for attribute, value in checker.attributes:
        if attribute in {"src", "href"}:
            assert value.startswith("#")
        assert not attribute.startswith("on")
    assert "http" not in re.sub(r"http-equiv", "", text)
    assert checker.tags.count("script") == 1
    assert STATEMENT in text
    script = text.split("<script>")[1].split("</script>")[0]
    assert f"script-src '{script_hash(script)}'" in text, "the policy of the page allows its script"


def test_every_pair_and_rule_is_told(experience):
    text, checker = page_of(experience)
    found = [rule for rule in experience.rules.rules if rule.q < 0.05]
    assert checker.tags.count("tr") >= len(experience.associations.pairs) + min(len(found), 40)
    assert text.count('<path class="edge') == experience.found
    assert f"{experience.found} of 28 pairs" in text
    for column in experience.table.columns:
        assert column.label in text
    assert "odds ratio" in text
    assert "Does it go with the outcome?" in text


def test_hostile_names_are_only_text(experience):
    table = experience.table
    columns = tuple(
        Column(column.name, HOSTILE + column.name, column.kind, HOSTILE, HOSTILE, tuple(HOSTILE + level for level in column.levels),
               HOSTILE, HOSTILE, column.outcome)
        for column in table.columns
    )  # fmt: skip
    hostile = replace(experience, table=replace(table, columns=columns, left_out=((HOSTILE, HOSTILE),)))
    text, checker = page_of(hostile, HOSTILE)
    assert checker.tags.count("script") == 1
    assert "<script>alert" not in text
    assert "{{ 7*7 }}" in text
    assert HOSTILE in "".join(checker.texts)


def test_a_table_where_nothing_goes_together_or_nothing_is_missing(mixed):
    table = mixed(1, gaps=0.0)
    table.values[:] = np.random.default_rng(3).permuted(table.values, axis=0)
    bare = explore(replace(table, patients_known=False), resamples=5, permutations=9)
    text, _ = page_of(bare)
    assert "No value is missing." in text
    assert "does not name patients" in text
    if not bare.found:
        assert "No association is below" in text


def test_gaps_without_an_outcome(mixed):
    text, _ = page_of(explore(mixed(1), resamples=5, permutations=9))
    assert "No outcome is known" in text


def test_p_values():
    assert [format_p(value) for value in (0.0, 0.0009, 0.0123, 1.0, math.nan)] == [
        "< .001", "< .001", ".012", "1.000", "–",
    ]  # fmt: skip


def test_a_browser_sorts_the_table(experience, tmp_path):
    """In headless Chromium, where there is one: the script runs under the policy of the page."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("needs Chromium")
    write_associations(experience, SOURCE, tmp_path / "page.html", title="Associations", subject="cases.csv")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    command = [browser, *options, (tmp_path / "page.html").as_uri()]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=120)
    if not done.stdout:
        pytest.skip(f"Chromium does not start here: {done.stderr[-200:]}")
    assert done.stdout.count('type="search"') >= 2
    assert done.stdout.count('<button type="button">') >= 10
