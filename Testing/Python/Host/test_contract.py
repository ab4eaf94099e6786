"""Everything that the extension uses of Slicer exists in Slicer: names, properties, signals, arguments.

The names come from a dump of a running Slicer; Testing/Host/contract holds the excerpt that is needed.
"""

import json
import os
from pathlib import Path

import pytest
import slicer
from Host.contract.api import EXCERPT, Api
from Host.contract.code_check import CodeCheck
from Host.contract.list_names import NAMES, listed
from Host.contract.make_excerpt import without_private
from Host.contract.qt_versions import spellings_of_one_version
from Host.contract.repository_check import check_repository, logic_class, module_folders, signatures
from Host.contract.ui_check import check_ui_file

REPOSITORY = Path(__file__).resolve().parents[3]
FULL = Path(os.environ.get("MEDDEEP_SLICER_API", REPOSITORY.parent / "shared" / "slicer-api.json"))


@pytest.fixture(scope="module")
def checked(slicer_host):
    """The excerpt, with the names that the extension was seen to use, and the problems."""
    api = Api.read()
    return api, check_repository(api)


def test_the_extension_uses_only_what_slicer_has(checked):
    problems = checked[1]
    assert not problems, "\n".join(problems)


def test_the_excerpt_says_what_the_full_dump_says(slicer_host, tmp_path):
    if not FULL.is_file():
        pytest.skip(f"the full dump of Slicer's names is absent ({FULL}); set MEDDEEP_SLICER_API to it")
    full, excerpt = Api.read(FULL).data, Api.read(EXCERPT).data
    for module, entries in excerpt.items():
        if isinstance(entries, list):
            assert set(entries) <= set(full[module])
        elif isinstance(entries, dict):
            assert entries == {name: without_private(full[module][name]) for name in entries}


def test_the_list_of_names_is_up_to_date(checked):
    names = NAMES.read_text(encoding="utf-8").splitlines()
    assert listed(checked[0]).splitlines() == names, "run: python Testing/Host/contract/list_names.py"
    assert {
        "class slicer.qMRMLNodeComboBox",
        "function slicer.util.loadUI(path)",
        "method vtkMRMLScene.StartCloseEvent",
        "property ctkPathLineEdit.currentPath",
        "signal slicer.app.startupCompleted()",
        "slot qSlicerSegmentEditorScriptedEffect.saveStateForUndo",
        "value Qt.ItemIsUserCheckable",
    } <= set(names)


def test_the_list_says_what_the_full_dump_says(slicer_host):
    if not FULL.is_file():
        pytest.skip(f"the full dump of Slicer's names is absent ({FULL}); set MEDDEEP_SLICER_API to it")
    full = Api.read(FULL)
    check_repository(full)
    assert sorted(full.names) == NAMES.read_text(encoding="utf-8").splitlines()[2:]


def test_qt_5_and_qt_6_both_have_every_spelling(checked):
    problems = spellings_of_one_version(checked[0])
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    ("used", "problem"),
    [
        ("class qt.QRegExp", "not in Qt 6"),
        ("class qt.QDesktopWidget", "not in Qt 6"),
        ("slot QDialog.exec_", "spelled by version"),
        ("slot QMenu.exec", "spelled by version"),
        ("slot QFontMetrics.width", "not in Qt 6"),
        ("slot QVBoxLayout.setMargin", "not in Qt 6"),
        ("signal QComboBox.currentIndexChanged(QString)", "not known to be in Qt 5.15"),
        ("signal QCheckBox.checkStateChanged(Qt::CheckState)", "not known to be in Qt 5.15"),
        ("value Qt.MidButton", "not in Qt 6"),
        ("class qt.QAction", None),
        ("value Qt.AlignLeft", None),
        ("property QTimer.active", None),
        ("slot QWidget.width", None),
        ("signal QPushButton.clicked(bool)", None),
        ("signal QTableWidget.cellChanged(int,int)", None),
    ],
)
def test_spellings_of_one_version_are_found(slicer_host, used, problem):
    api = Api({"qt": {used.split(" ")[1].split(".")[0]: {}}}, names={used})
    found = spellings_of_one_version(api)
    assert (problem is None and found == []) or (len(found) == 1 and problem in found[0])


def test_modules_are_found_without_a_list():
    assert [path.name for path in module_folders(REPOSITORY)] == [
        "MedDeepDiagnosis",
        "MedDeepRegSeg",
        "SegmentEditorMedDeepGrow",
    ]


