"""TextWorld's interpreter: what a story answers to a command at any moment that was kept, on several processors too.

Needs jericho, which comes with TextWorld, but not TextWorld itself: so a worker process starts in a fifth of a second.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from textmaze.errors import GameError

_SERVE = "import sys; from textmaze.game.interpreter import serve; serve(int(sys.argv[1]))"
_PROBE = "from textmaze.game.interpreter import probe; probe()"
_PATIENCE = 20  # seconds that a first probe may take


class Moment(NamedTuple):
    """The interpreter's memory, as what differs from the story's first moment: some 2 kB instead of 45."""

    at: NDArray[np.uint16]  # addresses in memory and, behind it, in the stack
    bytes: NDArray[np.uint8]
    rest: tuple[Any, ...]


class Outcome(NamedTuple):
    """What the interpreter answers to a command."""

    answer: str
    after: Moment | None  # where the command did something


Job = tuple[Moment, Sequence[str]]  # at this moment, each of these commands


class Interpreter:
    """One story. The moments of one interpreter mean the same to any other of the same story."""

    def __init__(self, story: bytes, name: str) -> None:
        with tempfile.TemporaryDirectory(prefix="textmaze-") as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # jericho's, that it knows no walkthrough of this story
            import jericho

            path = Path(folder) / "game.z8"
            path.write_bytes(story)
            self._env = jericho.FrotzEnv(str(path), seed=1)
            self._env.reset()  # all is in memory now
        # The interpreter itself: its `step` also looks for scores and ends that no TextWorld game tells in that way.
        self._step = self._env.frotz_lib.step
        self.send("tw-trace-actions")
        if "<score>" not in self.send("tw-extra-infos score"):
            raise GameError(f"{name} was not made by TextWorld.")
        ram, stack, *_ = self._env.get_state()
        self._first, self._ram = np.concatenate([ram, stack]), len(ram)

    def send(self, command: str) -> str:
        return str(self._step(command.encode() + b"\n").decode("cp1252", "replace"))

    def moment(self) -> Moment:
        ram, stack, *rest = self._env.get_state()
        now = np.concatenate([ram, stack])
        at = np.flatnonzero(now != self._first)
        return Moment(at.astype(np.uint16 if len(now) <= 65536 else np.uint32), now[at], tuple(rest))

    def go_to(self, moment: Moment) -> None:
        now = self._first.copy()
        now[moment.at] = moment.bytes
        self._env.set_state((now[: self._ram], now[self._ram:], *moment.rest))

    def outcome(self, moment: Moment, command: str) -> Outcome:
        """What a command does at a moment."""
        self.go_to(moment)
        answer = self.send(command)
        return Outcome(answer, self.moment() if "- succeeded]" in answer else None)

    def outcomes(self, job: Job) -> list[Outcome]:
        return [self.outcome(job[0], command) for command in job[1]]


class Workers:
    """Other processes, each with an interpreter of the same story.

    Processes, for threads would wait for each other; and not multiprocessing's, which run the main program again.
    """

    def __init__(self, story: bytes, name: str, count: int) -> None:
        self._name = name
        self._lines: list[Connection] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        for _ in range(count):
            ours, theirs = Pipe()
            fd = theirs.fileno()
            command = [sys.executable, "-c", _SERVE, str(fd)]
            self._processes.append(subprocess.Popen(command, pass_fds=[fd], env=environment()))
            theirs.close()
            self._lines.append(ours)
            with contextlib.suppress(OSError):  # that it has died is said where it is asked for something
                ours.send(story)

    def outcomes(self, jobs: Iterable[Job]) -> Iterator[list[Outcome]]:
        """The outcomes of each job, in the order of the jobs."""
        waiting: deque[Connection] = deque()
        free = deque(self._lines * 2)  # each has a second job at hand when it ends the first
        try:
            for job in jobs:
                if not free:
                    free.append(waiting.popleft())
                    yield free[-1].recv()
                line = free.popleft()
                line.send(job)
                waiting.append(line)
            while waiting:
                yield waiting.popleft().recv()
        except (EOFError, OSError):
            raise GameError(f"{self._name} cannot be explored: its interpreter broke down.") from None

    def close(self) -> None:
        for line in self._lines:
            line.close()
        for process in self._processes:
            process.terminate()
            process.wait()


def check_runs(story: bytes, name: str) -> None:
    """Raise GameError where the interpreter crashes or hangs on a story: another process tries it first.

    A story's checksum does not cover its header.
    """
    try:
        done = subprocess.run([sys.executable, "-c", _PROBE], input=story, capture_output=True, timeout=_PATIENCE,
                              env=environment())
    except subprocess.TimeoutExpired:
        raise GameError(f"{name} is damaged: its interpreter hangs.") from None
    if done.returncode:
        raise GameError(f"{name} is damaged: its interpreter breaks down.")


def probe() -> None:
    """Open the story on standard input, and try a few commands."""
    with contextlib.suppress(GameError):  # the game itself may say that
        interpreter = Interpreter(sys.stdin.buffer.read(), "the story")
        interpreter.outcomes((interpreter.moment(), ("look", "inventory", "wait", "go north", "go east", "go south",
                                                     "go west", "take all", "nonsense")))


def environment() -> dict[str, str]:
    """Another process must find this package where this one found it."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}


def serve(fd: int) -> None:
    """The whole life of a worker: until the other side hangs up."""
    line = Connection(fd)
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        interpreter = Interpreter(line.recv(), "the story")
        while True:
            line.send(interpreter.outcomes(line.recv()))
