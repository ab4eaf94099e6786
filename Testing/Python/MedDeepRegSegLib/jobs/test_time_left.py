"""The time left is told by how fast a job has been of late, and only once that is known."""

import pytest

from MedDeepRegSegLib.jobs.time_left import TimeLeft


class Clock:
    """Stands still until it is moved."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_a_steady_job_ends_when_it_is_said_to(clock):
    left = TimeLeft(clock)
    for second in range(1, 11):
        clock.now += 1.0
        left.update(0.05 * second)
    assert left.seconds() == pytest.approx(10.0)
    clock.now += 3.0  # nothing was told since: time goes on
    assert left.seconds() == pytest.approx(7.0)
    clock.now += 30.0
    assert left.seconds() == 0.0


def test_nothing_is_said_too_early(clock):
    left = TimeLeft(clock)
    assert left.seconds() is None
    clock.now += 2.0
    left.update(0.5)
    assert left.seconds() is None  # two seconds tell little
    left = TimeLeft(clock)
    clock.now += 60.0
    left.update(0.01)
    assert left.seconds() is None  # so does one hundredth


def test_how_fast_it_was_at_first_is_forgotten(clock):
    """Half of the work in ten seconds, then a hundredth a second: what is left takes as long as it has taken of late."""
    left = TimeLeft(clock)
    clock.now += 10.0
    left.update(0.5)
    assert left.seconds() == pytest.approx(10.0)
    for hundredth in range(1, 21):
        clock.now += 1.0
        left.update(0.5 + 0.01 * hundredth)
    assert left.seconds() == pytest.approx(30.0)


def test_fractions_that_go_back_change_nothing(clock):
    left = TimeLeft(clock)
    clock.now += 10.0
    left.update(0.5)
    left.update(0.2)
    left.update(0.5)
    assert left.seconds() == pytest.approx(10.0)
