"""A growing session in a real child process: clicks, taking back, uncertainty, refusals, and its end."""

import json
import time

import numpy as np
import pytest
import SimpleITK as sitk
from StandIns.growing import RADIUS_MM, BallSession, child_command

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.folder import AppendedLines
from MedDeepRegSegLib.segmentation import growing_worker
from MedDeepRegSegLib.segmentation.growing_client import GrowingClient
from MedDeepRegSegLib.segmentation.growing_exchange import Answer, Command, Exchange, box_of
from MedDeepRegSegLib.segmentation.growing_worker import Request, run

CENTER = (-10.0, 4.0, 6.0)  # LPS mm
BALL_ML = 4 / 3 * np.pi * RADIUS_MM**3 / 1000


@pytest.fixture
def image(tmp_path):
    image = sitk.GetImageFromArray(np.random.default_rng(0).integers(-50, 50, (20, 22, 24)).astype(np.int16))
    image.SetSpacing((2.0, 2.0, 2.5))
    image.SetOrigin((-34.0, -18.0, -19.0))
    path = tmp_path / "image.nrrd"
    sitk.WriteImage(image, str(path))
    return path


@pytest.fixture
def client(image, tmp_path):
    client = GrowingClient(image, tmp_path / "session", command=child_command())
    yield client
    client.close()


