"""Counts what listens: observers of VTK objects and connections of Qt signals. What is left behind is a leak."""

import gc

import slicer

from . import pythonqt


def observer_count(obj) -> int:
    """Return how many observers a VTK object has."""
    end = obj.AddObserver("NoEvent", lambda *_arguments: None)  # numbers of observers only grow
    obj.RemoveObserver(end)
    return sum(obj.GetCommand(tag) is not None for tag in range(1, end))


def listeners() -> dict[str, int]:
    """Return the number of observers of the scene, its nodes and the logics, and of Qt connections of the application.

    Nodes without observers are left out, so that two counts are equal where only such nodes came or went.
    """
    from .loader import process_events

    process_events()
    gc.collect()  # widgets and timers that nobody holds go with their connections
    process_events()
    scene, app = slicer.mrmlScene, slicer.app
    observed = {"scene": scene, "application logic": app.applicationLogic()}
    observed |= {node.GetID(): node for node in slicer.util.getNodesByClass("vtkMRMLNode") if node.GetID()}
    counts = {name: observer_count(obj) for name, obj in observed.items()}
    senders = {
        "application": app,
        "module manager": app.moduleManager(),
        "layout manager": app.layoutManager(),
        "input/output manager": app.coreIOManager(),
        "module selector": slicer.util.mainWindow().moduleSelector(),
    }
    counts |= {f"connections of the {name}": pythonqt.connection_count(sender) for name, sender in senders.items()}
    return {name: count for name, count in counts.items() if count}
