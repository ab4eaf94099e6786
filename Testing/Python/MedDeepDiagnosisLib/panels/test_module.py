"""The module file of MedDeep Diagnosis: its logic, its self-test, its packages."""

import pytest
import slicer


@pytest.mark.slow
def test_self_test_compares_two_nodules(module):
    module("MedDeepDiagnosis")
    slicer.selfTests["MedDeepDiagnosis"]()


def test_nothing_is_installed_when_the_panel_opens(module, pip_calls_made):
    module("MedDeepDiagnosis")
    assert len(pip_calls_made) == 0
