"""The entry for Slicer's extension catalog keeps the rules of the index, and says what CMakeLists.txt says.

The rules are those of slicer-extension-catalog-entry-schema-v1.0.2.json and of the checks that the ExtensionsIndex runs on a new
entry (https://github.com/Slicer/ExtensionsIndex, looked at in its state of 2026-08-07), written anew and without the network.
"""

import json
import re
import struct
from urllib.parse import urlsplit

import pytest

SCHEMA = "https://raw.githubusercontent.com/Slicer/Slicer/main/Schemas/slicer-extension-catalog-entry-schema-v1.0.{patch}.json#"
FIELDS = {
    "$schema": str,
    "category": str,
    "scm_url": str,
    "scm_revision": str,
    "scm_type": str,
    "build_dependencies": list,
    "dicom_support_rule": str,
    "build_subdirectory": str,
    "enabled": bool,
    "tier": int,
}
REQUIRED = ("$schema", "category", "scm_url")
CATEGORIES = {
    *("Active Learning", "Analysis", "DICOM", "Informatics", "Neuroimaging", "Pipelines", "Quantification"),
    *("Registration", "Segmentation", "Training", "Utilities"),
}
"""Those of the accepted categories that an extension like this one could be in."""
REPOSITORY_PREFIXES = ("Slicer", "Slicer-", "Slicer_", "SlicerExtension-", "SlicerExtension_")
PROVIDED = {"PyTorchUtils": "PyTorch"}
"""Modules of other extensions that MedDeep may import, and the extensions."""
LARGEST_BYTES = 100e6
"""Of a checked-out repository; the index refuses more."""


def problems(name: str, entry: dict) -> list[str]:
    """Return what the index would refuse an entry for; ``name`` is that of its file, without the suffix."""
    found = [f"{key}: unknown field" for key in entry if key not in FIELDS]
    found += [f"{key}: missing" for key in REQUIRED if not entry.get(key)]
    for key, kind in FIELDS.items():
        # True is an int in Python, but no integer in JSON.
        if key in entry and (not isinstance(entry[key], kind) or (kind is int and isinstance(entry[key], bool))):
            found.append(f"{key}: expected {kind.__name__}")
    if found:
        return found
    if entry["$schema"] not in {SCHEMA.format(patch=patch) for patch in (1, 2)}:
        found.append("$schema: no version that is in use")
    if "dicom_support_rule" in entry and entry["$schema"] == SCHEMA.format(patch=1):
        found.append("dicom_support_rule: only from version 1.0.2 on")
    if entry["category"] not in CATEGORIES:
        found.append("category: not accepted")
    if entry.get("scm_type", "git") not in ("git", "local"):
        found.append("scm_type: neither git nor local")
    if not all(isinstance(item, str) and item for item in entry.get("build_dependencies", [])):
        found.append("build_dependencies: not all are names")
    if not 1 <= entry.get("tier", 1) <= 5:
        found.append("tier: outside of 1 to 5")
    address = urlsplit(entry["scm_url"])
    if address.scheme not in ("https", "git") or not address.netloc:
        found.append("scm_url: neither https nor git")
    repository = address.path.strip("/").split("/")[-1].removesuffix(".git")
    if not repository.startswith(REPOSITORY_PREFIXES):
        found.append("scm_url: the name of the repository does not begin with Slicer")
    if name.lower().startswith("slicer"):
        found.append("name: begins with Slicer")
    return found


