"""What `mkdocs` does beside its own work: README.md is the home page, and links out of Docs lead to the repository.

mkdocs.yml names this file. It needs nothing but the standard library, except inside the hook that mkdocs calls.
"""

import posixpath
import re

REPOSITORY = "https://github.com/MedDeep/SlicerMedDeep/blob/main/"
DOCS = "Docs"
HOME = "README.md"
_LINK = re.compile(r"(\]\()([^)\s#]+)?(#[^)\s]*)?(\))")
_ADDRESS = re.compile(r"^[a-z]+:", re.IGNORECASE)


def site_links(markdown: str, page: str) -> str:
    """Return a page with its links as they have to be on the site.

    Parameters
    ----------
    markdown:
        Text of the page.
    page:
        Path of the page in the repository, for example ``Docs/Guide/Training.md`` or ``README.md``.

    Returns
    -------
    str
        The text, in which links between pages and to pictures are relative to the folder of the site, README.md is index.md,
        and links to other files of the repository are addresses. Links elsewhere stay.
    """
    folder = posixpath.dirname(page)
    here = "." if page == HOME else posixpath.dirname(posixpath.relpath(page, DOCS)) or "."

    def changed(link: re.Match) -> str:
        before, target, anchor, after = link[1], link[2], link[3] or "", link[4]
        if target is None or _ADDRESS.match(target):
            return link[0]
        path = posixpath.normpath(posixpath.join(folder, target))
        if path == HOME:
            target = posixpath.relpath("index.md", here)
        elif path.startswith(f"{DOCS}/"):
            target = posixpath.relpath(posixpath.relpath(path, DOCS), here)
        else:
            target = REPOSITORY + path
        return f"{before}{target}{anchor}{after}"

    return _LINK.sub(changed, markdown)


def on_files(files, config):
    """Add README.md as the home page; called by mkdocs with the files of the site."""
    from pathlib import Path

    from mkdocs.structure.files import File

    text = (Path(config.config_file_path).parent / HOME).read_text(encoding="utf-8")
    files.append(File.generated(config, "index.md", content=site_links(text, HOME)))
    return files


def on_page_markdown(markdown, page, config, files):
    """Change the links of a page; called by mkdocs with its text."""
    if page.file.src_uri == "index.md":  # changed above
        return markdown
    return site_links(markdown, f"{DOCS}/{page.file.src_uri}")
