"""A newcomer types what the tutorial says at a terminal, line by line, and gets what it promises."""

import csv
import json
import re
import shlex
import textwrap

import pytest

from MedDeepDiagnosisLib.cli.__main__ import main


def block_after(text, words):
    """Return the first indented block after some words, as lines."""
    rest = text[text.index(words) :]
    return [line.strip() for line in re.search(r"\n\n((?:    .+\n)+)", rest)[1].splitlines()]


@pytest.mark.slow
def test_every_line_of_the_tutorial_works(tutorial, head, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    section = tutorial[tutorial.index("## With the command") :]
    files = {"ct.nii.gz": str(head.ct), "mr.nii.gz": str(head.mr)}
    lines = block_after(section, "## With the command") + block_after(section, "case.csv")
    table = re.search(r"```\n(case,.+?)```", section, re.DOTALL)[1]
    (tmp_path / "case.csv").write_text(textwrap.dedent(table), encoding="utf-8")
    done = []
    for line in lines:
        program, command, *words = shlex.split(line)
        assert program == "meddeep"
        if command == "samples":
            continue  # they were fetched before, or are drawn: no test needs the network
        if not head.real:
            words = [head.preset if word == "ct-mr-head" else word for word in drawn_points(words, head)]
        main([command, *(files.get(word, word) for word in words), "--quiet", "--in-process"])
        done.append(command)
    assert done == ["register", "grow", "measure", "diagnose"]
    quality = json.loads((tmp_path / "registered" / "quality.json").read_text(encoding="utf-8"))
    assert quality["light"] == "good"
    (row,) = csv.DictReader((tmp_path / "ventricles.csv").open(encoding="utf-8"))
    assert row["Segment"] == "Ventricles"
    assert float(row["Volume (mL)"]) > 1
    assert "research" in (tmp_path / "assessment" / "report.html").read_text(encoding="utf-8")
    assert capsys.readouterr().err == ""


def drawn_points(words, head):
    """Return the words of a command with points that lie in the drawn heads."""
    places = iter(head.inside)
    named = iter(words)
    kept = []
    for word in named:
        kept.append(word)
        if word == "--positive":
            next(named)
            kept.append(",".join(f"{part:.1f}" for part in next(places)))
    return kept
