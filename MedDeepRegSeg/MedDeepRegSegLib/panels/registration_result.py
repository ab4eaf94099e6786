"""The Result section of the Registration tab: the light and its reasons, fading between the volumes, the curve."""

import html
import json

import slicer
from slicer.i18n import tr as _

from MedDeepRegSegLib.jobs.schema import from_json, to_json
from MedDeepRegSegLib.mrml.display import fade_foreground, show_volumes
from MedDeepRegSegLib.mrml.iteration_plots import has_iterations, plot_iterations
from MedDeepRegSegLib.mrml.plots import show_chart
from MedDeepRegSegLib.panels.colors import shade
from MedDeepRegSegLib.registration.quality import Quality

_SHADES = {"good": "good", "check": "warning", "failed": "bad"}


class RegistrationResultSection:
    """Shows the outputs of one registration.

    Parameters
    ----------
    ui:
        Widgets of the tab; ``resultLabel``, ``fadeSlider`` and ``curveButton`` are of this section.
    """

    def __init__(self, ui) -> None:
        self._ui = ui
        self._layout = None
        self.clear()
        ui.fadeSlider.connect("valueChanged(double)", self.onFade)
        ui.curveButton.connect("clicked(bool)", self.onCurve)

    def clear(self) -> None:
        """Show no result."""
        if self._layout is not None and self._ui.curveButton.checked:
            slicer.app.layoutManager().layout = self._layout
        self._registered = self._chart = self._quality = self._layout = None
        self._name = ""
        self._ui.resultLabel.text = _("No registration yet.")
        self._ui.curveButton.checked = False
        self._nameCurveButton()
        self._enable()

    def show(self, fixedVolume, outputs: dict) -> None:
        """Show the quality in words, and the registered volume over the fixed one.

        ``outputs`` is what :class:`MedDeepRegSegLib.mrml.tasks.RegisterTask` returns.
        """
        self._tell(outputs)
        show_volumes(fixedVolume, self._registered, opacity=self._ui.fadeSlider.value / 100)

    def keep(self, node, outputs: dict) -> None:
        """Store a result in the parameter node, to be saved with the scene."""
        node.lastTransform, node.lastRegistered = outputs["transform"], outputs["registered"]
        node.lastQuality = json.dumps(to_json(outputs["quality"]))

    def restore(self, node) -> None:
        """Show the result that lies in the parameter node, if none is shown; the views stay as they are."""
        transform, registered = node.lastTransform, node.lastRegistered
        if self._registered is not None or transform is None or registered is None:
            return
        try:
            quality = from_json(Quality, json.loads(node.lastQuality))
        except ValueError:  # none, or of another version
            return
        self._tell({"transform": transform, "registered": registered, "quality": quality})

    def _tell(self, outputs: dict) -> None:
        """Show the quality in words."""
        self._registered = outputs["registered"]
        self._quality = outputs["quality"]
        self._name = outputs["transform"].GetName()
        self._ui.resultLabel.text = qualityText(self._quality) + measuresText(self._quality) + outputsText(outputs)
        self._enable()

    def _nameCurveButton(self) -> None:
        button = self._ui.curveButton
        button.text = _("Hide iteration curve") if button.checked else _("Show iteration curve")

    def _enable(self) -> None:
        fade, curve = self._ui.fadeSlider, self._ui.curveButton
        fade.enabled = self._registered is not None
        curve.enabled = self._quality is not None and has_iterations(self._quality.curves)
        if curve.enabled:
            curve.toolTip = _("Plot what each iteration gained: a stage that ends flat had converged.")
        elif self._quality is not None:
            curve.toolTip = _("This registration had no iterations.")
        else:
            curve.toolTip = _("Register first.")

    def onFade(self, percent: float) -> None:
        """Show more of the one or of the other volume."""
        if self._registered is not None:
            fade_foreground(self._registered, percent / 100)

    def onCurve(self, shown: bool) -> None:
        """Show the curve in a layout with a plot view, or go back to the layout before."""
        self._nameCurveButton()
        manager = slicer.app.layoutManager()
        if not shown:
            if self._layout is not None:
                manager.layout = self._layout
            return
        self._layout = manager.layout
        if self._chart is None or self._chart.GetScene() is None:  # the user may have deleted it
            self._chart = plot_iterations(self._quality.curves, self._name)
        show_chart(self._chart)


def qualityText(quality) -> str:
    """Return the traffic light of a registration and its reasons as rich text."""
    color = shade(_SHADES[quality.light])
    title = {"good": _("Good"), "check": _("Check it"), "failed": _("Failed")}[quality.light]
    # A table, because Qt moves lists far to the right.
    reasons = "".join(f"<tr><td>&#8226;</td><td>{html.escape(reason)}</td></tr>" for reason in quality.reasons)
    return f'<p><b style="color:{color}">&#9679; {title}</b></p><table cellpadding="2">{reasons}</table>'


def measuresText(quality) -> str:
    """Return the numbers behind the light as rich text."""
    lines = [
        _("Overlap {overlap}, folding {folding}, inverse off by {inverse} mm (95th percentile)").format(
            overlap=f"{quality.overlap:.0%}",
            folding=f"{quality.folding_fraction:.2%}",
            inverse=f"{quality.inverse_p95_mm:.2f}",
        )
    ]
    after, before = quality.landmark_errors_mm, quality.landmark_errors_before_mm
    if after and before:
        lines.append(
            _("Landmarks apart by {before} mm before, {after} mm now (mean)").format(
                before=f"{sum(before) / len(before):.1f}", after=f"{sum(after) / len(after):.1f}"
            )
        )
    return "<p>" + "<br>".join(html.escape(line) for line in lines) + "</p>"


def outputsText(outputs: dict) -> str:
    """Return the names of the nodes that were made as rich text."""
    titles = {
        "transform": _("Transform"),
        "registered": _("Registered volume"),
        "linear": _("Linear part"),
        "deformation": _("Deformation"),
        "jacobian": _("Jacobian"),
    }
    lines = [f"{title}: {outputs[key].GetName()}" for key, title in titles.items() if outputs.get(key) is not None]
    lines += [_("Carried along: {name}").format(name=node.GetName()) for node in outputs.get("carried", ())]
    return "<p>" + "<br>".join(html.escape(line) for line in lines) + "</p>"
