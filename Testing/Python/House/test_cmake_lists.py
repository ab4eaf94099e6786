"""Every file of the modules is installed by CMake, and CMake installs nothing that is not there."""

import subprocess
import sys


def test_lists_match_the_tree(repository):
    script = repository / "Utilities" / "update_cmake_lists.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout.strip()}: run `make cmake-lists`"
