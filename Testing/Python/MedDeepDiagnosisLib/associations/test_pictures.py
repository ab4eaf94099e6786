"""The network and the heat map: nothing overlaps, and what is drawn is what was found."""

import itertools
import math

import numpy as np
import pytest

from MedDeepDiagnosisLib.associations.pair_measures import Estimate
from MedDeepDiagnosisLib.associations.pairs import Association
from MedDeepDiagnosisLib.associations.pictures import (
    MOST_EDGES,
    MOST_NODES,
    chosen_columns,
    heat_map,
    network,
    order_columns,
    shortened,
    told,
)
from MedDeepDiagnosisLib.associations.table import Column


def made_up(count, seed=0, q=0.001):
    generator = np.random.default_rng(seed)
    columns = [Column(f"c{n}", f"A long title of column {n}", "number", "abc"[n * 3 // count]) for n in range(count)]
    pairs = [
        Association(
            one.name,
            two.name,
            (Estimate("Spearman", float(generator.uniform(-1, 1)), -1, 1, "", q, "", q),),
            50,
            50,
            0,
        )
        for one, two in itertools.combinations(columns, 2)
    ]
    return columns, pairs


@pytest.mark.parametrize("count", [2, 3, 7, 18, 40, 55])
def test_labels_never_overlap_and_stay_inside(count):
    picture = network(*made_up(count))
    boxes = []
    for node in picture.nodes:
        length = 7.4 * len(node.label)  # wide letters at 14 pixels
        left = node.label_x - length if node.left else node.label_x
        boxes.append((left, node.y - 8, left + length, node.y + 8))
        boxes.append((node.x - 9, node.y - 9, node.x + 9, node.y + 9))
        assert left >= 0
        assert left + length <= picture.width
        assert 8 <= node.y <= picture.height - 8
    for one, two in itertools.combinations(boxes, 2):
        apart = one[2] <= two[0] or two[2] <= one[0] or one[3] <= two[1] or two[3] <= one[1]
        assert apart, (one, two)
    assert len(picture.nodes) == min(count, MOST_NODES)
    assert picture.left_out == max(count - MOST_NODES, 0)


def test_lines_say_strength_and_sign(experience):
    columns, pairs = experience.table.columns, experience.associations.pairs
    picture = network(columns, pairs)
    below = [pair for pair in pairs if pair.q < 0.05]
    assert len(picture.edges) == len(below)
    labels = {column.name: column.label for column in columns}
    edges = {edge.told: edge for edge in picture.edges}
    for pair in below:
        edge = edges[told(pair, labels)]
        assert edge.width == pytest.approx(1 + 7 * pair.strength, abs=0.01)
        assert edge.sign == ("none" if not pair.main.signed else "up" if pair.main.value >= 0 else "down")
    widths = [edge.width for edge in picture.edges]
    assert widths == sorted(widths), "the strongest on top"
    linked = {name for pair in below for name in (pair.first, pair.second)}
    assert {node.full for node in picture.nodes if node.linked} == {labels[name] for name in linked}


def test_only_the_strongest_lines_are_drawn_and_none_without_discovery():
    columns, pairs = made_up(20)
    picture = network(columns, pairs)
    assert (len(picture.edges), picture.hidden) == (MOST_EDGES, len(pairs) - MOST_EDGES)
    assert network(*made_up(20, q=0.2)).edges == ()


def test_groups_lie_together_and_partners_are_neighbors():
    columns, pairs = made_up(12)
    shown = order_columns(columns, pairs)
    assert [key for key, _ in itertools.groupby(shown, key=lambda column: column.group)] == ["a", "b", "c"]
    strong = Association("c0", "c3", (Estimate("Spearman", 0.99, 0, 1, "", 0, "", 0.0),), 9, 9, 0)
    weak = [
        Association(one.name, two.name, (Estimate("Spearman", 0.1, 0, 1, "", 0, "", 0.0),), 9, 9, 0)
        for one, two in itertools.combinations(columns[:4], 2)
        if (one.name, two.name) != ("c0", "c3")
    ]
    names = [column.name for column in order_columns(columns[:4], [strong, *weak])]
    assert abs(names.index("c0") - names.index("c3")) == 1


def test_heat_map_cells_do_not_overlap_and_weak_ones_are_small(experience):
    picture = heat_map(experience.table.columns, experience.associations.pairs)
    assert len(picture.cells) == 2 * len(experience.associations.pairs)
    for cell in picture.cells:
        middle = (cell.x + cell.size / 2 - picture.left) / picture.size
        assert middle % 1 == pytest.approx(0.5, abs=0.01)
        assert cell.size < picture.size
        assert bool(cell.text) == (cell.size > picture.size / 2)
    assert picture.width > picture.left + picture.size * 8
    assert len({cell.color for cell in picture.cells}) > 5


def test_many_columns_keep_those_with_strong_links():
    columns, pairs = made_up(50)
    for pair in pairs:
        if "c7" in (pair.first, pair.second):
            object.__setattr__(pair, "estimates", (Estimate("Spearman", 0.001, 0, 1, "", 0, "", 0.5),))
    kept = chosen_columns(columns, pairs)
    assert len(kept) == MOST_NODES
    assert "c7" not in {column.name for column in kept}


def test_words(experience):
    assert shortened("short") == "short"
    assert len(shortened("x" * 60)) == 34
    pair = Association("a", "b", (), 3, 3, 0, note="not measured")
    assert told(pair, {"a": "A", "b": "B"}) == "A and B: not measured"
    undefined = Association("a", "b", (Estimate("phi", -0.25, math.nan, math.nan, "", 1, "", math.nan),), 3, 3, 0)
    assert told(undefined, {"a": "A", "b": "B"}) == "A and B: phi −0.25, not tested, 3 rows"
