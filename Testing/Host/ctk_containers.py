"""CTK's collapsible containers, buttons and text browser, written anew on PySide6 with CTK's names."""

from PySide6 import QtCore, QtGui, QtWidgets

from .ui_loader import host_widget


class _Collapsible:
    """Hides the children of a widget and remembers which of them were shown."""

    _collapsed_children: tuple = ()
    _is_collapsed = False

    def _set_collapsed(self, collapsed: bool) -> None:
        if collapsed == self._is_collapsed:
            return
        if collapsed:
            children = [child for child in self.children() if isinstance(child, QtWidgets.QWidget)]
            self._shown_children = {child for child in children if not child.isHidden()}
            for child in children:
                child.hide()
                child.installEventFilter(self)
            self._collapsed_children = tuple(children)
            self._is_collapsed = True
        else:
            self._is_collapsed = False
            for child in self._collapsed_children:
                child.removeEventFilter(self)
                if child in self._shown_children:
                    child.show()
            self._collapsed_children = ()
        self.updateGeometry()

    def eventFilter(self, child, event):
        """Keep children hidden that code shows while the container is collapsed; show them when it opens."""
        if self._is_collapsed and child in self._collapsed_children:
            if event.type() == QtCore.QEvent.Type.ShowToParent:
                self._shown_children.add(child)
                child.removeEventFilter(self)
                child.hide()
                child.installEventFilter(self)
            elif event.type() == QtCore.QEvent.Type.HideToParent:
                self._shown_children.discard(child)
        return False