WIDGETS = {"apply": {"QPushButton"}, "volume": {"qMRMLNodeComboBox"}, "label": {"QLabel"}, "bar": {"QProgressBar"}}
SMALL = {
    "qt": {
        "QObject": {"properties": ["objectName"], "slots": ["connect", "disconnect", "findChild", "property"]},
        "QWidget": {"properties": ["enabled", "toolTip", "visible"], "slots": ["setVisible", "show", "layout"]},
        "QPushButton": {"base": "QWidget", "properties": ["text"], "signals": ["clicked"], "slots": ["setText"]},
        "QLabel": {"base": "QWidget", "properties": ["text"], "slots": ["setText"]},
        "QProgressBar": {"base": "QWidget", "properties": ["value"], "signals": ["valueChanged"]},
        "QTimer": {"base": "QObject", "properties": ["interval"], "signals": ["timeout"], "slots": ["start", "stop"]},
        "QVBoxLayout": {"base": "QObject", "properties": ["spacing"]},
        "Qt": {"values": ["AlignLeft"], "enums": ["AlignmentFlag"]},
    },
    "ctk": {"ctkSliderWidget": {"base": "QWidget", "properties": ["value"], "signals": ["valueChanged"]}},
    "slicer": {
        "app": {
            "base": "QObject",
            "properties": ["temporaryPath"],
            "slots": ["layoutManager", "processEvents"],
            "signals": ["startupCompleted"],
        },
        "qSlicerScriptedLoadableModule": {"base": "QObject", "properties": ["title"]},
        "qSlicerSegmentEditorScriptedEffect": {"base": "QObject", "properties": ["name"], "slots": ["parameter"]},
        "qMRMLWidget": {"base": "QWidget", "signals": ["mrmlSceneChanged"], "slots": ["setMRMLScene"]},
        "qMRMLNodeComboBox": {
            "base": "QWidget",
            "properties": ["nodeTypes", "noneEnabled"],
            "signals": ["currentNodeChanged"],
            "slots": ["currentNode", "setCurrentNode", "setMRMLScene"],
        },
        "qSlicerLayoutManager": {"base": "QObject", "slots": ["sliceWidget", "setLayout"]},
        "qMRMLSliceWidget": {"base": "QWidget", "slots": ["sliceLogic"]},
    },
    "slicer.modules": ["volumes", "segmentations"],
    "slicer.util": {
        "errorDisplay": "(text, windowTitle=None, parent=None, standardButtons=None, **kwargs)",
        "loadUI": "(path)",
        "addVolumeFromArray": "(narray, ijkToRAS=None, name=None, nodeClassName=None)",
    },
    "slicer.ScriptedLoadableModule": {
        "ScriptedLoadableModule": {"__init__": "(self, parent)", "resourcePath": "(self, filename)"},
        "ScriptedLoadableModuleTest": {"delayDisplay": "(self, message, msec=None)"},
    },
    "slicer.parameterNodeWrapper": {"WithinRange": {"__init__": "(self, minimum, maximum)"}},
}


def check(code: str) -> list[str]:
    checker = CodeCheck(
        Api(json.loads(json.dumps(SMALL))),
        widgets=WIDGETS,
        scripted_modules=["Mine"],
        slicer=slicer,
        logic_class=logic_class,
        signatures=signatures,
    )
    imports = "import qt, ctk, slicer, vtk\n"
    return checker.check(imports + code, "file.py")


