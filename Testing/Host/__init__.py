"""A headless host for Slicer scripted modules: real scene and logics, PySide6 behind ``qt`` and ``ctk``.

The unchanged module files, panels and .ui files run in plain Python::

    import Host
    loaded = Host.load_module("MedDeepRegSeg/MedDeepRegSeg.py")
    loaded.ui.applyButton.click()
    Host.screenshot(loaded, "panel.png")

It is for tests only: it changes the PySide6 classes of the process.
"""

from .dialogs import DIALOGS
from .install import forget, install_host, is_installed, uninstall_host
from .loader import LoadedModule, load_module, process_events, screenshot
from .pip_calls import PIP_CALLS
from .pythonqt import take_slot_errors, unknown_attributes

__all__ = [
    "DIALOGS",
    "PIP_CALLS",
    "LoadedModule",
    "forget",
    "install_host",
    "is_installed",
    "load_module",
    "process_events",
    "screenshot",
    "take_slot_errors",
    "uninstall_host",
    "unknown_attributes",
]
