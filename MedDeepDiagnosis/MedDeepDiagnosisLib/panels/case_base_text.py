"""What a case base says, as rich text."""

import html

from slicer.i18n import tr as _

from MedDeepRegSegLib.panels.colors import colored

SHOWN_PROBLEMS = 12


def reportText(report) -> str:
    """Return what an import did, or would do, and the problems row by row.

    Parameters
    ----------
    report:
        An :class:`~MedDeepDiagnosisLib.casebase.records.ImportReport`.
    """
    counts = _(
        "New cases: {new}, updated: {updated}, unchanged: {unchanged}, rows left out: {skipped}; new values: {values}, "
        "changed: {changed}."
    ).format(
        new=report.new_cases,
        updated=report.updated_cases,
        unchanged=report.unchanged_cases,
        skipped=report.skipped_rows,
        values=report.new_values,
        changed=report.changed_values,
    )
    head = _("Stored.") if report.written else _("Only checked, nothing was stored.")
    lines = [f"<b>{head}</b> {counts}"]
    lines += [colored("warning", problem.text) for problem in report.problems[:SHOWN_PROBLEMS]]
    if len(report.problems) > SHOWN_PROBLEMS:
        lines.append(_("and {count} more").format(count=len(report.problems) - SHOWN_PROBLEMS))
    lines += [html.escape(_("Note: {note}").format(note=note)) for note in report.notes]
    return "<br>".join(lines)


def listText(cases) -> str:
    """Return how many cases there are."""
    if not cases:
        return _("The case base has no cases yet.")
    patients = len({case.patient for case in cases})
    return _("Cases: {cases}, patients: {patients}.").format(cases=len(cases), patients=patients)
