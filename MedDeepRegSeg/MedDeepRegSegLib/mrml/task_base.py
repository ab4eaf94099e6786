"""What all node tasks share: files for the job, one action on the scene, and running in process."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import SimpleITK as sitk
import slicer

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.mrml.scene import headless_scene
from MedDeepRegSegLib.mrml.segmentations import image_from_segmentation
from MedDeepRegSegLib.mrml.volumes import image_from_volume


class NodeTask(Protocol):
    """A job on MRML nodes. Nothing of the scene changes before :meth:`collect`."""

    def prepare(self, folder: Path) -> tuple[str, Any]:
        """Check the nodes, write the job's input files into ``folder``, and return the job's name and request.

        Raises
        ------
        InputError
            If a node cannot be used.
        """

    def collect(self, folder: Path, result: Any) -> dict[str, Any]:
        """Read the outputs of the job into nodes, as one action, and return nodes and values by name."""


def run_task(task: NodeTask, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> dict[str, Any]:
    """Run a task in this process and return what its ``collect`` returns.

    When it fails or is canceled the scene is as it was before.

    Raises
    ------
    InputError
        If a node cannot be used.
    Canceled
        If ``cancel`` was set before the end.
    """
    from MedDeepRegSegLib.jobs.runner import run_job

    cancel = CancelToken() if cancel is None else cancel
    with tempfile.TemporaryDirectory(prefix="meddeep-task-") as name:
        folder = Path(name)
        progress(0.0, "Writing the inputs")
        job, request = task.prepare(folder)
        cancel.raise_if_canceled()
        result = run_job(job, request, progress=part_of(progress, 0.02, 0.97), cancel=cancel)
        cancel.raise_if_canceled()
        progress(0.97, "Reading the results")
        outputs = task.collect(folder, result)
    progress(1.0, "Done")
    return outputs


class _Action:
    """Whether an action is under way."""

    running = False


@contextlib.contextmanager
def one_action() -> Iterator[None]:
    """Make one undo state before the body, and take away the nodes that the body added if it fails.

    Inside of another action this does nothing: all is one state of the one that began first.
    """
    if _Action.running:
        yield
        return
    scene = headless_scene()
    scene.SaveStateForUndo()
    before = {scene.GetNthNode(index).GetID() for index in range(scene.GetNumberOfNodes())}
    _Action.running = True
    try:
        yield
    except BaseException:
        added = [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())]
        for node in added:
            if node.GetID() not in before and not node.GetSingletonTag():
                scene.RemoveNode(node)
        raise
    finally:
        _Action.running = False


def write_volume(node, path: Path, what: str) -> sitk.Image:
    """Write a volume node's image in world coordinates as an uncompressed file, and return the image."""
    image = image_from_volume(node, what=what)
    write_plain(image, path)
    return image


def write_plain(image: sitk.Image, path: Path) -> None:
    """Write an image without compression: the file lives for one job only."""
    try:
        sitk.WriteImage(image, str(path), useCompression=False)
    except RuntimeError as error:
        msg = f"the working file {path} cannot be written: check the free space of the disk"
        raise InputError(msg) from error


def write_mask(node, image: sitk.Image, path: Path, what: str) -> Path | None:
    """Write a mask (segmentation, label map or scalar volume) as 0 and 1 on the grid of ``image``; None without a node.

    All segments of a segmentation count. Voxels outside of the image do not matter and are dropped.
    """
    if node is None:
        return None
    if node.IsA("vtkMRMLSegmentationNode"):
        mask = _union(node, image)
    else:
        own = image_from_volume(node, what=what)
        mask = sitk.Resample(own != 0, image, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    statistics = sitk.StatisticsImageFilter()
    statistics.Execute(mask)
    if statistics.GetMaximum() == 0:
        msg = f"{what} {node.GetName()!r} has no voxels inside of its volume: choose another mask or none"
        raise InputError(msg)
    write_plain(mask, path)
    return path


def _union(node, image: sitk.Image) -> sitk.Image:
    """Return where any segment is; segments may overlap here."""
    segmentation = node.GetSegmentation()
    mask = sitk.Image(image.GetSize(), sitk.sitkUInt8)
    mask.CopyInformation(image)
    for index in range(segmentation.GetNumberOfSegments()):
        identifier = segmentation.GetNthSegmentID(index)
        labels, _ = image_from_segmentation(node, segment_ids=[identifier], reference=image, crop=True)
        mask = sitk.Or(mask, labels)
    return mask


def as_points(points) -> tuple[tuple[float, float, float], ...]:
    """Return (N, 3) points as requests hold them."""
    return tuple((float(point[0]), float(point[1]), float(point[2])) for point in points)


def window_level_of(node) -> tuple[float, float] | None:
    """Return window and level of a volume as it is shown, or None if they are not known."""
    display = node.GetDisplayNode()
    if display is None or not display.IsA("vtkMRMLScalarVolumeDisplayNode") or not display.GetWindow() > 0:
        return None
    return display.GetWindow(), display.GetLevel()


def node_in_scene(node, what: str) -> None:
    """Raise InputError if a node was removed from the scene while the job was running."""
    if node is not None and slicer.mrmlScene.GetNodeByID(node.GetID() or "") is not node:
        msg = f"{what} was removed while the job was running: the result cannot be placed"
        raise InputError(msg)
