"""Runs a job folder with the example job kind registered: ``python run_example.py JOB_FOLDER``.

Also the package of jobs of an example case of a batch, which is imported where the case is run.
"""

import sys
from pathlib import Path

from MedDeepRegSegLib.jobs.inside import main
from MedDeepRegSegLib.jobs.registry import register_jobs

sys.path.insert(0, str(Path(__file__).parent))
register_jobs({"example": "example_job"})
if __name__ == "__main__":
    main()
