"""Games with too many states for a table, played live."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import stories

from textmaze.env.single import CHARSET, PRIVILEGED_INFOS, MazeEnv
from textmaze.errors import GameError
from textmaze.game import explore, live, story
from textmaze.game.live import LiveTable
from textmaze.game.recipe import Cooking, Simple, TreasureHunter
from textmaze.game.situation import StoryWorld
from textmaze.game.story import ChallengeGame, StoryGame
from textmaze.game.table import GameTable

INFOS = ("admissible_commands", "description", "inventory", "objective", *PRIVILEGED_INFOS)


pytestmark = pytest.mark.usefixtures("cache")


def world(path: Path) -> StoryWorld:
    return StoryWorld(path.read_bytes(), path.with_suffix(".json").read_bytes(), path.name)


def take_step(table: GameTable, state: int, command: str) -> tuple[int, str, float, bool]:
    column = table.command_index[command]
    target = int(table.successor[state, column])
    answer = table.texts[table.feedback[state, column]]
    return target, answer, float(table.reward[state, column]), bool(table.terminal[target])


def at(table: GameTable, *commands: str) -> int:
    state = table.start
    for command in commands:
        state, *_ = take_step(table, state, command)
    return state


def won(env: MazeEnv, commands: tuple[str, ...]) -> float:
    """Play these commands, of which the last must win, and return the sum of rewards."""
    assert commands
    total = 0.0
    for number, command in enumerate(commands):
        text, reward, terminated, truncated, info = env.step(command)
        assert text
        assert set(text) <= set(CHARSET)
        assert terminated == (number == len(commands) - 1), command
        assert not truncated
        assert info["distance"] == (0 if terminated else -1)
        assert info["best_command"] is None
        total += reward
    return total


def ways(table: GameTable) -> dict[int, list[str]]:
    """A way to each state of a table."""
    found = {table.start: list[str]()}
    for state in (queue := [table.start]):
        for column in np.flatnonzero(table.admissible[state]).tolist():
            target = int(table.successor[state, column])
            if target not in found:
                found[target] = [*found[state], table.commands[column]]
                queue.append(target)
    return found


def test_a_live_game_says_and_does_what_its_table_does(pantry: Path) -> None:
    table, alive = explore.explore(world(pantry)), LiveTable(world(pantry))
    assert table is not None
    assert set(table.commands) <= set(alive.commands)
    assert alive.texts[alive.objective] == table.texts[table.objective]
    for state, way in ways(table).items():
        other = at(alive, *way)
        assert alive.admissible_commands(other) == table.admissible_commands(state)
        assert alive.texts[alive.description[other]] == table.texts[table.description[state]]
        assert alive.texts[alive.inventory[other]] == table.texts[table.inventory[state]]
        assert alive.terminal[other] == table.terminal[state]
        assert alive.won[other] == table.won[state]
        for command in table.commands:
            (target, *ours), (its_target, *theirs) = take_step(table, state, command), take_step(alive, other, command)
            assert ours == theirs, (way, command)
            assert (target == state) == (its_target == other)


def test_a_game_with_too_many_states_is_played_live_and_says_so(
    pantry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explore, "MAX_CELLS", 20)
    game = StoryGame("x", pantry, 50)
    table = game.table("train", 0)
    assert isinstance(table, LiveTable)
    assert table.live
    assert "played live" in table.note
    assert table.shortest_way() == []
    assert table.walkthrough == ()  # its maker told none
    assert game.table("test", 7) is table
    story.LIVE_MEMORY.clear()
    monkeypatch.setattr(story, "explore", None)  # would raise if called
    again = game.table("train", 0)
    assert isinstance(again, LiveTable)
    assert again is not table


def test_a_game_that_turns_out_too_large_is_given_up(pantry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explore, "MAX_CELLS", 50)
    monkeypatch.setattr(StoryWorld, "guess", lambda self: 0.0)
    assert explore.explore(world(pantry)) is None


def test_what_one_player_reads_does_not_depend_on_what_others_did(tmp_path: Path) -> None:
    """What was dropped last is named first, though TextWorld's facts are the same again."""
    path = stories.attic(tmp_path)
    ways = ((), ("take plate", "drop plate"), ("take cup", "drop cup"))
    for order in (ways, ways[::-1]):
        table = LiveTable(world(path))
        found = {way: table.texts[table.description[at(table, *way)]] for way in order}
        assert "a cup and a plate" in found[ways[0]]
        assert "a plate and a cup" in found[ways[1]]
        assert "a cup and a plate" in found[ways[2]]


