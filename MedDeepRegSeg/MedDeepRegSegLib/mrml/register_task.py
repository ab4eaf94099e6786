"""Registration of two volume nodes."""

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.markups import paired_points
from MedDeepRegSegLib.mrml.task_base import (
    as_points,
    node_in_scene,
    one_action,
    window_level_of,
    write_mask,
    write_volume,
)
from MedDeepRegSegLib.mrml.transforms import check_transform_output, node_from_transform, transform_from_node
from MedDeepRegSegLib.mrml.volumes import check_volume_output, volume_from_image
from MedDeepRegSegLib.registration.settings import RegistrationSettings


class RegisterTask:
    """Registers a moving to a fixed volume.

    Parameters
    ----------
    fixed_node, moving_node:
        Scalar volume nodes.
    settings:
        Settings of the registration; the defaults without.
    fixed_mask, moving_mask:
        Segmentation or label map nodes: only their inside is compared.
    fixed_points, moving_points:
        Markups nodes with the same places in both images; they measure the result.
    initial:
        Transform node to start from, fixed to moving from its parent (as :func:`node_from_transform` makes it).
    output_transform, output_volume:
        Nodes to fill; new ones without.

    Notes
    -----
    :meth:`collect` returns ``transform`` (transform node with the fixed and moving node recorded), ``registered`` (the
    moving volume resampled on the fixed one) and ``quality``.
    """

    def __init__(
        self,
        fixed_node,
        moving_node,
        settings: RegistrationSettings | None = None,
        *,
        fixed_mask=None,
        moving_mask=None,
        fixed_points=None,
        moving_points=None,
        initial=None,
        output_transform=None,
        output_volume=None,
    ) -> None:
        self._fixed = fixed_node
        self._moving = moving_node
        self._settings = RegistrationSettings() if settings is None else settings
        self._masks = (fixed_mask, moving_mask)
        self._points = (fixed_points, moving_points)
        self._initial = initial
        self._output_transform = output_transform
        self._output_volume = output_volume

    def prepare(self, folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.registration.job import Request
        from MedDeepRegSegLib.registration.transforms import write_transform

        self._check_outputs()
        fixed = write_volume(self._fixed, folder / "fixed.nrrd", "fixed volume")
        moving = write_volume(self._moving, folder / "moving.nrrd", "moving volume")
        fixed_points, moving_points = np.empty((0, 3)), np.empty((0, 3))
        if self._points != (None, None):
            fixed_points, moving_points = paired_points(*self._points)
        initial = None
        if self._initial is not None:
            initial = folder / "initial.h5"
            write_transform(transform_from_node(self._initial, reference=fixed), initial)
        return "register", Request(
            fixed=folder / "fixed.nrrd",
            moving=folder / "moving.nrrd",
            out=folder / "out",
            settings=self._settings,
            fixed_mask=write_mask(self._masks[0], fixed, folder / "fixed_mask.nrrd", "fixed mask"),
            moving_mask=write_mask(self._masks[1], moving, folder / "moving_mask.nrrd", "moving mask"),
            fixed_points=as_points(fixed_points),
            moving_points=as_points(moving_points),
            initial=initial,
        )

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.registration.transforms import read_transform

        for node, what in ((self._fixed, "the fixed volume"), (self._moving, "the moving volume")):
            node_in_scene(node, what)
        node_in_scene(self._output_volume, "the output volume")
        node_in_scene(self._output_transform, "the output transform")
        self._check_outputs()
        transform = read_transform(result.transform)
        image = sitk.ReadImage(str(result.registered))
        name = f"{self._moving.GetName()} to {self._fixed.GetName()}"
        with one_action():
            transform_node = node_from_transform(
                transform, name, fixed=self._fixed, moving=self._moving, node=self._output_transform
            )
            registered = volume_from_image(
                image,
                f"{self._moving.GetName()} registered",
                node=self._output_volume,
                beside=self._moving,
                window_level=window_level_of(self._moving),
            )
        return {"transform": transform_node, "registered": registered, "quality": result.quality}

    def _check_outputs(self) -> None:
        """Refuse what cannot be filled before the work is done, and again before anything is filled."""
        volume, transform = self._output_volume, self._output_transform
        if self._initial is not None and self._moving is not None and _is_under(self._moving, self._initial):
            msg = f"{self._moving.GetName()!r} is under the initial transform {self._initial.GetName()!r} already: take it out of it, or choose no initial transform"
            raise InputError(msg)
        if volume is not None:
            if volume in (self._fixed, self._moving):
                msg = f"output volume {volume.GetName()!r} is an input: choose another output volume"
                raise InputError(msg)
            check_volume_output(volume)
        if transform is None:
            return
        for node in (self._fixed, self._moving):
            if node is not None and _is_under(node, transform):
                msg = f"{node.GetName()!r} is under the output transform {transform.GetName()!r}: take it out, or choose another output transform"
                raise InputError(msg)
        # A deformation after a linear map is a composite, which only the general transform node holds.
        holders = () if self._settings.kind == "deformable" else ("vtkMRMLLinearTransformNode",)
        check_transform_output(transform, holders)


def _is_under(node, transform) -> bool:
    parent = node.GetParentTransformNode()
    while parent is not None:
        if parent is transform:
            return True
        parent = parent.GetParentTransformNode()
    return False
