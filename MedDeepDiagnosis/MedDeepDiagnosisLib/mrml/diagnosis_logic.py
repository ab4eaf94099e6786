"""The methods of the module logic: assess, keep cases, learn.

Every method blocks until its result is there and returns what the ``collect`` of its task returns. ``progress`` gets a
fraction and a message; ``cancel`` is a :class:`MedDeepRegSegLib.jobs.progress.CancelToken`.
"""


class DiagnosisLogic:
    """Mixed into the logic of the module."""

    def assess(
        self, segmentation, segmentId, findings, reportFolder, *, facts=None, progress=None, cancel=None, **options
    ):
        """Measure a segmented lesion, predict from it and from findings, and write the report.

        ``findings`` maps rated signs and clinical features to words or numbers, ``facts`` what the guidelines ask for.
        ``options`` are those of :class:`MedDeepDiagnosisLib.mrml.assess_task.AssessTask`, for example ``model_folder``,
        ``volume_node`` and ``formats=("pdf",)``. Returns a dictionary with the path ``report``, the
        ``prediction`` and its ``summary`` in words.
        """
        from MedDeepDiagnosisLib.mrml.tasks import AssessTask

        options.update(report_folder=reportFolder, facts=facts)
        return self._run(AssessTask(segmentation, segmentId, findings, **options), progress, cancel)

    def dicomPatient(self, volume):
        """Return on one line whose DICOM series a volume is: look at it before :meth:`exportDicom`."""
        from MedDeepDiagnosisLib.dicom_export_job import patient_line
        from MedDeepDiagnosisLib.mrml.dicom_export_task import patient_of

        return patient_line(patient_of(volume))

    def exportDicom(self, segmentation, volume, folder, *, progress=None, cancel=None, **options):
        """Write segments and their measurements as DICOM SEG and SR beside the study that a volume was loaded from.

        ``options`` are those of :class:`MedDeepDiagnosisLib.mrml.dicom_export_task.DicomExportTask`: ``segment_ids``,
        ``patient_id`` and ``add_to_database``. Returns the files ``segmentation`` and ``measurements``, the ``patient``
        on one line, and ``notes``.
        """
        from MedDeepDiagnosisLib.mrml.tasks import DicomExportTask

        return self._run(DicomExportTask(segmentation, volume, folder, **options), progress, cancel)

    def importCases(self, source, pathology, caseBase, *, progress=None, cancel=None, **options):
        """Store the cases of a table node, a table file or a folder in a case base (file or URL); returns the ``report``.

        ``options`` are those of :class:`MedDeepDiagnosisLib.mrml.case_base_tasks.ImportCasesTask`, for example
        ``mapping={"patient": "ID"}`` or ``options=ImportOptions(trial=True)``.
        """
        from MedDeepDiagnosisLib.mrml.tasks import ImportCasesTask

        return self._run(ImportCasesTask(source, pathology, caseBase, **options), progress, cancel)

    def exportCases(self, caseBase, file=None, *, progress=None, cancel=None, **options):
        """Write the cases of a case base into a file, and into a table node; returns ``table``, ``file`` and ``cases``.

        ``options`` are those of :class:`MedDeepDiagnosisLib.mrml.case_base_tasks.ExportCasesTask`.
        """
        from MedDeepDiagnosisLib.mrml.tasks import ExportCasesTask

        return self._run(ExportCasesTask(caseBase, file, **options), progress, cancel)

    def showCases(self, caseBase, case=None, *, progress=None, cancel=None, **options):
        """List the ``cases`` of a case base; with the name of one, its line and its ``history``."""
        from MedDeepDiagnosisLib.mrml.tasks import ShowCasesTask

        return self._run(ShowCasesTask(caseBase, case, **options), progress, cancel)

    def storeCase(self, caseBase, segmentation, segmentId, findings, pathology, *, patient, **options):
        """Store a lesion of the scene with its measurements and findings as a case; returns the ``report``.

        ``pathology`` is a name, a path or a :class:`MedDeepDiagnosisLib.pathology.Pathology`. ``options`` are those of
        :func:`MedDeepDiagnosisLib.mrml.case_import.store_case`, for example ``case`` and ``volume_node``.
        """
        from MedDeepDiagnosisLib.mrml.case_import import store_case
        from MedDeepDiagnosisLib.pathology import Pathology, load_pathology

        described = pathology if isinstance(pathology, Pathology) else load_pathology(pathology)
        report = store_case(caseBase, segmentation, segmentId, findings, described, patient=patient, **options)
        return {"report": report}

    def fitModel(self, pathology, source=None, *, folder, progress=None, cancel=None, **options):
        """Learn a model from a table node, a table file, or a case base (``db=``) into a folder.

        ``options`` are those of :class:`MedDeepDiagnosisLib.mrml.fit_task.FitTask`, for example ``learners`` and
        ``target``. Returns ``model``, ``card``, the ``table`` of scores and the ``chart`` of the reliability.
        """
        from MedDeepDiagnosisLib.mrml.tasks import FitTask

        return self._run(FitTask(pathology, source, out=folder, **options), progress, cancel)

    def associations(self, source=None, *, folder, progress=None, cancel=None, **options):
        """Look for what goes together in a table node, a table file, or a case base (``db=``); files go to a folder.

        ``options`` are those of :class:`MedDeepDiagnosisLib.mrml.associations_task.AssociationsTask`. Returns the
        ``table`` node, the ``report`` and the ``strongest`` associations in words.
        """
        from MedDeepDiagnosisLib.mrml.tasks import AssociationsTask

        return self._run(AssociationsTask(source, out=folder, **options), progress, cancel)

    def assessTable(self, table, folder, *, progress=None, cancel=None, **options):
        """Assess the cases of a table (CSV, see Docs/Batch.md) into a folder; what is done in it is not done again.

        ``options`` are those of :class:`MedDeepRegSegLib.mrml.batch_task.BatchTask`, for example ``workers=2``. Returns the
        ``table`` of the summary, ``done`` (how many cases) and ``failed`` (name and error of each).
        """
        import MedDeepDiagnosisLib.jobs  # noqa: F401  # adds "diagnose" to what can be run over a table
        from MedDeepRegSegLib.mrml.tasks import BatchTask

        return self._run(BatchTask(table, "diagnose", folder, **options), progress, cancel)

    @staticmethod
    def _run(task, progress, cancel):
        from MedDeepRegSegLib.jobs.progress import no_progress
        from MedDeepRegSegLib.mrml.tasks import run_task

        return run_task(task, progress=progress or no_progress, cancel=cancel)
