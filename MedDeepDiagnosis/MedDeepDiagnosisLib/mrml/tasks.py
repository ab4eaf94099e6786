"""The assessment on MRML nodes: one path for the module logic and the panel. See MedDeepRegSegLib.mrml.tasks."""

import csv
from collections.abc import Mapping
from pathlib import Path

import SimpleITK as sitk

import MedDeepDiagnosisLib.jobs  # noqa: F401  # adds the job kinds of this library
from MedDeepDiagnosisLib.diagnose_job import Request, Result
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.segmentations import check_segmentation_node, image_from_segmentation
from MedDeepRegSegLib.mrml.volumes import image_from_volume
from MedDeepRegSegLib.segmentation.segmentation_file import write_segmentation


class AssessTask:
    """Measures one segment, predicts from its size and its rated signs, and writes a report.

    Parameters
    ----------
    segmentation_node, segment_id:
        The lesion.
    ratings:
        Rated signs by name, as words or numbers of their scales; signs that were not rated are absent.
    report_folder:
        Gets ``report.html`` and ``prediction.json``.
    volume_node:
        The CT behind the lesion, for the pictures of the report.
    model_folder:
        A fitted model; None for the one that ships.
    """

    def __init__(
        self,
        segmentation_node,
        segment_id: str,
        ratings: Mapping[str, object],
        *,
        report_folder: Path,
        volume_node=None,
        model_folder: Path | None = None,
    ) -> None:
        self._segmentation = segmentation_node
        self._segment_id = segment_id
        self._ratings = dict(ratings)
        self._report_folder = Path(report_folder)
        self._volume = volume_node
        self._model_folder = model_folder

    def prepare(self, folder: Path) -> tuple[str, Request]:
        """Check the nodes and write the job's input files into ``folder``; raises InputError."""
        check_segmentation_node(self._segmentation)
        if not self._segment_id:
            msg = "no segment is picked: pick the segment that is the lesion"
            raise InputError(msg)
        labels, segments = image_from_segmentation(self._segmentation, segment_ids=[self._segment_id])
        write_segmentation(labels, segments, folder / "lesion.seg.nrrd")
        image = None
        if self._volume is not None:
            image = folder / "image.nrrd"
            sitk.WriteImage(image_from_volume(self._volume), str(image))
        with (folder / "case.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([["case", *self._ratings], [segments[0].name, *self._ratings.values()]])
        return "diagnose", Request(
            model=self._model_folder,
            table=folder / "case.csv",
            out=self._report_folder,
            image=image,
            segmentation=folder / "lesion.seg.nrrd",
            segment=segments[0].name,
        )

    def collect(self, _folder: Path, result: Result) -> dict:
        """Return the ``report``, the ``prediction`` file, the probability with its interval, and a ``summary``."""
        return {
            "report": result.report,
            "prediction": result.prediction,
            "probability": result.probability,
            "interval": (result.low, result.high),
            "abstains": result.abstains,
            "summary": result.summary,
        }
