"""The model card of a segmentation network of one's own, as Markdown and as a page of HTML that needs no other file.

Both are made of the same content, so that they cannot differ. There is no date in them, and nothing depends on the hash of
the weights: the same training gives the same card.
"""

from dataclasses import dataclass

from MedDeepRegSegLib.models.model_card import STATEMENT
from MedDeepRegSegLib.models.segmenter_description import SegmenterDescription
from MedDeepRegSegLib.models.segmenter_input import ChannelScale
from MedDeepRegSegLib.segmentation.segments import Segment

CARD_PAGE = "MODEL_CARD.html"

_MOST_NAMES = 12
_NEXT_TO_NOTHING = 0.1  # Dice

_NETWORKS = {
    "encoder": "encoder of MedDeep with a head for the classes",
    "unet": "U-Net (MONAI)",
    "segresnet": "SegResNet (MONAI)",
    "dynunet": "DynUNet (MONAI)",
    "custom": "U-Net as described (MONAI)",
}


@dataclass(frozen=True)
class CardSection:
    """A part of the card: sentences, then a table.

    Attributes
    ----------
    title : str
    texts : tuple of str
    columns : tuple of str
        Heads of the table; none without a table.
    rows : tuple of tuple of str
    colors : tuple of str
        ``#rrggbb`` for each row, or none: shown before its first cell.
    """

    title: str
    texts: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    colors: tuple[str, ...] = ()


def segmenter_card(description: SegmenterDescription) -> str:
    """Return the card as Markdown."""
    parts = [f"# {_markdown(description.name)}", f"**{STATEMENT}**"]
    for section in _sections(description):
        parts.append(f"## {_markdown(section.title)}")
        if section.texts:
            parts.append("\n".join(f"- {_markdown(text)}" for text in section.texts))
        if section.columns:
            lines = ["| " + " | ".join(section.columns) + " |", "|" + "---|" * len(section.columns)]
            lines += ["| " + " | ".join(_markdown(cell) for cell in row) + " |" for row in section.rows]
            parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def segmenter_page(description: SegmenterDescription) -> str:
    """Return the card as HTML: escaped, without scripts, pictures or links to anything outside.

    Raises
    ------
    MissingPackageError
        If Jinja2 is not installed.
    """
    from MedDeepRegSegLib.errors import MissingPackageError

    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        msg = "model cards need the package Jinja2: install it with 'pip install jinja2'"
        raise MissingPackageError(msg) from error
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(_PAGE)
    return template.render(name=description.name, statement=STATEMENT, sections=_sections(description))


def advice(description: SegmenterDescription) -> str:
    """Return what to do about classes that the model finds next to nothing of in the validation cases; empty without any."""
    names = [one.name for one in description.validation if one.dice is not None and one.dice < _NEXT_TO_NOTHING]
    if not names:
        return ""
    return (
        f"Next to nothing was found of {', '.join(names[:_MOST_NAMES])} in the validation cases (Dice below "
        f"{_NEXT_TO_NOTHING:g}): train longer, or check their labels."
    )


def _sections(description: SegmenterDescription) -> list[CardSection]:
    return [_use(description), _classes(description), _input(description), _network(description), _data(description)]


def _use(description: SegmenterDescription) -> CardSection:
    training = description.training
    count = len(training.training_cases)
    names = ", ".join(segment.name for segment in description.classes[:_MOST_NAMES])
    more = " and others" if len(description.classes) > _MOST_NAMES else ""
    texts = [
        f"Draws {names}{more} in images of the kind it was trained on ({', '.join(description.channels)}).",
        "Intended for research, and for a first outline that a person who can judge it checks and corrects.",
        f"It learned from {count} case{'s' * (count != 1)}. Other scanners, protocols, ages, diseases and anatomy than "
        "theirs may give wrong outlines without a warning.",
        "The orientation in the header of an image must be right: images are turned to left, back and top first.",
    ]
    if training.validation_cases:
        texts.append(
            "The Dice below is that of the cases by which the best weights were chosen, so it is too good for new cases: "
            "measure it on others with 'meddeep evaluate'."
        )
    else:
        texts.append("No case was kept for validation: how good it is was not measured. Use 'meddeep evaluate'.")
    if weak := advice(description):
        texts.append(weak)
    return CardSection("Use and limits", tuple(texts))


