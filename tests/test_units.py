"""Times, as people read them."""

import pytest

from textmaze.units import spell


@pytest.mark.parametrize(("seconds", "said"), [
    (0.0123, "12 ms"), (0.9996, "1.0 s"), (3.44, "3.4 s"), (59.96, "1 min 0 s"), (125, "2 min 5 s"),
    (3599.6, "1 h 0 min"), (4200, "1 h 10 min"), (100_000, "27 h 46 min"),
])
def test_times_are_told_for_people(seconds, said):
    assert spell(seconds) == said