@host_widget
class ctkCollapsibleButton(_Collapsible, QtWidgets.QAbstractButton):
    """A titled button above its contents; pressing it hides or shows them."""

    contentsCollapsed = QtCore.Signal(bool)

    def __init__(self, text="", parent=None):
        if isinstance(text, QtWidgets.QWidget):
            text, parent = "", text
        super().__init__(parent)
        self._collapsed_height = 10
        self._contents_frame = QtWidgets.QFrame.Shape.NoFrame
        self.setText(text or "")
        self.setCheckable(True)
        self.setChecked(True)
        self.setContentsMargins(4, self._header_height() + 2, 4, 4)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Minimum, QtWidgets.QSizePolicy.Policy.Preferred)
        self.toggled.connect(self._on_toggled)

    def _header_height(self) -> int:
        return QtGui.QFontMetrics(self.font).height() + 10

    def _on_toggled(self, opened: bool) -> None:
        self._set_collapsed(not opened)
        margin = 4 if opened else 0
        self.setContentsMargins(4, self._header_height() + (2 if opened else 0), 4, margin)
        self.contentsCollapsed.emit(not opened)

    @property
    def collapsed(self) -> bool:
        return not self.checked

    @collapsed.setter
    def collapsed(self, value: bool) -> None:
        self.setChecked(not value)

    @property
    def collapsedHeight(self) -> int:
        return self._collapsed_height

    @collapsedHeight.setter
    def collapsedHeight(self, value: int) -> None:
        self._collapsed_height = int(value)

    @property
    def contentsFrameShape(self):
        return self._contents_frame

    @contentsFrameShape.setter
    def contentsFrameShape(self, value) -> None:
        self._contents_frame = value
        self.update()

    def hitButton(self, position) -> bool:
        """Only the title reacts to the mouse."""
        return position.y() <= self._header_height()

    def paintEvent(self, _event) -> None:
        """Draw the title as a flat button with an arrow, and a line below the contents."""
        painter = QtWidgets.QStylePainter(self)
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.rect = QtCore.QRect(0, 0, self.width, self._header_height())
        option.state |= QtWidgets.QStyle.StateFlag.State_Raised
        painter.drawControl(QtWidgets.QStyle.ControlElement.CE_PushButtonBevel, option)
        arrow = QtWidgets.QStyleOption()
        arrow.initFrom(self)
        arrow.rect = QtCore.QRect(8, self._header_height() // 2 - 5, 10, 10)
        painter.drawPrimitive(
            QtWidgets.QStyle.PrimitiveElement.PE_IndicatorArrowDown
            if self.checked
            else QtWidgets.QStyle.PrimitiveElement.PE_IndicatorArrowRight,
            arrow,
        )
        painter.drawText(
            option.rect.adjusted(26, 0, -4, 0), QtCore.Qt.AlignmentFlag.AlignVCenter, self.text.replace("&&", "&")
        )
        if self._contents_frame != QtWidgets.QFrame.Shape.NoFrame and self.checked:
            painter.setPen(self.palette.color(QtGui.QPalette.ColorRole.Mid))
            painter.drawRect(0, self._header_height(), self.width - 1, self.height - self._header_height() - 1)


@host_widget
class ctkCollapsibleGroupBox(_Collapsible, QtWidgets.QGroupBox):
    """A group box whose title's check mark hides or shows its contents."""

    def __init__(self, title="", parent=None):
        if isinstance(title, QtWidgets.QWidget):
            title, parent = "", title
        super().__init__(title or "", parent)
        self._collapsed_height = 14
        self.setCheckable(True)
        self.setChecked(True)
        self.toggled.connect(lambda opened: self._set_collapsed(not opened))

    @property
    def collapsed(self) -> bool:
        return not self.checked

    @collapsed.setter
    def collapsed(self, value: bool) -> None:
        self.setChecked(not value)

    @property
    def collapsedHeight(self) -> int:
        return self._collapsed_height

    @collapsedHeight.setter
    def collapsedHeight(self, value: int) -> None:
        self._collapsed_height = int(value)


@host_widget
class ctkExpandableWidget(QtWidgets.QFrame):
    """A frame that the user can make larger."""


@host_widget
class ctkPushButton(QtWidgets.QPushButton):
    """A push button with more choice of alignment."""

    _alignments: dict

    def __init__(self, text="", parent=None):
        if isinstance(text, QtWidgets.QWidget):
            text, parent = "", text
        super().__init__(text or "", parent)
        self._alignments = {
            "buttonTextAlignment": QtCore.Qt.AlignmentFlag.AlignCenter,
            "iconAlignment": QtCore.Qt.AlignmentFlag.AlignLeft,
            "elideMode": QtCore.Qt.TextElideMode.ElideNone,
        }

    @property
    def buttonTextAlignment(self):
        return self._alignments["buttonTextAlignment"]

    @buttonTextAlignment.setter
    def buttonTextAlignment(self, value) -> None:
        self._alignments["buttonTextAlignment"] = value

    @property
    def iconAlignment(self):
        return self._alignments["iconAlignment"]

    @iconAlignment.setter
    def iconAlignment(self, value) -> None:
        self._alignments["iconAlignment"] = value

    @property
    def elideMode(self):
        return self._alignments["elideMode"]

    @elideMode.setter
    def elideMode(self, value) -> None:
        self._alignments["elideMode"] = value


@host_widget
class ctkCheckablePushButton(ctkPushButton):
    """A push button with a check box inside, which can make the button a toggle."""

    checkBoxToggled = QtCore.Signal(bool)
    _controls_toggle = True

    @property
    def checkBoxControlsButtonToggleState(self) -> bool:
        return self._controls_toggle

    @checkBoxControlsButtonToggleState.setter
    def checkBoxControlsButtonToggleState(self, value: bool) -> None:
        self._controls_toggle = bool(value)


@host_widget
class ctkCheckBox(QtWidgets.QCheckBox):
    """A check box."""


@host_widget
class ctkColorPickerButton(QtWidgets.QPushButton):
    """A button that shows a color and lets the user pick another."""

    colorChanged = QtCore.Signal(QtGui.QColor)

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._color = QtGui.QColor("black")

    @property
    def color(self) -> QtGui.QColor:
        return self._color

    @color.setter
    def color(self, value) -> None:
        self.setColor(value)

    def setColor(self, value) -> None:
        """Set the color and paint the icon with it."""
        value = QtGui.QColor(value)
        if value == self._color:
            return
        self._color = value
        picture = QtGui.QPixmap(16, 16)
        picture.fill(value)
        self.setIcon(QtGui.QIcon(picture))
        self.setText(value.name())
        self.colorChanged.emit(value)


@host_widget
class ctkFittedTextBrowser(QtWidgets.QTextBrowser):
    """A text browser as high as its text, so that it never scrolls."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self._collapsed = True
        self._collapsible_html = ""
        self.setVerticalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        self.document.documentLayout().documentSizeChanged.connect(lambda _size: self._fit())

    def _fit(self) -> None:
        self.setFixedHeight(int(self.document.size.height()) + 2 * self.frameWidth + 2)

    @property
    def collapsed(self) -> bool:
        return self._collapsed

    @collapsed.setter
    def collapsed(self, value: bool) -> None:
        self._collapsed = bool(value)

    def collapsibleText(self) -> str:
        """Return the text set with :meth:`setCollapsibleHtml`."""
        return self._collapsible_html

    def setCollapsibleHtml(self, html: str) -> None:
        """Show a text of which CTK shows the part up to ``<hr>`` until it is opened."""
        self._collapsible_html = html
        self.setHtml(html)

    setCollapsibleText = setCollapsiblePlainText = setCollapsibleHtml


class ctkMessageBox(QtWidgets.QMessageBox):
    """A message box that can be told not to come again; here no box waits for the user (see Host.dialogs)."""

    IS_HOST_WIDGET = True
    _settings_key = ""

    @property
    def dontShowAgainSettingsKey(self) -> str:
        return self._settings_key

    @dontShowAgainSettingsKey.setter
    def dontShowAgainSettingsKey(self, value: str) -> None:
        self._settings_key = value
