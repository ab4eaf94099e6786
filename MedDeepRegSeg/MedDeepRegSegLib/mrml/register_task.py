"""Registration of two volume nodes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.carrying import carry_nodes, check_carried
from MedDeepRegSegLib.mrml.jacobian import jacobian_volume
from MedDeepRegSegLib.mrml.markups import paired_points
from MedDeepRegSegLib.mrml.scene import headless_scene
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
from MedDeepRegSegLib.volumes.resampling import Interpolation


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
    carry:
        Segmentation, label map, markups and model nodes of the moving volume: copies of them are made in the space of
        the fixed one.
    stage_nodes:
        Make nodes of the linear map and the deformation alone, and of the Jacobian.
    interpolation:
        Of the registered volume: "linear", "nearest", "bspline" or "lanczos".

    Notes
    -----
    :meth:`collect` returns ``transform`` (transform node with the fixed and moving node recorded), ``registered`` (the
    moving volume resampled on the fixed one), ``quality``, ``linear`` (linear transform node), ``deformation`` (grid
    transform node; the field bends the fixed space first, the linear map follows), ``jacobian`` (volume node) and
    ``carried`` (tuple of the copies). ``linear`` is None unless asked for; ``deformation`` and ``jacobian`` are also
    None where nothing bends.
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
        carry: Sequence = (),
        stage_nodes: bool = False,
        interpolation: Interpolation = "linear",
    ) -> None:
        self._fixed = fixed_node
        self._moving = moving_node
        self._settings = RegistrationSettings() if settings is None else settings
        self._masks = (fixed_mask, moving_mask)
        self._points = (fixed_points, moving_points)
        self._initial = initial
        self._output_transform = output_transform
        self._output_volume = output_volume
        self._carry = tuple(carry)
        self._stage_nodes = stage_nodes
        self._interpolation = interpolation

    def prepare(self, folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.registration.job import Request
        from MedDeepRegSegLib.registration.transforms import write_transform

        self._check_outputs()
        check_carried(self._carry, bends=self._settings.kind == "deformable")
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
            interpolation=self._interpolation,
        )

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.registration.transforms import read_transform

        for node, what in ((self._fixed, "the fixed volume"), (self._moving, "the moving volume")):
            node_in_scene(node, what)
        node_in_scene(self._output_volume, "the output volume")
        node_in_scene(self._output_transform, "the output transform")
        for node in self._carry:
            node_in_scene(node, "a node to carry along")
        self._check_outputs()
        transform = read_transform(result.transform)
        image = sitk.ReadImage(str(result.registered))
        name = f"{self._moving.GetName()} to {self._fixed.GetName()}"
        with one_action():
            # Nodes that are new come first: what fails here is taken away again, and no chosen output is changed yet.
            carried = self._carried(transform, name)
            stages = self._stages(result, name)
            registered = volume_from_image(
                image,
                f"{self._moving.GetName()} registered",
                node=self._output_volume,
                beside=self._moving,
                window_level=window_level_of(self._moving),
            )
            transform_node = node_from_transform(
                transform, name, fixed=self._fixed, moving=self._moving, node=self._output_transform
            )
        return {
            "transform": transform_node,
            "registered": registered,
            "quality": result.quality,
            **stages,
            "carried": carried,
        }

    def _carried(self, transform: sitk.Transform, name: str) -> tuple:
        """Return copies of the nodes to carry, made with a transform node that does not stay."""
        if not self._carry:
            return ()
        # The scene never gives the same name twice, so that this node must not take that of the result.
        node = node_from_transform(transform, f"{name} for carrying")
        copies = carry_nodes(self._carry, node, transform, fixed=self._fixed)
        headless_scene().RemoveNode(node)
        return copies

    def _stages(self, result: Any, name: str) -> dict[str, Any]:
        """Return new nodes of the linear map, the field and the Jacobian; None for each that is not there."""
        from MedDeepRegSegLib.registration.transforms import read_transform

        nodes: dict[str, Any] = {"linear": None, "deformation": None, "jacobian": None}
        if not self._stage_nodes:
            return nodes
        both = {"fixed": self._fixed, "moving": self._moving}
        nodes["linear"] = node_from_transform(read_transform(result.linear), f"{name} linear", **both)
        if result.deformation is not None:
            field = read_transform(result.deformation)
            nodes["deformation"] = node_from_transform(field, f"{name} deformation", **both)
        if result.jacobian is not None:
            image = sitk.ReadImage(str(result.jacobian))
            nodes["jacobian"] = jacobian_volume(image, f"{name} Jacobian", beside=self._fixed)
        return nodes

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
