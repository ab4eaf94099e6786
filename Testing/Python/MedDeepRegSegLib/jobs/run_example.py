"""Runs a job folder with the example job kind registered: ``python run_example.py JOB_FOLDER``."""

import sys
from pathlib import Path

from MedDeepRegSegLib.jobs.inside import main
from MedDeepRegSegLib.jobs.registry import register_jobs

sys.path.insert(0, str(Path(__file__).parent))
register_jobs({"example": "example_job"})
main()
