"""What tests of vector environments share."""

import pytest
from vectors import Alive

from textmaze.game import explore, live, story


@pytest.fixture
def alive(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTMAZE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(explore, "MAX_CELLS", 20)
    monkeypatch.setattr(live, "MOST_STATES", 5)
    story.LIVE_MEMORY.clear()
    yield Alive(tmp_path)
    story.LIVE_MEMORY.clear()
