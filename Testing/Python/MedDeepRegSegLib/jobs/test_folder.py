import itertools
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.folder import PROTOCOL, EventReader, JobFolder, parse_event

GOOD = {"protocol": PROTOCOL, "job": "register", "owner": {"pid": 12, "stamp": None}, "request": {"fixed": "a"}}


@pytest.fixture
def folder(tmp_path):
    made = JobFolder(tmp_path / "job")
    made.create()
    return made


def test_request_round_trip_names_the_owner(folder, tmp_path, example):
    request = example.Request(out=Path("ä b/\udc80"), behavior="work")
    folder.write_request("example", request)
    envelope, data = folder.read_request()
    assert envelope.job == "example"
    assert envelope.owner.pid > 1
    assert data == {"out": "ä b/\udc80", "behavior": "work", "steps": 5}
    folder.write_request("example", request, owned=False)
    assert folder.read_request()[0].owner is None


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"protocol": 2}, "protocol: version 2, expected 1"),
        ({"protocol": "1"}, "protocol"),
        ({"protocol": True}, "protocol"),
        ({"job": 5}, "job"),
        ({"job": None}, "job"),
        ({"owner": {"pid": "1", "stamp": None}}, "owner.pid"),
        ({"owner": {"pid": 1}}, "owner.stamp"),
        ({"module": "os"}, "module: unknown field"),
    ],
)
def test_tampered_envelopes_are_refused_and_the_field_is_named(folder, change, names):
    folder.request.write_text(json.dumps({**GOOD, **change}))
    with pytest.raises(InputError) as caught:
        folder.read_request()
    assert str(caught.value).startswith(names)


@pytest.mark.parametrize("field", ["protocol", "job", "owner", "request"])
def test_missing_fields_of_the_envelope_are_named(folder, field):
    folder.request.write_text(json.dumps({name: value for name, value in GOOD.items() if name != field}))
    with pytest.raises(InputError, match=f"^{field}: missing field"):
        folder.read_request()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read"),
        (b"{", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (b"[]", "request: missing"),
        (b'{"job": "a", "job": "b", "request": {}}', "job: field is given twice"),
        (b'{"request": {"fixed": "a", "fixed": "b"}}', "fixed: field is given twice"),
    ],
)
def test_damaged_request_files_are_refused(folder, content, message):
    folder.request.write_bytes(content)
    with pytest.raises(InputError, match=message):
        folder.read_request()


def test_absent_request(folder):
    with pytest.raises(InputError, match="no request"):
        folder.read_request()


@given(st.binary(max_size=200))
def test_no_line_breaks_the_reader(line):
    event = parse_event(line)
    assert event is None or event.kind == event.data["type"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 400), max_size=8))
def test_events_arrive_whole_however_the_file_grows(tmp_path, cuts):
    path = tmp_path / "events.jsonl"
    path.unlink(missing_ok=True)
    sent = [{"type": "progress", "fraction": step / 10, "message": f"Schritt ä {step}"} for step in range(6)]
    text = b"".join(json.dumps(event, ensure_ascii=False).encode() + b"\n" for event in sent)
    reader = EventReader(path)
    assert reader.read() == []
    received = []
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    for start, stop in itertools.pairwise(edges):
        with path.open("ab") as file:
            file.write(text[start:stop])
        received += reader.read()
    assert [event.data for event in received] == sent


def test_log_tail(folder):
    assert folder.log_tail() == ""
    folder.log.write_text("ä" * 5000 + "end\n")
    assert folder.log_tail().endswith("end")
    assert len(folder.log_tail()) <= 2000
