"""The headless host."""

from Host.fixtures import dialogs_shown, module, pip_calls_made, slicer_host, slicer_scene  # noqa: F401 (fixtures)
