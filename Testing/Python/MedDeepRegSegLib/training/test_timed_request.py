"""What jobs are asked that train for a time, and what a person who canceled is told."""

import json
import subprocess
import sys
from pathlib import Path

from MedDeepRegSegLib.jobs.schema import from_json, to_json
from MedDeepRegSegLib.training import growing_job, masked_job
from MedDeepRegSegLib.training.run_folder import RUN


def test_requests_come_back_from_a_file_with_all_that_was_asked():
    for module, own in ((growing_job, {"clicks": 3}), (masked_job, {"scratch": True})):
        request = module.Request(Path("d.json"), Path("out"), steps=5, start=Path("model"), seed=4, **own)
        assert from_json(module.Request, json.loads(json.dumps(to_json(request)))) == request


def test_cancel_says_whether_a_run_was_kept(tmp_path):
    request = masked_job.Request(Path("d.json"), tmp_path / "out")
    assert "nothing was written" in request.if_canceled()
    (tmp_path / "out" / RUN).mkdir(parents=True)
    (tmp_path / "out" / RUN / "checkpoint.safetensors").touch()
    assert "was saved, and resume goes on with it" in request.if_canceled()


def test_a_request_is_made_without_pytorch():
    code = "import sys, MedDeepRegSegLib.training.masked_job; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
