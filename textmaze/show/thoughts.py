"""What an agent thought before it gave a command: its values, the plans behind them, and what it expected to read.

An agent that weighs commands keeps its last choice of each slot in `choices`, as `learn.actor.Actor` does; of any other
nothing can be told.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textmaze.env.rollout import Agent, Observation

if TYPE_CHECKING:  # thoughts can be shown without torch
    from textmaze.learn.actor import Choice


@dataclass(frozen=True, slots=True)
class Weighed:
    """An admissible command, and the best plan that begins with it."""

    command: str
    value: float | None  # the Q-value; None where no plan begins so
    aim: str = ""  # the command that the plan ends with
    steps: int = 0  # of the walk to where that is given
    note: str = ""  # the agent's own note on it


@dataclass(frozen=True, slots=True)
class Expected:
    """A text that may come next, and how likely that is."""

    text: str
    chance: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A piece of a text by its ends, and how much it moved the choice: above 0 towards the best command."""

    start: int
    end: int
    weight: float


@dataclass(frozen=True, slots=True)
class Words:
    """The words that mattered in one choice: what each token added to the best value less the second best.

    The weights of all tokens and `blank` add up to `difference`, but for `gap`, which is what the integration missed.
    """

    best: str  # the two commands
    second: str
    difference: float  # of their values
    blank: float  # the same difference where every text is blank
    gap: float
    marks: tuple[Mark, ...]  # of the description
    shares: dict[str, float]  # by what was read: the sum of the weights of its tokens


@dataclass(frozen=True, slots=True)
class Thoughts:
    """What an agent thought of one state."""

    weighed: tuple[Weighed, ...]  # the admissible commands, in their order
    chosen: str
    going_on: bool  # whether it only followed a plan that it had made before
    expected: tuple[Expected, ...] = ()  # what it expected of the chosen command, likeliest first; the rest is unknown
    words: Words | None = None


def weighed(choice: "Choice", commands: Sequence[str]) -> Thoughts:
    """A choice among these admissible commands, as an `Actor` made it."""
    found = [Weighed(command, None) for command in commands]
    for plan, value in zip(choice.plans, choice.values.tolist(), strict=True):
        best = found[plan.first].value
        if best is None or value > best:
            found[plan.first] = Weighed(commands[plan.first], value, plan.command, plan.steps, plan.note)
    return Thoughts(tuple(found), commands[choice.decision.choice], choice.going_on)


def last_thoughts(agent: object, seen: Observation) -> Thoughts | None:
    """What an agent thought when it chose a command for what it had seen; None of an agent that weighs nothing."""
    choice = getattr(agent, "choices", {}).get(seen.slot)
    if choice is None:
        return None
    found = weighed(choice, seen.admissible or ("wait",))
    expectation = getattr(agent, "expectation", None)
    if expectation is None:
        return found
    expected = expectation.foreseen(seen, found.chosen)
    return replace(found, expected=tuple(Expected(text, chance) for text, chance in expected))


class Watched:
    """An agent whose thoughts are kept, by the slot and in the order of its commands.

    `look` is told the observation and what was thought, and may add to it.
    """

    def __init__(self, agent: Agent, look: Callable[[Observation, Thoughts], Thoughts] | None = None) -> None:
        self.agent = agent
        self.infos: Sequence[str] = agent.infos
        self.thoughts: dict[int, list[Thoughts | None]] = {}
        self._look = look

    def begin(self, episodes: Sequence[int]) -> None:
        self.thoughts.update((slot, []) for slot in episodes)
        self.agent.begin(episodes)

    def act(self, observations: Sequence[Observation]) -> list[str]:
        commands = self.agent.act(observations)
        for seen in observations:
            found = last_thoughts(self.agent, seen)
            self.thoughts[seen.slot].append(self._look(seen, found) if found and self._look else found)
        return commands
