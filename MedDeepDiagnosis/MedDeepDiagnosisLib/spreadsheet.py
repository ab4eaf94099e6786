"""Texts in tables that people open with a spreadsheet: none of them may be taken for a formula."""

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


def guarded(text: str) -> str:
    """Return a cell's text with an apostrophe before it where a spreadsheet would take it for a formula.

    Numbers stay numbers. :func:`unguarded` gives the text back.

    Examples
    --------
    >>> guarded("=1+1"), guarded("-1.5"), guarded("margin")
    ("'=1+1", '-1.5', 'margin')
    """
    if _FORMULA.match(text) is None:
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text


def unguarded(text: str) -> str:
    """Return the text of a cell that :func:`guarded` may have changed.

    Examples
    --------
    >>> unguarded("'=1+1"), unguarded("'tis")
    ('=1+1', "'tis")
    """
    return text[1:] if _GUARDED.match(text) else text
