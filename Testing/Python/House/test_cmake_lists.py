"""Every file of the modules is installed by CMake, and CMake installs nothing that is not there."""

import subprocess
import sys


def test_lists_match_the_tree(repository):
    script = repository / "Utilities" / "update_cmake_lists.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout.strip()}: run `make cmake-lists`"


def test_modules_share_no_resource_name(repository):
    # Slicer installs the modules of an extension into one folder: a second file of the same name replaces the first.
    names = [
        path.relative_to(repository / module).as_posix()
        for module in ("MedDeepRegSeg", "MedDeepDiagnosis")
        for path in (repository / module / "Resources").rglob("*")
        if path.is_file()
    ]
    assert len(names) == len(set(names)), sorted(name for name in names if names.count(name) > 1)
