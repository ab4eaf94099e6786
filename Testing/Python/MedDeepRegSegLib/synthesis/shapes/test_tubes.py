"""Tubes are thin, long, and have their lumen inside."""

from scipy import ndimage

from MedDeepRegSegLib.synthesis.shapes.tubes import paint_tubes


def test_tubes_are_thin_and_long(straight):
    long = 0
    for seed in range(20):
        canvas = straight(seed)
        paint_tubes(canvas)
        tubes = (canvas.labels != 1).numpy()
        assert tubes.mean() < 0.25
        # No voxel of a tube is far from its outside (the radius is at most .12 of half a side; two may meet).
        assert ndimage.distance_transform_edt(tubes).max() < 8
        long += any(tubes.any(axis=others).all() for others in ((1, 2), (0, 2), (0, 1)))
    assert long > 5


def test_a_lumen_is_inside_of_its_wall(straight, monkeypatch):
    from MedDeepRegSegLib.synthesis.randomness import Randomness

    monkeypatch.setattr(Randomness, "chance", lambda *_: True)
    monkeypatch.setattr(Randomness, "log_uniform", lambda *_: 0.3)
    original = Randomness.integer
    monkeypatch.setattr(
        Randomness, "integer", lambda self, low, high: 1 if (low, high) == (0, 6) else original(self, low, high)
    )
    for seed in range(5):
        canvas = straight(seed)
        paint_tubes(canvas)
        wall, lumen = (canvas.labels == 2).numpy(), (canvas.labels == 3).numpy()
        assert lumen.any()
        grown = ndimage.binary_dilation(lumen)
        assert (wall | lumen)[grown].mean() > 0.95
        assert wall.sum() > 0.2 * lumen.sum()
