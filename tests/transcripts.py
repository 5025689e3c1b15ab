"""What tests of transcripts share."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from textmaze.catalog import load_agent, load_game
from textmaze.env.rollout import Leave, StepRecord, rollout
from textmaze.show.formats import jsonl
from textmaze.show.replay import verified
from textmaze.show.transcript import Episode, Header, by_episode, make_header

SEEDS = range(6)


def rounds(spec="corridor", name="wander", *, split="test", slots=4, seeds=SEEDS, **overrides):
    """What rollout yields for some episodes."""
    module = load_agent(name)
    return list(rollout(load_game(spec, overrides), module.make(module.Settings()), seeds, split=split, slots=slots))


def played(spec="corridor", name="wander", *, split="test", seeds=SEEDS, **overrides) -> tuple[Header, list[Episode]]:
    """A header and some episodes, as they are read back from a file."""
    header = make_header(load_game(spec, overrides), source=spec, split=split, agent=name, seeds=seeds)
    found = by_episode(rounds(spec, name, split=split, seeds=seeds, **overrides))
    return header, [[plain(record) for record in episode] for episode in found]


def plain(record: StepRecord) -> StepRecord:
    """A record as it is read back: in slot 0, without what a walkthrough is told."""
    before, after = (replace(seen, slot=0, best_command=None) for seen in (record.before, record.after))
    return replace(record, before=before, after=after)


def weighed(episodes: list[Episode]) -> list[Episode]:
    """The same, by an agent with values."""
    return [[replace(record, values=tuple((command, round(0.1 * (place + 1), 4))
                                          for place, command in enumerate(record.before.admissible)))
             for record in episode] for episode in episodes]


def read_text(text: str) -> tuple[Header, list[Episode]]:
    """What stands in the text of a JSONL transcript."""
    header, episodes = jsonl.parse(text.encode().splitlines(keepends=True), "t.jsonl")
    return header, list(episodes)


def proved(path: Path, *games: Path) -> tuple[Header, list[Episode]]:
    """What stands in a JSONL file, once it has been played again, in these files if it was in files."""
    header, episodes = jsonl.read(path)
    return header, list(verified(header.given(games), episodes))


def changed(text: str, line: int, values: dict[str, object]) -> str:
    """The lines of JSON with other values on one of them, counted from 0."""
    lines = text.splitlines()
    lines[line] = json.dumps(json.loads(lines[line]) | values)
    return "\n".join(lines) + "\n"


class Quitter:
    """Says the commands it was made with, then leaves."""

    infos = ()

    def __init__(self, *commands: str) -> None:
        self._commands: Iterator[str] = iter(commands)

    def begin(self, episodes):
        pass

    def act(self, observations):
        command = next(self._commands, None)
        if command is None:
            raise Leave
        return [command]
