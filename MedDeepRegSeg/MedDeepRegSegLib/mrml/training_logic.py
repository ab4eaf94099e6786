"""The methods of the module logic on networks of one's own: data, augmentation, training, prediction, evaluation, bundles,
and on tables of many cases.

Every method blocks until its result is there and returns what the ``collect`` of its task returns. ``progress`` gets a
fraction and a message; ``cancel`` is a :class:`MedDeepRegSegLib.jobs.progress.CancelToken`.
"""

from typing import Any


class TrainingLogic:
    """Mixed into the logic of the module, which has ``_run(task, progress, cancel)``."""

    _run: Any

    def makeDataset(self, pairs, folder, *, progress=None, cancel=None, **options):
        """Write pairs of a volume and its segmentation (None: not labeled yet) as a dataset, checked and split by patient.

        ``options`` are those of :class:`MedDeepRegSegLib.mrml.dataset_task.DatasetTask`. Returns ``dataset`` (path),
        ``table`` (node of what the checks found), ``findings``, ``classes``, ``patients`` and ``roles``.
        """
        from MedDeepRegSegLib.mrml.tasks import DatasetTask

        return self._run(DatasetTask(pairs, folder=folder, **options), progress, cancel)

    def makeDatasetOfFolder(self, source, folder, *, progress=None, cancel=None, **options):
        """Make a dataset of a folder of images and labels, which stay where they are; see :meth:`makeDataset`."""
        from MedDeepRegSegLib.mrml.tasks import FolderDatasetTask

        return self._run(FolderDatasetTask(source, folder=folder, **options), progress, cancel)

    def augment(self, volume, segmentation=None, preset="default", *, progress=None, cancel=None, **options):
        """Make random samples of a volume; returns their ``preview`` and, with ``samples=True``, ``volumes`` and more.

        ``options`` are those of :class:`MedDeepRegSegLib.mrml.augment_task.AugmentTask`.
        """
        from MedDeepRegSegLib.mrml.tasks import AugmentTask

        return self._run(AugmentTask(volume, segmentation, preset=preset, **options), progress, cancel)

    def compareNetworks(self, dataset, *, progress=None, cancel=None, **options):
        """Count what each network would cost on a dataset; returns the ``table`` and what is ``left_out``."""
        from MedDeepRegSegLib.mrml.tasks import CompareTask

        return self._run(CompareTask(dataset, **options), progress, cancel)

    def train(self, dataset, folder, *, progress=None, cancel=None, **options):
        """Train a network on a dataset (path) into a folder; returns ``model``, ``score``, ``table`` and ``chart``.

        ``options`` are those of :class:`MedDeepRegSegLib.mrml.train_task.TrainTask`, for example ``network="unet"``,
        ``minutes=20`` or ``resume=True``.
        """
        from MedDeepRegSegLib.mrml.tasks import TrainTask

        return self._run(TrainTask(dataset, out=folder, **options), progress, cancel)

    def trainGrowing(self, dataset, folder, *, progress=None, cancel=None, **options):
        """Fine-tune the network behind :meth:`grow` on a dataset; returns ``model``, ``verdict``, ``text``, ``table``.

        ``options`` are those of :class:`MedDeepRegSegLib.mrml.train_growing_task.TrainGrowingTask`.
        """
        from MedDeepRegSegLib.mrml.tasks import TrainGrowingTask

        return self._run(TrainGrowingTask(dataset, out=folder, **options), progress, cancel)

    def trainEncoder(self, dataset, folder, *, progress=None, cancel=None, **options):
        """Train an encoder on the volumes of a dataset without their labels; returns ``model``, ``text`` and errors.

        The folder is then what ``start=`` of :meth:`train` begins from. ``options`` are those of
        :class:`MedDeepRegSegLib.mrml.train_encoder_task.TrainEncoderTask`.
        """
        from MedDeepRegSegLib.mrml.tasks import TrainEncoderTask

        return self._run(TrainEncoderTask(dataset, out=folder, **options), progress, cancel)

    def predict(self, volumes, model, segmentation=None, *, progress=None, cancel=None, **options):
        """Segment a volume, or one for each channel, with a model (folder); returns ``segmentation`` and its segments.

        ``options`` are those of :class:`MedDeepRegSegLib.mrml.predict_task.PredictTask`, for example ``uncertainty=True``.
        """
        from MedDeepRegSegLib.mrml.tasks import PredictTask

        return self._run(PredictTask(volumes, model=model, segmentation_node=segmentation, **options), progress, cancel)

    def evaluate(self, dataset, model, folder, role="test", *, progress=None, cancel=None, **options):
        """Measure a model on the cases of a role, with a report in the folder; returns ``table`` and ``report``."""
        from MedDeepRegSegLib.mrml.tasks import EvaluateTask

        return self._run(EvaluateTask(dataset, model=model, role=role, out=folder, **options), progress, cancel)

    def selectCases(self, dataset, model, count=5, *, progress=None, cancel=None, **options):
        """Rank the cases of a dataset without labels by what a model would learn of them; returns ``table``, ``cases``."""
        from MedDeepRegSegLib.mrml.tasks import SelectTask

        return self._run(SelectTask(dataset, model=model, count=count, **options), progress, cancel)

    def exportBundle(self, model, folder, *, progress=None, cancel=None):
        """Write a model (folder) as a MONAI bundle; returns its ``folder``, ``name`` and whether it ``needs_meddeep``."""
        from MedDeepRegSegLib.mrml.tasks import BundleTask

        return self._run(BundleTask(model, out=folder), progress, cancel)

    def importBundle(self, bundle, folder, *, progress=None, cancel=None):
        """Write a MONAI bundle (folder) that MedDeep exported as a model; returns the same as :meth:`exportBundle`."""
        from MedDeepRegSegLib.mrml.tasks import BundleTask

        return self._run(BundleTask(bundle, out=folder, direction="import"), progress, cancel)

    def batch(self, table, command, folder, *, progress=None, cancel=None, **options):
        """Run ``register``, ``grow``, ``predict`` or ``measure`` over the cases of a table (CSV) into a folder.

        What is done in the folder is not done again. ``options`` are those of
        :class:`MedDeepRegSegLib.mrml.batch_task.BatchTask`, for example ``workers=2`` or ``scheduler="tcp://10.0.0.5:8786"``.
        Returns the ``table`` of the summary, ``done`` (how many) and ``failed`` (name and error of each), and more.
        """
        from MedDeepRegSegLib.mrml.tasks import BatchTask

        return self._run(BatchTask(table, command, folder, **options), progress, cancel)

    def plotTraining(self, csv, *, chart=None, columns=None):
        """Plot a training log (CSV) and show it; again with its ``chart`` to follow a running training.

        Returns the chart node; see :func:`MedDeepRegSegLib.mrml.plots.plot_training`.
        """
        from MedDeepRegSegLib.mrml.plots import plot_training, show_chart

        new = chart is None
        chart = plot_training(csv, chart=chart, columns=columns)
        if new:  # later calls leave the layout as the user arranged it
            show_chart(chart)
        return chart
