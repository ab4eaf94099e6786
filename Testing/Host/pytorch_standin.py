"""Stand-in for the module of the PyTorch extension, written anew. It asks as the extension asks, but never installs."""

import slicer

from .pip_calls import PIP_CALLS


class PyTorchUtilsLogic:
    """Records what would be installed.

    Attributes
    ----------
    error:
        What an installation raises; none by default.
    """

    error: Exception | None = None

    def installTorch(
        self,
        askConfirmation=False,
        forceComputationBackend=None,
        torchVersionRequirement=None,
        torchvisionVersionRequirement=None,
    ):
        """Ask, record the call and return what stands for the ``torch`` package; None if the user declines."""
        names = [f"torch{torchVersionRequirement or ''}", f"torchvision{torchvisionVersionRequirement or ''}"]
        if askConfirmation and not slicer.util.confirmOkCancelDisplay(
            f"PyTorch will be downloaded and installed using light-the-torch (ltt install {' '.join(names)}).",
        ):
            return None
        if self.error is not None:
            raise self.error
        PIP_CALLS.append(["install", *names])
        return object()
