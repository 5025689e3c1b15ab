"""Noise on what is read: how much of it, where, and always the same."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textmaze.catalog import load_game
from textmaze.env.noise import KINDS, SYNONYMS, Noise, Noisy, dropped, noisy, noisy_text, paraphrased, typos
from textmaze.env.rollout import Observation, rollout
from textmaze.errors import TextmazeError

ROOM = "-= Dusty Old Passage =-\nYou have come to a dusty old passage. Ways lead to the north and west. It is cold!"
RATES = st.floats(0, 1)
DIRECTIONS = {"north", "east", "south", "west", "up", "down", "left", "right", "forward", "back", "front"}


def rng(seed=0):
    return np.random.default_rng(seed)


def words(text):
    return re.findall(r"\S+", text)


class Idler:
    """Looks, and keeps all that it reads."""

    infos = ()

    def __init__(self):
        self.seen = []

    def begin(self, episodes):
        pass

    def act(self, observations):
        self.seen += observations
        return [observation.admissible[0] for observation in observations]


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)
@given(text=st.text(max_size=200))
def test_a_rate_of_nothing_changes_nothing_but_blanks(kind, text):
    assert words(KINDS[kind](text, 0.0, rng())) == words(text)


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)
@given(text=st.text(max_size=200), rate=RATES, seed=st.integers(0, 99))
def test_the_same_text_is_changed_in_the_same_way(kind, text, rate, seed):
    noise = Noise(**{kind: rate})
    assert noisy_text(text, noise, seed) == noisy_text(text, noise, seed)


@pytest.mark.parametrize(("change", "what"), [(typos, "word"), (dropped, "Sentence."), (paraphrased, "passage")])
@pytest.mark.parametrize("rate", [0.1, 0.5, 1.0])
def test_the_rate_is_the_share_that_is_changed(change, what, rate):
    found = change(" ".join([what] * 2000), rate, rng())
    assert words(found).count(what) / 2000 == pytest.approx(1 - rate, abs=0.09)  # a typo may give the same word


def test_a_typo_is_one_letter_left_out_doubled_wrong_or_moved():
    found = {typos("north", 1.0, rng(seed)) for seed in range(500)}
    assert {"nrth", "noorth", "nroth"} <= found
    assert {len(word) for word in found} == {4, 5, 6}
    assert typos("go to it", 1.0, rng()) == "go to it"  # too short


def test_sentences_are_dropped_whole_and_never_a_heading():
    heading, rest = ROOM.split("\n")
    sentences = re.findall(r"[^.!]+[.!]", rest)
    left = set()
    for seed in range(60):
        first, second = dropped(ROOM, 0.5, rng(seed)).split("\n")
        assert first == heading
        kept = [sentence for sentence in sentences if sentence.strip() in second]
        assert "".join(kept).strip() == second
        left.add(len(kept))
    assert left == {0, 1, 2, 3}
    assert dropped(ROOM, 1.0, rng()) == f"{heading}\n"


def test_other_words_keep_directions_headings_and_capitals():
    found = paraphrased(f"{ROOM}\nPassages lead north.", 1.0, rng(1)).split("\n")
    assert found[0] == "-= Dusty Old Passage =-"
    assert "north and west" in found[1]
    assert "passage" not in found[1]
    assert re.fullmatch("(Corridors|Ways) (run|go) north[.]", found[2])


def test_no_synonym_is_a_direction_or_another_article():
    for word, others in SYNONYMS.items():
        assert not DIRECTIONS & {word, *others}
        assert word not in others
        for other in others:
            assert (word[0] in "aeiou") == (other[0] in "aeiou")


def test_an_agent_reads_noise_and_may_do_what_it_could():
    game, plain, behind = load_game("signposts"), Idler(), Idler()
    clear = [record for round_ in rollout(game, plain, range(3), split="test") for record in round_]
    noise = Noisy(behind, Noise(typos=0.5), 3)
    changed = [record for round_ in rollout(game, noise, range(3), split="test") for record in round_]
    assert changed == clear  # what is recorded is what the game said
    for read, said in zip(behind.seen, plain.seen, strict=True):
        assert read.admissible == said.admissible
        assert read.objective == said.objective
        assert read.description != said.description
        assert (said.description in said.text) == (read.description in read.text)


def test_noise_depends_on_nothing_but_its_seed_and_the_text():
    game = load_game("signposts")
    seen = []
    for slots, seed in ((1, 3), (4, 3), (4, 4)):
        agent = Idler()
        list(rollout(game, Noisy(agent, Noise(typos=0.3, dropped=0.2, paraphrased=0.5), seed), range(4), split="test",
                     slots=slots))
        seen.append({(read.description, read.inventory) for read in agent.seen})
    assert seen[0] == seen[1] != seen[2]


def test_an_observation_without_a_description_is_read_too():
    agent = Idler()
    Noisy(agent, Noise(typos=1.0)).act([Observation(0, "Hello there", "", "", "objective", ("wait",))])
    assert agent.seen[0].text != "Hello there"


def test_an_agent_that_is_told_the_way_is_told_it_behind_noise_too():
    class Told(Idler):
        infos = ("best_command",)

    assert Noisy(Told(), Noise(typos=0.1)).infos == ("best_command",)


def test_no_noise_is_the_agent_itself():
    agent = Idler()
    assert noisy(agent, {}) is agent
    assert noisy(agent, {"typos": "0"}) is agent
    assert isinstance(noisy(agent, {"typos": "0.1"}), Noisy)


@pytest.mark.parametrize(("given", "sentence"), [
    ({"typo": "0.1"}, "There is no setting in noise named 'typo'; did you mean 'typos'?"),
    ({"typos": "2"}, "typos in noise must be from 0.0 to 1.0, not 2.0."),
    ({"dropped": "much"}, "dropped in noise must be a number, not 'much'."),
])
def test_noise_that_cannot_be_is_refused_in_one_sentence(given, sentence):
    with pytest.raises(TextmazeError) as refused:
        noisy(Idler(), given)
    assert sentence in str(refused.value)
