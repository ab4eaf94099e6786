"""Fixtures of the host for its own tests."""

from pathlib import Path

import pytest
from Host import slicer_source
from Host.fixtures import (  # noqa: F401 (fixtures)
    dialogs_shown,
    module,
    pip_calls_made,
    slicer_host,
    slicer_scene,
)

SAMPLE = Path(__file__).resolve().parent / "sample" / "HostSample.py"


@pytest.fixture
def sample(module):  # noqa: F811
    """The sample module, opened."""
    slicer_source.keep_parameter_nodes()
    return module(SAMPLE)