def answer_to(client, number, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for answer in client.poll():
            if answer.number == number:
                return answer
        assert client.alive, client.error
        time.sleep(0.01)
    raise AssertionError(f"no answer to command {number}: {client.message}")


def test_a_click_brings_the_cropped_mask(client, image):
    assert client.alive
    client.start("Liver")
    answer = answer_to(client, client.click(positive=[CENTER]))
    assert client.ready
    assert answer.kind == "step"
    assert answer.volume_ml == pytest.approx(BALL_ML, rel=0.1)
    assert answer.changed_ml == answer.volume_ml
    assert answer.suggestion == (0.0, 4.0, 6.0)
    assert answer.notes == ("balls",)
    mask = client.take_array(answer)
    assert mask.dtype == np.uint8
    assert mask.sum() * 0.01 == pytest.approx(answer.volume_ml)
    assert max(mask.shape) < 20, "only the box around the structure is sent"
    reference = sitk.ReadImage(str(image))
    first = reference.TransformIndexToPhysicalPoint([int(part) for part in answer.offset[::-1]])
    middle = np.array(first) + 0.5 * (np.array(mask.shape[::-1]) - 1) * reference.GetSpacing()
    assert np.abs(middle - CENTER).max() <= 1.5
    assert client.take_array(answer) is None, "the file is gone"


def test_a_box_and_a_previous_mask_reach_the_session(client, image, tmp_path):
    client.start(box=(-10.0, -90.0, -90.0, 90.0, 90.0, 90.0))
    half = answer_to(client, client.click(positive=[CENTER]))
    assert BALL_ML * 0.4 < half.volume_ml < BALL_ML * 0.65
    previous = sitk.ReadImage(str(image)) * 0
    previous[2:4, 2:4, 2:4] = 1
    sitk.WriteImage(previous, str(tmp_path / "previous.nrrd"))
    client.start(previous=tmp_path / "previous.nrrd")
    more = answer_to(client, client.click(positive=[CENTER]))
    assert more.volume_ml == pytest.approx(BALL_ML + 0.08, rel=0.1)


def test_clicks_are_taken_back_one_by_one(client):
    client.start()
    first = answer_to(client, number := client.click(positive=[CENTER]))
    second = client.click(negative=[(CENTER[0] + 8, *CENTER[1:])])
    assert answer_to(client, second).volume_ml < first.volume_ml
    back = answer_to(client, client.undo(second))
    assert back.kind == "undone"
    assert back.volume_ml == first.volume_ml
    assert answer_to(client, client.undo(number)).array is None


def test_a_running_click_is_taken_back_at_once(client):
    client.start("Slow")
    click = client.click(positive=[CENTER])
    time.sleep(0.5)
    started = time.monotonic()
    client.undo(click)
    assert answer_to(client, click).kind == "dropped"
    assert time.monotonic() - started < 3.0
    client.start("Quick")  # and the session goes on
    assert answer_to(client, client.click(positive=[CENTER])).kind == "step"


def test_what_cannot_be_used_is_refused_and_the_session_goes_on(client):
    client.start()
    refused = answer_to(client, client.click(positive=[(900.0, 0.0, 0.0)]))
    assert refused.kind == "refused"
    assert "outside" in refused.message
    assert answer_to(client, client.click(positive=[CENTER])).kind == "step"


def test_clicks_after_a_start_that_is_refused_are_meant_for_nothing(client):
    start = client.start(box=(500.0, 500.0, 500.0, 600.0, 600.0, 600.0))
    assert "outside" in answer_to(client, start).message
    assert answer_to(client, client.click(positive=[CENTER])).kind == "dropped"
    client.start()
    assert answer_to(client, client.click(positive=[CENTER])).kind == "step"


def test_a_mask_that_cannot_be_read_is_refused_and_the_session_goes_on(client, tmp_path):
    (tmp_path / "damaged.nrrd").write_bytes(b"NRRD0004\n")
    colors = sitk.Image([4, 4, 4], sitk.sitkVectorUInt8, 3)
    sitk.WriteImage(colors, str(tmp_path / "colors.nrrd"))
    for name in ("damaged.nrrd", "colors.nrrd", "absent.nrrd"):
        answer = answer_to(client, client.start(previous=tmp_path / name))
        assert answer.kind == "refused"
        assert name in answer.message
    client.start()
    assert answer_to(client, client.click(positive=[CENTER])).kind == "step"


def test_a_foreground_that_cannot_be_read_is_bad_input(image, tmp_path):
    with pytest.raises(InputError, match=r"absent\.nrrd"):
        run(Request(image=image, folder=tmp_path, foreground=tmp_path / "absent.nrrd"))


def test_uncertainty_is_sent_where_there_is_some(client):
    client.start()
    answer_to(client, client.click(positive=[CENTER]))
    answer = answer_to(client, client.uncertainty())
    uncertainty = client.take_array(answer)
    assert uncertainty.dtype == np.float32
    assert uncertainty.max() == 0.5
    assert max(uncertainty.shape) < 20


def test_a_fault_ends_the_session_and_is_told(client):
    client.start("Broken")
    client.click(positive=[CENTER])
    end = time.monotonic() + 30
    while client.alive and time.monotonic() < end:
        time.sleep(0.02)
    assert not client.alive
    assert "a fault of the program" in client.error


def test_close_ends_the_process(image, tmp_path):
    client = GrowingClient(image, tmp_path / "session", command=child_command())
    client.start("Slow")
    client.click(positive=[CENTER])
    time.sleep(0.3)
    client.close()
    assert not client.alive
    commands = [json.loads(line) for line in (tmp_path / "session/exchange/commands.jsonl").read_text().splitlines()]
    assert commands[-1]["do"] == "end"
    client.close()  # once more does no harm


def test_the_command_end_ends_the_job_with_its_result(image, tmp_path, monkeypatch):
    monkeypatch.setattr(growing_worker, "open_session", lambda _request, image, _foreground: BallSession(image))
    exchange = Exchange(tmp_path)
    exchange.send(Command(number=1, do="start"))
    exchange.send(Command(number=2, do="undo", target=7))
    exchange.send(Command(number=3, do="end"))
    assert run(Request(image=image, folder=tmp_path)).clicks == 0
    assert [answer.kind for answer in exchange.answers()] == ["ready", "started", "undone"]


@pytest.mark.parametrize("content", [b"", b"no array at all", b"\x93NUMPY\x01\x00"])
def test_a_damaged_array_is_none_and_is_removed(tmp_path, content):
    (tmp_path / "array-1.npy").write_bytes(content)
    assert Exchange(tmp_path).take_array(Answer(number=1, kind="step", array="array-1.npy")) is None
    assert not (tmp_path / "array-1.npy").exists()


def test_an_image_that_is_absent_is_an_error(tmp_path):
    client = GrowingClient(tmp_path / "absent.nrrd", tmp_path / "session", command=child_command())
    end = time.monotonic() + 30
    while client.alive and time.monotonic() < end:
        time.sleep(0.02)
    assert "absent.nrrd" in client.error
    client.close()


def test_damaged_lines_stop_nothing(tmp_path):
    exchange = Exchange(tmp_path)
    exchange.send(Command(number=1, do="start"))
    with (tmp_path / "commands.jsonl").open("ab") as file:
        file.write(b"not json\n" + json.dumps({"number": 2}).encode() + b"\n" + b'{"number": 3')
    assert [command.number for command in exchange.commands()] == [1]
    assert exchange.commands() == []
    assert exchange.take_array(Answer(number=1, kind="step", array="../elsewhere.npy")) is None


def test_lines_are_read_when_they_are_complete(tmp_path):
    lines = AppendedLines(tmp_path / "file")
    assert lines.read() == []
    (tmp_path / "file").write_bytes(b"one\ntw")
    assert lines.read() == [b"one"]
    with (tmp_path / "file").open("ab") as file:
        file.write(b"o\n")
    assert lines.read() == [b"two"]


def test_the_box_of_nothing_is_none():
    assert box_of(np.zeros((3, 4, 5))) is None


@pytest.mark.slow
def test_the_network_answers_clicks(tmp_path):
    from MedDeepRegSegLib.volumes.phantoms import head_phantom

    phantom = head_phantom(1, spacing_mm=4.0, size=(48, 60, 56))
    sitk.WriteImage(phantom.mr, str(tmp_path / "image.nrrd"))
    place = next(point for name, point in phantom.landmarks.items() if "ventricle" in name.lower())
    client = GrowingClient(tmp_path / "image.nrrd", tmp_path / "session")
    try:
        client.start("Ventricles")
        answer = answer_to(client, client.click(positive=[tuple(place)]), seconds=120)
        assert answer.kind == "step"
        assert answer.volume_ml > 0
        mask = client.take_array(answer)
        index = np.array(phantom.mr.TransformPhysicalPointToIndex(place))[::-1] - answer.offset
        assert mask[tuple(index)] == 1
        assert answer_to(client, client.uncertainty()).array is not None
    finally:
        client.close()
