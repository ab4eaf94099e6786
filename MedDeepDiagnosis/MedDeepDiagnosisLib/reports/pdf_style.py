"""Fonts, colors and text styles of the PDF.

The font is DejaVu Sans, cut down to Latin, Greek and Cyrillic letters, punctuation, arrows and mathematical signs, and
embedded. A sign that it lacks is written as its code, ``[U+5F20]``, so that nothing is shown as an empty box or lost.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from MedDeepDiagnosisLib.resources import resource_path
from MedDeepRegSegLib.errors import MissingPackageError

if TYPE_CHECKING:
    from reportlab.lib.styles import ParagraphStyle

REGULAR = "MedDeepSans"
BOLD = "MedDeepSans-Bold"

# The colors of the HTML report.
INK = "#1d2b33"
MUTED = "#4c5f6a"
LINE = "#d8e0e4"
ACCENT = "#0f5f6b"
ACCENT_SOFT = "#e3f0f1"
RAISE = "#b3492b"
LOWER = "#2a6aa3"
WARN = "#7a4b00"
WARN_SOFT = "#fdf3e0"
INTERVAL = "#8cbcc2"
TRACK = "#e6ecef"

_FILES = {REGULAR: "DejaVuSans.ttf", BOLD: "DejaVuSans-Bold.ttf"}

_SPACE = frozenset("\t\n\r\v\f\u2028\u2029")


@functools.cache
def register_fonts() -> frozenset[int]:
    """Make the fonts known to reportlab and return the code points that both have.

    Raises
    ------
    MissingPackageError
        If reportlab is not installed.
    """
    try:
        from reportlab.pdfbase import pdfmetrics
        from reportlab.pdfbase.ttfonts import TTFont
    except ImportError as error:
        msg = "the PDF needs the package reportlab: install it with 'pip install reportlab'"
        raise MissingPackageError(msg) from error
    fonts = {name: TTFont(name, str(resource_path("fonts", file))) for name, file in _FILES.items()}
    for font in fonts.values():
        pdfmetrics.registerFont(font)
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR, boldItalic=BOLD)
    regular, bold = (set(font.face.charToGlyph) for font in fonts.values())
    return frozenset(regular & bold)


def printable(text: str) -> str:
    """Return a text of signs that the font has. Line breaks become spaces, other control signs are left out.

    Raises
    ------
    MissingPackageError
        If reportlab is not installed.
    """
    known = register_fonts()
    signs = []
    for sign in unicodedata.normalize("NFC", text):
        if sign in _SPACE:
            signs.append(" ")
        elif unicodedata.category(sign) in ("Cc", "Cf", "Cs"):
            continue
        else:
            signs.append(sign if ord(sign) in known else f"[U+{ord(sign):04X}]")
    return "".join(signs)


def marked(text: str) -> str:
    """Return a plain text as markup of a paragraph: escaped, in signs that the font has."""
    return escape(printable(text))


@functools.cache
def style(name: str) -> ParagraphStyle:
    """Return the style of a kind of text."""
    from reportlab.lib.styles import ParagraphStyle

    register_fonts()
    base: dict[str, Any] = {
        "fontName": REGULAR,
        "fontSize": 9,
        "leading": 12.5,
        "textColor": INK,
        "spaceAfter": 4,
        "splitLongWords": 1,
        "allowWidows": 0,
        "allowOrphans": 0,
    }
    return ParagraphStyle(name, **{**base, **_STYLES[name]})


_STYLES: dict[str, dict[str, Any]] = {
    "body": {},
    "brand": {"fontName": BOLD, "fontSize": 9, "textColor": ACCENT, "spaceAfter": 2},
    "title": {"fontName": BOLD, "fontSize": 19, "leading": 24, "spaceAfter": 2},
    "subject": {"textColor": MUTED, "fontSize": 10, "spaceAfter": 6},
    "statement": {"fontName": BOLD, "backColor": ACCENT_SOFT, "borderPadding": (4, 6, 4, 6), "spaceAfter": 12, "leftIndent": 6, "rightIndent": 6},
    "heading": {"fontName": BOLD, "fontSize": 13, "leading": 17, "spaceBefore": 14, "spaceAfter": 6},
    "subheading": {"fontName": BOLD, "fontSize": 10.5, "leading": 14, "spaceBefore": 10, "spaceAfter": 4, "keepWithNext": 1},
    "strong": {"fontName": BOLD},
    "note": {"fontSize": 8, "leading": 11, "textColor": MUTED},
    "caption": {"fontSize": 7.5, "leading": 10, "textColor": MUTED, "spaceBefore": 2, "spaceAfter": 1},
    "label": {"fontSize": 7.5, "leading": 10, "textColor": MUTED, "spaceAfter": 0},
    "value": {"fontName": BOLD, "fontSize": 10.5, "leading": 14, "spaceAfter": 0},
    "cell": {"fontSize": 8, "leading": 10.5, "spaceAfter": 0},
    "number": {"fontSize": 8, "leading": 10.5, "spaceAfter": 0, "alignment": 2},
    "head": {"fontName": BOLD, "fontSize": 7.5, "leading": 10, "textColor": MUTED, "spaceAfter": 0},
    "headnumber": {"fontName": BOLD, "fontSize": 7.5, "leading": 10, "textColor": MUTED, "spaceAfter": 0, "alignment": 2},
    "hash": {"fontSize": 7, "leading": 9.5, "spaceAfter": 0},
    "figure": {"fontName": BOLD, "fontSize": 25, "leading": 30, "textColor": ACCENT, "alignment": 1, "spaceAfter": 0},
    "span": {"fontSize": 8, "textColor": MUTED, "alignment": 1, "spaceAfter": 0},
    "warning": {"textColor": WARN, "spaceAfter": 3},
    "caution": {"backColor": WARN_SOFT, "borderPadding": (3, 6, 3, 6), "leftIndent": 6, "rightIndent": 6, "spaceBefore": 5, "spaceAfter": 7},
}  # fmt: skip
