"""The episode loop: every game once and in order, and agents that are told no more than they may know."""

import itertools
import random

import pytest

from textmaze.catalog import load_game
from textmaze.env.rollout import Leave, rollout
from textmaze.env.single import PLAYER_INFOS, MazeEnv

CORRIDOR = load_game("corridor", {"max_steps": 8})


class Follower:
    """Goes the best way, or waits now and then, and writes down all that it is asked."""

    infos = ("best_command",)

    def __init__(self, patience=0.0, seed=0):
        self.begun, self.asked = [], []
        self.rng, self.patience = random.Random(seed), patience

    def begin(self, episodes):
        self.begun.append(list(episodes))

    def act(self, observations):
        self.asked.append(list(observations))
        return ["wait" if self.rng.random() < self.patience else o.best_command for o in observations]


class Wanderer(Follower):
    infos = ()

    def act(self, observations):
        self.asked.append(list(observations))
        return [self.rng.choice(o.admissible) for o in observations]


def episodes(rounds):
    """The records of each episode, by its number."""
    found = {}
    for record in itertools.chain.from_iterable(rounds):
        found.setdefault(record.episode, []).append(record)
    return found


@pytest.mark.parametrize("slots", [1, 2, 5, 16])
@pytest.mark.parametrize("count", [1, 2, 7, 16])
def test_every_seed_is_played_once_and_in_order(count, slots):
    seeds = [3 * number + 1 for number in range(count)]
    agent = Follower(patience=0.4)
    played = episodes(rollout(CORRIDOR, agent, seeds, split="train", slots=slots))
    assert [played[episode][0].seed for episode in sorted(played)] == seeds
    assert sorted(played) == list(range(count))
    for records in played.values():
        assert len({(r.seed, r.before.slot, r.split, r.game) for r in records}) == 1
        assert [r.step for r in records] == list(range(1, len(records) + 1))
        assert [r.ended for r in records] == [False] * (len(records) - 1) + [True]
    assert max(r.before.slot for records in played.values() for r in records) < min(slots, count)


def test_episodes_are_those_of_the_single_env():
    played = episodes(rollout(CORRIDOR, Wanderer(), range(9), split="test", slots=4))
    for records in played.values():
        env = MazeEnv(CORRIDOR, "test", infos=(*PLAYER_INFOS, "distance"))
        text, info = env.reset(seed=records[0].seed)
        for record in records:
            assert (record.before.text, record.distance) == (text, info["distance"])
            assert record.before.admissible == info["admissible_commands"]
            text, reward, terminated, truncated, info = env.step(record.command)
            assert (record.after.text, record.feedback, record.distance_after) == (
                text,
                text,
                info["distance"],
            )
            assert (record.reward, record.terminated, record.truncated) == (reward, terminated, truncated)
            after = record.after
            told = (after.admissible, after.description, after.inventory, after.objective)
            assert told == tuple(info[name] for name in PLAYER_INFOS)
            assert record.won == (reward == 1.0)


def test_what_was_read_after_one_step_is_read_before_the_next():
    for records in episodes(rollout(CORRIDOR, Wanderer(), range(9), split="train", slots=2)).values():
        for record, following in itertools.pairwise(records):
            assert record.after == following.before
            assert record.distance_after == following.distance


def test_an_agent_is_asked_once_a_round_for_just_the_games_that_go_on():
    agent = Follower(patience=0.5, seed=3)
    rounds = list(rollout(CORRIDOR, agent, range(7), split="train", slots=3))
    assert len(agent.asked) == len(rounds)
    for asked, records in zip(agent.asked, rounds, strict=True):
        slots = [o.slot for o in asked]
        assert len(set(slots)) == len(slots) > 0
        assert asked == [r.before for r in records]
    ended = {r.episode for records in rounds for r in records if r.ended}
    assert ended == set(range(7))


