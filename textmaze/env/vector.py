"""`MazeVectorEnv`: many games at once. One step of all of them is a handful of array look-ups."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from textmaze.env.single import (
    INFO,
    LONGEST_TEXT,
    PLAYER_INFOS,
    checked_infos,
    checked_split,
    found_game,
    next_game,
    opening,
    text_space,
)
from textmaze.errors import SettingError
from textmaze.game.parser import LONGEST_LINE, read
from textmaze.game.table import Game, GameTable

Strings = tuple[str, ...]
_Step = tuple[Strings, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]


class MazeVectorEnv(VectorEnv[Strings, Sequence[str], NDArray[Any]]):
    """`num_envs` games stepped together; slot i behaves like a `MazeEnv` reset with seed i's seed.

    Every slot's table is copied into its own region of the flat arrays below, so a step of all slots is one
    look-up for each kind of result, however many slots there are.

    Args:
        num_envs: how many games are played at once.
        autoreset_mode: what follows the end of an episode, as Gymnasium defines it. With `DISABLED` the caller
            resets slots by `reset(options={"reset_mask": mask})`.
        game, split, infos, settings: as for `MazeEnv`.
    """

    def __init__(
        self,
        num_envs: int = 1,
        game: str | Game = "labyrinth",
        split: str = "train",
        *,
        infos: Sequence[str] = PLAYER_INFOS,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        **settings: Any,
    ) -> None:
        super().__init__()
        if num_envs < 1:
            raise SettingError(f"num_envs must be at least 1, not {num_envs}.")
        self.game = found_game(game, settings)
        self.split = checked_split(split)
        self.infos = checked_infos(infos)
        self.num_envs = num_envs
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {"autoreset_mode": self.autoreset_mode, "render_modes": []}
        self.single_observation_space = text_space(LONGEST_TEXT)
        self.single_action_space = text_space(LONGEST_LINE)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

        self._rngs: list[np.random.Generator | None] = [None] * num_envs
        self.tables: list[GameTable | None] = [None] * num_envs
        self.state = np.zeros(num_envs, dtype=np.int64)
        self._steps = np.zeros(num_envs, dtype=np.int64)
        self._ended = np.zeros(num_envs, dtype=bool)
        self._shown = np.full(num_envs, "", dtype=object)  # what each slot's player read last
        self._grow(states=0, commands=0, texts=0)

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Strings, dict[str, Any]]:
        """Begin a game in every slot, or in those of `options["reset_mask"]`. An int seeds slot i with seed + i.

        What is returned for the other slots is what they showed last; the masks in info leave them out.
        """
        mask = np.asarray((options or {}).get("reset_mask", np.ones(self.num_envs, dtype=bool)))
        if mask.shape != (self.num_envs,) or mask.dtype != bool:
            raise SettingError(f"reset_mask must be an array of {self.num_envs} bools.")
        seeds = [seed + i for i in range(self.num_envs)] if isinstance(seed, int) else seed
        if seeds is not None and len(seeds) != self.num_envs:
            raise SettingError(f"seed must be one number, or {self.num_envs} of them, not {len(seeds)}.")
        for slot in np.flatnonzero(mask).tolist():
            self._shown[slot] = self._begin(slot, seeds[slot] if seeds is not None else None)
        return tuple(self._shown.tolist()), self._info(mask)

    def step(self, actions: Sequence[str]) -> _Step:
        """One command for each slot."""
        slots = np.arange(self.num_envs)
        fresh = self._ended.copy() if self.autoreset_mode == AutoresetMode.NEXT_STEP else None
        columns, answers = self._columns(actions)
        cells = (slots * self._states + self.state) * self._commands + columns
        understood = columns >= 0
        cells[~understood] = (slots * self._states * self._commands)[~understood]  # any cell of the slot's own
        texts = self._texts(slots, self._feedback[cells])
        for slot, answer in answers.items():
            texts[slot] = answer
        rewards = np.where(understood, self._reward[cells], 0.0).astype(np.float64)
        self.state = np.where(understood, self._successor[cells], self.state)
        self._steps += 1
        terminated = self._terminal[slots * self._states + self.state]
        truncated = ~terminated & (self._steps >= self.game.max_steps)
        if fresh is not None and fresh.any():
            for slot in np.flatnonzero(fresh).tolist():
                texts[slot] = self._begin(slot)
            rewards[fresh] = 0.0
            terminated[fresh] = truncated[fresh] = False
        self._ended = terminated | truncated
        final: dict[str, Any] = {}
        if self.autoreset_mode == AutoresetMode.SAME_STEP and self._ended.any():
            ended = self._ended.copy()  # `_begin` clears it
            final = {"final_obs": np.where(ended, texts, np.array(None)), "final_info": self._info(ended)}
            final |= {f"_{name}": ended.copy() for name in tuple(final)}
            for slot in np.flatnonzero(ended).tolist():
                texts[slot] = self._begin(slot)
        self._shown = texts
        every = np.ones(self.num_envs, dtype=bool)
        return tuple(texts.tolist()), rewards, terminated, truncated, self._info(every) | final

    def _begin(self, slot: int, seed: int | None = None) -> str:
        """Put a game into a slot and return what its player reads first."""
        if seed is not None or self._rngs[slot] is None:
            self._rngs[slot] = gymnasium.utils.seeding.np_random(seed)[0]
        number = next_game(self._rngs[slot]) if seed is None else seed
        table = self.game.table(self.split, number)
        states, commands = table.successor.shape
        if states > self._states or commands > self._commands or len(table.texts) > self._distinct:
            self._grow(states, commands, len(table.texts))
        self.tables[slot] = table
        self._place(slot, table)
        self.state[slot] = table.start
        self._steps[slot] = 0
        self._ended[slot] = False
        return opening(table)

    def _place(self, slot: int, table: GameTable) -> None:
        states, commands = table.successor.shape
        for flat, values in (
            (self._successor, table.successor),
            (self._feedback, table.feedback),
            (self._reward, table.reward),
        ):
            flat.reshape(self.num_envs, self._states, self._commands)[slot, :states, :commands] = values
        self._terminal.reshape(self.num_envs, self._states)[slot, :states] = table.terminal
        self._rendered.reshape(self.num_envs, self._distinct)[slot] = False
        for _, seen in self._told.values():
            seen.reshape(self.num_envs, self._states)[slot] = False

    def _grow(self, states: int, commands: int, texts: int) -> None:
        """Make every slot's region at least this large."""
        old = getattr(self, "_states", 0), getattr(self, "_commands", 0), getattr(self, "_distinct", 0)
        self._states, self._commands, self._distinct = map(max, old, (states, commands, texts))
        cells = self.num_envs * self._states * self._commands
        self._successor = np.zeros(cells, dtype=np.int32)
        self._feedback = np.zeros(cells, dtype=np.int32)
        self._reward = np.zeros(cells, dtype=np.float32)
        self._terminal = np.zeros(self.num_envs * self._states, dtype=bool)
        self._strings = np.full(self.num_envs * self._distinct, "", dtype=object)
        self._rendered = np.zeros(self.num_envs * self._distinct, dtype=bool)
        regions = self.num_envs * self._states
        self._told = {
            name: (np.empty(regions, dtype=object), np.zeros(regions, dtype=bool)) for name in self.infos
        }
        for slot, table in enumerate(self.tables):
            if table is not None:
                self._place(slot, table)

    def _columns(self, actions: Sequence[str]) -> tuple[NDArray[np.int64], dict[int, str]]:
        """Each action's column, or -1 and an answer where it means no command."""
        if len(actions) != self.num_envs:
            raise SettingError(f"step takes {self.num_envs} commands, one for each game, not {len(actions)}.")
        if any(table is None for table in self.tables):
            raise SettingError("reset must come before step.")
        found = [
            table.command_index.get(action, -1)  # type: ignore[union-attr]
            for table, action in zip(self.tables, actions, strict=True)
        ]
        columns = np.array(found, dtype=np.int64)
        answers = {}
        for slot in np.flatnonzero(columns < 0).tolist():
            table = self.tables[slot]
            assert table is not None
            command, answer = read(
                actions[slot], table.commands, table.admissible_commands(int(self.state[slot]))
            )
            if command is None:
                answers[slot] = answer
            else:
                columns[slot] = table.command_index[command]
        return columns, answers

    def _texts(self, slots: NDArray[Any], numbers: NDArray[Any]) -> NDArray[Any]:
        """The texts with these numbers, one for each slot, rendered where this is their first use."""
        places = slots * self._distinct + numbers
        for index in np.flatnonzero(~self._rendered[places]):
            table = self.tables[slots[index]]
            assert table is not None
            self._strings[places[index]] = table.texts[int(numbers[index])]
            self._rendered[places[index]] = True
        return self._strings[places]  # type: ignore[no-any-return]

    def _info(self, mask: NDArray[np.bool_]) -> dict[str, Any]:
        """One array a kind of info, with `mask` beside it as Gymnasium does; worked out once a state."""
        known = np.array([table is not None for table in self.tables])
        slots = np.flatnonzero(known)
        places = slots * self._states + self.state[slots]
        found: dict[str, Any] = {}
        for name in self.infos:
            told, seen = self._told[name]
            for index in np.flatnonzero(~seen[places]):
                slot = slots[index]
                told[places[index]] = INFO[name](self.tables[slot], int(self.state[slot]))
                seen[places[index]] = True
            values = np.zeros(self.num_envs, dtype=np.int64) if name == "distance" else np.full(self.num_envs, None)
            values[slots] = told[places]
            found |= {name: values, f"_{name}": mask.copy()}
        return found
