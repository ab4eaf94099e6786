"""Fonts of the PDF."""

import builtins
import re

import pytest

from MedDeepDiagnosisLib.reports import pdf_style
from MedDeepDiagnosisLib.reports.pdf_style import marked, printable, register_fonts, style
from MedDeepDiagnosisLib.resources import resource_path
from MedDeepRegSegLib.errors import MissingPackageError

LATIN = [*range(0x20, 0x7F), *range(0xA0, 0x180), *range(0x1E00, 0x1E9A), *range(0x1EA0, 0x1EFA)]
SIGNS = "mm³ mm² × ÷ ≥ ≤ ± µ − – — … · • ■ ½ α β κ √ → ✓ ’ “ ” € ° ∞ ≈"


@pytest.fixture(autouse=True)
def _reportlab():
    pytest.importorskip("reportlab", reason="reportlab writes the PDF")


def test_the_font_has_all_latin_letters_and_the_signs_of_reports():
    known = register_fonts()
    assert [hex(code) for code in LATIN if code not in known] == []
    assert [sign for sign in SIGNS if ord(sign) not in known] == []


def test_the_font_has_every_sign_of_the_pathologies_guidelines_and_the_library():
    """Texts of a report come from there; quotes of other scripts would be shown as codes."""
    library = resource_path("fonts").parent.parent / "MedDeepDiagnosisLib"
    files = [*resource_path("pathologies").glob("*.json"), *resource_path("guidelines").glob("*.json")]
    files += library.rglob("*.py")
    assert len(files) > 30
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    known = register_fonts()
    assert {sign for sign in re.sub(r"\s", "", text) if ord(sign) not in known} <= {"張"}


def test_signs_that_the_font_lacks_are_told_by_their_code():
    assert printable("張 a") == "[U+5F35] a"
    assert printable("a\u0000\u200b\ud800b\tc\n") == "ab c "
    assert printable("e\u0301") == "é", "letters with marks are one sign where there is one"
    assert marked("<b>&") == "&lt;b&gt;&amp;"


def test_styles_use_the_embedded_fonts():
    assert all(style(name).fontName.startswith("MedDeepSans") for name in pdf_style._STYLES)


def test_a_missing_package_is_named(monkeypatch):
    def without(name, *rest, **named):
        if name.startswith("reportlab"):
            raise ImportError(name)
        return found(name, *rest, **named)

    found = builtins.__import__
    register_fonts.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingPackageError, match="pip install reportlab"):
        register_fonts()
