"""Fixtures that every test may use."""

import gc
import locale
import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run: a failure can be repeated, and a passing suite passes again.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")
# Examples are also made of constants of the code that is loaded, which depends on the tests that a process ran before; and
# reading all that code takes longer than most tests. There is no setting for it, so versions that keep it elsewhere do it.
with suppress(ImportError):
    from hypothesis.internal.conjecture import providers

    if hasattr(providers, "_get_local_constants") and hasattr(providers, "_local_constants"):
        providers._get_local_constants = lambda: providers._local_constants

REPOSITORY = Path(__file__).resolve().parents[2]
SHARED_DATA = Path(os.environ.get("MEDDEEP_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))


def pytest_collection_finish():
    """Leave what stays to the end, modules and tests, out of the collections of garbage, which go through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared_data():
    """Folder of real images; the test is skipped where the folder is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real images are absent ({SHARED_DATA}); set MEDDEEP_SHARED_DATA to their folder")
    return SHARED_DATA


@pytest.fixture(scope="session")
def repository():
    """Root of the source tree."""
    return REPOSITORY


@pytest.fixture(autouse=True)
def utf8_is_kept():
    """Fail the test that takes UTF-8 from the process, not the next one that writes an umlaut."""
    before, encoding = locale.setlocale(locale.LC_CTYPE), locale.getencoding()
    yield
    if encoding == "UTF-8" and locale.getencoding() != encoding:
        after = locale.setlocale(locale.LC_CTYPE)
        locale.setlocale(locale.LC_CTYPE, before)
        pytest.fail(f"the locale was {before} and is {after}")
