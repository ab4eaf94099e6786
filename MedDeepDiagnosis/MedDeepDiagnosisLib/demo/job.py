"""The job "demo": the whole path on real images (or on phantoms, offline), into one folder with a report."""

import csv
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from MedDeepDiagnosisLib.assessing import assess, summary_lines
from MedDeepDiagnosisLib.demo import pages
from MedDeepDiagnosisLib.demo.cases import PhantomPair, RealPair, phantom_pair, real_pair
from MedDeepDiagnosisLib.demo.nodule import NoduleCase, held_out_nodule, phantom_nodule
from MedDeepDiagnosisLib.models.model_folder import read_model
from MedDeepDiagnosisLib.reports.assessment import summary_fact
from MedDeepDiagnosisLib.reports.content import Provenance, Report
from MedDeepDiagnosisLib.reports.rendering import render_report
from MedDeepRegSegLib import __version__
from MedDeepRegSegLib.errors import MissingPackageError
from MedDeepRegSegLib.jobs.outputs import atomic_folder, write_json, write_text
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.jobs.schema import to_json
from MedDeepRegSegLib.registration.quality import consistency_error, target_registration_error
from MedDeepRegSegLib.registration.transforms import write_transform
from MedDeepRegSegLib.segmentation.segmentation_file import write_segmentation

STRUCTURE = "Lateral ventricles"


@dataclass(frozen=True)
class Request:
    """What to run.

    Attributes
    ----------
    out:
        Folder for the results; files of other names in it stay.
    offline:
        Use the phantoms alone and fetch nothing.
    seed:
        Of the known movements, the phantoms and the registration.
    """

    out: Path
    offline: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Result:
    """Where the results are, and the figures that matter. Errors are means in mm.

    Attributes
    ----------
    consistency_before_mm, consistency_after_mm:
        Of the real pair (None offline): how far the registrations of the moved and of the unmoved MR disagree.
    phantom_before_mm, phantom_after_mm:
        Target registration error at the landmarks of the phantom pair, exact.
    nodule_probability:
        Predicted suspicion of the nodule; no assessment where ``nodule_abstains`` is true.
    nodule_abstains:
        Whether the model abstains from an assessment of the nodule.
    nodule_summary:
        The assessment in words, as the report has it.
    """

    report: Path
    scene: Path
    consistency_before_mm: float | None
    consistency_after_mm: float | None
    phantom_before_mm: float
    phantom_after_mm: float
    nodule_probability: float
    nodule_abstains: bool
    nodule_summary: tuple[str, ...]


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Run the whole path and write its results.

    Raises
    ------
    InputError
        If the sample data cannot be fetched or the folder cannot be written.
    MissingPackageError
        If the package ``slicer-core``, which holds the scene, is not installed.
    Canceled
        If ``cancel`` was set; nothing is written then.
    """
    demo_path = _scene()
    with atomic_folder(request.out) as folder:
        real = None
        if not request.offline:
            real = real_pair(request.seed, progress=part_of(progress, 0, 0.06), cancel=cancel)
        progress(0.06, "Drawing the head phantom")
        phantom = phantom_pair(request.seed)
        outcome: pages.RegistrationOutcome | None = None
        if real is not None:
            outcome = _register_real(
                demo_path, real, request.seed, folder, progress=part_of(progress, 0.08, 0.6), cancel=cancel
            )
        start = 0.1 if real is None else 0.6
        phantom_outcome = _register_phantom(
            demo_path, phantom, request.seed, folder, progress=part_of(progress, start, 0.75), cancel=cancel
        )
        chosen = phantom_outcome if outcome is None else outcome
        clicks = phantom.clicks if real is None else real.clicks
        segmentation, _table, measured = demo_path.segment_and_measure(
            chosen.fixed_node, clicks, STRUCTURE, progress=part_of(progress, 0.75, 0.82), cancel=cancel
        )
        _write_segmentation_files(demo_path, segmentation, measured, folder)
        nodule, prediction, sections = _assess(request, folder, part_of(progress, 0.82, 0.92), cancel)
        progress(0.92, "Drawing the pictures")
        lesion_node = demo_path.add_lesion(nodule.lesion.labels, nodule.lesion.segment, nodule.lesion.image)
        shown = [outcome, phantom_outcome] if outcome is not None else [phantom_outcome]
        pages_made = [page for one in shown for page in pages.registration_pages(one)]
        drawn = demo_path.draw(chosen.fixed_node, segmentation, segment_name=STRUCTURE)
        pages_made += pages.segmentation_pages(STRUCTURE, drawn, measured, clicks=len(clicks))
        pages_made += pages.nodule_pages(nodule, demo_path.draw_surface(lesion_node), sections)
        _look(cancel)
        progress(0.97, "Saving the scene and the report")
        demo_path.save(folder / "scene.mrb")
        report = Report(
            title="MedDeep demo",
            subject="Head CT and MR, and a lung nodule" if real else "Phantoms of a head and of a chest (offline)",
            summary=(
                *(pages.registration_fact(one) for one in shown),
                summary_fact(prediction),
            ),
            sections=tuple(pages_made),
            provenance=_provenance(request),
        )
        write_text(folder / "report.html", render_report(report))
    progress(1.0, "Done")
    return Result(
        report=request.out / "report.html",
        scene=request.out / "scene.mrb",
        consistency_before_mm=None if outcome is None else outcome.before_mm,
        consistency_after_mm=None if outcome is None else outcome.after_mm,
        phantom_before_mm=phantom_outcome.before_mm,
        phantom_after_mm=phantom_outcome.after_mm,
        nodule_probability=prediction.probability,
        nodule_abstains=prediction.abstains,
        nodule_summary=summary_lines(prediction),
    )


def _scene():
    """Return the demo's scene; the only place of this library outside mrml/ that reaches for one."""
    try:
        from MedDeepDiagnosisLib.mrml.demo_path import DemoPath
    except ImportError as error:
        msg = "the demo makes a 3D Slicer scene and needs the package slicer-core: pip install 'meddeep[scene]'"
        raise MissingPackageError(msg) from error
    return DemoPath()


