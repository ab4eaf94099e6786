import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import Canceled
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.registration.filters import execute


def test_runs_and_is_canceled_before_and_while_it_works():
    image = sitk.GaussianSource(sitk.sitkFloat32, [64] * 3, [10.0] * 3, [32.0] * 3)
    smooth = sitk.MedianImageFilter()
    smooth.SetRadius(1)
    assert execute(smooth, image, cancel=CancelToken()).GetSize() == image.GetSize()
    assert execute(smooth, image).GetSize() == image.GetSize()
    token = CancelToken()
    slow = sitk.MedianImageFilter()
    slow.SetRadius(4)
    slow.AddCommand(sitk.sitkStartEvent, token.cancel)
    with pytest.raises(Canceled):
        execute(slow, image, cancel=token)
    with pytest.raises(Canceled):
        execute(smooth, image, cancel=token)


def test_an_error_of_the_filter_stays_an_error():
    shrink = sitk.BinShrinkImageFilter()
    shrink.SetShrinkFactors([0, 0, 0])
    with pytest.raises(RuntimeError):
        execute(shrink, sitk.Image(8, 8, 8, sitk.sitkFloat32), cancel=CancelToken())