def _classes(description: SegmenterDescription) -> CardSection:
    dice = {metric.name: metric for metric in description.validation}
    rows = []
    for segment in description.classes:
        metric = dice.get(segment.name)
        measured = "not measured" if metric is None or metric.dice is None else f"{metric.dice:.3f}"
        cases = 0 if metric is None else metric.cases
        rows.append((segment.name, str(segment.value), _color(segment), measured, str(cases)))
    return CardSection(
        "Labels and validation",
        columns=("Label", "Value", "Color", "Dice (1 is best)", "Validation cases with it"),
        rows=tuple(rows),
        colors=tuple(_color(segment) for segment in description.classes),
    )


def _input(description: SegmenterDescription) -> CardSection:
    x, y, z = description.preprocessing.spacing_mm
    return CardSection(
        "Preprocessing",
        (
            f"Voxels of {x:g} x {y:g} x {z:g} mm toward left, back and top.",
            f"Windows of {' x '.join(str(side) for side in description.patch[::-1])} voxels.",
        ),
        ("Image", "Intensities"),
        tuple(
            (name, _scale(scale))
            for name, scale in zip(description.channels, description.preprocessing.channels, strict=False)
        ),
    )


def _scale(scale: ChannelScale) -> str:
    limits = f"limited to {scale.low:g} to {scale.high:g}"
    if scale.method == "window":
        return f"{limits}, less {scale.mean:g}, by {scale.deviation:g}"
    if scale.method == "contrast":
        return "global and local contrast" + (f", {limits} first" if scale.low < scale.high else "")
    return "less the mean, by the standard deviation of what is not background"


def _network(description: SegmenterDescription) -> CardSection:
    settings = description.settings
    return CardSection(
        "Network",
        (
            f"Kind: {_NETWORKS[settings.network]}.",
            f"Inputs: {settings.inputs}. Outputs: {settings.classes}, the background among them.",
            f"Channels: {', '.join(map(str, settings.channels))}. Dropout: {settings.dropout:g}.",
            f"Made with MedDeep {description.software_version}. Weights are stored as float16; model.json and "
            "model.safetensors each hold the SHA-256 of the other.",
        ),
    )


def _data(description: SegmenterDescription) -> CardSection:
    training = description.training
    start = f"the weights {training.start}" if training.start else "random weights"
    return CardSection(
        "Training",
        (
            f"Dataset: {training.dataset}; SHA-256 of its images and labels {training.dataset_sha256}.",
            f"Training cases ({len(training.training_cases)}): {_names(training.training_cases)}.",
            f"Validation cases ({len(training.validation_cases)}): {_names(training.validation_cases)}.",
            f"Began from {start}. Augmentation: {training.augmentation or 'none'}.",
            f"{training.steps} updates in {training.minutes:.3g} minutes on {training.hardware}; weights of update "
            f"{training.best_step}; seed {training.seed}.",
        ),
    )


def _names(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more if names else "none"


def _color(segment: Segment) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in segment.color)


def _markdown(text: str) -> str:
    """Return a text as one line that stays in its bullet or cell and is no HTML."""
    line = " ".join(text.split())
    for sign, safe in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "\\|"), ("[", "\\["), ("`", "\\`")):
        line = line.replace(sign, safe)
    return line


_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ name }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #1d2733; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: .2rem; overflow-wrap: anywhere; }
h2 { margin-top: 2rem; border-bottom: 1px solid #ccd4dc; }
.statement { font-weight: 600; color: #8a3b12; }
li { overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #e2e7ec; overflow-wrap: anywhere; }
.swatch { display: inline-block; width: .9em; height: .9em; margin-right: .5em; border: 1px solid #777; }
</style>
</head>
<body>
<h1>{{ name }}</h1>
<p class="statement">{{ statement }}</p>
{% for section in sections %}
<h2>{{ section.title }}</h2>
{% if section.texts %}
<ul>
{% for text in section.texts %}
<li>{{ text }}</li>
{% endfor %}
</ul>
{% endif %}
{% if section.columns %}
<table>
<tr>{% for column in section.columns %}<th>{{ column }}</th>{% endfor %}</tr>
{% for row in section.rows %}
{% set color = section.colors[loop.index0] if section.colors else "" %}
<tr>{% for cell in row %}<td>{% if loop.first and color %}<span class="swatch" style="background: {{ color }}"></span>{% endif %}{{ cell }}</td>{% endfor %}</tr>
{% endfor %}
</table>
{% endif %}
{% endfor %}
</body>
</html>
"""