def test_memory_is_bounded_by_beginning_a_new_table(pantry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explore, "MAX_CELLS", 20)
    monkeypatch.setattr(live, "MOST_STATES", 4)
    env = MazeEnv(StoryGame("x", pantry, 50), infos=INFOS)
    env.reset()
    first = env._table
    for _ in range(3):
        for command in ("open white door", "close white door"):
            env.step(command)
    assert first.grown
    assert env.step("open white door")[0] == "You open white door."  # an episode goes on where it is
    env.reset()
    assert env._table is not first


def test_a_command_is_tried_once(pantry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = LiveTable(world(pantry))
    state = at(table, "open white door")
    monkeypatch.setattr(table._world, "interpreter", None)  # would raise if used
    assert at(table, "open white door") == state
    with pytest.raises(GameError):
        take_step(table, state, "go east")


def test_the_json_of_another_game_is_one_sentence_however_late_it_is_noticed(
    pantry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = LiveTable(world(pantry))
    monkeypatch.setattr(table._world, "deeds", lambda facts: {}["x"])
    with pytest.raises(GameError, match="is not that of this game"):
        table.admissible_commands(0)
    with pytest.raises(GameError, match="is not that of this game"):
        take_step(table, 0, "open white door")


def test_the_walkthrough_of_a_treasure_hunter_wins_and_is_not_shorter_than_the_shortest_way() -> None:
    recipe = TreasureHunter(level=10)
    files = stories.challenge(recipe)
    table = explore.explore(StoryWorld(*files, "hunter.z8"))
    assert table is not None
    alive = LiveTable(StoryWorld(*files, "hunter.z8"))
    state = at(alive, *alive.walkthrough)
    assert alive.won[state]
    assert 0 < len(table.shortest_way()) <= len(alive.walkthrough)
    assert table.won[at(table, *alive.walkthrough)]
    for state, way in ways(table).items():
        assert alive.admissible_commands(at(alive, *way)) == table.admissible_commands(state)


@pytest.mark.parametrize(
    "recipe",
    [Cooking(take=1, go=6, open=True, cook=True, cut=True), Simple(rewards="dense"), TreasureHunter(level=21)],
    ids=lambda recipe: recipe.challenge,
)
def test_textworlds_walkthrough_wins_in_the_environment(
    recipe: Cooking | Simple | TreasureHunter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(story, "make_files", stories.challenge)
    env = MazeEnv(ChallengeGame("x", recipe), infos=INFOS)
    _, info = env.reset(seed=0)
    table = env._table
    assert isinstance(table, LiveTable)
    assert info["distance"] == -1
    assert won(env, table.walkthrough) == sum(quest.reward for quest in table._world.game.quests if quest.win_events)
    assert env.step("look")[0] == "The game is over."


def test_a_custom_game_of_textworld_wins_by_its_walkthrough(tmp_path: Path) -> None:
    path = tmp_path / "custom.z8"
    maker = Path(sys.executable).with_name("tw-make")
    subprocess.run(
        [maker, "custom", "--world-size", "5", "--nb-objects", "10", "--quest-length", "5", "--seed", "4",
         "--output", path], check=True, capture_output=True, timeout=120,
    )
    game = StoryGame("custom", path, 50)
    env = MazeEnv(game, infos=INFOS)
    env.reset()
    table = env._table
    assert isinstance(table, LiveTable)
    assert won(env, table.walkthrough) == 1
