"""What a benchmark measured of the encoder, as the numbers of its model card."""

from features_sets import LEARNED_FINE, MIND, MIND_FINE

_COMMAND = "python Testing/Benchmarks/features.py --out DIR --parts "


def registration_metrics(rows: list[dict]) -> list[dict]:
    """Return mean errors and ratios over the pairs of each role, for features alone and beside MIND-SSC."""
    result = []
    for role in dict.fromkeys(row["role"] for row in rows):
        own = [row for row in rows if row["role"] == role]
        dataset = f"{role} pairs: " + ", ".join(dict.fromkeys(row["pair"] for row in own))
        for kind in dict.fromkeys(row["features"] for row in own):
            if kind not in (MIND, MIND_FINE) and LEARNED_FINE not in kind:
                continue
            same = [row for row in own if row["features"] == kind]
            result.append(_metric(f"registration error, {kind}", _mean(same, "mean_mm"), "mm", dataset, "registration"))
            if LEARNED_FINE in kind:
                ratio = _mean(same, "ratio_to_mind")
                result.append(_metric(f"error by that of MIND-SSC, {kind}", ratio, "", dataset, "registration"))
    return result


def global_metrics(rows: list[dict]) -> list[dict]:
    """Return mean errors over the pairs for each rotation, with MIND-SSC and with the encoder's local features."""
    dataset = (
        "pairs " + ", ".join(dict.fromkeys(f"{row['pair']} ({row['role']})" for row in rows)) + "; shifted by 40 mm"
    )
    result = []
    for degrees in dict.fromkeys(row["degrees"] for row in rows):
        for kind in dict.fromkeys(row["features"] for row in rows):
            same = [row for row in rows if row["features"] == kind and row["degrees"] == degrees]
            name = f"rigid start from nothing, {degrees:g} degrees, {kind}"
            result.append(_metric(name, _mean(same, "mean_mm"), "mm", dataset, "global"))
    return result


def cost_metrics(rows: list[dict]) -> list[dict]:
    """Return time and memory of encoding."""
    dataset = f"noise, {rows[0]['volume']} voxels, one thread of a processor"
    return [
        _metric("encoding time", rows[0]["cpu_s"], "CPU s", dataset, "cost"),
        _metric("peak memory of encoding", float(rows[0]["peak_mb"]), "MB", dataset, "cost"),
    ]


def _mean(rows: list[dict], key: str) -> float:
    return sum(row[key] for row in rows) / len(rows)


def _metric(name: str, value: float, unit: str, dataset: str, part: str) -> dict:
    return {"name": name, "value": round(value, 3), "unit": unit, "dataset": dataset, "command": _COMMAND + part}
