"""`MazeEnv`: one game at a time, text in and text out."""

import string
from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from textmaze.catalog import load_game
from textmaze.errors import SettingError, UnknownNameError
from textmaze.game.mixture import step_limit
from textmaze.game.parser import LONGEST_LINE, read
from textmaze.game.recipe import SPLITS
from textmaze.game.table import Game, GameTable

CHARSET = string.ascii_letters + string.digits + string.punctuation + " \n"
LONGEST_TEXT = 16_384
KEPT_BYTES = 256_000_000  # of the tables that are kept where the number of games is set

PLAYER_INFOS = ("admissible_commands", "description", "inventory", "objective")
# What no player could read. An environment tells it only when asked, and never to an agent that learns.
PRIVILEGED_INFOS = ("distance", "best_command")


class MazeEnv(gymnasium.Env[str, str]):
    """One game at a time.

    Description: a player walks a maze, or any other text game, by typed commands.
    Observation: `Text`, what the player reads; after `reset` the objective and the description of the first room,
        after `step` the game's answer to the command.
    Actions: `Text`, a command such as `go north`. Any string is allowed: one that means nothing gets an answer, costs
        a step and changes nothing.
    Rewards: of the single step; in mazes 1 for the command that wins, else 0.
    Termination: `terminated` when the game is won or lost, `truncated` after `max_steps` commands,
        in a suite those of the game that is played.
    Info: `admissible_commands` (tuple of str), `description`, `inventory`, `objective` (str); on request `distance`
        (int, fewest commands to a win, -1 where none is left) and `best_command` (str, or None).
    Seeding: `reset(seed=n)` plays game number n of the split; a later `reset()` draws the number of the next game.

    Args:
        game: the name of a recipe or of a suite, a path to a game file, or a `Game`.
        split: `train`, `valid` or `test`.
        infos: what `info` shall hold.
        games: how many games there are to play: only the numbers 0 to games - 1 are drawn, and `seed=n` plays number
            n % games. Those that were played are kept, so that they begin again at once. None: as many as there are.
        settings: recipe settings to override, such as `rooms=9`.
    """

    metadata = {"render_modes": ["ansi", "human"], "render_fps": 4}  # noqa: RUF012 - Gymnasium's own convention

    def __init__(
        self,
        game: str | Game = "labyrinth",
        split: str = "train",
        *,
        infos: Sequence[str] = PLAYER_INFOS,
        games: int | None = None,
        render_mode: str | None = None,
        **settings: Any,
    ) -> None:
        self.game = found_game(game, settings)
        self.split = checked_split(split)
        self.infos = checked_infos(infos)
        self.games = checked_games(games)
        self.render_mode = render_mode
        self.observation_space = text_space(LONGEST_TEXT)
        self.action_space = text_space(LONGEST_LINE)
        self._text = ""
        self._kept: dict[int, GameTable] = {}
        self._kept_bytes = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        number = game_number(seed, self.np_random, self.games)
        self._table, self._limit = self._load(number), step_limit(self.game, number)
        self._state = self._table.start
        self._steps = 0
        return self._show(opening(self._table)), self._info()

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        self._state, answer, reward, terminated = take_step(self._table, self._state, action)
        self._steps += 1
        truncated = not terminated and self._steps >= self._limit
        return self._show(answer), reward, terminated, truncated, self._info()

    def render(self) -> str | None:
        if self.render_mode == "ansi":
            return self._text
        return None

    def _load(self, number: int) -> GameTable:
        table = self._kept.get(number)
        if table is None:
            table = self.game.table(self.split, number)
            if self.games is not None and self._kept_bytes + table_bytes(table) <= KEPT_BYTES:
                self._kept[number] = table
                self._kept_bytes += table_bytes(table)
        return table

    def _show(self, text: str) -> str:
        self._text = text
        if self.render_mode == "human":
            print(text, end="\n\n")
        return text

    def _info(self) -> dict[str, Any]:
        return {name: INFO[name](self._table, self._state) for name in self.infos}


INFO = {
    "admissible_commands": GameTable.admissible_commands,
    "description": lambda table, state: table.texts[table.description[state]],
    "inventory": lambda table, state: table.texts[table.inventory[state]],
    "objective": lambda table, state: table.texts[table.objective],
    "distance": lambda table, state: int(table.distance[state]),
    "best_command": GameTable.best_command,
}


def take_step(table: GameTable, state: int, action: str) -> tuple[int, str, float, bool]:
    """What an action comes to: the state that follows, the answer, the reward, and whether the game has ended."""
    column = table.command_index.get(action, -1)
    if column < 0:
        command, answer = read(action, table.commands, table.admissible_commands(state))
        if command is None:
            return state, answer, 0.0, bool(table.terminal[state])
        column = table.command_index[command]
    following = int(table.successor[state, column])
    answer = table.texts[table.feedback[state, column]]
    return following, answer, float(table.reward[state, column]), bool(table.terminal[following])


def opening(table: GameTable) -> str:
    """What a player reads first: the objective, and the place where the game begins."""
    return f"{table.texts[table.objective]}\n\n{table.texts[table.description[table.start]]}"


def table_bytes(table: GameTable) -> int:
    """About how much memory a table takes, with its share of a vector environment's arrays."""
    return 30 * table.successor.size + 600 * len(table.texts)


def game_number(seed: int | None, rng: np.random.Generator, games: int | None) -> int:
    """The number of the game to play: the seed where one is given, else one that is drawn; below `games`."""
    if games is None:
        return int(rng.integers(2**31)) if seed is None else seed
    return int(rng.random() * games) if seed is None else seed % games


def text_space(longest: int) -> spaces.Text:
    return spaces.Text(max_length=longest, min_length=0, charset=CHARSET)


def found_game(game: str | Game, settings: dict[str, Any]) -> Game:
    if isinstance(game, str):
        return load_game(game, settings)
    if settings:
        raise SettingError(f"{game.name} is made already, so its {next(iter(settings))} cannot be set any more.")
    return game


def checked_split(split: str) -> str:
    if split not in SPLITS:
        raise UnknownNameError("split", split, SPLITS)
    return split


def checked_games(games: int | None) -> int | None:
    if games is not None and (type(games) is not int or not 1 <= games <= 2**31):
        raise SettingError(f"games must be None or a whole number from 1 to {2**31:,}, not {games!r}.")
    return games


def checked_infos(infos: Sequence[str]) -> tuple[str, ...]:
    if isinstance(infos, str):
        raise SettingError(f"infos must be a list of names, not the text {infos!r}.")
    for name in infos:
        if name not in INFO:
            raise UnknownNameError("info", name, INFO)
    return tuple(infos)
