"""Measures: counted by hand, and held against other ways to compute them."""

import dataclasses
import math

import pytest

from textmaze.catalog import load_agent, load_game
from textmaze.env.rollout import Leave, Observation, StepRecord, rollout
from textmaze.errors import TextmazeError
from textmaze.learn.evaluate import episodes_of, evaluate, play_episodes, summarise

GAME = load_game("corridor")
HERE = Observation(0, "text", "description", "inventory", "objective", ("go north",))


def shipped(name):
    module = load_agent(name)
    return module.make(module.Settings())


def episode(number, shortest, taken, won):
    """The records of an episode of `taken` steps that a shortest way would have won in `shortest`."""
    for step in range(1, taken + 1):
        last = step == taken
        yield StepRecord(
            "game", "test", number, number, step, HERE, "go north", float(last and won), last and won,
            last and not won, HERE, shortest if shortest < 0 else max(shortest - step + 1, 1), 0 if last and won else 1,
        )


def summary(*episodes):
    records = [record for number, args in enumerate(episodes) for record in episode(number, *args)]
    return summarise(records, "agent", "game", "test")


def wilson(wins, count, z=1.959963984540054):
    """Wilson's interval from its formula."""
    share = wins / count
    middle = share + z * z / (2 * count)
    reach = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return (middle - reach) / (1 + z * z / count), (middle + reach) / (1 + z * z / count)


@pytest.mark.parametrize(("wins", "count"), [(0, 1), (1, 1), (0, 10), (7, 10), (10, 10), (95, 100)])
def test_success_has_wilsons_interval(wins, count):
    result = summary(*[(2, 3, number < wins) for number in range(count)])
    assert result.success == wins / count
    assert (result.success_low, result.success_high) == pytest.approx(wilson(wins, count), abs=1e-9)


def test_spl_steps_and_shortest_by_hand():
    """Won in the fewest steps, won in twice as many, lost."""
    result = summary((4, 4, True), (3, 6, True), (5, 20, False))
    assert result.episodes == 3
    assert result.spl == pytest.approx((1 + 0.5 + 0) / 3)
    assert result.steps_mean == pytest.approx((4 + 6 + 20) / 3)
    assert result.shortest_mean == pytest.approx((4 + 3 + 5) / 3)


def test_lost_episodes_count_nothing_however_short():
    assert summary((5, 5, False)).spl == 0.0


def test_what_is_measured_against_the_fewest_steps_is_unknown_where_they_are():
    """As in a game that is played live: its distances are -1, but 0 where it is won."""
    won, lost = summary((-1, 4, True), (4, 4, True)), summary((-1, 4, False), (4, 4, True))
    assert (won.success, won.spl, won.shortest_mean) == (1.0, -1.0, -1.0)
    assert (lost.success, lost.spl, lost.shortest_mean) == (0.5, 0.5, -1.0)


def test_episodes_that_were_not_finished_do_not_count():
    finished, begun = list(episode(0, 2, 2, True)), list(episode(1, 9, 9, True))[:4]
    assert summarise(finished + begun, "agent", "game", "test") == summarise(finished, "agent", "game", "test")


def test_episodes_may_be_interleaved():
    one, two = list(episode(0, 2, 4, True)), list(episode(1, 3, 4, False))
    mixed = [record for pair in zip(one, two, strict=True) for record in pair]
    assert summarise(mixed, "agent", "game", "test") == summarise(one + two, "agent", "game", "test")


def test_a_result_is_plain_data():
    values = summary((4, 4, True)).to_dict()
    assert {type(value) for value in values.values()} == {str, int, float}
    assert set(values) >= {
        "agent", "game", "split", "episodes", "success", "success_low", "success_high", "spl", "steps_mean",
        "shortest_mean",
    }


