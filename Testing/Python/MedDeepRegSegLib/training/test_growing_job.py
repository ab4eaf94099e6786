"""Fine-tuning as a job: it goes on exactly, the model can be grown with, and its card tells what was measured."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from MedDeepRegSegLib.datasets.dataset import Case, Dataset, read_dataset, write_dataset
from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.models.growing_network import GrowingNetwork, GrowingNetworkSettings
from MedDeepRegSegLib.segmentation import grow_job
from MedDeepRegSegLib.segmentation.growing import GrowingSettings, grow
from MedDeepRegSegLib.segmentation.growing_session import GrowingSession
from MedDeepRegSegLib.segmentation.segments import named_segment
from MedDeepRegSegLib.training import growing_tuning
from MedDeepRegSegLib.training.case_objects import ObjectCases
from MedDeepRegSegLib.training.growing import train_growing
from MedDeepRegSegLib.training.growing_cases import GrowingTuning
from MedDeepRegSegLib.training.growing_export import export_growing
from MedDeepRegSegLib.training.growing_job import Request, run
from MedDeepRegSegLib.training.growing_settings import GrowingTrainSettings
from MedDeepRegSegLib.training.growing_tuning import tune
from MedDeepRegSegLib.training.run_folder import RUN
from MedDeepRegSegLib.training.timed_run import known_settings

SMALL = GrowingNetworkSettings(channels=(8, 8, 8, 8), states=(8, 8, 8), steps=(1, 1, 1), similarity_features=4)
GROWING = GrowingTrainSettings(steps=4, objects=1, sides=(32,), most_clicks=3, warmup=1, network=SMALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A dataset of three balls, one of them for validation, and a tiny network to begin from."""
    folder = tmp_path_factory.mktemp("job")
    cases = []
    for number, role in enumerate(("training", "training", "validation")):
        z, y, x = np.meshgrid(*[np.arange(24)] * 3, indexing="ij")
        labels = ((z - 12) ** 2 + (y - 11 - number) ** 2 + (x - 12) ** 2 <= 36).astype(np.uint8)
        values = 100 * labels + np.random.default_rng(number).normal(0, 5, labels.shape)
        files = []
        for name, array in (("image", values.astype(np.float32)), ("labels", labels)):
            image = sitk.GetImageFromArray(array)
            image.SetSpacing((2.0, 2.0, 2.0))
            files.append(folder / f"{name}{number}.nrrd")
            sitk.WriteImage(image, str(files[-1]))
        cases.append(Case(name=f"c{number}", patient=f"p{number}", images=(files[0],), labels=files[1], role=role))
    made = Dataset(name="balls", channels=("MR",), classes=(named_segment(1, "Ball"),), cases=tuple(cases))
    write_dataset(made, folder / "dataset.json")
    train_growing(replace(GROWING, steps=1), folder / "start_run")
    export_growing(folder / "start_run", folder / "start")
    return folder


@pytest.mark.slow
def test_a_run_is_measured_told_and_can_be_grown_with(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(growing_tuning, "_SYNTHETIC", 1)
    request = Request(
        dataset=folder / "dataset.json",
        out=tmp_path / "model",
        steps=3,
        start=folder / "start",
        clicks=3,
        device="cpu",
    )
    result = run(request)
    assert result.steps == 3
    assert result.objects == 1
    assert result.verdict in ("better", "not better", "worse")
    card = (tmp_path / "model" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "Clicks to Dice 0.80, before" in card
    assert "Clicks to Dice 0.80, after" in card
    assert result.text in card
    assert "2 cases of the dataset 'balls'" in card
    assert len((tmp_path / "model" / "clicks_saved.csv").read_text().splitlines()) == 3
    image = sitk.ReadImage(str(folder / "image2.nrrd"))
    session = GrowingSession(image, model=tmp_path / "model")
    session.click([image.TransformIndexToPhysicalPoint((12, 13, 12))])
    assert sitk.GetArrayFromImage(session.mask).any()
    grown = tmp_path / "grown.seg.nrrd"
    inside = (image.TransformIndexToPhysicalPoint((12, 13, 12)),)
    grow_job.run(grow_job.Request(folder / "image2.nrrd", grown, inside, model=tmp_path / "model"))
    by_job = sitk.GetArrayFromImage(sitk.ReadImage(str(grown))) > 0
    assert np.array_equal(by_job, sitk.GetArrayFromImage(session.mask) > 0)
    with pytest.raises(InputError, match="a model is given with the method classic"):
        grow(image, inside, model=tmp_path / "model", settings=GrowingSettings(method="classic"))
    with pytest.raises(InputError, match="holds a run already"):
        run(request)
    again = run(replace(request, resume=True, steps=None))
    assert again.changes == result.changes
    with pytest.raises(InputError, match="begun from another model"):
        run(replace(request, resume=True, steps=None, start=None))


@pytest.mark.slow
def test_a_run_goes_on_bit_for_bit(folder, tmp_path):
    dataset = read_dataset(folder / "dataset.json")
    settings = GrowingTuning(GROWING, synthetic_fraction=0.3)
    start = GrowingNetwork(SMALL).state_dict()

    def chunk(out, minutes):
        return tune(
            settings,
            ObjectCases(dataset.of_role("training"), dataset),
            out,
            start=start,
            minutes=minutes,
            report_every=1,
        )

    whole = chunk(tmp_path / "whole", 10)
    for _ in range(4):
        parts = chunk(tmp_path / "parts", 0)
    assert parts.step == whole.step == 4
    for one, other in zip(whole.average.parameters(), parts.average.parameters(), strict=True):
        assert torch.equal(one, other)
    assert known_settings(tmp_path / "whole", GrowingTuning) == settings


def test_what_cannot_be_trained_is_refused(folder, tmp_path):
    request = Request(dataset=folder / "dataset.json", out=tmp_path / "model", steps=2, start=folder / "start")
    with pytest.raises(InputError, match="no run to go on with"):
        run(replace(request, resume=True, steps=None, device="cpu"))
    with pytest.raises(InputError, match="steps are given beside resume"):
        run(replace(request, resume=True, device="cpu"))
    with pytest.raises(InputError, match="both steps and minutes"):
        run(replace(request, minutes=1.0, device="cpu"))
    dataset = read_dataset(folder / "dataset.json")
    write_dataset(dataset.with_roles([(case.name, "test") for case in dataset.cases]), tmp_path / "none.json")
    with pytest.raises(InputError, match="no case has the role training"):
        run(replace(request, dataset=tmp_path / "none.json", device="cpu"))
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Canceled):
        run(replace(request, device="cpu"), cancel=cancel)
    assert not (tmp_path / "model" / RUN).exists()
    assert not (tmp_path / "model" / "model.json").exists()
