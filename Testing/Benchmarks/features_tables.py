"""Tables of the features benchmark: CSV and Markdown, side by side."""

import csv
from pathlib import Path


def markdown(rows: list[dict]) -> str:
    """Return the rows as a Markdown table."""
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(_text(row.get(name)) for name in names) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def side_by_side(rows: list[dict], value: str, *, row: str = "pair", column: str = "features") -> list[dict]:
    """Return one row for each ``row`` with the ``value`` of each ``column``."""
    columns = list(dict.fromkeys(one[column] for one in rows))
    result: dict[str, dict] = {}
    for one in rows:
        line = result.setdefault(one[row], {row: one[row]} | ({"role": one["role"]} if "role" in one else {}))
        line |= {name: line.get(name) for name in columns if name not in line}
        line[one[column]] = one[value]
    return list(result.values())


def write_table(folder: Path, name: str, rows: list[dict]) -> None:
    """Write ``name``.csv."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=columns)
        writer.writeheader()
        writer.writerows(rows)


def report_text(sections: list[tuple[str, list[dict]]]) -> str:
    """Return a heading and a table for each section as Markdown."""
    return "\n".join(f"## {title}\n\n{markdown(rows)}" for title, rows in sections if rows)


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
