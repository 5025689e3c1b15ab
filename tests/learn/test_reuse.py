"""Which games are played by advice."""

import numpy as np
import pytest

from textmaze.learn.reuse import LEAST, Reuse


def share(reuse, draws=2000):
    rng = np.random.default_rng(0)
    for slot in range(draws):
        reuse.begin(slot, rng)
    return len(reuse.advised) / draws


def end(reuse, advised, discounted):
    """A game of one kind that ends so."""
    rng = np.random.default_rng(0)
    while True:
        reuse.begin(-1, rng)
        if (-1 in reuse.advised) == advised:
            reuse.reward(-1, discounted / 2, False)
            reuse.reward(-1, discounted / 2, True)
            return


def test_before_anything_is_known_half_of_the_games_are():
    assert share(Reuse()) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("better", [True, False])
def test_most_are_played_as_it_went_better_and_never_all(better):
    reuse = Reuse()
    for _ in range(5):
        end(reuse, better, 0.6)
        end(reuse, not better, 0.1)
    assert reuse.gain == pytest.approx(0.5 if better else -0.5)
    assert share(reuse) == pytest.approx(1 - LEAST if better else LEAST, abs=0.03)


def test_what_went_well_long_ago_no_longer_counts():
    reuse = Reuse()
    for discounted in (*[1.0] * 100, *[0.0] * 100):
        end(reuse, True, discounted)
    end(reuse, False, 0.1)
    assert reuse.gain == pytest.approx(-0.1)


def test_it_goes_on_where_another_one_was():
    before, after = Reuse(), Reuse()
    end(before, True, 0.3)
    end(before, False, 0.1)
    after.restore(before.state())
    assert after.state() == before.state() == [[0.3], [0.1]]


def test_advice_pays_until_games_without_it_are_better_by_more_than_chance_explains():
    reuse = Reuse()
    assert reuse.pays  # of nothing, nothing bad is known
    reuse.restore([[0.0, 0.0, 0.0], [0.0, 0.0, 0.3]])
    assert reuse.gain == pytest.approx(-0.1)
    assert reuse.pays  # one of three was lucky
    reuse.restore([[0.0, 0.0, 0.0], [0.2, 0.3, 0.3]])
    assert not reuse.pays
