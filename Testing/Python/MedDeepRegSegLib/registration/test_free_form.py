import numpy as np
import pytest

from MedDeepRegSegLib.jobs.progress import no_progress
from MedDeepRegSegLib.registration.canonical import CanonicalImage
from MedDeepRegSegLib.registration.fields import smallest_determinant
from MedDeepRegSegLib.registration.free_form import fit_deformation
from MedDeepRegSegLib.registration.linear import Linear


@pytest.mark.slow
def test_a_deformation_that_would_fold_is_held_back_and_says_so(pair, fast):
    # Hardly any stiffness and a start that is 40 mm off: the free optimum folds.
    fixed, moving = CanonicalImage(pair.fixed.ct), CanonicalImage(pair.moving.mr)
    wrong = Linear(np.eye(3), np.array([0.0, 40.0, 0.0]), np.zeros(3))
    settings = fast(stiffness=1e-5, control_spacing_mm=(15.0,), iterations=12)
    found = fit_deformation(fixed, moving, wrong, settings, progress=no_progress, cancel=None)
    assert smallest_determinant(found.field, found.grid.spacing) > 0
    assert any("fold" in note for note in found.notes)
