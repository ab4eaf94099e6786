"""Task that writes a model of one's own as a MONAI bundle, or a bundle as a model."""

from pathlib import Path
from typing import Any, Literal


class BundleTask:
    """Writes the folder of a model as a MONAI bundle, or of a bundle that MedDeep exported as a model.

    Parameters
    ----------
    source:
        Folder of the model, or of the bundle.
    out:
        Folder to write.
    direction:
        ``export`` (model to bundle) or ``import``.

    Notes
    -----
    :meth:`collect` returns ``folder`` (Path of what was written), ``name`` of the model, and ``needs_meddeep``: whether MONAI
    needs the package meddeep to run the bundle.
    """

    def __init__(
        self, source: str | Path, *, out: str | Path, direction: Literal["export", "import"] = "export"
    ) -> None:
        self._source, self._out, self._direction = Path(source), Path(out), direction

    def prepare(self, _folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.models.bundle_job import Request

        return "bundle", Request(source=self._source, out=self._out, direction=self._direction)

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        return {"folder": Path(result.folder), "name": result.name, "needs_meddeep": result.needs_meddeep}
