"""The model card of a network: what it is, what it is worth, and where it must not be used."""

from MedDeepRegSegLib.models.description import NetworkDescription, NetworkMetric, Setting

STATEMENT = "For research; not a medical device."


def model_card(description: NetworkDescription) -> str:
    """Return the card as Markdown.

    It has no date, and does not depend on the hash of the weights, so that it can be written with them and the same
    training gives the same card.
    """
    parts = [
        f"# {_line(description.name)} {description.version}",
        f"**{STATEMENT}**",
        description.purpose.strip(),
        "## Use",
        description.intended_use.strip(),
        _limitations(description),
        "## Network",
        _network(description),
        "## Training",
        _training(description),
        "## Measured",
        _metrics(description.metrics),
        (
            f"License of the model: {_line(description.license)}. Made with MedDeep {_line(description.software_version)}. "
            "The weights are stored as float16; `model.json` and `model.safetensors` each hold the SHA-256 of the other."
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _limitations(description: NetworkDescription) -> str:
    if not description.limitations:
        return ""
    return "Limitations:\n\n" + "\n".join(f"- {_line(text)}" for text in description.limitations)


def _network(description: NetworkDescription) -> str:
    spacing = description.spacing_mm
    lines = [
        f"- Architecture: `{_line(description.architecture)}`.",
        *(
            f"- {_line(name.replace('_', ' ')).capitalize()}: {_setting(v)}."
            for name, v in description.settings.items()
        ),
        f"- Voxels: {spacing.recommended:g} mm recommended, from {spacing.smallest:g} to {spacing.largest:g} mm.",
    ]
    if description.labels:
        lines.append(f"- Outputs: {', '.join(_line(label) for label in description.labels)}.")
    return "\n".join(lines)


def _training(description: NetworkDescription) -> str:
    training = description.training
    lines = [
        f"- Data: {_line(training.data)} License: {_line(training.data_license)}.",
        f"- Recipe: {_line(training.recipe)}",
        f"- Loss: {_line(training.loss)}",
        f"- {training.steps} steps in {training.hours:.3g} hours on {_line(training.hardware)}; seed {training.seed}.",
    ]
    return "\n".join(lines)


def _metrics(metrics: tuple[NetworkMetric, ...]) -> str:
    if not metrics:
        return "Nothing was measured."
    head = "| What | Value | Data | Command |\n|---|---|---|---|"
    return "\n".join([head, *(f"| {' | '.join(_cells(metric))} |" for metric in metrics)])


def _cells(metric: NetworkMetric) -> tuple[str, str, str, str]:
    value = f"{metric.value:.4g} {metric.unit}".strip()
    command = f"`{metric.command}`" if metric.command else ""
    name, value, dataset, command = (
        _line(text).replace("|", "\\|") for text in (metric.name, value, metric.dataset, command)
    )
    return name, value, dataset, command


def _setting(value: Setting) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _line(text: str) -> str:
    """Return a text as one line, so that it stays in its bullet or cell."""
    return " ".join(text.split())
