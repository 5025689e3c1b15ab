"""Carries out a plan: plays its episodes part by part, in several processes, and goes on where it was interrupted."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

from textmaze.catalog import load_game
from textmaze.env.rollout import Agent, Observation, StepRecord, rollout
from textmaze.env.thoughts import thoughts_of
from textmaze.errors import RunError
from textmaze.files import make_folder, write_file, write_parts
from textmaze.show.formats import jsonl
from textmaze.show.plan import Filters, Plan, Task
from textmaze.show.streams import compressed
from textmaze.show.transcript import Episode, Header, by_episode
from textmaze.show.workers import PART, workers

Show = Callable[[int], None]  # told how many episodes have been played
_ENDED = "One of the processes that play was ended from outside; the same command goes on from what was played."


@dataclass(frozen=True)
class Part:
    """Successive episodes of one task, which are the same however many processes play."""

    task: Task
    number: int  # of the task
    first: int  # episode
    after: int  # so many of the task
    episodes: int

    @property
    def name(self) -> str:
        return f"{self.first:08d}.jsonl.gz"


def parts_of(plan: Plan) -> list[Part]:
    """The parts of a plan, in the order of their episodes."""
    return [
        Part(task, number, play.first + after, after, min(PART, task.episodes - after))
        for number, (task, play) in enumerate(zip(plan.tasks, plan.header.plays, strict=True))
        for after in range(0, task.episodes, PART)
    ]


def transcribe(plan: Plan, jobs: int, folder: Path | None, show: Show) -> Generator[Episode, None, None]:
    """The episodes of a plan that are kept, in order.

    What has been played is kept in `folder`, if there is one; those parts are not played again. Memory holds the
    episodes of one part. RunError where the folder holds parts of another plan.
    """
    parts = parts_of(plan)
    if folder is not None:
        _open(folder, plan)
    missing = [part for part in parts if folder is None or not (folder / part.name).is_file()]
    jobs = min(jobs, len(missing))
    for task in plan.tasks if missing else ():
        load_game(task.game, task.overrides).prepare(task.split, range(task.seed, task.seed + task.episodes))
    if folder is None and jobs < 2:
        kept: Iterable[Episode] = _straight(plan, parts, show)
    elif folder is None:
        kept = _in_passing(plan, parts, jobs, show)
    else:
        kept = _collected(plan, parts, missing, jobs, folder, show)
    yield from distinct(kept) if plan.filters.dedupe else kept


def _open(folder: Path, plan: Plan) -> None:
    note, text = folder / "plan.json", plan.to_json()
    if folder.exists() and not (note.is_file() and note.read_text("utf-8", "replace") == text):
        raise RunError(f"{folder} holds what was played for another transcript: give the command that it was made "
                       f"by to go on with it, or delete it.")
    make_folder(folder)
    write_file(note, text)


def close(folder: Path) -> None:
    """Delete the parts of a transcript that has been written."""
    shutil.rmtree(folder, ignore_errors=True)


def _straight(plan: Plan, parts: Sequence[Part], show: Show) -> Iterator[Episode]:
    """In this process, each episode as soon as it has ended."""
    for part in parts:
        for episode in _counted(_played(part, _ready(plan, part)), part.first, show):
            if plan.filters.keep(episode):
                yield episode
            if not episode[-1].ended:  # whoever played has left
                return


def _in_passing(plan: Plan, parts: Sequence[Part], jobs: int, show: Show) -> Iterator[Episode]:
    with tempfile.TemporaryDirectory(prefix="textmaze-") as name:
        yield from _collected(plan, parts, parts, jobs, Path(name), show)


def _collected(
    plan: Plan, parts: Sequence[Part], missing: Sequence[Part], jobs: int, folder: Path, show: Show
) -> Iterator[Episode]:
    with workers(jobs, _ENDED) if jobs > 1 else contextlib.nullcontext() as pool:
        waiting = {part.first for part in missing}
        running: dict[int, Future[None]] = {}
        if pool is not None:
            running = {part.first: pool.submit(_play_part, part, plan.filters, plan.header, folder)
                       for part in missing}
        for part in parts:
            if part.first in running:
                running[part.first].result()
            elif part.first in waiting:
                _play_part(part, plan.filters, plan.header, folder, _ready(plan, part), show)
            show(part.first + part.episodes)
            yield from jsonl.read(folder / part.name)[1]


def _play_part(
    part: Part, filters: Filters, header: Header, folder: Path, agent: Agent | None = None, show: Show | None = None
) -> None:
    episodes = _counted(_played(part, agent), part.first, show) if show else _played(part, agent)
    kept = (episode for episode in episodes if filters.keep(episode))
    write_parts(folder / part.name, compressed(jsonl.write(kept, header), level=1))


def _ready(plan: Plan, part: Part) -> Agent | None:
    """The agent that was made for the first part of a task; later ones draw other numbers."""
    return plan.ready.pop(part.number, None) if part.after == 0 else None


def _counted(episodes: Iterable[Episode], before: int, show: Show) -> Iterator[Episode]:
    for number, episode in enumerate(episodes, 1):
        show(before + number)
        yield episode


def _played(part: Part, agent: Agent | None) -> Iterator[Episode]:
    """The episodes of a part, by an agent that is made for it alone."""
    task = part.task
    game = load_game(task.game, task.overrides)
    player = _Weighing(agent or task.make(part.after)[1])
    start = task.seed + part.after
    rounds = rollout(game, player, range(start, start + part.episodes), split=task.split)
    numbered = ([player.weighed(replace(record, episode=part.first + record.episode)) for record in records]
                for records in rounds)
    return by_episode(numbered)


class _Weighing:
    """An agent whose values are kept, where it has any: the best that a command may lead to, by what it knows."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self.infos: Sequence[str] = agent.infos
        self._values: dict[int, tuple[tuple[str, float], ...]] = {}

    def begin(self, episodes: Sequence[int]) -> None:
        self._agent.begin(episodes)

    def act(self, observations: Sequence[Observation]) -> list[str]:
        commands = self._agent.act(observations)
        self._values = {seen.slot: tuple((thought.command, round(thought.value, 4))
                                         for thought in thoughts_of(self._agent, seen.slot))
                        for seen in observations}
        return commands

    def weighed(self, record: StepRecord) -> StepRecord:
        """The record of a step with the values that led to it."""
        return replace(record, values=self._values.get(record.before.slot, ()))


def distinct(episodes: Iterable[Episode]) -> Iterator[Episode]:
    """The episodes, without those in which the same was read and typed as in one before: 16 bytes are kept of each."""
    known = set()
    for episode in episodes:
        digest = blake2b(episode[0].before.text.encode("utf-8", "surrogatepass"), digest_size=16)
        for record in episode:
            digest.update(f"\0{record.command}\0{record.feedback}".encode("utf-8", "surrogatepass"))
        if digest.digest() not in known:
            known.add(digest.digest())
            yield episode
