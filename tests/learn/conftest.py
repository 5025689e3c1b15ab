"""What tests of learners share."""

import pytest
from fakes import WordBag

from textmaze.learn import encoder


@pytest.fixture
def words(monkeypatch):
    monkeypatch.setitem(encoder.MODELS, "words", WordBag)
