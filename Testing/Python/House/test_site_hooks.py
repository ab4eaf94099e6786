"""The links of the site that mkdocs makes."""

import importlib.util

import pytest
from docs_pages import REPOSITORY

specification = importlib.util.spec_from_file_location("site_hooks", REPOSITORY / "Utilities" / "site_hooks.py")
site_hooks = importlib.util.module_from_spec(specification)
specification.loader.exec_module(site_hooks)
GITHUB = "https://github.com/MedDeep/SlicerMedDeep/blob/main/"


@pytest.mark.parametrize(
    ("page", "link", "expected"),
    [
        ("README.md", "Docs/Growing.md", "Growing.md"),
        ("README.md", "Docs/Images/a.png", "Images/a.png"),
        ("README.md", "Docs/Guide/Training.md#train", "Guide/Training.md#train"),
        ("README.md", "LICENSE", GITHUB + "LICENSE"),
        ("README.md", "#limits", "#limits"),
        ("Docs/Growing.md", "../README.md#limits", "index.md#limits"),
        ("Docs/Growing.md", "Images/a.png", "Images/a.png"),
        ("Docs/Growing.md", "../CHANGELOG.md", GITHUB + "CHANGELOG.md"),
        ("Docs/Guide/Training.md", "../Images/a.png", "../Images/a.png"),
        ("Docs/Guide/Training.md", "Registration.md", "Registration.md"),
        ("Docs/Guide/Training.md", "../../README.md", "../index.md"),
        ("Docs/Guide/Training.md", "../../LICENSE", GITHUB + "LICENSE"),
        ("Docs/Growing.md", "https://example.org/a.md", "https://example.org/a.md"),
    ],
)
def test_links_of_the_site(page, link, expected):
    assert site_hooks.site_links(f"see [here]({link}) now", page) == f"see [here]({expected}) now"


def test_settings_name_the_hooks():
    settings = (REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8")
    assert "Utilities/site_hooks.py" in settings
    assert "docs_dir: Docs" in settings
