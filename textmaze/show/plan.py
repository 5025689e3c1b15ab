"""What is to be written down: which agents play which games how often, and which of these episodes are kept."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from textmaze.catalog import agent_files, game_files, load_game, make_agent, pretrained, refuse_code, run_folder
from textmaze.env.rollout import Agent
from textmaze.errors import GameError, SettingError, TextmazeError, UnknownNameError
from textmaze.files import shipped_folder
from textmaze.game.recipe import SPLITS, read_toml
from textmaze.settings import build, setting, shown
from textmaze.show.transcript import Episode, Header, Play, header_line, make_play, regret
from textmaze.suite import suite_files

MOST_PLAYS = 100


@dataclass(frozen=True)
class Task:
    """One agent that plays so many successive games, both as the command line names them."""

    agent: str
    game: str
    split: str
    seed: int
    episodes: int
    sets: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    code: str | None = None

    def make(self, after: int = 0) -> tuple[str, Agent]:
        """The agent, as it is when so many episodes have been played by others of its kind."""
        return make_agent(self.agent, self.sets, self.seed + after, self.code)


@dataclass(frozen=True)
class Filters:
    """Which episodes are kept."""

    only: str | None = None  # `won` or `lost`; an episode that ran out of steps is lost
    max_regret: int | None = None  # won in at most so many commands more than the fewest
    dedupe: bool = False  # not those in which the same was read and typed as in one before

    def __post_init__(self) -> None:
        if self.only == "lost" and self.max_regret is not None:
            raise SettingError("An episode that was lost has no regret: leave out one of --only lost and --max-regret.")

    def keep(self, episode: Episode) -> bool:
        """Whether to keep an episode, whatever came before it."""
        last, more = episode[-1], regret(episode)
        if self.only is not None and not (last.ended and last.won == (self.only == "won")):
            return False
        return self.max_regret is None or (more is not None and more <= self.max_regret)

    def to_dict(self) -> dict[str, Any]:
        """Those that are set."""
        return {name: value for name, value in asdict(self).items() if value is not None and value is not False}


@dataclass(frozen=True)
class Plan:
    """All that a transcript is made by."""

    tasks: tuple[Task, ...]
    filters: Filters
    header: Header
    # The agents that have been made to see whether they can be, by the number of their task.
    ready: dict[int, Agent] = field(default_factory=dict, compare=False)

    def to_json(self) -> str:
        """The same text only for plans that come to the same transcript."""
        files = [_files_digest(task) for task in self.tasks]
        return json.dumps({"tasks": [asdict(task) for task in self.tasks], "files": files,
                           "header": header_line(self.header)}, indent=1)


def make_plan(tasks: Sequence[Task], filters: Filters) -> Plan:
    """The plan of these tasks, once their agents and games have been made: whatever is wrong with them shows here."""
    tasks = [task for task in tasks if task.episodes]
    plays: list[Play] = []
    ready: dict[int, Agent] = {}
    first = 0
    for task in tasks:
        game = load_game(task.game, task.overrides)
        name, ready[len(plays)] = task.make()
        plays.append(make_play(game, source=task.game, split=task.split, agent=name, seed=task.seed,
                               episodes=task.episodes, first=first))
        first += task.episodes
    return Plan(tuple(tasks), filters, Header(tuple(plays), filters.to_dict()), ready)


def _files_digest(task: Task) -> str:
    """Of the files that make the agent what it is, and of a game that comes from a file."""
    digest = hashlib.sha256()
    folder = run_folder(task.agent)
    named = [folder / "config.json", folder / "model.safetensors"] if folder else [Path(task.agent)]
    game = Path(task.game)
    for path in (*named, Path(task.code or ""), game, game.with_suffix(".json") if game.name else game):
        if path.suffix and path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


# -- mixtures --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class About:
    """What a mixture says of itself."""

    title: str = setting("", "the name that people read")
    summary: str = setting("", "one line that says what it is for")
    split: str = setting("train", "the split whose games are played", choices=SPLITS)
    seed: int = setting(0, "the number of the first game of each play", low=0, high=2**31 - 1)


@dataclass(frozen=True)
class Share:
    """One of the plays of a mixture, without what is laid over its game and its agent."""

    agent: str = setting("", "a shipped agent's name, or a run folder")
    game: str = setting("", "a shipped recipe's or suite's name")
    share: int = setting(1, "how much of the episodes it has, beside the shares of the others", low=1, high=1_000_000)


def read_mixture(path: Path, episodes: int, split: str | None, seed: int | None) -> list[Task]:
    """The tasks of the mixture in a TOML file, which have `episodes` together; split and seed go before its own.

    A mixture may come from a stranger: it names no code, and no game's file.
    """
    values = read_toml(path)
    plays = values.pop("plays", None)
    about = build(About, values, path.name)
    if not isinstance(plays, list) or not 1 <= len(plays) <= MOST_PLAYS:
        raise GameError(f"{path.name}: plays must be a list of 1 to {MOST_PLAYS} tables, each begun by [[plays]].")
    found = [_share(play, path.name) for play in plays]
    tasks, before, total = [], 0, sum(share.share for share, _, _ in found)
    for share, sets, overrides in found:
        start, end = (episodes * dealt // total for dealt in (before, before + share.share))
        tasks.append(Task(share.agent, share.game, split or about.split, about.seed if seed is None else seed,
                          end - start, sets, overrides))
        before += share.share
    return tasks


def _share(data: Any, where: str) -> tuple[Share, dict[str, Any], dict[str, Any]]:
    if not isinstance(data, dict):
        raise GameError(f"{where}: plays must hold tables, not {shown(data)}.")
    tables = {name: data.get(name, {}) for name in ("set", "with")}
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise GameError(f"{where}: {name} must be a table of settings, not {shown(table)}.")
    refuse_code(tables["set"], where)
    share = build(Share, {key: value for key, value in data.items() if key not in tables}, where)
    games, agents = {**game_files(), **suite_files()}, {**agent_files(), **pretrained()}
    if share.game not in games:
        raise UnknownNameError(f"game for {where}", share.game, games)
    if share.agent not in agents and run_folder(share.agent) is None:
        raise UnknownNameError(f"agent for {where}", share.agent, agents)
    if share.agent == "human":
        raise TextmazeError(f"{where}: nobody is asked to type in a mixture; the agent human plays alone.")
    return share, tables["set"], tables["with"]


def mixture_file(spec: str) -> Path | None:
    """The mixture that a name means, if it means one: a .toml, or one of those that are shipped."""
    path = Path(spec)
    if path.suffix != ".toml" or "\0" in spec:
        return None
    shipped = shipped_folder("games") / "mixtures" / path.name
    if not path.is_file() and path.name == spec and shipped.is_file():
        return shipped
    return path
