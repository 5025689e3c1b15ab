"""The words that mattered: their weights add up to what was decided, and stand where the words do."""

import builtins
import itertools
from itertools import pairwise

import pytest
from fakes import tiny_bert

from textmaze.catalog import load_game, make_agent
from textmaze.env.rollout import rollout
from textmaze.errors import TextmazeError
from textmaze.learn import attribution
from textmaze.learn.attribution import attribute

pytest.importorskip("captum")


def decisions(agent, game, seed=0):
    """Each observation of an episode with the choice that was made, played on as they are asked for."""

    class Watched:
        infos = ()
        begin = agent.begin

        def act(self, observations):
            commands = agent.act(observations)
            found.append((observations[0], agent.choices[0]))
            return commands

    found = []
    for _ in rollout(game, Watched(), [seed], split="test", slots=1):
        yield found.pop()


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """An agent that cannot play, with a small encoder that reads."""
    return {"encoder": tiny_bert(tmp_path_factory.mktemp("bert")), "precision": "float32"}


@pytest.mark.parametrize("changes", [{}, {"pooling": "tokens"}, {"encoder_training": "lora"}, {"memory": 8},
                                     {"belief": True}])
def test_weights_and_gap_add_up_to_the_difference_of_the_values(reader, changes):
    agent = make_agent("bert_q", {**reader, **changes}, 0)[1]
    found = [(choice, attribute(agent, seen, choice, 16)) for (seen, choice), _ in
             zip(decisions(agent, load_game("signposts")), range(3), strict=False)]
    for choice, words in found:
        values = {command: max((value for plan, value in zip(choice.plans, choice.values.tolist(), strict=True)
                                if choice.commands[plan.first] == command), default=None)
                  for command in (words.best, words.second)}
        assert max(choice.values.tolist()) == values[words.best]
        assert words.difference == pytest.approx(values[words.best] - values[words.second], abs=1e-6)
        assert sum(words.shares.values()) + words.blank + words.gap == pytest.approx(words.difference, abs=1e-5)
        assert abs(words.gap) < 0.01  # a net so small and untrained is nearly linear
        assert words.shares["description"] == pytest.approx(sum(weight for _, _, weight in words.marks), abs=1e-5)


def test_the_same_choice_has_the_same_words_and_more_points_leave_a_smaller_gap(reader):
    agent = make_agent("bert_q", reader, 1)[1]
    some = list(itertools.islice(decisions(agent, load_game("signposts")), 6))
    few = [attribute(agent, *decision, 2) for decision in some]
    more = [attribute(agent, *decision, 32) for decision in some]
    assert attribute(agent, *some[0], 32) == more[0]
    # Of one choice two points may leave none by chance.
    assert sum(abs(words.gap) for words in more if words) < sum(abs(words.gap) for words in few if words)


def test_marks_stand_at_tokens_of_the_description_and_a_way_is_marked_where_it_is_named(reader):
    agent = make_agent("bert_q", reader, 0)[1]
    seen, choice = next(decisions(agent, load_game("signposts")))
    words = attribute(agent, seen, choice, 2)
    pieces = [seen.description[start:end] for start, end, _ in words.marks]
    assert all(piece and not piece.isspace() for piece in pieces)
    assert {command.removeprefix("go ") for command in seen.admissible} <= set(pieces)
    ends = [(start, end) for start, end, _ in words.marks]
    assert all(before[1] <= after[0] for before, after in pairwise(ends))


def test_where_there_is_but_one_thing_to_do_no_word_can_have_mattered(reader):
    agent = make_agent("bert_q", reader, 0)[1]
    game = load_game("corridor", {"rooms": 3})
    assert any(attribute(agent, seen, choice, 2) is None for seen, choice in decisions(agent, game))


def test_an_agent_that_cannot_read_is_refused():
    agent = make_agent("bert_q", {"encoder": "hash"}, 0)[1]
    seen, choice = next(decisions(agent, load_game("signposts")))
    with pytest.raises(TextmazeError, match="reads no words"):
        attribute(agent, seen, choice)


def test_a_missing_library_is_named(reader, monkeypatch):
    agent = make_agent("bert_q", reader, 0)[1]
    seen, choice = next(decisions(agent, load_game("signposts")))
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("captum"):
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(TextmazeError, match=r"textmaze\[explain\]"):
        attribute(agent, seen, choice)


def test_another_word_for_a_way_is_marked_as_the_way_itself():
    read, own = "Nettles stand to the north, it says.", "Nettles stand to the west, it says."
    weights = [(0, 7, 1.0), (21, 26, 2.0), (26, 27, 3.0), (28, 30, 4.0)]
    marked = attribution._aligned(read, own, weights)
    assert [own[start:end] for start, end, _ in marked][:1] == ["Nettles"]
    assert [own[start:end] for start, end, _ in marked][2:] == [",", "it"]
    assert own[marked[1][0] : marked[1][1]].startswith("west")
