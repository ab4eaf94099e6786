"""The jobs on MRML nodes: one path for the module logic and the panels.

A task checks its nodes and writes the inputs of a job (:meth:`~NodeTask.prepare`); the job runs in a child process (the
panels) or in this one (:func:`run_task`, for the module logic and scripts); the outputs become nodes
(:meth:`~NodeTask.collect`). Nothing of the scene changes before the last step, so a failed or canceled job leaves it as it was.
"""

from MedDeepRegSegLib.mrml.augment_task import AugmentTask
from MedDeepRegSegLib.mrml.batch_task import BatchTask
from MedDeepRegSegLib.mrml.bundle_task import BundleTask
from MedDeepRegSegLib.mrml.compare_task import CompareTask
from MedDeepRegSegLib.mrml.contours_task import AlignContoursTask, ContoursTask
from MedDeepRegSegLib.mrml.dataset_task import DatasetTask, FolderDatasetTask
from MedDeepRegSegLib.mrml.evaluate_task import EvaluateTask
from MedDeepRegSegLib.mrml.features_task import FeaturesTask
from MedDeepRegSegLib.mrml.measure_task import MeasureTask
from MedDeepRegSegLib.mrml.predict_task import PredictTask
from MedDeepRegSegLib.mrml.register_task import RegisterTask
from MedDeepRegSegLib.mrml.segment_tasks import ForegroundTask, GrowTask
from MedDeepRegSegLib.mrml.select_task import SelectTask
from MedDeepRegSegLib.mrml.subdivide_task import SubdivideTask
from MedDeepRegSegLib.mrml.task_base import NodeTask, one_action, run_task
from MedDeepRegSegLib.mrml.train_encoder_task import TrainEncoderTask
from MedDeepRegSegLib.mrml.train_growing_task import TrainGrowingTask
from MedDeepRegSegLib.mrml.train_task import TrainTask

__all__ = [
    "AlignContoursTask",
    "AugmentTask",
    "BatchTask",
    "BundleTask",
    "CompareTask",
    "ContoursTask",
    "DatasetTask",
    "EvaluateTask",
    "FeaturesTask",
    "FolderDatasetTask",
    "ForegroundTask",
    "GrowTask",
    "MeasureTask",
    "NodeTask",
    "PredictTask",
    "RegisterTask",
    "SelectTask",
    "SubdivideTask",
    "TrainEncoderTask",
    "TrainGrowingTask",
    "TrainTask",
    "one_action",
    "run_task",
]
