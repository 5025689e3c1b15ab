"""What tests of TextWorld's games share."""

from pathlib import Path

import pytest
import stories

from textmaze.game import story


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache folder, empty; and nothing of earlier games is in memory."""
    monkeypatch.setenv("TEXTMAZE_CACHE", str(tmp_path / "cache"))
    story.MEMORY.clear()
    story.LIVE_MEMORY.clear()
    return tmp_path / "cache"


@pytest.fixture
def pantry(tmp_path: Path) -> Path:
    """The .z8 of `stories.pantry`."""
    (tmp_path / "games").mkdir()
    return stories.pantry(tmp_path / "games")
