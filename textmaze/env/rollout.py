"""The one episode loop. Playing, training, evaluating and writing transcripts all read its step records."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from gymnasium.vector import AutoresetMode

from textmaze.env.single import PLAYER_INFOS, PRIVILEGED_INFOS
from textmaze.env.vector import MazeVectorEnv
from textmaze.game.table import Game


@dataclass(frozen=True, slots=True)
class Observation:
    """What an agent knows when it must choose a command."""

    slot: int  # which of the games that are played at once
    text: str  # the game's last answer; at first the objective and the place where the game begins
    description: str  # what `look` would say
    inventory: str
    objective: str
    admissible: tuple[str, ...]
    best_command: str | None = None  # told only to agents whose `infos` ask for it

    @property
    def choices(self) -> tuple[str, ...]:
        """The commands to choose from: where none changes anything, to wait."""
        return self.admissible or ("wait",)


class Agent(Protocol):
    """Whoever chooses commands. `infos` names what it must be told that no player could read: mostly nothing."""

    infos: Sequence[str]

    def begin(self, episodes: Sequence[int]) -> None:
        """Forget what was played in these slots: new episodes begin there."""
        ...

    def act(self, observations: Sequence[Observation]) -> list[str]:
        """One command for each observation."""
        ...


class Leave(Exception):
    """Raised by an agent that will not go on: the person at the keyboard has left."""


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step of one episode: what was read, what was done, what came of it."""

    game: str
    split: str
    seed: int  # the number of the game in its split
    episode: int
    step: int  # 1 for the first command
    before: Observation
    command: str
    reward: float
    terminated: bool
    truncated: bool
    after: Observation
    distance: int  # fewest commands to a win before the step, -1 where none is left; no agent sees it
    distance_after: int
    values: tuple[tuple[str, float], ...] = ()  # what the agent held each command to be worth, where it says so

    @property
    def feedback(self) -> str:
        """What the game answered."""
        return self.after.text

    @property
    def ended(self) -> bool:
        return self.terminated or self.truncated

    @property
    def won(self) -> bool:
        """Whether this step won the game."""
        return self.terminated and self.distance_after == 0


def rollout(
    game: Game, agent: Agent, seeds: Iterable[int], *, split: str, slots: int = 32
) -> Iterator[list[StepRecord]]:
    """Play the games with these numbers, up to `slots` at once; yield the records of each round of steps.

    `seeds` may be endless: stop reading when you have enough. With more seeds than slots, a slot goes on with the
    next seed as soon as its episode ends.
    """
    waiting = iter(seeds)
    numbers = list(itertools.islice(waiting, slots))
    if not numbers:
        return
    env = MazeVectorEnv(
        len(numbers), game, split, infos=(*PLAYER_INFOS, *PRIVILEGED_INFOS), autoreset_mode=AutoresetMode.DISABLED
    )
    told = "best_command" in agent.infos
    live = list(range(len(numbers)))
    episodes, steps, begun = list(live), [0] * len(live), len(live)
    texts, infos = env.reset(seed=numbers)
    current = _observe(live, texts, infos, told)
    try:
        agent.begin(tuple(live))
        while live:
            chosen = agent.act([current[slot] for slot in live])
            commands = ["look"] * len(numbers)  # a slot without a game left looks on, unread
            for slot, command in zip(live, chosen, strict=True):
                commands[slot] = command
            distances = infos["distance"]
            texts, rewards, terminated, truncated, infos = env.step(commands)
            following = _observe(live, texts, infos, told)
            records = []
            for slot in live:
                steps[slot] += 1
                records.append(StepRecord(
                    game.name, split, numbers[slot], episodes[slot], steps[slot], current[slot], commands[slot],
                    float(rewards[slot]), bool(terminated[slot]), bool(truncated[slot]), following[slot],
                    int(distances[slot]), int(infos["distance"][slot]),
                ))
            current |= following
            yield records

            ended = [record.before.slot for record in records if record.ended]
            if not ended:
                continue
            fresh = []
            mask = np.zeros(len(numbers), dtype=bool)
            for slot in ended:
                number = next(waiting, None)
                if number is None:
                    live.remove(slot)
                    continue
                numbers[slot], steps[slot], episodes[slot] = number, 0, begun
                begun += 1
                mask[slot] = True
                fresh.append(slot)
            if fresh:
                texts, infos = env.reset(seed=numbers, options={"reset_mask": mask})
                current |= _observe(fresh, texts, infos, told)
                agent.begin(fresh)
    except Leave:
        return


def _observe(slots: Sequence[int], texts: Sequence[str], infos: dict[str, Any], told: bool) -> dict[int, Observation]:
    return {
        slot: Observation(
            slot, texts[slot], infos["description"][slot], infos["inventory"][slot], infos["objective"][slot],
            infos["admissible_commands"][slot], infos["best_command"][slot] if told else None,
        )
        for slot in slots
    }
