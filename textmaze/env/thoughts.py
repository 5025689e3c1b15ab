"""What an agent may offer beside `rollout.Agent`: what it thinks of commands, and to look on while others play.

An agent without these plays all the same.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from textmaze.env.rollout import Agent, Observation, StepRecord


class Thought(NamedTuple):
    """What an agent thinks of a command."""

    command: str
    value: float  # the more the better; in what unit, only the agent knows
    aim: str = ""  # what the command is a step to, where it is worth something for what lies farther away
    expected: str = ""  # what it expects the command to lead to, where it expects anything


@runtime_checkable
class Thinker(Protocol):
    """An agent that values commands."""

    def thoughts(self, slot: int) -> list[Thought]:
        """What it thought of each command when it last chose in a slot, in the order of the commands."""
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


def thoughts_of(agent: Agent, slot: int) -> list[Thought]:
    """What an agent thought when it last chose; empty where it cannot say."""
    return agent.thoughts(slot) if isinstance(agent, Thinker) else []
