"""Task that shows as a table what each network would cost on the cases of a dataset, before any is trained."""

from pathlib import Path
from typing import Any

from MedDeepRegSegLib.mrml.tables import TableColumn, table_from_rows
from MedDeepRegSegLib.mrml.task_base import node_in_scene, one_action

_COLUMNS = (
    TableColumn("network", "Network"),
    TableColumn("parameters", "Parameters", "million", "Numbers that are learned"),
    TableColumn("training", "Memory to train", "GiB", "Most that the process takes at once"),
    TableColumn("use", "Memory to use", "GiB", "Most that a window takes; the volume comes to that"),
    TableColumn("operations", "Operations", "billion", "Of one window; the time goes with them"),
    TableColumn("voxel", "Voxel", "mm", "Left, back and top"),
    TableColumn("patch", "Patch", "voxels", "Part of a case that is learned from at once; left, back and top"),
)


class CompareTask:
    """Plans every network for a dataset and tables what they cost.

    Parameters
    ----------
    dataset_path:
        File of a dataset.
    memory_gb:
        Budget of memory, GB; what is free on this machine without it.
    table_node:
        Table to fill; a new one without.
    device:
        ``auto``, ``cpu`` or ``cuda``.

    Notes
    -----
    :meth:`collect` returns ``table``, and ``left_out`` with the networks that do not fit into the memory.
    """

    def __init__(
        self, dataset_path: str | Path, *, memory_gb: float | None = None, table_node=None, device: str = "auto"
    ) -> None:
        self._dataset, self._memory_gb, self._table, self._device = Path(dataset_path), memory_gb, table_node, device

    def prepare(self, _folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.training.cases.compare_job import Request

        return "compare-networks", Request(dataset=self._dataset, memory_gb=self._memory_gb, device=self._device)

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        node_in_scene(self._table, "the output table")
        rows = [
            {
                "network": one.network,
                "parameters": round(one.parameters / 1e6, 2),
                "training": round(one.training_gib, 2),
                "use": round(one.use_gib, 2),
                "operations": round(one.gflop, 1),
                "voxel": " x ".join(f"{side:g}" for side in one.voxel_mm),
                "patch": " x ".join(str(side) for side in one.patch),
            }
            for one in result.networks
        ]
        with one_action():
            table = table_from_rows(_COLUMNS, rows, "Networks and their costs", node=self._table)
        return {"table": table, "left_out": tuple(result.left_out)}