def test_an_agent_hears_of_each_beginning_before_it_is_asked():
    agent = Follower(patience=0.5, seed=3)
    log = []
    agent.begin = lambda slots: log.extend(("begin", slot) for slot in slots)
    for records in rollout(CORRIDOR, agent, range(7), split="train", slots=3):
        for record in records:
            if record.step == 1:
                # Its beginning was told, and not yet used up by another episode.
                assert ("begin", record.before.slot) in log
                log.remove(("begin", record.before.slot))
    assert log == []


def test_the_agents_own_list_of_slots_stays_as_it_was():
    agent = Follower()
    agent.begin = agent.begun.append  # keeps what it is given, not a copy
    list(rollout(CORRIDOR, agent, range(2), split="train", slots=2))
    assert list(agent.begun[0]) == [0, 1]


def test_only_an_agent_that_asks_for_it_sees_the_best_command():
    follower, wanderer = Follower(), Wanderer()
    told = list(rollout(CORRIDOR, follower, range(3), split="train"))
    untold = list(rollout(CORRIDOR, wanderer, range(3), split="train"))
    assert all(o.best_command for asked in follower.asked for o in asked)
    assert all(o.best_command is None for asked in wanderer.asked for o in asked)
    assert all(r.after.best_command is None for records in untold for r in records)
    assert all(r.won for records in told for r in records if r.ended)
    # Nor is there any other way to look: an observation holds what can be read, and no distance.
    assert set(type(wanderer.asked[0][0]).__slots__) == {
        "slot",
        "text",
        "description",
        "inventory",
        "objective",
        "admissible",
        "best_command",
    }


@pytest.mark.parametrize("when", [0, 1, 5])
def test_an_agent_that_leaves_ends_it_all(when):
    class Quitter(Wanderer):
        def act(self, observations):
            if len(self.asked) == when:
                raise Leave
            return super().act(observations)

    assert len(list(rollout(CORRIDOR, Quitter(), itertools.count(), split="train", slots=2))) == when


def test_an_agent_may_leave_before_it_begins():
    class Absent(Wanderer):
        def begin(self, episodes):
            raise Leave

    assert list(rollout(CORRIDOR, Absent(), range(3), split="train")) == []


def test_other_errors_of_an_agent_are_not_hidden():
    class Broken(Wanderer):
        def act(self, observations):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(rollout(CORRIDOR, Broken(), range(3), split="train"))


def test_an_agent_with_too_few_or_too_many_commands_is_an_error():
    class Confused(Wanderer):
        def act(self, observations):
            return ["look"] * (len(observations) + 1)

    with pytest.raises(ValueError, match="zip"):
        list(rollout(CORRIDOR, Confused(), range(3), split="train"))


def test_endless_seeds_are_drawn_only_as_they_are_needed():
    drawn = []

    def seeds():
        for seed in itertools.count():
            drawn.append(seed)
            yield seed

    rounds = rollout(CORRIDOR, Follower(), seeds(), split="train", slots=2)
    next(rounds)
    assert drawn == [0, 1]
    played = episodes(itertools.islice(rounds, 40))
    assert len(drawn) <= len(played) + 2


def test_without_seeds_nothing_is_played():
    agent = Follower()
    assert list(rollout(CORRIDOR, agent, [], split="train")) == []
    assert agent.begun == agent.asked == []


def test_one_agent_and_seed_give_the_same_records_every_time():
    first, second = (
        list(rollout(CORRIDOR, Wanderer(seed=5), range(6), split="train", slots=3)) for _ in range(2)
    )
    assert first == second


def test_words_that_mean_nothing_are_recorded_as_they_were_typed():
    class Babbler(Wanderer):
        def act(self, observations):
            return ["xyzzy" for _ in observations]

    records = [r for rounds in rollout(CORRIDOR, Babbler(), range(2), split="train") for r in rounds]
    assert {r.command for r in records} == {"xyzzy"}
    assert all(r.distance == r.distance_after for r in records)
    assert sum(r.truncated for r in records) == 2
