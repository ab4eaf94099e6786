"""What the effect "MedDeep Grow" says to its user."""

from slicer.i18n import tr as _

from MedDeepRegSegLib.segmentation.growing_exchange import Answer

HELP = _(
    "<html>Grow a structure from clicks with MedDeep's neural network, on this computer. For research use.<p>"
    "<ul style='margin: 0'>"
    "<li><b>Click</b> inside the structure; <b>drag</b> for a scribble.</li>"
    "<li><b>Ctrl or Shift + click</b>: this place is outside. <b>X</b> switches between inside and outside.</li>"
    "<li><b>N</b> places the suggested click. <b>U</b> shows where the network is in doubt.</li>"
    "<li><b>Ctrl+Z</b>, <b>Z</b> or <b>Backspace</b> takes the last click back.</li>"
    "<li><b>Enter</b> puts the preview into the segment. <b>Esc</b> drops it.</li>"
    "</ul><p>Masking settings are kept. A box (ROI) keeps the structure inside.</html>"
)


def status_text(clicks: int, answer: Answer | None, *, preparing: str, computing: bool) -> str:
    """Return the line below the buttons.

    Parameters
    ----------
    clicks:
        How many clicks there are.
    answer:
        The last answer to one, if there is any.
    preparing:
        What the process does before it takes clicks; empty once it does.
    computing:
        Whether a click waits for its answer.
    """
    if answer is None:
        waiting = _("Growing...") if clicks else _("Click inside the structure.")
        return _("Preparing: {what}...").format(what=preparing) if preparing else waiting
    after = _("Growing on...") if computing else clicks_text(clicks)
    return f"{step_text(answer)} {after}"


def failure_text(reason: str, clicks: int) -> str:
    """Return why growing has stopped, and what becomes of the clicks."""
    stopped = _("Growing stopped: {reason}.").format(reason=reason.rstrip("."))
    return f"{stopped} {kept_text()}" if clicks else stopped


def kept_text() -> str:
    """Return what can be done with clicks that the network does not know."""
    return _("The clicks are kept: the next click or Enter sends them again, Esc drops them.")


def step_text(answer: Answer) -> str:
    """Return the volume, what changed and what is to be noted, of one step."""
    parts = [
        _("{volume} ml ({changed} ml changed).").format(
            volume=volume_text(answer.volume_ml), changed=volume_text(answer.changed_ml)
        )
    ]
    if answer.volume_ml == 0:
        parts = [_("Nothing has grown: place another click, or a box around the structure.")]
    if answer.adapted:
        parts.append(_("Adapted to your corrections."))
    parts.extend(f"{note[:1].upper()}{note[1:].rstrip('.')}." for note in answer.notes if note)
    return " ".join(parts)


def clicks_text(count: int) -> str:
    """Return what can be done next."""
    clicks = _("1 click") if count == 1 else _("{count} clicks").format(count=count)
    return _("{clicks}. Enter confirms, Esc cancels.").format(clicks=clicks)


def volume_text(volume_ml: float) -> str:
    """Return a volume with as many digits as are of use.

    Examples
    --------
    >>> volume_text(0.01234), volume_text(3.21), volume_text(1234.5)
    ('0.012', '3.2', '1234')
    """
    if volume_ml >= 100:
        return f"{volume_ml:.0f}"
    return f"{volume_ml:.1f}" if volume_ml >= 1 or volume_ml == 0 else f"{volume_ml:.2g}"


def suggestion_text(positive: bool) -> str:
    """Return the label of the suggested click."""
    return _("N: inside?") if positive else _("N: outside?")


def mode_text(mode: str) -> str:
    """Return the text of a choice of what confirming does."""
    return {
        "add": _("Add to the segment"),
        "replace": _("Replace the segment"),
        "correct": _("Correct the segment (start from it)"),
        "remove": _("Remove from the segment"),
    }[mode]