@pytest.mark.parametrize(
    "code",
    [
        "self.ui.apply.enabled = False",
        "self.ui.label.text = self.ui.apply.text",
        'self.ui.apply.connect("clicked(bool)", f)',
        'self.ui.apply.connect("clicked()", f)',
        "self.ui.apply.clicked.connect(f)",
        'self.ui.volume.connect("currentNodeChanged(vtkMRMLNode*)", f)',
        "self.ui.volume.currentNode().GetName()",
        "qt.QTimer.singleShot(0, f)",
        "timer = qt.QTimer()\ntimer.interval = 3\ntimer.start()",
        'slicer.util.errorDisplay("x", detailedText="y")',
        'slicer.app.layoutManager().sliceWidget("Red").sliceLogic().FitSliceToBackground()',
        "slicer.modules.volumes.logic().CreateAndAddLabelVolume(a, b)",
        "slicer.modules.mine.path",
        "slicer.mrmlScene.GetNodeByID(x)",
        'slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode")',
        'slicer.app.connect("startupCompleted()", f)',
        "from slicer.parameterNodeWrapper import WithinRange\nWithinRange(0, 1)",
        "from slicer import vtkMRMLModelNode\nvtkMRMLModelNode().GetPolyData()",
        "button.setText(qt.Qt.AlignLeft)",
        "slicer.app.temporaryPath.upper()",
        "from slicer.ScriptedLoadableModule import ScriptedLoadableModule\n"
        "class A(ScriptedLoadableModule):\n def __init__(self, parent):\n  parent.title = self.resourcePath('x')",
        "def f(scriptedEffect):\n scriptedEffect.name = scriptedEffect.parameter('x')",
    ],
)
def test_right_code_passes(slicer_host, code):
    assert check(code) == []


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("self.ui.apply.enable = False", "file.py:2: QPushButton has no 'enable'"),
        ("self.ui.apply.caption", "QPushButton has no 'caption'"),
        ("self.ui.label.text()", "QLabel.text is a property: it cannot be called"),
        ("self.ui.apply.setText = 'x'", "QPushButton.setText is a slot: it cannot be set"),
        ("self.ui.aply.text", "no .ui file of this module has a widget 'aply'"),
        ('self.ui.apply.connect("klicked(bool)", f)', "QPushButton has no signal 'klicked'"),
        ('self.ui.apply.connect("clicked(int)", f)', "QPushButton has no signal clicked(int), it has clicked()"),
        ('self.ui.apply.connect("clicked", f)', "'clicked' is no signal signature"),
        ('self.ui.apply.disconnect("gone()", f)', "QPushButton has no signal 'gone'"),
        ('self.ui.volume.connect("currentNodeChanged(int)", f)', "it has currentNodeChanged(bool)"),
        ("self.ui.apply.clicked.emit()", "a signal has connect and disconnect, no 'emit'"),
        ("qt.QPushBotton()", "qt has no 'QPushBotton'; if Slicer has it, run: python Testing/Host/contract/make_exc"),
        ("ctk.ctkSlider()", "ctk has no 'ctkSlider'"),
        ("qt.Qt.AlignLeftt", "Qt has no 'AlignLeftt'"),
        ("timer = qt.QTimer()\ntimer.begin()", "file.py:3: QTimer has no 'begin'"),
        (
            "class A:\n def a(self):\n  self.t = qt.QTimer()\n def b(self):\n  self.t.begin()",
            "file.py:6: QTimer has no 'begin'",
        ),
        ("b = self.ui.apply\nb.enable = 1", "QPushButton has no 'enable'"),
        ('slicer.util.errorDisplay("x", windowTitel="y", flag=1)', None),
        ('slicer.util.loadUI("x", verbose=True)', "slicer.util.loadUI has no argument 'verbose'"),
        ("slicer.util.loadUI()", "slicer.util.loadUI lacks the argument 'path'"),
        ('slicer.util.loadUI("x", 1)', "takes 1 positional arguments, got 2"),
        ("slicer.util.loadUi('x')", "slicer.util has no 'loadUi'"),
        ("slicer.util.addVolumeFromArray(a, names='x')", "has no argument 'names'"),
        ("slicer.app.temporaryPath()", "slicer.app.temporaryPath is a property: it cannot be called"),
        ("slicer.app.processEvents = 1", "slicer.app.processEvents is a slot: it cannot be set"),
        ('slicer.app.connect("startupCompleted(int)", f)', "slicer.app has no signal startupCompleted(int)"),
        ("qt.Qt.AlignmentFlag.AlignLeft", "a spelling of Qt 6 alone, both versions have Qt.AlignLeft"),
        ("def f(effect):\n effect.parameterr('x')", "qSlicerSegmentEditorScriptedEffect has no 'parameterr'"),
        ("class A:\n def f(self):\n  self.scriptedEffect.parameter = 1", "is a slot: it cannot be set"),
        ("class A:\n def f(self):\n  self._ui.apply.caption", "QPushButton has no 'caption'"),
        (
            "from slicer.ScriptedLoadableModule import ScriptedLoadableModule\n"
            "class A(ScriptedLoadableModule):\n def __init__(self, parent):\n  parent.titel = 'x'",
            "qSlicerScriptedLoadableModule has no 'titel'",
        ),
        ("slicer.app.processEvent()", "slicer.app has no 'processEvent'"),
        ("slicer.app.layoutManager().slicewidget('Red')", "qSlicerLayoutManager has no 'slicewidget'"),
        ("slicer.app.layoutManager().sliceWidget('Red').sliceLogic().Fit()", "vtkMRMLSliceLogic has no 'Fit'"),
        ('slicer.app.connect("started()", f)', "slicer.app has no signal 'started'"),
        ("slicer.modules.volume.logic()", "slicer.modules has no 'volume'"),
        ("slicer.modules.volumes.logic().Nope()", "vtkSlicerVolumesLogic has no 'Nope'"),
        ("slicer.mrmlScene.GetNodeById(x)", "vtkMRMLScene has no 'GetNodeById'"),
        ("slicer.vtkMRMLModlNode()", "slicer has no class vtkMRMLModlNode"),
        ("slicer.vtkMRMLModelNode.Nope", "vtkMRMLModelNode has no 'Nope'"),
        ('slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModlNode")', "slicer has no class vtkMRMLModlNode"),
        ("slicer.loadVolume('x')", "slicer has no 'loadVolume'"),
        ("from slicer import vtkMRMLModlNode", "slicer has no class vtkMRMLModlNode"),
        ("from slicer.util import loadVolum", "slicer.util has no 'loadVolum'"),
        ("from slicer.parameterNodeWrapper import Within", "slicer.parameterNodeWrapper has no 'Within'"),
        ("from slicer.parameterNodeWrapper import WithinRange\nWithinRange(0, max=1)", "has no argument 'max'"),
    ],
)
def test_wrong_code_is_found(slicer_host, code, message):
    problems = check(code)
    if message is None:  # any argument is allowed there
        assert problems == []
    else:
        assert len(problems) == 1
        assert message in problems[0]


