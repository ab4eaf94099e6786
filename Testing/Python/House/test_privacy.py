"""What Docs/Privacy.md says of the network: nothing but what it lists opens a connection."""

import ast
import re

from docs_pages import REPOSITORY, read_page

MODULES = {
    *("aiohttp", "ftplib", "http", "httpx", "imaplib", "paramiko", "requests", "smtplib", "socket", "ssl", "telnetlib"),
    *("urllib3", "websocket", "websockets", "xmlrpc", "distributed"),
}
ALLOWED = {
    "MedDeepRegSeg/MedDeepRegSegLib/volumes/web_file.py": {"http", "urllib.request"},
    "MedDeepRegSeg/MedDeepRegSegLib/jobs/batch_dask.py": {"distributed"},
    "MedDeepRegSeg/MedDeepRegSegLib/jobs/batch_dask_client.py": {"distributed"},
    "MedDeepRegSeg/MedDeepRegSegLib/jobs/batch_worker.py": {"distributed"},
}
"""A sample that is a file on the web; and the workers of a batch."""


def connections(source: str) -> set[str]:
    """Return the modules that a source imports and that can open a connection."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        found |= {"urllib.request" for name in names if name.startswith("urllib.request")}
        found |= {name.split(".")[0] for name in names} & MODULES
    return found


def sources():
    for folder in ("MedDeepRegSeg", "MedDeepDiagnosis", "SegmentEditorMedDeepGrow"):
        yield from (REPOSITORY / folder).rglob("*.py")


def test_only_what_is_listed_opens_a_connection():
    found = {
        path.relative_to(REPOSITORY).as_posix(): connections(path.read_text(encoding="utf-8")) for path in sources()
    }
    assert len(found) > 300
    wrong = {name: used - ALLOWED.get(name, set()) for name, used in found.items()}
    assert {name: used for name, used in wrong.items() if used} == {}
    assert found["MedDeepRegSeg/MedDeepRegSegLib/volumes/web_file.py"]  # the check sees them


def test_the_check_sees_every_way_to_import():
    for source in (
        "import requests",
        "from urllib import request",
        "import urllib.request",
        "from socket import create_connection",
    ):
        assert connections(source), source
    assert connections("from urllib.parse import quote") == set()


def test_web_files_are_fetched_for_samples_alone():
    users = {
        path.relative_to(REPOSITORY).as_posix()
        for path in sources()
        if re.search(r"web_file import", path.read_text(encoding="utf-8"))
    }
    assert users == {"MedDeepRegSeg/MedDeepRegSegLib/volumes/samples.py"}


def test_pages_that_are_written_load_nothing():
    for folder in ("MedDeepRegSeg", "MedDeepDiagnosis"):
        templates = [*(REPOSITORY / folder / "Resources" / "reports").glob("*")]
        assert templates
        for path in templates:
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//|url\(\s*[\"']?https?:|@import|fetch\(", text), (
                path
            )


def test_variables_and_files_that_the_page_names_exist():
    page = read_page(REPOSITORY / "Docs" / "Privacy.md")
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources())
    for name in ("MEDDEEP_CACHE", "MEDDEEP_FEATURE_CACHE_GB", "--no-cache", "--without-cases", "--keep-names"):
        assert name in page.text
        assert name in code
    assert '"prepared"' in code
    assert "MedDeep-" in code