@pytest.fixture(scope="module")
def entry(repository):
    return json.loads((repository / "MedDeep.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def cmake(repository):
    """The settings of the extension: name, and EXTENSION_... by name."""
    text = (repository / "CMakeLists.txt").read_text(encoding="utf-8")
    settings = dict(re.findall(r'set\((EXTENSION_\w+) "([^"]+)"\)', text))
    return settings | {"project": re.search(r"project\(\s*(\w+)", text)[1]}


def test_entry_keeps_the_rules(entry):
    assert problems("MedDeep", entry) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"homepage": "https://example.org"}, "homepage: unknown field"),
        ({"category": ""}, "category: missing"),
        ({"category": "MedDeep"}, "category: not accepted"),
        ({"tier": 6}, "tier: outside of 1 to 5"),
        ({"tier": True}, "tier: expected int"),
        ({"build_dependencies": "PyTorch"}, "build_dependencies: expected list"),
        ({"build_dependencies": [1]}, "build_dependencies: not all are names"),
        ({"scm_url": "http://github.com/MedDeep/SlicerMedDeep"}, "scm_url: neither https nor git"),
        ({"scm_url": "https://github.com/MedDeep/MedDeep"}, "name of the repository"),
        ({"scm_type": "svn"}, "scm_type: neither git nor local"),
        ({"$schema": SCHEMA.format(patch=9)}, "$schema: no version"),
    ],
)
def test_the_check_refuses(entry, change, told):
    assert any(told in problem for problem in problems("MedDeep", entry | change))
    assert problems("SlicerMedDeep", entry) == ["name: begins with Slicer"]


def test_file_is_written_as_the_index_wants_it(repository, entry):
    content = (repository / "MedDeep.json").read_bytes()
    assert b"\r" not in content
    assert content.decode("utf-8") == json.dumps(entry, indent=2) + "\n"


def test_cmake_says_the_same(entry, cmake):
    assert cmake["project"] == "MedDeep"
    assert cmake["EXTENSION_HOMEPAGE"] == entry["scm_url"].removesuffix(".git")
    assert cmake["EXTENSION_DEPENDS"].split() == (entry["build_dependencies"] or ["NA"])
    sentences = re.findall(r"[.](?= |$)", cmake["EXTENSION_DESCRIPTION"].replace("Apache 2.0", "Apache 2"))
    assert 1 <= len(sentences) <= 2
    assert "Apache 2.0" in cmake["EXTENSION_DESCRIPTION"]


def test_every_extension_that_is_used_is_a_dependency(repository, entry):
    used = set()
    for folder in ("MedDeepRegSeg", "MedDeepDiagnosis", "SegmentEditorMedDeepGrow"):
        for path in (repository / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            used |= {name for name in PROVIDED if re.search(rf"^\s*(import|from) {name}\b", text, re.MULTILINE)}
    assert used == {"PyTorchUtils"}
    assert {PROVIDED[name] for name in used} == set(entry["build_dependencies"])


def picture_file(repository, entry, url):
    """Return the path of the file that a raw address on the branch of the entry shows."""
    start = entry["scm_url"].replace("https://github.com/", "https://raw.githubusercontent.com/")
    start = f"{start}/{entry['scm_revision']}/"
    assert url.startswith(start), f"{url} does not begin with {start}"
    return repository / url.removeprefix(start)


def png_size(path):
    """Return width and height of a PNG file."""
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n", f"{path} is no PNG file"
    return struct.unpack(">II", content[16:24])


def test_icon_and_screenshots_are_there(repository, entry, cmake):
    assert png_size(picture_file(repository, entry, cmake["EXTENSION_ICONURL"])) == (128, 128)
    pictures = cmake["EXTENSION_SCREENSHOTURLS"].split()
    assert len(pictures) == len(set(pictures)) >= 3
    for url in pictures:
        width, _height = png_size(picture_file(repository, entry, url))
        assert width >= 300


def test_license_and_home_page_say_what_the_index_asks_for(repository):
    assert "Apache License" in (repository / "LICENSE").read_text(encoding="utf-8")
    home = (repository / "README.md").read_text(encoding="utf-8")
    assert home.startswith("# MedDeep")
    for expected in ("Apache 2.0", "MedDeep RegSeg", "MedDeep Diagnosis", "](Docs/Images/"):
        assert expected in home


def test_repository_is_small(repository):
    names = ("MedDeepRegSeg", "MedDeepDiagnosis", "SegmentEditorMedDeepGrow", "Docs", "Testing", "Utilities")
    files = [path for name in names for path in (repository / name).rglob("*") if path.is_file()]
    # The index also counts the compressed copy in .git: half of the limit for the files.
    assert 1e6 < sum(path.stat().st_size for path in files) < LARGEST_BYTES / 2
