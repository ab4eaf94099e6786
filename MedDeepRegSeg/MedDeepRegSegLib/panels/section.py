"""A part of a panel with its own buttons, for panels that would be too long in one file."""


class Section:
    """Shares the widgets, the parameter node and the runner of its panel.

    Parameters
    ----------
    panel:
        The :class:`MedDeepRegSegLib.panels.panel.Panel` that this is a part of.
    """

    def __init__(self, panel) -> None:
        self.panel = panel
        self.ui = panel.ui

    @property
    def node(self):
        """The parameter node."""
        return self.panel.parameterNode

    def buttons(self) -> list:
        """Return (button, why it cannot be pressed or None, what it does) for every button that starts a task."""
        raise NotImplementedError

    def update(self) -> None:
        """Show what follows from the parameters; called when they or the state of the runner have changed."""

    def selectDefaults(self) -> None:
        """Fill in what the user would pick anyway; parameters that are set stay."""

    def clear(self) -> None:
        """Show no result."""
