"""URLs and paths of case bases."""

import subprocess
import sys
from pathlib import Path

import pytest

from MedDeepDiagnosisLib.casebase import open_case_base, resolved_url
from MedDeepRegSegLib.errors import InputError, MissingPackageError


def test_paths_become_absolute_urls(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    expected = f"sqlite:///{tmp_path / 'a b.sqlite'}"
    assert resolved_url("a b.sqlite") == expected
    assert resolved_url("sqlite:///a b.sqlite") == expected
    assert resolved_url(expected) == expected
    assert resolved_url(Path("~/x.sqlite")) == f"sqlite:///{Path.home() / 'x.sqlite'}"


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "postgresql+psycopg://u:p@h/cases"])
def test_other_urls_stay(url):
    assert resolved_url(url) == url


def test_opening_makes_no_file(file):
    with open_case_base(file):
        pass
    assert not file.exists()


def test_empty_url_is_refused():
    with pytest.raises(InputError, match="is empty"):
        open_case_base(" ")


def test_without_sqlalchemy_the_package_is_named(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(MissingPackageError, match="pip install sqlalchemy"):
        open_case_base(file)


def test_importing_the_package_imports_no_database_code():
    code = "import sys, MedDeepDiagnosisLib.casebase, MedDeepDiagnosisLib.fit_job; print('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
