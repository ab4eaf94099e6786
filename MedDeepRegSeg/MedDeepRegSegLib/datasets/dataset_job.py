"""The job that makes a dataset of a folder: finds cases, names classes, checks all, and draws the roles."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from MedDeepRegSegLib.datasets.checks.finding import Finding
from MedDeepRegSegLib.datasets.checks.run import Checked, check_dataset
from MedDeepRegSegLib.datasets.classes import Absent, unite
from MedDeepRegSegLib.datasets.dataset import Dataset, write_dataset
from MedDeepRegSegLib.datasets.fingerprint import Fingerprint, summarize
from MedDeepRegSegLib.datasets.naming import Naming, read_naming
from MedDeepRegSegLib.datasets.patients import patients_of, read_patients
from MedDeepRegSegLib.datasets.report import counts_text, report_text, write_report
from MedDeepRegSegLib.datasets.sources.choose import Layout, find_cases
from MedDeepRegSegLib.datasets.sources.found import Found
from MedDeepRegSegLib.datasets.split import check_shares, folds, split
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import atomic_folder, write_text
from MedDeepRegSegLib.jobs.progress import NOTE, CancelToken, Progress, no_progress, part_of


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to make a dataset of.

    Attributes
    ----------
    folder : Path
        Images and labels; they stay where they are.
    out : Path
        File of the dataset, ``.json``. ``NAME_checks.csv`` and ``NAME_checks.txt`` are written beside it.
    name : str
        Of the dataset; the name of the folder where empty.
    layout : {"auto", "msd", "nnunet", "bids", "pairs"}
    image_pattern, label_pattern : str, optional
        Regular expressions instead of a layout; see :mod:`MedDeepRegSegLib.datasets.sources.patterns`.
    patient_pattern : str, optional
        Regular expression for the name of a case; ``(?P<patient>...)`` or its first group says whose it is.
    patients : Path, optional
        Table (CSV) with the columns ``case`` and ``patient``.
    classes : Path, optional
        Names and values, see :func:`~MedDeepRegSegLib.datasets.naming.read_naming`.
    renames : tuple of str
        ``OLD=NEW``.
    absent : {"background", "unknown"}
        What a class is in cases that lack it altogether.
    keep_empty : bool
        Whether cases without any labeled voxel are kept.
    validation, test : float
        Shares of the patients, from 0 to 1.
    folds : int
        Number of further datasets for cross-validation, ``NAME_fold1.json`` and so on; 0 for none.
    seed : int
        Of the draw.
    copy : bool
        Whether ``folder`` is copied into the folder of ``out``, which must be new or empty, so that the dataset stands alone.
    """

    folder: Path
    out: Path
    name: str = ""
    layout: Layout = "auto"
    image_pattern: str | None = None
    label_pattern: str | None = None
    patient_pattern: str | None = None
    patients: Path | None = None
    classes: Path | None = None
    renames: tuple[str, ...] = ()
    absent: Absent = "background"
    keep_empty: bool = False
    validation: float = 0.2
    test: float = 0.0
    folds: int = 0
    seed: int = 0
    copy: bool = False


