"""Start-up and opening the panels install, download and start nothing, and need none of the heavy packages.

Both are tried in a process of its own, where nothing is imported yet and where Python tells of every connection and program.
"""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

# What Slicer brings, and what the headless host itself is made of.
LIGHT = {"slicer", "slicer_core", "vtk", "vtkmodules", "qt", "ctk", "numpy", "scipy", "SimpleITK"}
OF_THE_HOST = {"Host", "PySide6", "shiboken6", "packaging", "SampleData", "qSlicerSegmentationsEditorEffectsPythonQt"}
BROUGHT_BY_NUMPY = {"charset_normalizer", "cython_runtime"}
OURS = {"MedDeepRegSeg", "MedDeepDiagnosis", "SegmentEditorMedDeepGrow"}
OURS |= {f"{name}Lib" for name in OURS}

OPEN_ALL = """
import json, sys

told = []
GUARDED = {"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request"}
GUARDED |= {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "ftplib.connect", "http.client.connect"}
heavy = sys.argv[1].split(",")
repository = sys.argv[2]
for folder in ("Testing", "MedDeepRegSeg", "MedDeepDiagnosis", "SegmentEditorMedDeepGrow"):
    sys.path.insert(0, f"{repository}/{folder}")
import Host
from Host import pip_calls
from Host.dialogs import DIALOGS
Host.install_host()
import slicer
before = set(sys.modules)
for name in heavy:
    sys.modules[name] = None  # importing it fails, as where it is not installed
sys.addaudithook(lambda event, arguments: told.append(f"{event} {arguments}") if event in GUARDED else None)
shown = {}
for name in ("MedDeepRegSeg", "MedDeepDiagnosis", "SegmentEditorMedDeepGrow"):
    loaded = Host.load_module(f"{repository}/{name}/{name}.py", enter=name != "SegmentEditorMedDeepGrow")
    widget = loaded.widget
    panels = getattr(widget, "panels", [])
    for panel in panels:
        shown[type(panel).__name__] = {button.text: button.toolTip for button, *_rest in panel.buttons()}
    if panels:
        loaded.exit(), loaded.enter()
Host.process_events(0.3)
opened = list(told)
told.clear()
import subprocess, urllib.request
subprocess.run([sys.executable, "-c", ""])
try:
    urllib.request.urlopen("http://127.0.0.1:9/", timeout=1)
except OSError:
    pass
answer = {
    "told": opened,
    "seen": [entry.split()[0] for entry in told],
    "pip": pip_calls.PIP_CALLS,
    "dialogs": DIALOGS.texts(),
    "errors": Host.take_slot_errors(),
    "shown": shown,
    "effects": [effect.name for effect in slicer.qSlicerSegmentEditorEffectFactory.instance().registeredEffects()],
    "imported": sorted({name.partition(".")[0] for name, found in sys.modules.items() if found and name not in before}),
}
print("ANSWER" + json.dumps(answer))
"""

# Packages that only jobs need: the requirements files of the modules and what these bring along.
HEAVY = (
    "torch,torchvision,monai,matplotlib,sklearn,pandas,sqlalchemy,highdicom,pydicom,reportlab,openpyxl,openvino,itk,nibabel,"
    "jinja2,safetensors,tqdm,dask,distributed,PyTorchUtils"
)


@pytest.fixture(scope="module")
def opened(repository):
    """What happened when all modules were opened without the heavy packages."""
    done = subprocess.run(
        [sys.executable, "-c", OPEN_ALL, HEAVY, str(repository)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.split("ANSWER")[1])


def test_nothing_is_downloaded_installed_or_started(opened):
    assert opened["told"] == []
    assert opened["pip"] == []
    assert opened["dialogs"] == []


def test_all_panels_open_without_the_heavy_packages(opened):
    assert opened["errors"] == []
    assert set(opened["shown"]) == {
        *("DataPanel", "TrainingPanel", "RegistrationPanel", "SegmentationPanel"),
        *("CasePanel", "CaseBasePanel", "LearningPanel"),
    }
    assert sum(len(buttons) for buttons in opened["shown"].values()) >= 20
    assert all(tip for buttons in opened["shown"].values() for tip in buttons.values())
    assert opened["effects"] == ["MedDeep Grow"]


def test_only_what_slicer_has_loaded_is_imported(opened):
    imported = set(opened["imported"]) - set(sys.stdlib_module_names) - OF_THE_HOST - OURS - BROUGHT_BY_NUMPY
    assert {name for name in imported if not name.startswith(("_", "swig_runtime"))} <= LIGHT


def test_the_guards_see_connections_and_programs(opened):
    """A program was started and a connection was tried on purpose, after the modules had been opened."""
    assert {"subprocess.Popen", "urllib.Request", "socket.connect"} <= set(opened["seen"])