def _register_real(
    demo_path, pair: RealPair, seed: int, folder: Path, *, progress: Progress, cancel: CancelToken | None
) -> pages.RegistrationOutcome:
    """Register the MR as it is and moved; the error is how far both disagree through the known movement."""
    ct = demo_path.add_volume(pair.ct, "Head CT", brain_window=True)
    mr = demo_path.add_volume(pair.mr, "Head MR T1")
    moved = demo_path.add_volume(pair.moved_mr, "Head MR T1 moved")
    still = demo_path.register(ct, mr, seed, progress=part_of(progress, 0, 0.5), cancel=cancel)
    again = demo_path.register(ct, moved, seed, progress=part_of(progress, 0.5, 1), cancel=cancel)
    write_transform(still.transform, folder / "ct_to_mr.h5")
    write_transform(again.transform, folder / "ct_to_moved_mr.h5")
    write_transform(pair.known, folder / "known_movement.h5")
    centered = sitk.CenteredTransformInitializer(
        sitk.Cast(pair.ct, sitk.sitkFloat32),
        sitk.Cast(pair.moved_mr, sitk.sitkFloat32),
        sitk.Euler3DTransform(),
        sitk.CenteredTransformInitializerFilter.GEOMETRY,
    )
    errors = [
        consistency_error(still.transform, transform, pair.known, pair.points)
        for transform in (sitk.Transform(3, sitk.sitkIdentity), centered, again.transform)
    ]
    return pages.RegistrationOutcome(
        title="Head CT and moved head MR (real)",
        short_title="head CT and MR",
        kind="consistency",
        fixed_node=ct,
        fixed=pair.ct,
        moving=pair.moved_mr,
        registered=again.image,
        start=centered,
        quality=again.quality,
        rows=tuple(
            pages.ErrorRow(name, values)
            for name, values in zip(("As given", "Image centers aligned", "Registered"), errors, strict=True)
        ),
    )


def _register_phantom(
    demo_path, pair: PhantomPair, seed: int, folder: Path, *, progress: Progress, cancel: CancelToken | None
) -> pages.RegistrationOutcome:
    """Register the moved phantom MR; the error at the landmarks is exact."""
    ct = demo_path.add_volume(pair.ct, "Head phantom CT", brain_window=True)
    mr = demo_path.add_volume(pair.mr, "Head phantom MR moved")
    result = demo_path.register(ct, mr, seed, progress=progress, cancel=cancel)
    write_transform(result.transform, folder / "phantom_ct_to_mr.h5")
    names = sorted(set(pair.ct_landmarks) & set(pair.mr_landmarks))
    fixed = np.array([pair.ct_landmarks[name] for name in names])
    moving = np.array([pair.mr_landmarks[name] for name in names])
    identity = sitk.Transform(3, sitk.sitkIdentity)
    return pages.RegistrationOutcome(
        title="Head phantom CT and moved head phantom MR (exact truth)",
        short_title="head phantom",
        kind="truth",
        fixed_node=ct,
        fixed=pair.ct,
        moving=pair.mr,
        registered=result.image,
        start=identity,
        quality=result.quality,
        rows=tuple(
            pages.ErrorRow(name, target_registration_error(transform, fixed, moving))
            for name, transform in (("As given", identity), ("Registered", result.transform))
        ),
    )


def _write_segmentation_files(demo_path, segmentation, measured, folder: Path) -> None:
    labels, segments = demo_path.labels(segmentation)
    write_segmentation(labels, segments, folder / "segmentation.seg.nrrd")
    columns, rows = measured
    with (folder / "measurements.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([f"{column.title} ({column.units})" if column.units else column.title for column in columns])
        writer.writerows([["" if row[c.key] is None else row[c.key] for c in columns] for row in rows])


def _assess(request: Request, folder: Path, progress: Progress, cancel: CancelToken | None):
    nodule: NoduleCase
    if request.offline:
        progress(0.1, "Growing the nodule of the chest phantom")
        nodule = phantom_nodule(request.seed, cancel=cancel)
    else:
        nodule = held_out_nodule(
            folder / "nodule_model", request.seed, progress=part_of(progress, 0, 0.9), cancel=cancel
        )
    progress(0.9, "Assessing the nodule")
    model = read_model(nodule.model)
    name = nodule.lesion.segment.name
    assessed = assess(model, dict(nodule.ratings), case=name, lesion=nodule.lesion, cancel=cancel)
    write_json(folder / "prediction.json", to_json(assessed.prediction))
    return nodule, assessed.prediction, assessed.sections


def _provenance(request: Request) -> Provenance:
    return Provenance(
        created=date.today(),
        versions=(
            ("MedDeep", __version__),
            ("SimpleITK", sitk.Version_VersionString()),
            ("Python", sys.version.split()[0]),
        ),
        inputs=pages.sample_facts(offline=request.offline),
        seed=request.seed,
        command=f"meddeep demo --out {request.out}" + (" --offline" if request.offline else ""),
    )


def _look(cancel: CancelToken | None) -> None:
    if cancel is not None:
        cancel.raise_if_canceled()
