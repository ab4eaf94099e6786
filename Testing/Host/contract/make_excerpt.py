"""Write the part of a full dump of Slicer's names that the extension uses.

Usage: python Testing/Host/contract/make_excerpt.py FULL_SLICER_API.json
"""

import json
import sys
from pathlib import Path


def make_excerpt(full: Path, target: Path, repository: Path) -> list[str]:
    """Write the excerpt; return the problems that the full dump shows too."""
    from Host.contract.api import Api
    from Host.contract.repository_check import check_repository

    api = Api.read(full)
    problems = check_repository(api, repository)
    excerpt: dict = {"_about": api.data["_about"]}
    for module, name in sorted(api.used):
        entries = api.data[module]
        if isinstance(entries, list):
            excerpt.setdefault(module, []).append(name)
        else:
            excerpt.setdefault(module, {})[name] = without_private(entries[name])
    target.write_text(json.dumps(excerpt, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return problems


def without_private(entry):
    """Return an entry of the dump without its private members."""
    if not isinstance(entry, dict):
        return entry
    return {name: part for name, part in entry.items() if name == "__init__" or not name.startswith("_")}


def main(arguments: list[str]) -> int:
    """Run the program; returns its exit status."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    repository = Path(__file__).resolve().parents[3]
    for folder in ("Testing", *(path.name for path in repository.glob("MedDeep*") if path.is_dir())):
        sys.path.insert(0, str(repository / folder))
    from Host.contract.api import EXCERPT

    problems = make_excerpt(Path(arguments[0]), EXCERPT, repository)
    print("\n".join(problems))
    print(f"wrote {EXCERPT} ({EXCERPT.stat().st_size // 1024} KiB), {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
