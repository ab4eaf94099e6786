"""Cut fields of view: the mask says exactly where the image is left."""

import torch

from MedDeepRegSegLib.synthesis.effects.field_of_view import cut_field_of_view
from MedDeepRegSegLib.synthesis.randomness import Randomness


def test_the_mask_is_exact():
    values = set()
    for seed in range(40):
        random = Randomness(seed)
        image = 2 + random.rand(20, 16, 24)  # no voxel has the value that shows nothing
        result, valid = cut_field_of_view(image, random)
        assert valid.dtype == torch.bool
        assert torch.equal(result[valid], image[valid])
        empty = result[~valid].unique()
        assert len(empty) == 1
        assert 0 <= empty.item() < 1
        values.add(empty.item())
    assert 0.0 in values
    assert len(values) > 3


def test_slabs_are_cut_and_a_box_is_left():
    kept = []
    for seed in range(60):
        _, valid = cut_field_of_view(torch.ones(20, 16, 24), Randomness(seed))
        along = [valid.any(dim=others[1]).any(dim=others[0]) for others in ((1, 2), (0, 2), (0, 1))]
        box = along[0][:, None, None] & along[1][None, :, None] & along[2][None, None, :]
        assert torch.equal(box, valid)
        for part in along:
            inside = torch.nonzero(part).flatten()
            assert inside[-1] - inside[0] + 1 == len(inside)
            assert len(inside) >= 0.5 * len(part)
        assert not valid.all()
        kept.append(valid.float().mean().item())
    assert min(kept) > 0.4
    assert max(kept) > 0.9
