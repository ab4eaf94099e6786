"""Reads the pages of the documentation for the tests that hold them true: README.md, and all of Docs."""

import re
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Page:
    """One page: ``name`` is its path in the repository, ``prose`` its text without code, ``code`` its blocks of code."""

    name: str
    text: str
    prose: str
    code: tuple[str, ...]

    @property
    def path(self) -> Path:
        """Where the page lies."""
        return REPOSITORY / self.name

    @property
    def inline_code(self) -> list[str]:
        """What stands between single backticks."""
        return re.findall(r"`([^`]+)`", self.prose)


def read_page(path: Path) -> Page:
    """Return a page with its code apart: blocks between fences, and blocks that are indented by four spaces."""
    text = path.read_text(encoding="utf-8")
    prose: list[str] = []
    blocks: list[list[str]] = []
    fenced, before_is_blank, in_list = False, True, False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
            if fenced:
                blocks.append([])
            prose.append("")
        elif fenced:
            blocks[-1].append(line)
            prose.append("")
        elif line.startswith("    ") and not in_list and (before_is_blank or prose[-1] == "\0"):
            if prose[-1:] != ["\0"]:
                blocks.append([])
            blocks[-1].append(line[4:])
            prose.append("\0")
        else:
            if line.strip() and not line.startswith(" "):
                in_list = bool(re.match(r"([-*]|\d+\.) ", line))
            prose.append(line)
        before_is_blank = not line.strip()
    name = path.relative_to(REPOSITORY).as_posix()
    return Page(name, text, "\n".join(prose).replace("\0", ""), tuple("\n".join(block) for block in blocks))


def pages() -> list[Page]:
    """Return README.md and every page in Docs."""
    return [read_page(path) for path in [REPOSITORY / "README.md", *sorted((REPOSITORY / "Docs").rglob("*.md"))]]


def anchors(page: Page) -> set[str]:
    """Return the anchors that lead to a heading both on GitHub and on the site, which make them in slightly unlike ways."""
    found: set[str] = set()
    for title in re.findall(r"^#{1,6} +(.+?) *#*$", page.prose, re.MULTILINE):
        words = re.sub(r"[`*_]|\]\([^)]*\)|\[", "", title).strip().lower()
        github = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        site = re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", words).strip())
        if github == site and github.isascii():
            found.add(github)
    return found
