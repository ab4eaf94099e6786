"""An assessment in rich text: the figure, what it is worth, why, and what guidelines say beside it."""

import html
from collections.abc import Mapping, Sequence

from slicer.i18n import tr as _

from MedDeepRegSegLib.panels.colors import colored, shade

BAR_WIDTH = 50
"""Longest bar, pixels."""
SHOWN_REASONS = 8
_STATUS = {"applies": _("applies"), "refused": _("does not apply"), "incomplete": _("cannot be applied yet")}


def resultText(assessment: Mapping, notes: Sequence[str] = ()) -> str:
    """Return the headline, the conformal set in words, abstention and cautions of a prediction (its JSON), and notes."""
    parts = [f"<p>{_escaped(assessment['target'])}</p>"]
    if assessment["abstains"]:
        reasons = "; ".join(assessment["abstention_reasons"])
        text = _("The model abstains, do not take the figure for an assessment: {reasons}.").format(reasons=reasons)
        parts.append(_paragraph("warning", text))
    parts.append(f"<p>{_figure(assessment)}</p>")
    told = setText(assessment)
    if told:
        parts.append(f"<p>{_escaped(told)}</p>")
    parts += [_paragraph("warning", caution) for caution in assessment["cautions"]]
    used = _("Model used: {title}, because {reason}.").format(
        title=assessment["variant_title"], reason=assessment["variant_reason"]
    )
    parts += [f"<p>{_escaped(text)}</p>" for text in (used, *notes)]
    return "".join(parts)


def _figure(assessment: Mapping) -> str:
    low, high, units = assessment["low"], assessment["high"], assessment["units"]
    if assessment["kind"] == "binary":
        value, span = f"{100 * assessment['probability']:.0f} %", f"{100 * low:.0f} % to {100 * high:.0f} %"
    else:
        value, span = f"{assessment['value']:.3g} {units}".strip(), f"{low:.3g} to {high:.3g} {units}".strip()
    level = f"{100 * assessment['interval_level']:.0f} %"
    about = _("{span}, the {level} interval {what}").format(span=span, level=level, what=assessment["interval_text"])
    # A figure that must not be taken for an assessment does not stand out.
    style = f"color:{shade('faint')}" if assessment["abstains"] else "font-size:16pt; font-weight:bold"
    return f'<span style="{style}">{_escaped(value)}</span>&nbsp; {_escaped(about)}'


def setText(assessment: Mapping) -> str:
    """Return the conformal set of a probability in words; empty for a number."""
    if assessment["kind"] != "binary":
        return ""
    rate = f"{100 * assessment['conformal_level']:.0f} %"
    held = tuple(assessment["conformal_set"])
    texts = {
        ("present",): _("Only “present” fits: a statement that is right in {rate} of cases like those learned from."),
        ("absent",): _("Only “absent” fits: a statement that is right in {rate} of cases like those learned from."),
        (): _("Neither outcome fits at a rate of {rate}: the case is unlike those learned from."),
    }
    both = _("“Present” and “absent” both fit at a rate of {rate}: the case is not settled.")
    return texts.get(held, both).format(rate=rate)


def reasonsText(assessment: Mapping) -> str:
    """Return the strongest reasons as bars: to the right what raises the figure, to the left what lowers it."""
    given = [part for part in assessment["contributions"] if part["given"] and part["log_odds"]][:SHOWN_REASONS]
    if not given:
        return ""
    longest = max(abs(part["log_odds"]) for part in given)
    how = _("exact parts of the model") if assessment["contributions_exact"] else _("Shapley values")
    binary = assessment["kind"] == "binary"
    what = _("factors of the odds") if binary else assessment["units"] or _("amounts")
    title = _("Why: {what} ({how}). Blue lowers it, red raises it.").format(what=what, how=how)
    rows = [_bar(part, longest, binary=binary) for part in given]
    table = f"<table cellspacing='0' cellpadding='2' width='100%'>{''.join(rows)}</table>"
    about = _("Directions follow the cases learned from, with the habits of those who rated them; they are no rules.")
    multiplied = _("Factors multiply. ") if binary else ""
    return f"<p><b>{_escaped(title)}</b></p>{table}<p>{_escaped(multiplied + about)}</p>"


def _bar(part: Mapping, longest: float, *, binary: bool) -> str:
    share, width = part["log_odds"], max(2, round(BAR_WIDTH * abs(part["log_odds"]) / longest))
    amount = f"× {part['odds_factor']:.2g}" if binary else f"{share:+.2g}"
    color = shade("bad" if share > 0 else "lowers")
    bar = f"<table cellspacing='0' cellpadding='0'><tr><td bgcolor='{color}' width='{width}' height='9'></td></tr></table>"
    left = f"<table cellspacing='0' cellpadding='0' align='right'>{bar[bar.index('<tr>') :]}"
    cells = ("", bar) if share > 0 else (left, "")
    return (
        f"<tr><td>{_escaped(part['title'])}: {_escaped(part['value'])}</td>"
        f"<td width='{BAR_WIDTH}' align='right'>{cells[0]}</td><td width='{BAR_WIDTH}'>{cells[1]}</td>"
        f"<td align='right'>{amount}</td></tr>"
    )


def guidelinesText(guidelines: Sequence[Mapping]) -> str:
    """Return what each guideline says, and where it disagrees with the model; empty without guidelines.

    Parameters
    ----------
    guidelines:
        JSON of :class:`~MedDeepDiagnosisLib.reports.guideline_sections.GuidelineResult`.
    """
    parts = []
    for result in guidelines:
        outcome = result["outcome"]
        head = f"<b>{_escaped(outcome['title'])}</b>: {_STATUS[outcome['status']]}."
        leading = [rule for rule in outcome["results"] if rule["leads"]]
        parts.append(f"<p>{head}{'' if leading else ' ' + _escaped(outcome['reason'])}</p>")
        for rule in leading:
            options = "".join(f"<li>{_escaped(option)}</li>" for option in rule["options"])
            text = f"{rule['title']}: {rule['text']} ({rule['place']})"
            parts.append(f"<p>{_escaped(text)}</p>" + (f"<ul>{options}</ul>" if options else ""))
        if result["conflicts"]:
            parts += [_paragraph("bad", text) for text in result["conflicts"][:-1]]
            parts.append(f"<p>{_escaped(result['conflicts'][-1])}</p>")
        if result["size_note"]:
            parts.append(_paragraph("warning", result["size_note"]))
        if outcome["missing"]:
            # Which ones is in the reason; their questions are the tooltips of the form.
            parts.append(f"<p>{_escaped(_('To answer under Facts for guidelines, where they are marked.'))}</p>")
    if parts:
        parts.append(f"<p>{_escaped(guidelines[0]['outcome']['statement'])}</p>")
    return "".join(parts)


def missingFacts(guidelines: Sequence[Mapping]) -> tuple[str, ...]:
    """Return the names of the facts that guidelines still need."""
    return tuple(fact["name"] for result in guidelines for fact in result["outcome"]["missing"])


def _paragraph(meaning: str, text: str) -> str:
    return f"<p>{colored(meaning, text)}</p>"


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)
