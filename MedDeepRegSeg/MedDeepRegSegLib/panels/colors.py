"""Colors of words in the panels that can be read on a light and on a dark theme."""

import html

import slicer

SHADES = {
    "good": ("#2a722d", "#81c784"),
    "warning": ("#8a5200", "#ffb74d"),
    "bad": ("#c62828", "#ef9a9a"),
    "lowers": ("#1565c0", "#90caf9"),
    "faint": ("#616161", "#bdbdbd"),
}
"""What a color says, on a light and on a dark background."""

_MIDDLE = 128


def shade(meaning: str) -> str:
    """Return the color (#rrggbb) for one of :data:`SHADES` on the present theme."""
    light, dark = SHADES[meaning]
    return dark if slicer.app.palette().window().color().lightness() < _MIDDLE else light


def colored(meaning: str, text: str) -> str:
    """Return a line of rich text behind a dot, both in the color for its meaning."""
    return f'<span style="color:{shade(meaning)}">&#9679; {html.escape(text)}</span>'
