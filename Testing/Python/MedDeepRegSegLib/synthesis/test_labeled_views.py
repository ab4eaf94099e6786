"""Images of label maps with the part at every voxel: what is asked, on which side, and what is not shown."""

import numpy as np
import pytest
import torch

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.synthesis.labeled_views import LEFT, NO_SIDE, RIGHT, UNKNOWN, LabeledViews, ViewSettings
from MedDeepRegSegLib.synthesis.parts import BRAIN_PARTS, Part, check_parts
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.real_maps import RealMaps
from MedDeepRegSegLib.synthesis.tissue_contrast import draw_tissue_contrast

PARTS = (Part("fluid", (24,), shown=False), Part("brain", (2,), (41,)), Part("stem", (16,)))
STILL = {"rotation_degrees": 0.0, "stretch": 0.0, "bend": 0.0, "shift": 0.0, "spacing_mm": (1.0, 1.0)}


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    """A head in LPS: skull, fluid, two halves of a brain (left at higher x) around a stem, and a vessel."""
    path = tmp_path_factory.mktemp("maps") / "maps.npz"
    z, y, x = np.meshgrid(*[np.arange(48)] * 3, indexing="ij")
    away = np.maximum.reduce([abs(z - 24), abs(y - 24), abs(x - 24)])
    stem = (abs(y - 24) < 4) & (abs(x - 24) < 4) & (away < 12)
    vessel = (z == 30) & (y == 30) & (abs(x - 30) < 3)
    head = np.select([vessel, stem, (away < 12) & (x < 24), away < 12, away < 15, away < 18], [6, 3, 2, 1, 4, 5], 0)
    np.savez_compressed(path, values=np.array([0, 2, 41, 16, 24, 515, 30]), map0=head.astype(np.uint8))
    return path


def views(maps, **settings):
    return LabeledViews(maps, PARTS, (30,), ViewSettings(**{**STILL, **settings}))


def test_parts_and_sides_are_those_of_the_map_also_where_it_is_mirrored(maps):
    source = views(maps, stripped_fraction=0.0)
    for seed in range(6):  # about half of them are mirrored
        view = source.draw((48, 48, 48), Randomness(seed))
        assert set(view.classes.unique().tolist()) <= {UNKNOWN, 0, 1, 2, 3}
        brain = view.classes == 2
        x = torch.arange(48).expand(48, 48, 48)
        middle = x[brain].float().mean()
        # Left is where x is high, whatever was mirrored.
        assert ((view.sides == LEFT) & (x < middle - 1)).sum() == 0
        assert ((view.sides == RIGHT) & (x > middle + 1)).sum() == 0
        assert (view.sides[brain] != NO_SIDE).all()
        assert (view.sides[view.classes == 3] == NO_SIDE).all()


def test_some_views_are_mirrored(maps):
    source = views(maps, stripped_fraction=0.0)
    beside = [source.draw((48, 48, 48), Randomness(seed)).classes for seed in range(8)]
    vessel = [float((part == UNKNOWN).nonzero()[:, 2].float().mean()) for part in beside]
    assert min(vessel) < 20
    assert max(vessel) > 28


def test_a_stripped_view_shows_nothing_beside_the_brain(maps):
    source = views(maps, stripped_fraction=1.0)
    view = source.draw((48, 48, 48), Randomness(1))
    away = torch.stack(torch.meshgrid(*[(torch.arange(48) - 24).abs()] * 3, indexing="ij")).amax(dim=0)
    assert (view.image[away > 17] == view.image[0, 0, 0]).all()
    assert (view.classes[away > 17] == 0).all()


def test_the_same_seed_gives_the_same_view(maps):
    source = LabeledViews(maps, PARTS)
    one, other = (source.draw((32, 32, 32), Randomness(3, 4)) for _ in range(2))
    assert torch.equal(one.image, other.image)
    assert torch.equal(one.classes, other.classes)
    assert one.image.isfinite().all()
    assert one.image.min() >= 0
    assert one.image.max() <= 1


def test_parts_that_the_maps_lack_are_named(maps):
    with pytest.raises(InputError, match=r"none of the labels .* of 'thalamus'"):
        LabeledViews(maps, (Part("thalamus", (10,), (49,)),))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((), "no part is to be shown"),
        ((Part("a", (1,), shown=False),), "no part is to be shown"),
        ((Part("a", (1,)), Part("a", (2,))), "no name of its own"),
        ((Part("a", ()),), "no labels"),
        ((Part("a", (1,)), Part("b", (2,), (1,))), "label 1 belongs to 'a' and 'b'"),
        ((Part("a", (0,)),), "label 0"),
    ],
)
def test_parts_that_cannot_be_told_apart_are_refused(parts, message):
    with pytest.raises(InputError, match=message):
        check_parts(parts)


def test_the_parts_of_the_brain_are_sound():
    check_parts(BRAIN_PARTS)
    assert sum(part.shown for part in BRAIN_PARTS) == 16


def test_tissues_have_the_order_of_their_kind_of_image(maps):
    packed = RealMaps(maps)
    for seed in range(10):
        random = Randomness(seed)
        label_map = packed.whole(random)
        white, fluid, bone = (packed.values.index(value) for value in (2, 24, 515))
        t1 = draw_tissue_contrast(label_map, packed.values, random, "t1").mean
        t2 = draw_tissue_contrast(label_map, packed.values, random, "t2").mean
        ct = draw_tissue_contrast(label_map, packed.values, random, "ct").mean
        assert t1[white] > t1[fluid]
        assert t2[white] < t2[fluid]
        assert ct[fluid] < ct[white] < ct[bone]
        assert ct[0] == 0
