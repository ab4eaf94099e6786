"""How a row of a table becomes an assessment, and its result cells of the summary."""

from pathlib import Path
from typing import TYPE_CHECKING

from MedDeepDiagnosisLib.cases import CASE_COLUMN
from MedDeepDiagnosisLib.cli.diagnose import FORMATS, NO_DICOM, check_no_dicom
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.batch_kinds import NOT_COUNTED
from MedDeepRegSegLib.jobs.batch_table import Row

if TYPE_CHECKING:
    from MedDeepDiagnosisLib.diagnose_job import Request, Result

JOB = "diagnose"
JOBS = "MedDeepDiagnosisLib.jobs"
USES_GPU = False
REQUIRED = ("model",)
OPTIONAL = ("table", "db", "case", "image", "segmentation", "segment", "formats")
OTHERS = True
FIGURES = ("probability", "value", "low", "high", "abstains", "variant", "notes", NOT_COUNTED)
JOINED = ""
HELP = """\
model: folder that 'meddeep fit' wrote, or the name of a model that ships: acute_stroke_outcome, acute_stroke_severity, lung_nodule
table: table with the one row of the case; or db and case: a case of a case base
image, segmentation, segment: the volume, the segmentation of the finding in it, and which segment it is
formats: further files to write, separated by spaces: pdf sr seg; no-dicom leaves out the DICOM files of a DICOM series
all other columns: values and facts of the case by name, for example equivalent_diameter_mm and age; case and spaces in a
name make no difference, and what the batch prints at its end and not_counted say which ones did not count
"""
_TELLING = ("Abstains: ", "Caution: ", "Note: ")
"""How lines begin that a person must see who looks at the summary alone."""


def request(row: Row, out: Path, *, seed: int, device: str = "auto") -> "Request":
    """Return the request of a row.

    A case of a case base is read here: workers on other machines need not reach the case base, and the case is assessed
    anew when its values have changed.

    Raises
    ------
    InputError
        When a file, the model or the case is not there, or there is nothing to assess.
    """
    from MedDeepDiagnosisLib.diagnose_job import Request

    known = (*REQUIRED, *OPTIONAL)
    others = tuple((name, text) for name, text in row.values.items() if name not in known)
    model = _model(row)
    image, segmentation, table = row.path("image"), row.path("segmentation"), row.path("table")
    if image is not None and segmentation is None:
        msg = "image without segmentation, expected both: the pictures show the finding"
        raise InputError(msg)
    if "db" in row.values and table is not None:
        msg = "table and db are filled in, expected one of them: empty the other"
        raise InputError(msg)
    values, facts = _values_and_facts(row, model, others, has_table=table is not None)
    if table is None and segmentation is None and not others and "db" not in row.values:
        msg = "nothing to assess, expected a table, a case of a case base, a segmentation, or values in columns of their own"
        raise InputError(msg)
    formats = tuple(row.values.get("formats", "").lower().split())
    for name in formats:
        if name not in FORMATS:
            msg = f"formats: {name!r} is not allowed, expected some of {', '.join(FORMATS)}: correct the table"
            raise InputError(msg)
    check_no_dicom(formats)
    return Request(
        model=model,
        table=table,
        out=out,
        image=image,
        segmentation=segmentation,
        segment=row.values.get("segment"),
        formats=tuple(name for name in formats if name != NO_DICOM),
        dicom=NO_DICOM not in formats,
        facts=facts,
        values=values,
    )


Pairs = tuple[tuple[str, str], ...]


def _values_and_facts(row: Row, model: Path, others: Pairs, *, has_table: bool) -> tuple[Pairs, Pairs]:
    """Return the row of the case, where it is not a table of its own, and facts beside it."""
    case, db = row.values.get("case"), row.values.get("db")
    if has_table:
        return (), others
    if db is None:
        return ((CASE_COLUMN, case or row.name), *others), ()
    if case is None:
        msg = "db without case, expected both: fill in which case of the case base it is"
        raise InputError(msg)
    from MedDeepDiagnosisLib.casebase.doors import case_row
    from MedDeepDiagnosisLib.models.model_folder import read_model

    where = db if "://" in db else str(row.needed("db"))
    found = case_row(where, case, read_model(model).pathology)
    return tuple(found.items()), others


def _model(row: Row) -> Path:
    """Return the folder, or that of the model that ships under this name."""
    from MedDeepDiagnosisLib.fitting import find_shipped

    try:
        return row.needed("model")
    except InputError:
        return find_shipped(row.values["model"], "model")


def figures(result: "Result") -> dict[str, str]:
    """Return the cells of the summary; low and high are the limits of the interval of what was predicted."""
    return {
        "probability": "" if result.probability is None else f"{result.probability:.3f}",
        "value": "" if result.value is None else f"{result.value:.3g}",
        "low": f"{result.low:.3g}",
        "high": f"{result.high:.3g}",
        "abstains": "yes" if result.abstains else "no",
        "variant": result.variant,
        "notes": "; ".join(line for line in result.summary if line.startswith(_TELLING)),
        NOT_COUNTED: "; ".join(result.not_counted),
    }
