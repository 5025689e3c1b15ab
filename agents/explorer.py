"""Searches depth first, and remembers the map: the best that can be done where nothing hints at the way.

It reads only what a player reads. A room is known by its description; a way back is known because every direction has
an opposite. Whatever is not a step (`take coin`) is tried at once, as it may be what the game is about.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from textmaze.env.rollout import Agent, Observation
from textmaze.game.layout import OPPOSITE


@dataclass(frozen=True)
class Settings:
    pass


@dataclass
class Memory:
    """What is remembered of one episode."""

    tried: dict[str, set[str]] = field(default_factory=dict)  # room -> the commands given there
    trail: list[tuple[str, str]] = field(default_factory=list)  # (room, the step that leads back out of it)
    room: str = ""
    command: str = ""  # given in `room`; its consequence has not been read yet
    turning: bool = False  # `command` undoes a step that led into a known room


class Explorer:
    infos: Sequence[str] = ()

    def __init__(self) -> None:
        self._memories: dict[int, Memory] = {}

    def begin(self, episodes: Sequence[int]) -> None:
        for slot in episodes:
            self._memories[slot] = Memory()

    def act(self, observations: Sequence[Observation]) -> list[str]:
        return [self._choose(self._memories[observation.slot], observation) for observation in observations]

    def _choose(self, memory: Memory, seen: Observation) -> str:
        here = seen.description
        back = f"go {OPPOSITE.get(memory.command.removeprefix('go '), '')}"
        walked = memory.command.startswith("go ") and here != memory.room
        turn_back = False
        if walked and memory.trail and memory.trail[-1] == (memory.room, memory.command):
            memory.trail.pop()  # walked back
        elif walked and here in memory.tried:
            # A loop: the ways on from here belong to an earlier part of the trail.
            turn_back = not memory.turning
            memory.tried[here].add(back)
        elif walked:
            memory.trail.append((here, back))
            memory.tried[here] = {back}
        memory.turning = turn_back
        tried = memory.tried.setdefault(here, set())
        untried = [command for command in seen.admissible if command not in tried]
        deeds = [command for command in untried if not command.startswith("go ")]
        if deeds:
            command = deeds[0]
        elif turn_back:
            command = back
        elif untried:
            command = untried[0]
        elif memory.trail and memory.trail[-1][1] in seen.admissible:
            command = memory.trail[-1][1]
        else:  # everything is known, or the way back is shut: look for something new anywhere
            command = next(iter(seen.admissible), "wait")
        tried.add(command)
        memory.room, memory.command = here, command
        return command


def make(settings: Settings) -> Agent:
    return Explorer()
