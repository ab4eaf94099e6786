"""The example of the documentation is a pathology."""

import json
import re
from pathlib import Path

from MedDeepDiagnosisLib.pathology import load_pathology

PAGE = Path(__file__).parents[4] / "Docs" / "Pathology.md"


def test_the_example_can_be_used(tmp_path):
    text = PAGE.read_text(encoding="utf-8")
    example = text[text.index('    {"identifier"') : text.index("| field |")]
    (tmp_path / "liver_lesion.json").write_text(json.dumps(json.loads(re.sub(r"\n\s+", " ", example))))
    pathology = load_pathology(tmp_path / "liver_lesion.json")
    assert pathology.target.name == "malignant"
    assert [feature.group for feature in pathology.features] == ["measured", "rated"]
