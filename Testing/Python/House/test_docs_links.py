"""Links, anchors, pictures and the navigation of the documentation; neither the network nor mkdocs is needed."""

import itertools
import posixpath
import re

import pytest
from docs_pages import REPOSITORY, anchors, pages, read_page

PAGES = pages()
ALL = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def broken_links(page, others, root=REPOSITORY) -> list[str]:
    """Return the links of a page that lead nowhere; ``others`` are the pages by their name in the folder ``root``."""
    found = []
    for link in LINK.findall(page.prose):
        if re.match(r"https://", link):
            continue
        if re.match(r"[a-z]+:", link) or link.startswith("/"):
            found.append(f"{link}: neither https nor relative")
            continue
        target, _, anchor = link.partition("#")
        name = posixpath.normpath(posixpath.join(posixpath.dirname(page.name), target)) if target else page.name
        if name.startswith("..") or not (root / name).exists():
            found.append(f"{link}: there is no {name}")
        elif anchor and (name not in others or anchor not in anchors(others[name])):
            found.append(f"{link}: {name} has no such heading, or GitHub and the site name it differently")
    return found


@ALL
def test_every_link_leads_somewhere(page):
    assert broken_links(page, {other.name: other for other in PAGES}) == []


def test_the_check_sees_broken_links(tmp_path, monkeypatch):
    monkeypatch.setattr("docs_pages.REPOSITORY", tmp_path)
    path = tmp_path / "page.md"
    path.write_text(
        "# Title & more\n\n## Good\n\n[a](#good) [b](#bad) [c](no.md) ![d](no.png) [e](http://x.org) [f](#title--more)\n\n"
        "    [code](is/no/link.md)\n",
        encoding="utf-8",
    )
    page = read_page(path)
    told = broken_links(page, {"page.md": page}, tmp_path)
    assert [line.split(":")[0] for line in told] == ["#bad", "no.md", "no.png", "http", "#title--more"]


@ALL
def test_lists_and_tables_begin_after_an_empty_line(page):
    # GitHub shows them either way, the site does not.
    lines = page.prose.splitlines()
    wrong = []
    for before, line in itertools.pairwise(lines):
        starts_list = re.match(r"([-*]|\d+\.) \S", line) and not re.match(r"\s*([-*]|\d+\.) |\s+\S", before)
        starts_table = line.startswith("|") and not before.startswith("|")
        ends_table = before.startswith("|") and not line.startswith("|")
        if ((starts_list or starts_table) and before.strip()) or (ends_table and line.strip()):
            wrong.append(line)
    assert wrong == []


@ALL
def test_page_has_one_title(page):
    assert page.text.startswith("# ")
    assert len(re.findall(r"^# ", page.prose, re.MULTILINE)) == 1


def navigation() -> list[str]:
    """Return the pages that mkdocs.yml lists, in order."""
    text = (REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8")
    return re.findall(r"^\s*- (?:[^:\n]+: )?(\S+\.md)$", text[text.index("\nnav:") :], re.MULTILINE)


def test_every_page_is_in_the_navigation_once():
    listed = navigation()
    assert listed[0] == "index.md"  # README.md
    assert sorted(f"Docs/{name}" for name in listed[1:]) == sorted(p.name for p in PAGES if p.name != "README.md")


def test_every_page_can_be_reached_from_the_home_page():
    by_name = {page.name: page for page in PAGES}
    reached, left = set(), ["README.md"]
    while left:
        name = left.pop()
        if name in reached or name not in by_name:
            continue
        reached.add(name)
        folder = posixpath.dirname(name)
        left += [posixpath.normpath(posixpath.join(folder, x.split("#")[0])) for x in LINK.findall(by_name[name].prose)]
    assert set(by_name) - reached == set()


def test_every_picture_is_shown_somewhere():
    shown = {posixpath.basename(link) for page in PAGES for link in LINK.findall(page.prose) if link.endswith(".png")}
    assert {path.name for path in (REPOSITORY / "Docs" / "Images").iterdir()} - shown == set()
