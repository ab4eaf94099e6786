"""Task that assesses one lesion: measured on its segment, with findings and facts of a form, into a report."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import MedDeepDiagnosisLib.jobs  # noqa: F401  # adds the job kinds of this library
from MedDeepDiagnosisLib.diagnose_job import Request, Result
from MedDeepDiagnosisLib.mrml.dicom_volumes import series_source
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.segmentations import check_segmentation_node, image_from_segmentation
from MedDeepRegSegLib.mrml.task_base import write_volume
from MedDeepRegSegLib.segmentation.segmentation_file import write_segmentation

DICOM_FORMATS = frozenset({"sr", "seg"})


class AssessTask:
    """Measures one segment, predicts from its measurements and from findings, and writes a report.

    Parameters
    ----------
    segmentation_node, segment_id:
        The lesion; None and empty for a model that needs none.
    findings:
        Rated signs and clinical features by name, as words or numbers; what is unknown is absent.
    report_folder:
        Gets ``report.html``, ``prediction.json`` and what else is asked for.
    facts:
        What the guidelines ask for, by name, as words or numbers; what is unknown is absent.
    volume_node:
        The volume behind the lesion, for the pictures of the report.
    model_folder:
        A fitted model; None for the lung nodule model that ships.
    formats:
        Further files to write: ``pdf``, and the DICOM objects ``sr`` and ``seg``, which need a volume that was loaded from a
        DICOM series and is as it was loaded.

    Notes
    -----
    :meth:`collect` returns ``report``, ``prediction`` (files), ``probability``, ``value``, ``interval``, ``abstains``,
    ``summary`` (lines), ``files`` (all that were written) and ``assessment``: what the file ``prediction`` holds, with the
    reasons of the model and what guidelines say.
    """

    def __init__(
        self,
        segmentation_node,
        segment_id: str,
        findings: Mapping[str, object],
        *,
        report_folder: Path,
        facts: Mapping[str, object] | None = None,
        volume_node=None,
        model_folder: Path | None = None,
        formats: Sequence[str] = (),
    ) -> None:
        self._segmentation = segmentation_node
        self._segment_id = segment_id
        self._findings = dict(findings)
        self._facts = dict(facts or {})
        self._report_folder = Path(report_folder)
        self._volume = volume_node
        self._model_folder = None if model_folder is None else Path(model_folder)
        self._formats = tuple(formats)

    def prepare(self, folder: Path) -> tuple[str, Request]:
        """Check the nodes and write the job's input files into ``folder``; raises InputError."""
        clash = sorted(set(self._findings) & set(self._facts))
        if clash:
            msg = f"{clash[0]!r} is given as a finding and as a fact, expected one of them: leave the fact out"
            raise InputError(msg)
        name, lesion = self._write_lesion(folder)
        row = {"case": name, **self._findings, **self._facts}
        with (folder / "case.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([row.keys(), row.values()])
        return "diagnose", Request(
            model=self._model_folder,
            table=folder / "case.csv",
            out=self._report_folder,
            image=self._image(folder) if lesion else None,
            segmentation=lesion,
            segment=name if lesion else None,
            formats=self._formats,
        )

    def _write_lesion(self, folder: Path) -> tuple[str, Path | None]:
        if self._segmentation is None:
            return "Case", None
        check_segmentation_node(self._segmentation)
        if not self._segment_id:
            msg = "no segment is picked: pick the segment that is the lesion"
            raise InputError(msg)
        labels, segments = image_from_segmentation(self._segmentation, segment_ids=[self._segment_id])
        path = folder / "lesion.seg.nrrd"
        write_segmentation(labels, segments, path)
        return segments[0].name, path

    def _image(self, folder: Path) -> Path | None:
        """Return the image for the pictures: the DICOM series itself where DICOM is to be written."""
        dicom = DICOM_FORMATS & set(self._formats)
        if dicom:
            try:
                return series_source(self._volume, folder)
            except InputError as error:
                name = sorted(dicom)[-1].upper()
                msg = f"DICOM {name} needs the volume as it was loaded from a DICOM series: {error}"
                raise InputError(msg) from error
        if self._volume is None:
            return None
        write_volume(self._volume, folder / "image.nrrd", "volume")
        return folder / "image.nrrd"

    def collect(self, _folder: Path, result: Result) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        assessment = json.loads(Path(result.prediction).read_text(encoding="utf-8"))
        return {
            "report": result.report,
            "prediction": result.prediction,
            "probability": result.probability,
            "value": result.value,
            "interval": (result.low, result.high),
            "abstains": result.abstains,
            "summary": result.summary,
            "assessment": assessment,
            "files": result.files,
        }
