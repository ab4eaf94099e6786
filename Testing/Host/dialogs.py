"""Dialogs that never wait: what would have been shown is recorded and answered."""

from collections import deque
from dataclasses import dataclass, field

from PySide6 import QtWidgets

_StandardButton = QtWidgets.QMessageBox.StandardButton
# What a user who goes on would press.
_AGREE = (
    _StandardButton.Ok,
    _StandardButton.Yes,
    _StandardButton.Open,
    _StandardButton.Save,
    _StandardButton.Apply,
    _StandardButton.Close,
)


@dataclass
class ShownDialog:
    """A dialog that would have been shown.

    Attributes
    ----------
    kind:
        Class of the dialog, for example ``"ctkMessageBox"``; for a static function ``"QFileDialog.getOpenFileName"``.
    title, text, details:
        What it said.
    answer:
        What was answered.
    """

    kind: str
    title: str = ""
    text: str = ""
    details: str = ""
    answer: object = None


@dataclass
class Dialogs:
    """Record of all dialogs, and the answers for those to come (the first agreeable button when there is none)."""

    shown: list[ShownDialog] = field(default_factory=list)
    answers: deque = field(default_factory=deque)

    def answer_next(self, *answers) -> None:
        """Give the answers for the next dialogs, in order."""
        self.answers.extend(answers)

    def clear(self) -> None:
        """Forget what was shown and the answers that are left."""
        self.shown.clear()
        self.answers.clear()

    def texts(self) -> list[str]:
        """Return the texts shown so far."""
        return [dialog.text for dialog in self.shown]

    def show(self, kind: str, *, title="", text="", details="", default=None):
        """Record a dialog and return its answer."""
        answer = self.answers.popleft() if self.answers else default
        self.shown.append(ShownDialog(kind, title, text, details, answer))
        return answer


DIALOGS = Dialogs()


def install() -> None:
    """Replace everything in Qt that waits for the user."""

    def execute(self, *_arguments):
        return DIALOGS.show(type(self).__name__, title=self.windowTitle, default=QtWidgets.QDialog.DialogCode.Accepted)

    def execute_message_box(self, *_arguments):
        default = next((button for button in _AGREE if button in self.standardButtons), _StandardButton.Ok)
        return DIALOGS.show(
            type(self).__name__,
            title=self.windowTitle.strip(),
            text=self.text,
            details=self.detailedText,
            default=default,
        )

    QtWidgets.QDialog.exec = QtWidgets.QDialog.exec_ = execute
    QtWidgets.QMessageBox.exec = QtWidgets.QMessageBox.exec_ = execute_message_box
    QtWidgets.QMenu.exec = QtWidgets.QMenu.exec_ = lambda *_arguments: None
    for name, default in (
        ("information", _StandardButton.Ok),
        ("warning", _StandardButton.Ok),
        ("critical", _StandardButton.Ok),
        ("question", _StandardButton.Yes),
        ("about", None),
    ):
        setattr(QtWidgets.QMessageBox, name, _static("QMessageBox", name, default))
    for name, default in (
        ("getOpenFileName", ""),
        ("getOpenFileNames", []),
        ("getSaveFileName", ""),
        ("getExistingDirectory", ""),
    ):
        setattr(QtWidgets.QFileDialog, name, _static("QFileDialog", name, default))
    for name, default in (("getText", ""), ("getItem", ""), ("getInt", 0), ("getDouble", 0.0)):
        setattr(QtWidgets.QInputDialog, name, _static("QInputDialog", name, default))


def _static(cls: str, name: str, default):
    def show(_parent=None, title="", text="", *_rest, **_options):
        return DIALOGS.show(f"{cls}.{name}", title=str(title), text=str(text), default=default)

    return staticmethod(show)
