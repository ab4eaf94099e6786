"""Write or check the list of all names of Slicer and Qt that the extension uses, with their signatures.

Usage: python Testing/Host/contract/list_names.py [--check]

Every name in ``names.txt`` was found in the excerpt of a running Slicer's names; a test compares the list with the code and
with Slicer. So one list shows what the extension relies on, and a change of it is seen in review.
"""

import sys
from pathlib import Path

NAMES = Path(__file__).resolve().parent / "names.txt"
_HEAD = """\
# All names of Slicer and Qt that the module files, panels, .ui files and the effect use, as Slicer has them.
# Written by Testing/Host/contract/list_names.py; a test compares this list with the code.
"""


def listed(api) -> str:
    """Return the text of the list; the extension was checked with ``api``, which saw the names."""
    return _HEAD + "\n".join(sorted(api.names)) + "\n"


def main(arguments: list[str]) -> int:
    """Run the program; returns its exit status."""
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    repository = Path(__file__).resolve().parents[3]
    for folder in ("Testing", *(path.name for path in repository.glob("MedDeep*") if path.is_dir())):
        sys.path.insert(0, str(repository / folder))
    from Host.contract.api import Api
    from Host.contract.repository_check import check_repository
    from Host.install import install_host

    install_host()
    api = Api.read()
    check_repository(api)
    text = listed(api)
    same = NAMES.is_file() and NAMES.read_text(encoding="utf-8") == text
    if not arguments:
        NAMES.write_text(text, encoding="utf-8")
    print(f"{text.count(chr(10)) - 2} names, {'as before' if same else 'out of date' if arguments else 'updated'}")
    return 0 if same or not arguments else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
