"""The ``ctk`` module of Slicer: the widgets that the host knows, under CTK's names."""

import types

from . import ctk_choices, ctk_containers, ctk_numbers, ctk_ranges


def make_ctk() -> types.ModuleType:
    """Return the module that code imports as ``ctk``."""
    module = types.ModuleType("ctk", "CTK widgets written anew on PySide6; made by the headless host.")
    for source in (ctk_containers, ctk_numbers, ctk_ranges, ctk_choices):
        vars(module).update({name: value for name, value in vars(source).items() if name.startswith("ctk")})
    return module
