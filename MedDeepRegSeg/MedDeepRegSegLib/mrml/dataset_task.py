"""The tasks that make a dataset: of volumes and segmentations of the scene, or of a folder."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.segmentations import check_segmentation_node, image_from_segmentation
from MedDeepRegSegLib.mrml.tables import rows_from_csv, table_from_rows
from MedDeepRegSegLib.mrml.task_base import node_in_scene, one_action
from MedDeepRegSegLib.mrml.volumes import image_from_volume


class DatasetTask:
    """Writes volumes and their segmentations into a new folder as a dataset, and reports what the checks find.

    Parameters
    ----------
    pairs:
        Pairs of a scalar volume node and its segmentation node, or None where nothing is drawn yet. Segments of the same
        name are one class.
    folder:
        A new or empty folder; ``dataset.json``, ``images`` and ``labels`` are made in it.
    name:
        Of the dataset; that of the folder by default.
    patients:
        Whose each pair is, in their order, so that all of a patient get one role; each pair is a patient of its own by
        default.
    validation, test:
        Shares of the patients, from 0 to 1.
    seed:
        Of the draw.
    absent:
        What a class is where a segmentation has no segment of it: ``background`` or ``unknown`` (not looked for).
    renames:
        Texts ``OLD=NEW``: name of a segment, and name of the class that it stands for.
    table_node:
        Table to fill with what the checks find; a new one without.

    Notes
    -----
    :meth:`collect` returns ``table`` (node), ``dataset`` (Path of ``dataset.json``), ``findings``, ``classes`` (names),
    ``patients`` (how many) and ``roles`` (how many cases of each).
    """

    def __init__(
        self,
        pairs: Sequence[tuple[Any, Any]],
        *,
        folder: Path | str,
        name: str = "",
        patients: Sequence[str] | None = None,
        validation: float = 0.2,
        test: float = 0.0,
        seed: int = 0,
        absent: str = "background",
        renames: Sequence[str] = (),
        table_node=None,
    ) -> None:
        self._pairs = tuple(pairs)
        self._folder = Path(folder)
        self._name = name
        self._patients = None if patients is None else tuple(patients)
        self._validation = validation
        self._test = test
        self._seed = seed
        self._absent = absent
        self._renames = tuple(renames)
        self._table = table_node

    def prepare(self, folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.datasets.dataset_job import Request

        self._check()
        names = _names([volume.GetName() for volume, _ in self._pairs])
        for name, (volume, segmentation) in zip(names, self._pairs, strict=True):
            _write(folder / "cases", name, volume, segmentation)
        return "dataset", Request(
            folder=folder / "cases",
            out=self._folder / "dataset.json",
            name=self._name or self._folder.name,
            layout="pairs",
            patients=self._write_patients(folder, names),
            absent=self._absent,  # type: ignore[arg-type]
            renames=self._renames,
            validation=self._validation,
            test=self._test,
            seed=self._seed,
            copy=True,
        )

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        return _collect(result, self._name or self._folder.name, self._table)

    def _check(self) -> None:
        """Refuse before anything is written."""
        if not any(segmentation is not None for _, segmentation in self._pairs):
            msg = "no segmentation is chosen, expected at least one volume with its segmentation: pick them"
            raise InputError(msg)
        volumes = [volume.GetID() for volume, _ in self._pairs if volume is not None]
        if len(volumes) < len(self._pairs):
            msg = "a segmentation has no volume, expected the one it was drawn on: pick it"
            raise InputError(msg)
        if len(set(volumes)) < len(volumes):
            msg = "a volume is chosen twice, expected each once: remove one of its rows"
            raise InputError(msg)
        for _, segmentation in self._pairs:
            if segmentation is not None:
                check_segmentation_node(segmentation)
        if self._patients is not None and len(self._patients) != len(self._pairs):
            msg = f"{len(self._patients)} patients for {len(self._pairs)} volumes, expected one for each: complete them"
            raise InputError(msg)
        if self._folder.exists() and (not self._folder.is_dir() or any(self._folder.iterdir())):
            msg = f"the folder {self._folder} is not empty, expected a new one: choose another, so that nothing is overwritten"
            raise InputError(msg)

    def _write_patients(self, folder: Path, names: Sequence[str]) -> Path | None:
        if self._patients is None:
            return None
        path = folder / "patients.csv"
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(("case", "patient"))
            writer.writerows(zip(names, self._patients, strict=True))
        return path


class FolderDatasetTask:
    """Makes a dataset of a folder of images and labels, which stay where they are, and reports what the checks find.

    Parameters
    ----------
    source:
        Folder with the images and labels, see ``meddeep dataset --help``.
    folder:
        Folder that gets ``dataset.json`` and the findings as files.
    table_node:
        Table to fill with what the checks find; a new one without.
    options:
        Other fields of :class:`MedDeepRegSegLib.datasets.dataset_job.Request`, for example ``validation=0.2``.

    Notes
    -----
    :meth:`collect` returns the same as that of :class:`DatasetTask`.
    """

    def __init__(self, source: Path | str, *, folder: Path | str, table_node=None, **options: Any) -> None:
        self._source, self._folder, self._table, self._options = Path(source), Path(folder), table_node, options

    def prepare(self, _folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.datasets.dataset_job import Request

        try:
            return "dataset", Request(folder=self._source, out=self._folder / "dataset.json", **self._options)
        except TypeError as error:
            msg = f"an option of the dataset is unknown ({error}): leave it out"
            raise InputError(msg) from error

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        return _collect(result, self._options.get("name") or self._source.name, self._table)


def _collect(result: Any, name: str, table_node) -> dict[str, Any]:
    node_in_scene(table_node, "the output table")
    columns, rows = rows_from_csv(result.table)
    with one_action():
        table = table_from_rows(columns, rows, f"{name} checks", node=table_node)
    return {
        "table": table,
        "dataset": result.dataset,
        "findings": result.findings,
        "classes": result.classes,
        "patients": result.patients,
        "roles": result.roles,
    }


def _names(given: Sequence[str]) -> list[str]:
    """Return names of files, each once, made of the names of nodes."""
    names: list[str] = []
    for name in given:
        base = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._") or "case"
        number, unique = 2, base
        while unique.lower() in {other.lower() for other in names}:
            unique = f"{base}_{number}"
            number += 1
        names.append(unique)
    return names


def _write(folder: Path, name: str, volume, segmentation) -> None:
    from MedDeepRegSegLib.segmentation.segmentation_file import write_segmentation
    from MedDeepRegSegLib.volumes.reading import write_image

    image = image_from_volume(volume, what=f"volume {volume.GetName()!r}")
    write_image(image, folder / "images" / f"{name}.nii.gz")
    if segmentation is not None:
        labels, segments = image_from_segmentation(segmentation, reference=image)
        write_segmentation(labels, segments, folder / "labels" / f"{name}.seg.nrrd")