UI = """<ui version="4.0"><class>A</class>
<widget class="qMRMLWidget" name="A"><layout class="QVBoxLayout" name="layout"><item>
<widget class="{cls}" name="volume">
<property name="{prop}"{stdset}><bool>true</bool></property>
</widget></item></layout></widget>
<connections><connection><sender>A</sender><signal>{signal}</signal>
<receiver>{receiver}</receiver><slot>{slot}</slot></connection></connections></ui>"""
RIGHT = {
    "cls": "qMRMLNodeComboBox",
    "prop": "noneEnabled",
    "stdset": "",
    "signal": "mrmlSceneChanged(vtkMRMLScene*)",
    "receiver": "volume",
    "slot": "setMRMLScene(vtkMRMLScene*)",
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, None),
        ({"prop": "SlicerParameterName", "stdset": ' stdset="0"'}, None),
        ({"cls": "qMRMLNodeBox"}, "a.ui:3: volume: class qMRMLNodeBox is unknown"),
        ({"prop": "allowNone"}, "a.ui:3: volume: qMRMLNodeComboBox has no property 'allowNone'"),
        ({"prop": "SlicerParamName", "stdset": ' stdset="0"'}, "dynamic property 'SlicerParamName' is read by nobody"),
        ({"signal": "sceneChanged(vtkMRMLScene*)"}, "a.ui:2: A: qMRMLWidget has no signal sceneChanged"),
        ({"slot": "setScene(vtkMRMLScene*)"}, "qMRMLNodeComboBox has no slot setScene"),
        ({"receiver": "volumes"}, "a connection names an object that is not there"),
    ],
)
def test_ui_files(slicer_host, tmp_path, change, message):
    path = tmp_path / "a.ui"
    path.write_text(UI.format(**{**RIGHT, **change}))
    problems = check_ui_file(path, Api(json.loads(json.dumps(SMALL))))
    if message is None:
        assert problems == []
    else:
        assert any(message in problem for problem in problems), problems


def test_host_widgets_offer_nothing_that_slicer_lacks(slicer_host):
    """What a stand-in offers beyond the real widget would let wrong code pass the tests."""
    if not FULL.is_file():
        pytest.skip(f"the full dump of Slicer's names is absent ({FULL}); set MEDDEEP_SLICER_API to it")
    from Host.ui_loader import HOST_WIDGETS

    full = Api.read(FULL)
    extra = []
    for name, cls in HOST_WIDGETS.items():
        offered = {
            member
            for base in cls.__mro__
            if base.__module__.startswith("Host")
            for member in vars(base)
            if not member.startswith("_") and not member.isupper() and member != "staticMetaObject"
        }
        extra += [f"{name}.{member}" for member in sorted(offered) if full.member(name, member) is None]
    assert not extra, "\n".join(extra)


def test_stand_ins_have_slicers_signatures(slicer_host):
    if not FULL.is_file():
        pytest.skip(f"the full dump of Slicer's names is absent ({FULL}); set MEDDEEP_SLICER_API to it")
    import ast
    import importlib
    import inspect

    full = Api.read(FULL).data
    compared = 0
    for module, stand_in in (
        ("slicer.packaging", "Host.packaging_standin"),
        ("slicer.i18n", "Host.i18n"),
        ("slicer.testing", "Host.testing_standin"),
        ("slicer.ScriptedLoadableModule", "Host.scripted_module"),
    ):
        ours = vars(importlib.import_module(stand_in))
        for name, entry in full[module].items():
            if name not in ours:
                continue
            members = entry if isinstance(entry, dict) else {"": entry}
            for member, signature in members.items():
                function = ours[name] if not member else vars(ours[name]).get(member)
                if not (isinstance(signature, str) and signature.startswith("(") and inspect.isfunction(function)):
                    continue
                expected = ast.parse(f"def f{signature}: pass").body[0].args
                names = [argument.arg for argument in (*expected.posonlyargs, *expected.args)]
                found = inspect.getfullargspec(function).args
                assert found == names, f"{module}.{name}.{member}"
                compared += 1
    assert compared > 20
