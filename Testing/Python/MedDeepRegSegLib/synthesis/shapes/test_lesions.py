"""Lesions stay in the organ at their center."""

from MedDeepRegSegLib.synthesis.shapes.lesions import paint_lesions


def test_a_lesion_stays_in_its_organ(straight):
    painted = alike = 0
    for seed in range(30):
        canvas = straight(seed)
        canvas.labels[:, 16:] = organ = canvas.new_label()
        canvas.labels[:8] = 0
        before = canvas.labels.clone()
        paint_lesions(canvas)
        assert (canvas.labels[:8] == 0).all()  # none outside of the body
        for label in canvas.labels.unique().tolist():
            if label <= organ:
                continue
            under = before[canvas.labels == label].unique()
            assert len(under) == 1
            assert under.item() in (1, organ)
            painted += 1
            if label in canvas.alike:
                alike += 1
                assert canvas.alike[label] >= under.item()
    assert painted > 25
    assert 0 < alike < painted


def test_lesions_are_small(straight):
    for seed in range(10):
        canvas = straight(seed)
        paint_lesions(canvas)
        assert (canvas.labels != 1).float().mean() < 0.1
