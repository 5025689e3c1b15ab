"""What an agent may offer beside `rollout.Agent`: what it thinks of commands, and to look on while others play.

An agent without these plays all the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from textmaze.env.rollout import Agent, Observation, StepRecord

Weights = Sequence[tuple[int, int, float]]  # of pieces of a text by their ends; above 0 towards the best command


class Thought(NamedTuple):
    """What an agent thinks of a command: of the best plan that begins with it, where it makes plans."""

    command: str
    value: float  # the more the better; in what unit, only the agent knows
    aim: str = ""  # the command that the plan ends with
    steps: int = 0  # of the walk to where that is given
    note: str = ""  # the agent's own note on it
    room: str = ""  # where it expects the command to lead, if it expects anything
    going_on: bool = False  # whether it gave the command to follow a plan that it had made before


@dataclass(frozen=True, slots=True)
class Words:
    """The words that mattered in one choice: what each token added to the best value less the second best.

    The weights of all tokens and `blank` add up to `difference`, but for `gap`, which is what the integration missed.
    """

    best: str  # the two commands
    second: str
    difference: float  # of their values, as the agent saw it
    blank: float  # the same difference where every text is blank
    gap: float
    marks: Weights  # of the description's tokens; what it tells of commands counts where it stands
    shares: Mapping[str, float]  # by what was read: the sum of the weights of its tokens


@dataclass(frozen=True, slots=True)
class Thoughts:
    """All that can be told of why an agent chose a command; nothing where it cannot say."""

    weighed: Sequence[Thought] = ()
    expected: Sequence[tuple[str, float]] = ()  # texts with their chance, likeliest first; the rest is unknown
    words: Words | None = None

    @property
    def going_on(self) -> bool:
        """Whether it only followed a plan that it had made before."""
        return any(thought.going_on for thought in self.weighed)


@runtime_checkable
class Thinker(Protocol):
    """An agent that values commands."""

    def thoughts(self, slot: int) -> Sequence[Thought]:
        """What it thought when it last chose in a slot, of each command that it thought of, in their order."""
        ...


@runtime_checkable
class Foreseer(Protocol):
    """An agent that may say what it expects to read."""

    def foreseen(self, seen: Observation, command: str) -> Sequence[tuple[str, float]]:
        """What it expects of the command that it chose, as `Thoughts` have it."""
        ...


@runtime_checkable
class Follower(Protocol):
    """An agent that can go on from where others have led."""

    def follow(self, seen: Observation, command: str) -> None:
        """Remember that this command was given where it would have been asked, whatever it would have chosen."""
        ...


class Advice(NamedTuple):
    """What an agent would do, and what it thinks of each command if it is a `Thinker`."""

    command: str
    thoughts: Sequence[Thought]


def advise(agent: Agent, records: Sequence[StepRecord], seen: Observation) -> Advice:
    """What an agent would do after an episode that somebody else has played so far.

    One that is no `Follower` knows nothing of the episode but what is seen now.
    """
    agent.begin([seen.slot])
    if isinstance(agent, Follower):
        for record in records:
            agent.follow(record.before, record.command)
    command = agent.act([seen])[0]
    return Advice(command, thoughts_of(agent, seen.slot))


def thoughts_of(agent: Agent, slot: int) -> Sequence[Thought]:
    """What an agent thought when it last chose in a slot; empty where it cannot say."""
    return agent.thoughts(slot) if isinstance(agent, Thinker) else ()
