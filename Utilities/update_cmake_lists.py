"""Write the lists of files that Slicer installs into the CMake files of the modules, from the tree.

A file that is not in ``MODULE_PYTHON_SCRIPTS`` or ``MODULE_PYTHON_RESOURCES`` is missing from the installed
extension, and nobody notices until a user does. ``--check`` only compares, and exits with 1 on a difference.
"""

import argparse
import re
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
MODULES = ("MedDeepRegSeg", "SegmentEditorMedDeepGrow", "MedDeepDiagnosis")


def listed(folder: Path) -> tuple[list[str], list[str]]:
    """Return the scripts and the resources of a module folder, as CMake lists them."""
    files = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not {"__pycache__"} & set(path.parts) and ".egg-info" not in str(path)
    )
    scripts = [name for name in files if name.endswith(".py") and not name.startswith("Resources/")]
    resources = [name for name in files if name.startswith("Resources/")]
    return scripts, resources


def with_lists(text: str, module: str, scripts: list[str], resources: list[str]) -> str:
    """Return the CMake text with both lists replaced."""
    for variable, names in (("MODULE_PYTHON_SCRIPTS", scripts), ("MODULE_PYTHON_RESOURCES", resources)):
        shown = "".join(f"\n  {re.sub(rf'^{module}[.]py$', '${MODULE_NAME}.py', name)}" for name in names)
        block = f"set({variable}{shown}\n  )"
        text, count = re.subn(rf"set\({variable}\b[^)]*\)", lambda _, block=block: block, text)
        if count != 1:
            msg = f"{module}/CMakeLists.txt must set {variable} exactly once, found {count}"
            raise SystemExit(msg)
    return text


def main() -> int:
    """Update or check the CMake files; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only compare; exit with 1 on a difference")
    arguments = parser.parse_args()
    stale = []
    for module in MODULES:
        path = REPOSITORY / module / "CMakeLists.txt"
        # ${MODULE_NAME} holds braces but no parenthesis, so the lists can be matched up to the next one.
        text = path.read_text(encoding="utf-8")
        wanted = with_lists(text, module, *listed(path.parent))
        if wanted != text:
            stale.append(f"{module}/CMakeLists.txt")
            if not arguments.check:
                path.write_text(wanted, encoding="utf-8")
    if stale:
        print(("out of date: " if arguments.check else "updated: ") + ", ".join(stale))
    return 1 if stale and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
