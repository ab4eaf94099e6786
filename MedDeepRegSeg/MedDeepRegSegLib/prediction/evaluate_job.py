"""The job that evaluates a model of one's own on the cases of a dataset: a table, a summary and a report."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from MedDeepRegSegLib.datasets.naming import key_of
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import NOTE, CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.wording import by_number, counted

if TYPE_CHECKING:
    from MedDeepRegSegLib.datasets.dataset import Case, Dataset
    from MedDeepRegSegLib.models.segmenter_description import SegmenterDescription
    from MedDeepRegSegLib.prediction.evaluation import Evaluation
    from MedDeepRegSegLib.segmentation.segments import Segment

ROLES = ("test", "validation", "training")

COLUMNS = (
    *("case", "class", "dice", "hd95_mm", "surface_dice", "volume_truth_ml", "volume_ml", "volume_error_percent"),
    *("volume_error_ml", "mean_distance_mm", "patient"),
)
"""Of ``metrics.csv``. A value that does not exist is empty, see :mod:`MedDeepRegSegLib.prediction.metrics`."""


@dataclass(frozen=True)
class Request:
    """What to evaluate."""

    model: Path
    """Folder of a model."""
    dataset: Path
    """File of a dataset."""
    out: Path
    """Folder to write to."""
    role: str = "test"
    """Of the cases: ``test``, ``validation`` or ``training``."""
    tolerance_mm: float = 2.0
    """Distance of surfaces that counts as none, for the surface Dice."""
    pictures: int = 3
    """How many of the worst cases are shown."""
    device: str = "auto"
    """``auto``, ``cpu`` or ``cuda``."""
    seed: int = 0
    """Of the confidence intervals."""


@dataclass(frozen=True)
class Result:
    """What was found."""

    table: Path
    """``metrics.csv``: a row for each case and class."""
    summary: Path
    """``summary.json``: means and their confidence intervals."""
    report: Path
    """``report.html``."""
    cases: int
    """How many were evaluated."""
    classes: tuple[str, ...]
    """Names of the classes that were compared."""
    dice: tuple[float | None, ...]
    """Their mean Dice."""
    notes: tuple[str, ...]
    """What a reader of the figures must know."""


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Evaluate a model and write what was found.

    Raises
    ------
    InputError
        If a file or the model cannot be used, the dataset has no such cases or classes, or cases are evaluated that the
        model was trained on without asking for ``training``.
    MissingPackageError
        If a package is not installed.
    Canceled
        If ``cancel`` was set. Nothing was written then.
    """
    from MedDeepRegSegLib.datasets.dataset import read_dataset
    from MedDeepRegSegLib.jobs.outputs import atomic_folder, write_json, write_text
    from MedDeepRegSegLib.models.segmenter_folder import load_segmenter
    from MedDeepRegSegLib.prediction.evaluation import cases_to_evaluate, evaluate
    from MedDeepRegSegLib.prediction.evaluation_report import evaluation_report, import_jinja, summary_json

    cancel = CancelToken() if cancel is None else cancel
    if request.role not in ROLES:
        msg = f"role is {request.role!r}, expected one of {', '.join(ROLES)}"
        raise InputError(msg)
    import_jinja()  # before anything long
    progress(0.0, "Reading")
    dataset = read_dataset(request.dataset)
    loaded = load_segmenter(request.model, request.device)
    cases = cases_to_evaluate(dataset, request.role)  # type: ignore[arg-type]
    classes, notes = compared_classes(dataset, loaded.description)
    notes += seen_cases(dataset, cases, loaded.description, request.role)
    for note in notes:
        progress(0.0, f"{NOTE}{note}")
    evaluation = evaluate(
        dataset,
        cases,
        model_predict(loaded, dataset),
        classes=classes,
        tolerance_mm=request.tolerance_mm,
        pictures=request.pictures,
        seed=request.seed,
        progress=part_of(progress, 0.0, 0.97),
        cancel=cancel,
    )
    cancel.raise_if_canceled()
    with atomic_folder(request.out) as folder:
        write_table(evaluation, folder / "metrics.csv")
        summary = summary_json(
            evaluation, loaded.description, dataset, role=request.role, seed=request.seed, notes=notes
        )
        write_json(folder / "summary.json", summary)
        write_text(
            folder / "report.html", evaluation_report(evaluation, loaded.description, dataset, request.role, notes)
        )
    progress(1.0, f"Evaluated {counted(len(cases), 'case')}")
    return Result(
        table=request.out / "metrics.csv",
        summary=request.out / "summary.json",
        report=request.out / "report.html",
        cases=len(cases),
        classes=tuple(one.name for one in evaluation.classes),
        dice=tuple(one.dice.mean for one in evaluation.summaries),
        notes=tuple(notes),
    )