def test_the_walkthrough_is_perfect_and_its_shortest_ways_are_those_of_the_tables():
    result = evaluate(shipped("walkthrough"), GAME, range(10, 20), name="walkthrough", split="valid")
    tables = [GAME.table("valid", seed) for seed in range(10, 20)]
    assert (result.success, result.spl, result.episodes) == (1.0, 1.0, 10)
    assert result.shortest_mean == pytest.approx(sum(int(t.distance[t.start]) for t in tables) / 10)
    assert (result.agent, result.game, result.split) == ("walkthrough", "corridor", "valid")


def test_every_agent_plays_the_same_games_for_the_same_seeds():
    labyrinth = load_game("labyrinth", {"rooms": 9})
    results = [evaluate(shipped(name), labyrinth, range(20), name=name) for name in ("walkthrough", "explorer")]
    assert results[0].shortest_mean == results[1].shortest_mean
    assert evaluate(shipped("explorer"), labyrinth, range(20), name="explorer") == results[1]


@pytest.mark.parametrize("slots", [1, 3, 64])
def test_how_many_games_are_played_at_once_does_not_matter(slots):
    labyrinth = load_game("labyrinth", {"rooms": 9})
    expected = evaluate(shipped("explorer"), labyrinth, range(12), name="explorer", slots=5)
    assert evaluate(shipped("explorer"), labyrinth, range(12), name="explorer", slots=slots) == expected


def test_evaluating_is_summing_up_a_rollout():
    rounds = rollout(GAME, shipped("explorer"), range(8)[::-1], split="test")
    records = [record for round_ in rounds for record in round_]
    result = evaluate(shipped("explorer"), GAME, range(8), name="explorer")
    assert result == summarise(records, "explorer", "corridor", "test")


def test_the_count_of_ended_episodes_rises_to_all_of_them():
    shown = []
    evaluate(shipped("walkthrough"), GAME, range(7), name="walkthrough", slots=2, show=shown.append)
    assert shown == sorted(shown)
    assert shown[-1] == 7


def test_a_game_that_prepares_is_told_which_games_will_be_played():
    class Prepared:
        name, max_steps = GAME.name, GAME.max_steps
        table = staticmethod(GAME.table)

        def prepare(self, split, seeds):
            self.told = split, list(seeds)

    game = Prepared()
    evaluate(shipped("walkthrough"), game, range(2, 5), name="walkthrough", split="valid")
    assert game.told == ("valid", [2, 3, 4])


def test_a_player_who_leaves_before_the_end_of_the_first_game_is_told_so_in_one_sentence():
    class Leaver:
        infos = ()

        def begin(self, episodes):
            pass

        def act(self, observations):
            raise Leave

    with pytest.raises(TextmazeError, match="No game was played to its end"):
        evaluate(Leaver(), GAME, range(3), name="human")


def test_steps_back_to_what_was_read_before_in_the_episode_are_counted():
    def seen(description):
        return dataclasses.replace(HERE, description=description)

    places = {0: "abacca", 1: "aaa"}  # what was read at first, and after each step
    records = [
        StepRecord("game", "test", 0, number, step, seen(path[step - 1]), "go", 0.0, False, step == len(path) - 1,
                   seen(path[step]), 1, 1)
        for number, path in places.items() for step in range(1, len(path))
    ]
    found = episodes_of(records[::-1][:2][::-1] + records[:-2])
    assert found.revisits.tolist() == [3, 2]
    assert found.steps.tolist() == [5, 2]


def test_episodes_stand_in_the_order_in_which_they_began():
    labyrinth = load_game("labyrinth", {"rooms": 9})
    found = play_episodes(shipped("explorer"), labyrinth, range(12), slots=5)
    fewest = [int(table.distance[table.start]) for table in (labyrinth.table("test", seed) for seed in range(12))]
    assert found.fewest.tolist() == fewest
    alone = [play_episodes(shipped("explorer"), labyrinth, [seed]).steps[0] for seed in range(12)]
    assert found.steps.tolist() == alone
