"""The section "Train" of the Training tab: pick a network and a time, follow the curves, see how good it became."""

import html
import logging
from pathlib import Path

import qt
from slicer.i18n import tr as _

from MedDeepRegSegLib.mrml.compare_task import CompareTask
from MedDeepRegSegLib.mrml.plots import show_chart
from MedDeepRegSegLib.mrml.train_encoder_task import TrainEncoderTask
from MedDeepRegSegLib.mrml.train_growing_task import TrainGrowingTask
from MedDeepRegSegLib.mrml.train_task import TrainTask
from MedDeepRegSegLib.panels.augmentation_presets import AugmentationPresets
from MedDeepRegSegLib.panels.paths import holdsFiles, setPath
from MedDeepRegSegLib.panels.section import Section
from MedDeepRegSegLib.panels.training_choices import TrainedNetwork

RUN, EXAMPLES = "run", "examples.png"
"""Folder of the run inside that of the model, and its picture of validation cases."""
PICTURE_WIDTH = 400


class TrainSection(Section):
    """Trains a network on a dataset."""

    def __init__(self, panel, trainingRequirementsFile: str, monaiRequirementsFile: str) -> None:
        super().__init__(panel)
        self._requirementsFile = trainingRequirementsFile
        self._monaiRequirementsFile = monaiRequirementsFile
        self._presets = AugmentationPresets(self.ui.trainPresetComboBox, panel, "trainPreset", none=True)
        self._chart = None
        self.ui.trainStartPathLineEdit.connect("currentPathChanged(QString)", panel.updateButtons)
        self.ui.trainButton.connect("clicked(bool)", self.onTrain)
        self.ui.compareButton.connect("clicked(bool)", self.onCompare)
        self.ui.openModelButton.connect("clicked(bool)", self.onOpenModel)
        self.clear()

    def buttons(self) -> list:
        """Return the state of the buttons."""
        noDataset = self.panel.noDataset()
        return [
            (
                self.ui.compareButton,
                noDataset,
                _(
                    "Estimate the memory and the computing that each network needs on these cases, before one is trained."
                ),
            ),
            (
                self.ui.trainButton,
                noDataset or self._obstacle(),
                _("Train the network. It can be canceled and go on later."),
            ),
        ]

    def _obstacle(self) -> str | None:
        """Return why training cannot start, or None."""
        node, model = self.node, self.panel.modelFolder()
        if model is None:
            return _("Pick a folder for the model.")
        started = (model / RUN).is_dir()
        if node.trainResume:
            return (
                None if started else _("No run lies in the model folder: uncheck Resume, or pick the folder of a run.")
            )
        start = self.panel.pathIn(self.ui.trainStartPathLineEdit)
        checks = (
            (
                started,
                _("A run lies in the model folder already: check Resume to go on with it, or choose a new folder."),
            ),
            (
                holdsFiles(model),
                _("The model folder is not empty: choose a new one, so that nothing is overwritten."),
            ),
            (
                start is not None and not start.is_dir(),
                _("The folder to begin from is not there: pick that of a model, or none."),
            ),
            (
                start is not None and node.trainScratch and node.trainNetwork is not TrainedNetwork.GROWING,
                _("Begin from a model or from random weights, not from both."),
            ),
        )
        obstacle = next((text for wrong, text in checks if wrong), None)
        return obstacle or (self._presets.obstacle() if node.trainNetwork.segments() else None)

    def update(self) -> None:
        """Say what the choices mean, and enable what is used."""
        node = self.node
        self.ui.trainNetworkDescriptionLabel.text = node.trainNetwork.description()
        self.ui.trainPresetComboBox.toolTip = self._presets.update()
        new, segments = not node.trainResume, node.trainNetwork.segments()
        self.ui.trainMinutesSpinBox.enabled = (new and node.trainEpochs == 0) or not segments
        # Before and after are measured anew, so that what was begun from is asked for again.
        self.ui.trainStartPathLineEdit.enabled = new or not segments
        self.ui.trainSeedSpinBox.enabled = new
        self.ui.trainScratchCheckBox.enabled = new and node.trainNetwork is not TrainedNetwork.GROWING
        for widget in (
            *(self.ui.trainPresetComboBox, self.ui.trainEpochsSpinBox, self.ui.trainStepsSpinBox),
            *(self.ui.trainBatchSpinBox, self.ui.trainPatchSpinBox, self.ui.trainSpacingSpinBox),
        ):
            widget.enabled = new and segments
        model = self.panel.modelFolder()
        there = model is not None and model.is_dir()
        self.ui.openModelButton.enabled = there
        self.ui.openModelButton.toolTip = (
            _("Show the files of the model: its card, its curves and its examples.")
            if there
            else _("Train a network, or pick the folder of a model.")
        )

    def clear(self) -> None:
        """Show no result."""
        self._chart = None
        for label in (self.ui.trainResultLabel, self.ui.trainExamplesLabel):
            label.clear()
            label.visible = False

    def cancelPurpose(self) -> str:
        """Return what a cancel of the training does."""
        return _("End the training. The run is kept in the model folder and can go on later.")

    def onCompare(self, _checked: bool = False) -> None:
        """Start counting what the networks cost, or cancel it."""
        dataset = self.panel.dataset()
        self.panel.toggleTask(
            self.ui.compareButton,
            lambda: CompareTask(dataset),
            self.showCosts,
            networks=True,
            requirementsFile=self._monaiRequirementsFile,
        )

    def onTrain(self, _checked: bool = False) -> None:
        """Start the training, or cancel it."""
        if self.panel.runner.isCancelButton(self.ui.trainButton):
            self.panel.runner.cancel()
            return
        dataset, model = self.panel.dataset(), self.panel.modelFolder()
        network = self.node.trainNetwork
        if network.segments():
            make, show, follow = TrainTask, self.show, self.follow
        elif network is TrainedNetwork.GROWING:
            make, show, follow = TrainGrowingTask, self.showGrowing, None
        else:
            make, show, follow = TrainEncoderTask, self.showEncoder, None
        self.panel.toggleTask(
            self.ui.trainButton,
            lambda: make(dataset, out=model, **self._options()),
            show,
            networks=True,
            requirementsFile=self._monaiRequirementsFile if network.isMonai() else self._requirementsFile,
            follow=follow,
            canceledText=_keptText(),
        )

    def _options(self) -> dict:
        """Return what was chosen, as the job takes it; a run that goes on has its own settings."""
        node = self.node
        if not node.trainNetwork.segments():
            options = {"minutes": float(node.trainMinutes), "resume": node.trainResume, **self._begin()}
            return options if node.trainNetwork is TrainedNetwork.GROWING else {**options, "scratch": node.trainScratch}
        if node.trainResume:
            return {"network": node.trainNetwork.value, "resume": True}
        mm, side = node.trainSpacingMm, node.trainPatch
        return {
            "network": node.trainNetwork.value,
            "minutes": None if node.trainEpochs else float(node.trainMinutes),
            "epochs": node.trainEpochs or None,
            "steps_per_epoch": node.trainSteps or None,
            "batch": node.trainBatch or None,
            "patch": (side, side, side) if side else None,
            "spacing_mm": (mm, mm, mm) if mm else None,
            "augmentation": node.trainPreset,
            "scratch": node.trainScratch,
            **self._begin(),
        }

    def _begin(self) -> dict:
        return {"start": self.panel.pathIn(self.ui.trainStartPathLineEdit), "seed": self.node.trainSeed}

    def follow(self, task) -> None:
        """Draw the curves as far as they are, and the newest examples."""
        chart = task.follow()
        if chart is not None and chart is not self._chart:  # later the layout is left as the user arranged it
            self._chart = chart
            show_chart(chart)
        self._showExamples(task.out)
        if self.node is not None:  # the user may have left the module; training goes on
            self.update()

    def show(self, outputs: dict) -> None:
        """Say how good the network became, and show the table and the examples."""
        setPath(self.ui.trainingModelPathLineEdit, outputs["model"])
        self._tell(trainedText(outputs))
        self._showExamples(Path(outputs["model"]))
        self.panel.showTable(outputs)

    def showGrowing(self, outputs: dict) -> None:
        """Say how many clicks are saved."""
        setPath(self.ui.trainingModelPathLineEdit, outputs["model"])
        place = _(
            'To grow with it, pick it as "Own model" in the tab Segmentation, Grow a structure, Advanced: {folder}'
        )
        hint = place.format(folder=outputs["model"])
        self._tell("<br>".join(html.escape(line) for line in (outputs["text"], hint) if line))
        if outputs["table"] is not None:
            self.panel.showTable(outputs)

    def showEncoder(self, outputs: dict) -> None:
        """Say how well it guesses, and how to begin from it."""
        setPath(self.ui.trainingModelPathLineEdit, outputs["model"])
        done = _("Done. Error of what is hidden: {after}; before the training {before}, by guessing the mean {mean}.")
        told = done.format(
            after=f"{outputs['error_after']:.2f}",
            before=f"{outputs['error_before']:.2f}",
            mean=f"{outputs['error_of_mean']:.2f}",
        )
        place = _(
            'To begin from it, train the MedDeep encoder into another model folder, with this one under Advanced, "Begin '
            'from": {folder}'
        )
        self._tell("<br>".join(html.escape(line) for line in (told, place.format(folder=outputs["model"]))))

    def showCosts(self, outputs: dict) -> None:
        """Show the table of costs."""
        self.panel.showTable(outputs)
        if outputs["left_out"]:
            names = ", ".join(outputs["left_out"])
            self._tell(
                html.escape(_("Not in the table, because the memory is too small: {names}.").format(names=names))
            )

    def _tell(self, text: str) -> None:
        self.ui.trainResultLabel.text = text
        self.ui.trainResultLabel.visible = True

    def _showExamples(self, model: Path) -> None:
        picture = qt.QPixmap(str(model / RUN / EXAMPLES))
        if picture.isNull():  # none yet
            return
        self.ui.trainExamplesLabel.setPixmap(picture.scaledToWidth(PICTURE_WIDTH, qt.Qt.SmoothTransformation))
        self.ui.trainExamplesLabel.toolTip = _("Validation cases: what was drawn, and what the network finds.")
        self.ui.trainExamplesLabel.visible = True

    def onOpenModel(self, _checked: bool = False) -> None:
        """Show the folder of the model in the file manager."""
        model = self.panel.modelFolder()
        if not qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(model))):
            logging.warning("the folder %s could not be shown", model)


def _keptText() -> str:
    return _("Canceled. The run is kept in the model folder: check Resume to go on with it.")


def trainedText(outputs: dict) -> str:
    """Return how good a network became on the validation cases as rich text."""
    if outputs["score"] is None:
        return html.escape(_("Done. No case was kept for validation, so nothing says how good it is."))
    lines = [_("Done. Mean Dice on the validation cases: {score}.").format(score=f"{outputs['score']:.2f}")]
    lines += [
        f"{one.name}: {_('in no validation case') if one.dice is None else f'{one.dice:.2f}'}"
        for one in outputs["classes"]
    ]
    lines += [outputs["advice"]] if outputs["advice"] else []
    return "<br>".join(html.escape(line) for line in lines)
