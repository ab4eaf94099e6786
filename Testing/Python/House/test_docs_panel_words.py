"""What the user guide and the tutorial print in bold is what the panels say, in their .ui files or in their code."""

import ast
import json
import re
from xml.etree import ElementTree

import pytest
from docs_pages import REPOSITORY, read_page

PAGES = [
    read_page(path)
    for path in [REPOSITORY / "Docs" / "Tutorial.md", *sorted((REPOSITORY / "Docs" / "Guide").glob("*.md"))]
]
BOLD = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)
STEP = re.compile(r"\d+\. ")
OWN = {"words", "The key.", "What the checks say."}
"""Bold on these pages, and not of a panel: the beginning of a paragraph."""


def plain(text: str) -> str:
    """Return a text without what differs between a panel and a sentence about it."""
    text = " ".join(text.split()).replace("&&", "&").replace("<br>", " ")
    return re.sub(r"(:|\.\.\.|…)$", "", text).strip()


def words_of_the_panels() -> set[str]:
    """Return every text of the .ui files, of ``_()`` in the panels, and of data that panels show."""
    found = set()
    for path in REPOSITORY.glob("MedDeep*/Resources/UI/*.ui"):
        for node in ElementTree.parse(path).iter("string"):
            found.add(node.text or "")
    for path in REPOSITORY.glob("MedDeep*/MedDeep*Lib/**/*.py"):
        if path.parent.name != "panels":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    for pattern in ("MedDeepRegSeg/Resources/Presets/*/*.json", "MedDeepDiagnosis/Resources/pathologies/*.json"):
        for path in REPOSITORY.glob(pattern):
            found |= set(re.findall(r'"title": "([^"]*)"', path.read_text(encoding="utf-8")))
    models = REPOSITORY.glob("MedDeepDiagnosis/Resources/models/*/model.json")
    found |= {path.parent.name.replace("_", " ").capitalize() for path in models}  # as the panel names them
    return {plain(text) for text in found if text.strip()}


WORDS = words_of_the_panels()


def is_shown(text: str) -> bool:
    """Return whether panels show a text, or, if it is no single word, have it in a longer one."""
    text = plain(text)
    return text in WORDS or (len(text) > 12 and any(text in shown for shown in WORDS))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_bold_words_are_those_of_the_panels(page):
    bold = [text for text in BOLD.findall(page.prose) if text not in OWN and not STEP.match(text)]
    assert [text for text in bold if not is_shown(text)] == []


def test_there_are_many_of_them():
    assert sum(len(BOLD.findall(page.prose)) for page in PAGES) > 200


def test_the_check_knows_what_is_not_shown():
    assert is_shown("Apply")
    assert is_shown("Data & augmentation")
    assert not is_shown("Apply now")
    assert not is_shown("Pick a fixed volume and dance")


def test_every_tab_has_a_page_with_its_picture():
    for name in ("MedDeepRegSeg/Resources/UI/MedDeepRegSeg.ui", "MedDeepDiagnosis/Resources/UI/MedDeepDiagnosis.ui"):
        root = ElementTree.parse(REPOSITORY / name).getroot()
        titles = [
            node.find("string").text.replace("&&", "&")
            for node in root.iter("attribute")
            if node.get("name") == "title"
        ]
        assert titles
        for title in titles:
            pages = [page for page in PAGES if page.text.startswith(f"# {title}\n")]
            assert len(pages) == 1, title
            assert "](../Images/" in pages[0].text


def test_every_section_of_a_tab_is_named_in_the_guide():
    text = "\n".join(page.text for page in PAGES)
    for path in REPOSITORY.glob("MedDeep*/Resources/UI/*.ui"):
        for widget in ElementTree.parse(path).getroot().iter("widget"):
            if widget.get("class") != "ctkCollapsibleButton":
                continue
            (title,) = [p.find("string").text for p in widget.findall("property") if p.get("name") == "text"]
            assert title in text, f"{path.name}: {title}"


def test_findings_of_the_tutorial_are_words_of_the_nodule_model():
    data = json.loads(
        (REPOSITORY / "MedDeepDiagnosis/Resources/pathologies/lung_nodule.json").read_text(encoding="utf-8")
    )
    words = {f"{round(word['value'])} - {word['word']}" for feature in data["features"] for word in feature["words"]}
    tutorial = next(page for page in PAGES if page.name == "Docs/Tutorial.md")
    named = re.findall(r"\*(\d - [^*]+)\*", tutorial.prose)
    assert len(named) == 5
    assert set(named) <= words
