"""CMake configures the extension, installs every file where Slicer looks for it, and the installed modules open."""

import os
import shutil
import subprocess
import sys

import pytest

MODULES = ("MedDeepRegSeg", "MedDeepDiagnosis", "SegmentEditorMedDeepGrow")
INSTALLED = "lib/Slicer-5.13/qt-scripted-modules"

OPEN_INSTALLED = """
import sys
installed, testing = sys.argv[1:]
sys.path[:0] = [installed, testing]
import Host
Host.install_host()
import slicer
for name in ("MedDeepRegSeg", "MedDeepDiagnosis", "SegmentEditorMedDeepGrow"):
    Host.load_module(f"{installed}/{name}.py", enter=name != "SegmentEditorMedDeepGrow")
assert not Host.take_slot_errors()
(effect,) = slicer.qSlicerSegmentEditorEffectFactory.instance().registeredEffects()
assert not effect.self().icon().isNull()
ours = {module.__file__ for name, module in sys.modules.items() if name.startswith(("MedDeep", "SegmentEditorMedDeep"))}
print("OUTSIDE", [path for path in ours if path and not path.startswith(installed)])
"""


def run(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, **options)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def built(repository, tmp_path_factory):
    """The build folder after configuring, and what CMake said."""
    cmake = shutil.which("cmake")
    if cmake is None:
        pytest.skip("cmake is absent: what it would do is only compared as text (test_cmake_lists.py)")
    folder = tmp_path_factory.mktemp("build")
    # Scripted modules compile nothing: the compilers that project() looks for are not tried out.
    fast = [f"-DCMAKE_{language}_COMPILER={sys.executable}" for language in ("C", "CXX")]
    fast += [f"-DCMAKE_{language}_COMPILER_FORCED=ON" for language in ("C", "CXX")]
    said = run(
        [
            *(cmake, "-S", repository, "-B", folder, "-DBUILD_TESTING=ON", *fast),
            f"-DSlicer_DIR={repository / 'Testing' / 'Host' / 'cmake'}",
            f"-DSLICER_SOURCE={os.environ.get('MEDDEEP_SLICER_SOURCE', '')}",
        ]
    )
    return folder, said


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """The folder of the installed modules."""
    target = tmp_path_factory.mktemp("installed")
    run([shutil.which("cmake"), "--install", built[0], "--prefix", target])
    return target / INSTALLED


def test_cmake_has_nothing_to_complain_about(built):
    assert "Warning" not in built[1]


def test_every_file_is_installed_where_slicer_looks(repository, installed):
    sys.path.insert(0, str(repository / "Utilities"))
    try:
        from update_cmake_lists import listed
    finally:
        sys.path.pop(0)
    wanted = {name for module in MODULES for part in listed(repository / module) for name in part}
    wanted.discard("CMakeLists.txt")
    found = {path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file()}
    assert found == wanted


def test_each_module_has_its_self_test_and_the_generic_one(built):
    names = run(["ctest", "--test-dir", built[0], "-N"])
    for module in MODULES:
        assert f": py_{module}\n" in names
        assert f": py_nomainwindow_qSlicer{module}ModuleGenericTest\n" in names


@pytest.mark.slow
def test_the_installed_modules_open_and_use_nothing_else(repository, installed, tmp_path):
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    said = run([sys.executable, "-c", OPEN_INSTALLED, installed, repository / "Testing"], cwd=tmp_path, env=environment)
    assert "OUTSIDE []" in said
