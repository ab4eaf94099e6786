"""CTK's path and choice widgets, written anew on PySide6 with CTK's names."""

from pathlib import Path

from PySide6 import QtCore, QtWidgets

from .dialogs import DIALOGS
from .ui_loader import host_widget


@host_widget
class ctkComboBox(QtWidgets.QComboBox):
    """A combo box with a text for "nothing chosen"."""

    _default_text = ""

    @property
    def defaultText(self) -> str:
        return self._default_text

    @defaultText.setter
    def defaultText(self, value: str) -> None:
        self._default_text = value
        self.setPlaceholderText(value)


@host_widget
class ctkPathLineEdit(QtWidgets.QWidget):
    """A line for the path of a file or a folder, with a button to browse."""

    currentPathChanged = QtCore.Signal(str)
    validInputChanged = QtCore.Signal(bool)

    # QDir::Filter and QFileDialog::Option under the names that CTK gives them.
    Dirs, Files, Drives, NoSymLinks = (QtCore.QDir.Filter(value) for value in (0x1, 0x2, 0x4, 0x8))
    Readable, Writable, Executable = (QtCore.QDir.Filter(value) for value in (0x10, 0x20, 0x40))
    Hidden, System = (QtCore.QDir.Filter(value) for value in (0x100, 0x200))
    NoDot, NoDotDot = (QtCore.QDir.Filter(value) for value in (0x2000, 0x4000))
    AllDirs = QtCore.QDir.Filter(0x400)
    NoDotAndDotDot = QtCore.QDir.Filter.NoDotAndDotDot
    AllEntries = QtCore.QDir.Filter.AllEntries
    ShowDirsOnly = QtWidgets.QFileDialog.Option.ShowDirsOnly
    DontResolveSymlinks = QtWidgets.QFileDialog.Option.DontResolveSymlinks
    DontConfirmOverwrite = QtWidgets.QFileDialog.Option.DontConfirmOverwrite
    DontUseNativeDialog = QtWidgets.QFileDialog.Option.DontUseNativeDialog
    ReadOnly = QtWidgets.QFileDialog.Option.ReadOnly
    HideNameFilterDetails = QtWidgets.QFileDialog.Option.HideNameFilterDetails

    def __init__(self, parent=None):
        super().__init__(parent)
        self._filters = self.AllEntries | self.NoDotAndDotDot | self.Readable
        self._name_filters: list[str] = []
        self._label = ""
        self._setting_key = ""
        self._options = QtWidgets.QFileDialog.Option(0)
        self._path = ""
        self._combo = QtWidgets.QComboBox(self)
        self._combo.setEditable(True)
        self._combo.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        self._combo.editTextChanged.connect(self._on_text)
        self._button = QtWidgets.QToolButton(self)
        self._button.setText("...")
        self._button.clicked.connect(self.browse)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._combo)
        layout.addWidget(self._button)

    def _on_text(self, text: str) -> None:
        valid = self._is_valid(self._path)
        self._path = text
        if self._is_valid(text) != valid:
            self.validInputChanged.emit(not valid)
        self.currentPathChanged.emit(text)

    def _is_valid(self, text: str) -> bool:
        path = Path(text)
        wanted_folder = bool(self._filters & self.Dirs) and path.is_dir()
        wanted_file = bool(self._filters & self.Files) and (bool(self._filters & self.Writable) or path.is_file())
        return bool(text) and (wanted_folder or wanted_file)

    def browse(self) -> None:
        """Ask for a path (the headless host answers for the user)."""
        chosen = DIALOGS.show("ctkPathLineEdit.browse", title=self._label, default="")
        if chosen:
            self.setCurrentPath(chosen)

    def comboBox(self):
        """Return the combo box inside."""
        return self._combo

    def addCurrentPathToHistory(self) -> None:
        """Add the path to the list of the combo box."""
        if self._combo.findText(self._path) < 0:
            self._combo.blockSignals(True)
            self._combo.insertItem(0, self._path)
            self._combo.setCurrentIndex(0)
            self._combo.blockSignals(False)

    def retrieveHistory(self) -> None:
        """Fill the list from the settings."""
        paths = QtCore.QSettings().value(self._setting_key, []) or []
        self._combo.addItems([paths] if isinstance(paths, str) else list(paths))

    @property
    def currentPath(self) -> str:
        return self._path

    @currentPath.setter
    def currentPath(self, value: str) -> None:
        self.setCurrentPath(value)

    def setCurrentPath(self, value: str) -> None:
        """Set the path."""
        if not isinstance(value, str):
            msg = f"currentPath takes a string, got {type(value).__name__}"
            raise TypeError(msg)
        self._combo.setEditText(value)

    @property
    def filters(self):
        return self._filters

    @filters.setter
    def filters(self, value) -> None:
        self._filters = QtCore.QDir.Filter(value)

    @property
    def nameFilters(self):
        return tuple(self._name_filters)

    @nameFilters.setter
    def nameFilters(self, value) -> None:
        self._name_filters = list(value)

    @property
    def label(self) -> str:
        return self._label

    @label.setter
    def label(self, value: str) -> None:
        self._label = value

    @property
    def settingKey(self) -> str:
        return self._setting_key

    @settingKey.setter
    def settingKey(self, value: str) -> None:
        self._setting_key = value

    @property
    def options(self):
        return self._options

    @options.setter
    def options(self, value) -> None:
        self._options = QtWidgets.QFileDialog.Option(value)

    @property
    def showBrowseButton(self) -> bool:
        return not self._button.isHidden()

    @showBrowseButton.setter
    def showBrowseButton(self, value: bool) -> None:
        self._button.setVisible(value)

    @property
    def showHistoryButton(self) -> bool:
        return self._show_history

    @showHistoryButton.setter
    def showHistoryButton(self, value: bool) -> None:
        self._show_history = bool(value)

    _show_history = True


@host_widget
class ctkDirectoryButton(QtWidgets.QWidget):
    """A button that shows a folder and asks for another."""

    directoryChanged = QtCore.Signal(str)
    directorySelected = QtCore.Signal(str)
    ShowDirsOnly = QtWidgets.QFileDialog.Option.ShowDirsOnly

    def __init__(self, directory="", parent=None):
        if isinstance(directory, QtWidgets.QWidget):
            directory, parent = "", directory
        super().__init__(parent)
        self._directory = ""
        self._caption = ""
        self._text = ""
        self._button = QtWidgets.QPushButton(self)
        icon = self.style().standardIcon(QtWidgets.QStyle.StandardPixmap.SP_DirIcon)
        self._button.setIcon(icon)
        self._button.clicked.connect(self.browse)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._button)
        self.directory = directory or ""

    def browse(self) -> None:
        """Ask for a folder (the headless host answers for the user)."""
        chosen = DIALOGS.show("ctkDirectoryButton.browse", title=self._caption, default="")
        if chosen:
            self.directory = chosen
            self.directorySelected.emit(chosen)

    @property
    def directory(self) -> str:
        return self._directory

    @directory.setter
    def directory(self, value: str) -> None:
        if not isinstance(value, str):
            msg = f"directory takes a string, got {type(value).__name__}"
            raise TypeError(msg)
        changed = value != self._directory
        self._directory = value
        self._button.setText(self._text or value)
        if changed:
            self.directoryChanged.emit(value)

    @property
    def caption(self) -> str:
        return self._caption

    @caption.setter
    def caption(self, value: str) -> None:
        self._caption = value

    @property
    def text(self) -> str:
        return self._text

    @text.setter
    def text(self, value: str) -> None:
        self._text = value
        self._button.setText(value or self._directory)
