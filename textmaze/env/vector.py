"""`MazeVectorEnv`: many games at once. One step of all of them is a handful of array look-ups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import getitem
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from textmaze.env.pool import Place, TablePool
from textmaze.env.single import (
    INFO,
    KEPT_BYTES,
    LONGEST_TEXT,
    PLAYER_INFOS,
    checked_games,
    checked_infos,
    checked_split,
    found_game,
    game_number,
    take_step,
    text_space,
)
from textmaze.errors import SettingError
from textmaze.game.mixture import step_limit
from textmaze.game.parser import LONGEST_LINE, read
from textmaze.game.table import Game, GameTable

Strings = tuple[str, ...]
_Step = tuple[Strings, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]

# Of tables that nobody plays, where the number of games is not set: those of some 250 mazes of 25 rooms.
SPARE_BYTES = 8_000_000
_NO_SLOTS = np.zeros(0, dtype=np.intp)


@dataclass(slots=True)
class _Live:
    """A game that is played live: its table, which grows, and the state in it."""

    table: GameTable
    state: int


class MazeVectorEnv(VectorEnv[Strings, Sequence[str], NDArray[Any]]):
    """`num_envs` games stepped together; slot i behaves like a `MazeEnv` reset with seed i's seed.

    The tables that are played lie in a pool, each once; a slot is but a state in it. So a step of all slots is one
    look-up for each kind of result, and to begin a game whose table lies there takes a microsecond. Tables that nobody
    plays any more are dropped when they take more memory than those that are played, and more than 8 MB (256 MB where
    `games` is set). So the memory that tables take is bounded by twice what the played ones take, or by so much more.
    A game that is played live has no such table: its slot makes the step of `MazeEnv`, some hundred times as slow.

    Args:
        num_envs: how many games are played at once.
        autoreset_mode: what follows the end of an episode, as Gymnasium defines it. With `DISABLED` the caller
            resets slots by `reset(options={"reset_mask": mask})`.
        game, split, infos, games, settings: as for `MazeEnv`.
    """

    def __init__(
        self,
        num_envs: int = 1,
        game: str | Game = "labyrinth",
        split: str = "train",
        *,
        infos: Sequence[str] = PLAYER_INFOS,
        games: int | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        **settings: Any,
    ) -> None:
        super().__init__()
        if num_envs < 1:
            raise SettingError(f"num_envs must be at least 1, not {num_envs}.")
        self.game = found_game(game, settings)
        self.split = checked_split(split)
        self.infos = checked_infos(infos)
        self.games = checked_games(games)
        self.num_envs = num_envs
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {"autoreset_mode": self.autoreset_mode, "render_modes": []}
        self.single_observation_space = text_space(LONGEST_TEXT)
        self.single_action_space = text_space(LONGEST_LINE)
        # What Gymnasium's `batch_space` makes, but that has a space of 24 kB for each slot, all of them equal.
        self.observation_space = spaces.Tuple([self.single_observation_space] * num_envs)
        self.action_space = spaces.Tuple([self.single_action_space] * num_envs)

        spare = SPARE_BYTES if games is None else KEPT_BYTES
        self._pool = TablePool(lambda number: self.game.table(self.split, number), self.infos, spare)
        self._rngs: list[np.random.Generator | None] = [None] * num_envs
        self._places: list[Place | None] = [None] * num_envs
        self._live: dict[int, _Live] = {}  # what is played live, by its slot
        self._columns_of: list[Mapping[str, int]] = [{}] * num_envs
        self._states = np.zeros(num_envs, dtype=np.intp)  # in the pool; arrays look up fastest by this type
        self._rows = np.zeros(num_envs, dtype=np.intp)  # where its cells begin
        self._clock = 0  # steps taken
        self._cut_off = np.zeros(num_envs, dtype=np.int64)  # by the clock
        self._ended = np.zeros(num_envs, dtype=bool)
        self._shown: Strings = ("",) * num_envs  # what each slot's player read last
        self._every = np.ones(num_envs, dtype=bool)

    @property
    def tables(self) -> list[GameTable | None]:
        """What each slot plays; None where no game has begun."""
        return [place.table if place else None for place in self._places]

    @property
    def state(self) -> NDArray[np.int64]:
        """The state of each slot in its own table."""
        states = self._states - self._first_states()
        for slot, game in self._live.items():
            states[slot] = game.state
        return states

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Strings, dict[str, Any]]:
        """Begin a game in every slot, or in those of `options["reset_mask"]`. An int seeds slot i with seed + i.

        What is returned for the other slots is what they showed last; the masks in info leave them out.
        """
        mask = np.asarray((options or {}).get("reset_mask", self._every))
        if mask.shape != (self.num_envs,) or mask.dtype != bool:
            raise SettingError(f"reset_mask must be an array of {self.num_envs} bools.")
        seeds = [seed + i for i in range(self.num_envs)] if isinstance(seed, int) else seed
        if seeds is not None and len(seeds) != self.num_envs:
            raise SettingError(f"seed must be one number, or {self.num_envs} of them, not {len(seeds)}.")
        slots = mask.nonzero()[0]
        texts = np.array(self._shown, dtype=object)
        texts[slots] = self._begin(slots, seeds)
        self._shown = tuple(texts.tolist())
        return self._shown, self._info(mask)

    def step(self, actions: Sequence[str]) -> _Step:
        """One command for each slot."""
        pool = self._pool
        fresh = self._ended.nonzero()[0] if self.autoreset_mode == AutoresetMode.NEXT_STEP else _NO_SLOTS
        columns, answers = self._read(actions)
        cells = pool.cell.take(self._rows + columns)
        texts = pool.text(cells["text"].astype(np.intp))
        for slot, answer in answers.items():
            texts[slot] = answer
        rewards = cells["reward"].astype(np.float64)
        self._states, self._rows = cells["state"].astype(np.intp), cells["row"].astype(np.intp)
        self._clock += 1
        terminated = pool.terminal[self._states]
        for slot, game in self._live.items():
            if slot not in fresh:
                done = take_step(game.table, game.state, actions[slot])
                game.state, texts[slot], rewards[slot], terminated[slot] = done
        truncated = (self._cut_off <= self._clock) & ~terminated
        if len(fresh):
            texts[fresh] = self._begin(fresh)
            rewards[fresh] = 0.0
            terminated[fresh] = truncated[fresh] = False
        self._ended = terminated | truncated
        final: dict[str, Any] = {}
        if self.autoreset_mode == AutoresetMode.SAME_STEP and np.count_nonzero(self._ended):
            ended = self._ended.copy()  # `_begin` clears it
            final = {"final_obs": np.where(ended, texts, np.array(None)), "final_info": self._info(ended)}
            final |= {f"_{name}": ended.copy() for name in tuple(final)}
            slots = ended.nonzero()[0]
            texts[slots] = self._begin(slots)
        self._shown = tuple(texts.tolist())
        return self._shown, rewards, terminated, truncated, self._info(self._every) | final

    def _begin(self, slots: NDArray[Any], seeds: Sequence[int | None] | None = None) -> list[str]:
        """Put games into these slots and return what their players read first."""
        if self._pool.crowded:
            self._make_room()
        numbers = []
        for slot in slots.tolist():
            seed = None if seeds is None else seeds[slot]
            rng = self._rngs[slot]
            if rng is None or seed is not None:
                rng = self._rngs[slot] = gymnasium.utils.seeding.np_random(seed)[0]
            numbers.append(game_number(seed, rng, self.games))
        places = [self._pool.place(number) for number in numbers]
        # Only now that every table has been made, as that may fail.
        for slot, place in zip(slots.tolist(), places, strict=True):
            self._places[slot], self._columns_of[slot] = place, place.columns
            self._live.pop(slot, None)
            if place.table.live:
                self._live[slot] = _Live(place.table, place.table.start)
        self._states[slots] = [place.first_state + place.table.start for place in places]
        self._rows[slots] = [place.row(place.table.start) for place in places]
        self._cut_off[slots] = [self._clock + step_limit(self.game, number) for number in numbers]
        self._ended[slots] = False
        return [place.opening for place in places]

    def _make_room(self) -> None:
        """Have the pool drop the tables that no slot plays, which moves the others."""
        state = self._states - self._first_states()
        self._pool.keep_only({place for place in self._places if place})
        self._states = state + self._first_states()
        played = zip(self._places, state.tolist(), strict=True)
        self._rows = np.array([place.row(state) if place else 0 for place, state in played])

    def _first_states(self) -> NDArray[np.int64]:
        return np.array([place.first_state if place else 0 for place in self._places])

    def _read(self, actions: Sequence[str]) -> tuple[NDArray[np.intp], dict[int, str]]:
        """Each action's column, and an answer where it means no command."""
        if len(actions) != self.num_envs:
            raise SettingError(f"step takes {self.num_envs} commands, one for each game, not {len(actions)}.")
        try:
            return np.fromiter(map(getitem, self._columns_of, actions), np.intp, self.num_envs), {}
        except KeyError:
            return self._read_closely(actions)

    def _read_closely(self, actions: Sequence[str]) -> tuple[NDArray[np.intp], dict[int, str]]:
        """The same where some actions are no command as it stands."""
        columns, answers = np.zeros(self.num_envs, dtype=np.intp), {}
        state = self.state
        for slot, (action, place) in enumerate(zip(actions, self._places, strict=True)):
            if place is None:
                raise SettingError("reset must come before step.")
            if slot in self._live:
                continue
            if action in place.columns:
                columns[slot] = place.columns[action]
            elif not (self._ended[slot] and self.autoreset_mode == AutoresetMode.NEXT_STEP):
                table = place.table
                command, answer = read(action, table.commands, table.admissible_commands(int(state[slot])))
                if command is None:
                    answers[slot] = answer
                else:
                    columns[slot] = place.columns[command]
        return columns, answers

    def _info(self, mask: NDArray[np.bool_]) -> dict[str, Any]:
        """One array a kind of info, with `mask` beside it as Gymnasium does."""
        found: dict[str, Any] = {}
        for name in self.infos:
            told = self._pool.told(name, self._states)
            for slot, game in self._live.items():
                told[slot] = INFO[name](game.table, game.state)
            found |= {name: told, f"_{name}": mask.copy()}
        return found
