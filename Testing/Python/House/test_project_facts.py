"""What the documentation says of the project as a whole is what its files say."""

import json
import re

from docs_pages import REPOSITORY, read_page

from MedDeepRegSegLib import __version__


def test_citation_names_version_and_license():
    lines = (REPOSITORY / "CITATION.cff").read_text(encoding="utf-8").splitlines()
    fields = dict(line.split(": ", 1) for line in lines if re.match(r"[a-z-]+: ", line))
    assert fields["cff-version"] == "1.2.0"
    assert fields["version"] == __version__
    assert fields["license"] == "Apache-2.0"
    entry = json.loads((REPOSITORY / "MedDeep.json").read_text(encoding="utf-8"))
    assert fields["repository-code"].strip('"') == entry["scm_url"]
    assert any(line.startswith("  - name: ") for line in lines)  # an author


def test_every_model_that_ships_has_a_row_with_its_license_and_version():
    rows = [
        line for line in read_page(REPOSITORY / "Docs" / "ModelCards.md").prose.splitlines() if "MODEL_CARD" in line
    ]
    folders = sorted(path.parent for path in REPOSITORY.glob("MedDeep*/Resources/models/*/model.json"))
    assert len(rows) == len(folders) >= 6
    for folder in folders:
        (row,) = [row for row in rows if f"/{folder.name}/MODEL_CARD.md" in row]
        data = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        assert "Apache 2.0" in row
        assert data["license"].startswith("Apache-2.0")
        if "under" in data["license"]:
            assert data["license"].rsplit("under ", 1)[1] in row
        if "version" in data:
            assert f"{folder.name} {data['version']}" in row
        elif "training" in data:
            assert f"{data['training']['patients']} patients" in row


def test_site_and_extension_have_one_address():
    site = (REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8")
    entry = json.loads((REPOSITORY / "MedDeep.json").read_text(encoding="utf-8"))
    assert f"repo_url: {entry['scm_url']}\n" in site
    hooks = (REPOSITORY / "Utilities" / "site_hooks.py").read_text(encoding="utf-8")
    assert f'"{entry["scm_url"]}/blob/{entry["scm_revision"]}/"' in hooks


def test_packages_that_the_guide_names_are_those_of_the_requirements():
    page = read_page(REPOSITORY / "Docs" / "Guide" / "index.md")
    table = page.text[page.text.index("## Packages") : page.text.index("Without PyTorch")]
    named = set(re.findall(r"`([\w-]+)`", table))
    required = set()
    for path in REPOSITORY.glob("MedDeep*/Resources/*requirements.txt"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                required.add(re.match(r"[\w-]+", line)[0].lower())
    assert named == required