@dataclass(frozen=True, kw_only=True)
class Result:
    """What was made.

    Attributes
    ----------
    dataset : Path
    layout : str
        How the folder is laid out.
    cases, patients : int
        Number of all.
    roles : dict of str to int
        Number of cases of each role.
    classes : tuple of str
        Names of the classes.
    fingerprint : Fingerprint, optional
        Of the cases for training and validation; None where no case has labels.
    findings : tuple of Finding
        What the checks found, errors first. Cases with errors are left out.
    table, text : Path
        The findings as files.
    folds : tuple of Path
    """

    dataset: Path
    layout: str
    cases: int
    patients: int
    roles: dict[str, int]
    classes: tuple[str, ...]
    fingerprint: Fingerprint | None
    findings: tuple[Finding, ...]
    table: Path
    text: Path
    folds: tuple[Path, ...]


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Make the dataset, check it and write its files.

    Raises
    ------
    InputError
        If the folder is not laid out in a known way, options are wrong, there are too few patients to draw from, or a file
        would be overwritten that is no dataset. Where no roles can be drawn, ``progress`` gets what the checks found as a
        note before: it often says why.
    Canceled
        If ``cancel`` was set. Nothing was written then.
    """
    _check_out(request.out)
    check_shares(request.validation, request.test)  # before anything long
    if request.copy:
        return _copied(request, progress, cancel)
    naming = read_naming(request.classes, request.renames)
    known = None if request.patients is None else read_patients(request.patients)
    progress(0.0, "Looking for cases")
    found = find_cases(
        request.folder,
        layout=request.layout,
        image_pattern=request.image_pattern,
        label_pattern=request.label_pattern,
    )
    name = request.name or request.folder.resolve().name or "dataset"
    return make(request, found, name, naming, known, progress=progress, cancel=cancel)


def make(
    request: Request,
    found: Found,
    name: str,
    naming: Naming,
    patients: Mapping[str, str] | None,
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Result:
    """Name, check, split and write what was found; see :func:`run`."""
    dataset, notes = unite(
        found, name, naming, absent=request.absent, progress=part_of(progress, 0.0, 0.3), cancel=cancel
    )
    dataset = patients_of(dataset, patients, request.patient_pattern)
    checked = check_dataset(
        dataset, more=notes, keep_empty=request.keep_empty, progress=part_of(progress, 0.3, 0.95), cancel=cancel
    )
    try:
        dataset, crossed = _drawn(request, checked)
    except InputError:
        found_text = f"{report_text(checked.findings)}\n\nchecks: {counts_text(checked.findings)}"
        progress(0.95, f"{NOTE}what the checks found\n{found_text}")
        raise
    if cancel is not None:
        cancel.raise_if_canceled()
    progress(0.95, "Writing the dataset")
    table, text = _beside(request.out, "_checks.csv"), _beside(request.out, "_checks.txt")
    write_report(checked.findings, table)
    write_text(text, report_text(checked.findings) + "\n")
    paths = []
    for number, fold in enumerate(crossed, start=1):
        paths.append(_beside(request.out, f"_fold{number}.json"))
        write_dataset(fold, paths[-1])
    write_dataset(dataset, request.out)
    roles = [case.role for case in dataset.cases]
    progress(1.0, "Made the dataset")
    return Result(
        dataset=request.out,
        layout=found.layout,
        cases=len(dataset.cases),
        patients=len({case.patient for case in dataset.cases}),
        roles={role: roles.count(role) for role in ("training", "validation", "test", "unused")},
        classes=tuple(segment.name for segment in dataset.classes),
        fingerprint=_fingerprint(dataset, checked),
        findings=checked.findings,
        table=table,
        text=text,
        folds=tuple(paths),
    )


def _copied(request: Request, progress: Progress, cancel: CancelToken | None) -> Result:
    """Make the dataset of a copy of the folder; all of it appears at once, or nothing."""
    target = request.out.absolute().parent
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        msg = (
            f"{target} is not an empty folder, expected a new one: choose another name, so that nothing is overwritten"
        )
        raise InputError(msg)
    name = request.name or request.folder.resolve().name
    with atomic_folder(target) as temporary:
        shutil.copytree(request.folder, temporary, dirs_exist_ok=True)
        inner = replace(request, folder=temporary, out=temporary / request.out.name, name=name, copy=False)
        made = run(inner, progress=progress, cancel=cancel)
    return replace(
        made,
        dataset=target / made.dataset.name,
        table=target / made.table.name,
        text=target / made.text.name,
        folds=tuple(target / path.name for path in made.folds),
    )


def _check_out(out: Path) -> None:
    """Refuse to replace a file that is no dataset of MedDeep: a folder of MSD or nnU-Net holds a ``dataset.json``, too."""
    if out.suffix.lower() != ".json":
        msg = f"{out.name} is not the name of a dataset, expected one that ends in .json"
        raise InputError(msg)
    if out.exists():
        from MedDeepRegSegLib.datasets.dataset import read_dataset

        try:
            read_dataset(out)
        except InputError as error:
            msg = f"{out} is there and is no dataset of MedDeep, expected a free name: choose another --out"
            raise InputError(msg) from error


def _drawn(request: Request, checked: Checked) -> tuple[Dataset, Sequence[Dataset]]:
    """Return the dataset with roles, and those of cross-validation. A dataset without usable labels stays without roles."""
    dataset = checked.dataset
    errors = {found.case: found for found in checked.findings if found.severity == "error"}
    if not any(case.labels is not None and not case.left_out for case in dataset.cases):
        if any(case.labels is not None for case in dataset.cases):
            first = next(iter(errors.values()))
            msg = f"all cases with labels have errors (case {first.case!r}: {first.check}, {first.what}): {first.todo}"
            raise InputError(msg)
        return replace(dataset, split_seed=None), ()
    present = {fact.case.name: fact.present for fact in checked.facts}
    drawn = split(dataset, validation=request.validation, test=request.test, seed=request.seed, present=present)
    crossed = folds(drawn, request.folds, request.seed, present=present) if request.folds else ()
    return drawn, crossed


def _fingerprint(dataset: Dataset, checked: Checked) -> Fingerprint | None:
    names = {case.name for case in dataset.of_role("training", "validation")}
    used = [fact for fact in checked.facts if fact.case.name in names and fact.described is not None]
    described = [fact.described for fact in used if fact.described is not None]
    return summarize(described, [fact.samples for fact in used], dataset) if used else None


def _beside(out: Path, ending: str) -> Path:
    return out.with_name(out.name[: -len(out.suffix)] + ending)