def model_predict(loaded, dataset: "Dataset"):
    """Return what segments a case with a model, in the values of the dataset's classes; see :data:`.evaluation.Predict`."""
    import numpy as np
    import SimpleITK as sitk

    from MedDeepRegSegLib.prediction.predict import predict

    own = {key_of(segment.name): segment.value for segment in dataset.classes}

    def segmented(images, progress, cancel):
        found = predict(images, loaded, progress=progress, cancel=cancel)
        table = np.zeros(max(segment.value for segment in found.segments) + 1, np.uint16)
        for segment in found.segments:
            table[segment.value] = own.get(key_of(segment.name), 0)
        labels = sitk.GetImageFromArray(table[sitk.GetArrayViewFromImage(found.labels)])
        labels.CopyInformation(found.labels)
        return labels

    return segmented


def compared_classes(
    dataset: "Dataset", description: "SegmenterDescription"
) -> tuple[tuple["Segment", ...], list[str]]:
    """Return the classes of a dataset that a model finds, by name, and notes on the others.

    Raises
    ------
    InputError
        If there is none.
    """
    found = {key_of(segment.name) for segment in description.classes}
    classes = tuple(segment for segment in dataset.classes if key_of(segment.name) in found)
    if not classes:
        wanted, has = (", ".join(one.name for one in part) for part in (dataset.classes, description.classes))
        msg = f"the dataset has the classes {wanted}, and the model finds {has}: name those alike that are the same"
        raise InputError(msg)
    missing = [segment.name for segment in dataset.classes if segment not in classes]
    notes = [f"The model does not know {', '.join(missing)}: not evaluated."] if missing else []
    return classes, notes


def seen_cases(
    dataset: "Dataset", cases: "tuple[Case, ...]", description: "SegmenterDescription", role: str
) -> list[str]:
    """Return notes on cases that the model has seen.

    Raises
    ------
    InputError
        If the model was trained on some of them, by their names and that of the dataset, and their role is not ``training``.
    """
    training = description.training
    names = {case.name for case in cases}
    trained, chosen = sorted(names & set(training.training_cases)), sorted(names & set(training.validation_cases))
    patients = {case.patient for case in dataset.cases if case.name in training.training_cases}
    related = sorted(case.name for case in cases if case.patient in patients and case.name not in trained)
    same = dataset.name == training.dataset
    these = by_number(len(cases), "1 case", f"these {len(cases)} cases")
    notes = []
    if (trained or related) and same and role != "training":
        which = (
            f"{len(trained)} of the {role} cases ({trained[0]!r})"
            if trained
            else f"patients of {len(related)} of the {role} cases ({related[0]!r})"
        )
        msg = (
            f"the model was trained on {which} that the dataset has now: figures would say nothing of new "
            "cases; take the dataset as it was when the model was trained, or evaluate with --role training"
        )
        raise InputError(msg)
    if trained and same:
        notes.append(
            f"The model was trained on {len(trained)} of {these}: the figures say how well they were "
            "learned, not how good the model is on new cases."
        )
    elif trained:
        notes.append(
            f"{counted(len(trained), 'case')} {by_number(len(trained), 'has the name of a case', 'have names of cases')} of "
            f"dataset {training.dataset!r}, which the model was trained on: if they are the same, the figures say nothing of new "
            "cases."
        )
    if chosen:
        notes.append(
            f"{len(chosen)} of {these} chose the weights of the model: the figures are a little too good for new cases."
        )
    return notes


def write_table(evaluation: "Evaluation", path: Path) -> None:
    """Write a row for each case and class that was looked for in it."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for result in evaluation.cases:
            for segment, one in zip(evaluation.classes, result.agreements, strict=True):
                if one is not None:
                    row = {name: _rounded(getattr(one, name)) for name in COLUMNS[2:-1]}
                    writer.writerow({"case": result.case, "class": segment.name, **row, "patient": result.patient})


def _rounded(value: float | None) -> float | str:
    return "" if value is None else float(f"{value:.6g}")
