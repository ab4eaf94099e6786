"""The job "stroke": measure a lesion in MNI space, or all lesions of the SOOP data, and write a table."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from MedDeepDiagnosisLib.diagnose_job import choose_segment
from MedDeepDiagnosisLib.stroke.measuring import measure_lesion
from MedDeepDiagnosisLib.stroke.soop import SoopTable, soop_table, write_soop_table
from MedDeepRegSegLib.jobs.outputs import write_text
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation
from MedDeepRegSegLib.volumes.reading import read_label_map


@dataclass(frozen=True)
class Request:
    """What to measure.

    Attributes
    ----------
    source:
        Segmentation or mask of a lesion in MNI space, or the folder of the SOOP data.
    out:
        CSV table to write: one row with the measurements, or one for each patient.
    atlas:
        Arterial atlas; the sample ``arterial-atlas`` if None, or that of the folder.
    segment:
        Name of the lesion's segment, if there are several.
    """

    source: Path
    out: Path
    atlas: Path | None = None
    segment: str | None = None


@dataclass(frozen=True)
class Result:
    """What was measured: ``left_out`` says why for each case of a folder that is not in the table."""

    table: Path
    cases: int
    notes: tuple[str, ...]
    left_out: dict[str, str]


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Measure and write.

    Raises
    ------
    InputError
        If a file cannot be used, the atlas was not fetched, or a single lesion cannot be measured.
    Canceled
        If ``cancel`` was set; nothing is written then.
    """
    if request.source.is_dir():
        table = _measure_folder(request, progress, cancel)
        write_soop_table(table, request.out)
        return Result(request.out, len(table.rows), table.notes, {case.case: case.reason for case in table.left_out})
    progress(0.0, "measuring the lesion")
    labels, segments = read_segmentation(request.source)
    segment = choose_segment(segments, request.segment, file_name=request.source.name)
    values = measure_lesion(labels, segment.value, atlas=request.atlas)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    case = request.source.name.split(".")[0]
    writer.writerow(["case", *values])
    writer.writerow([case, *(f"{value:.9g}" for value in values.values())])
    if cancel is not None:
        cancel.raise_if_canceled()
    write_text(request.out, text.getvalue())
    note = f"{segment.name}: {values['lesion_volume_ml']:.3g} ml, {values['left_percent']:.0f} % on the left"
    return Result(request.out, 1, (note,), {})


def _measure_folder(request: Request, progress: Progress, cancel: CancelToken | None) -> SoopTable:
    atlas = None if request.atlas is None else read_label_map(request.atlas, "arterial atlas")
    return soop_table(request.source, atlas=atlas, progress=progress, cancel=cancel)
