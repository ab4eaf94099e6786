"""Ties widgets to a parameter node, and lets go of all that this left on the node.

``disconnectGui`` of Slicer 5.10 leaves an observer on the node for every ``connectGui``. Each makes every later change of
a parameter slower, and one that outlives its panel ends Slicer: VTK then calls what Python has thrown away.
"""


class GuiConnection:
    """Widgets that follow a parameter node, and it them, until :meth:`close`.

    Parameters
    ----------
    parameterNode:
        A typed parameter node (``parameterNodeWrapper``).
    ui:
        Widgets by name, as ``slicer.util.childWidgetVariables`` returns them; those with a ``SlicerParameterName`` are tied.
    """

    def __init__(self, parameterNode, ui) -> None:
        self._parameterNode = parameterNode
        self._observers: list[int] = []
        add = parameterNode.AddObserver

        def record(*arguments):
            self._observers.append(add(*arguments))
            return self._observers[-1]

        parameterNode.AddObserver = record  # hides the method of the class while the widgets are tied
        try:
            self._tag = parameterNode.connectGui(ui)
        finally:
            del parameterNode.AddObserver

    def close(self) -> None:
        """Take widgets and parameter node apart; safe to call again."""
        if self._parameterNode is None:
            return
        self._parameterNode.disconnectGui(self._tag)
        for tag in self._observers:
            self._parameterNode.RemoveObserver(tag)  # nothing happens where Slicer has removed it
        self._parameterNode = None
