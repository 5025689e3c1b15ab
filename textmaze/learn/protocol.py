"""Protocols: experiments as data. Which agents are trained, on what they are tested, and what is hoped for.

A protocol is a TOML file in games/protocols:

- `title`, `summary`, `aim` (what is hoped for, in words), `seeds` (how often each training is done), and `set`, for all
  trainings;
- `[[train]]`: `label`, `agent`, `game` (a recipe or a suite), `with` (laid over the game) and `set` (settings of the
  agent and of the training);
- `[[test]]`: `label`, `game`, `with`, `split`, `first` (number of the first game), `episodes`, `noise` (shares by kind)
  and `agents`: labels of trainings, and names of agents that are not trained here;
- `[[target]]`: `metric`, `agent`, `test`, `relative_to` (an agent whose figure it is divided by), `at_least`,
  `at_most`, and `over`: whether the mean over seeds counts, or the worst of them.

`cross`, in a training or a test, has lists for keys of its other tables: `cross = { set = { games = [25, 50] } }` makes
two trainings, and the label says which is which: `"{games} games"`. A test or a target that names the label as it
stands, with its braces, means all of them.
"""

import itertools
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from textmaze.catalog import game_files, load_game, refuse_code
from textmaze.env.noise import Noise
from textmaze.errors import GameError, SettingError, UnknownNameError
from textmaze.files import shipped_folder
from textmaze.game.recipe import SPLITS, read_toml
from textmaze.learn.packaged import DEFAULT_MODEL, LARGE_MODEL
from textmaze.settings import build, override, setting, shown
from textmaze.suite import suite_files

TEST_METRICS = ("success", "spl", "steps", "revisits")
TRAIN_METRICS = ("env_steps", "episodes", "minutes", "validation", "steps_to_90", "drop")
MOST = 1000  # trainings, or tests
# What a quick run makes of every training and test: enough to go through all of the code, too little to mean anything.
QUICK = {"steps": 300, "valid_every": 150, "valid_episodes": 2, "games": 2, "slots": 4}
QUICK_EPISODES = 2


@dataclass(frozen=True)
class About:
    title: str = setting("", "the name that people read")
    summary: str = setting("", "one line that says what is found out")
    aim: str = setting("", "what is hoped for, in words")
    seeds: int = setting(3, "how often each training is done", low=1, high=1000)


@dataclass(frozen=True)
class _Trained:
    label: str = setting("", "what tables call it")
    agent: str = setting("bert_q", "a shipped agent that learns")
    game: str = setting("labyrinth", "a shipped recipe or suite")


@dataclass(frozen=True)
class _Tested:
    label: str = setting("", "what tables call it")
    game: str = setting("labyrinth", "a shipped recipe or suite")
    split: str = setting("test", "the split whose games are played", choices=SPLITS)
    first: int = setting(0, "the number of the first game", low=0, high=2**31 - 1)
    episodes: int = setting(100, "how many games are played, once each by each seed", low=1, high=100_000)


@dataclass(frozen=True)
class Target:
    """A figure that is hoped for."""

    metric: str = setting("success", "which figure", choices=(*TEST_METRICS, *TRAIN_METRICS))
    agent: str = setting("", "the label of a training, or an agent's name")
    test: str = setting("", "the label of a test; none is all tests that the agent plays")
    relative_to: str = setting("", "an agent by whose figure it is divided, in the same test")
    at_least: float = setting(-math.inf, "the least that is good")
    at_most: float = setting(math.inf, "the most that is good")
    over: str = setting("mean", "whether the mean over seeds counts, or the worst of them", choices=("mean", "worst"))


@dataclass(frozen=True)
class Training:
    """A training, once for each seed."""

    label: str
    family: str  # the label with its braces
    agent: str
    game: str
    overrides: Mapping[str, Any]
    sets: Mapping[str, Any]


@dataclass(frozen=True)
class Test:
    """Games that agents play."""

    __test__ = False  # pytest takes a name that begins so for its own

    label: str
    family: str
    game: str
    overrides: Mapping[str, Any]
    split: str
    first: int
    episodes: int
    noise: Mapping[str, float]
    agents: tuple[str, ...]  # labels of trainings, and names


@dataclass(frozen=True)
class Protocol:
    name: str
    about: About
    trainings: tuple[Training, ...]
    tests: tuple[Test, ...]
    targets: tuple[Target, ...]
    quick: bool = False

    def training(self, label: str) -> Training | None:
        return next((training for training in self.trainings if training.label == label), None)


def protocol_files() -> dict[str, Path]:
    """The shipped protocols by name."""
    return {path.stem: path for path in sorted((shipped_folder("games") / "protocols").glob("*.toml"))}


def load_protocol(spec: str) -> Protocol:
    """The protocol that `spec` names: a shipped one's name, or a .toml."""
    known = protocol_files()
    if Path(spec).suffix != ".toml" or "\0" in spec:
        if spec not in known:
            raise UnknownNameError("protocol", spec, known)
        path = known[spec]
    elif os.path.isfile(spec):
        path = Path(spec)
    else:
        raise GameError(f"There is no protocol file {spec!r}.")
    values, where = read_toml(path), path.name
    trained, tested, hoped = (_tables(values, name, where) for name in ("train", "test", "target"))
    sets = _table(values.pop("set", {}), "set", where)
    about = build(About, values, where)
    trainings = _unlike([one for data in trained for one in _trainings(data, sets, where)], "train", where)
    tests = _unlike([one for data in tested for one in _tests(data, trainings, where)], "test", where)
    if not tests and not trainings:
        raise GameError(f"{where} has neither a [[train]] nor a [[test]], so there is nothing to do.")
    targets = tuple(_target(data, trainings, tests, where) for data in hoped)
    return Protocol(path.stem, about, tuple(trainings), tuple(tests), targets)


def quick(protocol: Protocol) -> Protocol:
    """The same with one seed and in a size that takes minutes, with no encoder that has to be fetched; its figures mean
    nothing."""
    return replace(
        protocol, quick=True, about=replace(protocol.about, seeds=1),
        trainings=tuple(replace(one, sets={**_packaged(one.sets), **QUICK}) for one in protocol.trainings),
        tests=tuple(replace(one, episodes=min(one.episodes, QUICK_EPISODES)) for one in protocol.tests),
    )


def _packaged(sets: Mapping[str, Any]) -> dict[str, Any]:
    return {name: DEFAULT_MODEL if value == LARGE_MODEL else value for name, value in sets.items()}


def _trainings(data: dict[str, Any], sets: Mapping[str, Any], where: str) -> Iterator[Training]:
    for label, family, rest, tables in _crossed(data, ("with", "set"), where):
        made = build(_Trained, rest, where)
        _check_game(made.game, tables["with"], where)
        _check_agent(made.agent, where)
        changes = {**sets, **tables["set"]}
        refuse_code(changes, where)
        yield Training(label, family, made.agent, made.game, tables["with"], changes)


def _tests(data: dict[str, Any], trainings: Sequence[Training], where: str) -> Iterator[Test]:
    data = dict(data)
    named = data.pop("agents", None)
    if not isinstance(named, list) or not named or not all(isinstance(name, str) for name in named):
        raise SettingError(f"{where}: agents of a test must be a list of labels and names.")
    agents: list[str] = []
    for name in named:
        meant = [one.label for one in trainings if name in (one.label, one.family)]
        if not meant:
            _check_agent(name, where)
        agents += [label for label in meant or [name] if label not in agents]
    for label, family, rest, tables in _crossed(data, ("with", "noise"), where):
        made = build(_Tested, rest, where)
        _check_game(made.game, tables["with"], where)
        override(Noise(), tables["noise"], f"noise of {where}")
        yield Test(label, family, made.game, tables["with"], made.split, made.first, made.episodes, tables["noise"],
                   tuple(agents))


def _target(data: dict[str, Any], trainings: Sequence[Training], tests: Sequence[Test], where: str) -> Target:
    target = build(Target, data, where)
    if math.isinf(target.at_least) and math.isinf(target.at_most):
        raise SettingError(f"{where}: a target needs at_least or at_most.")
    agents = {name for one in trainings for name in (one.label, one.family)} | {
        agent for test in tests for agent in test.agents}
    places = {name for one in tests for name in (one.label, one.family)}
    bases = {one.label for one in trainings} | {agent for test in tests for agent in test.agents} | {""}
    for kind, name, known in (("agent", target.agent, agents), ("agent", target.relative_to, bases),
                              ("test", target.test, places | {""})):
        if name not in known:
            raise UnknownNameError(f"{kind} for a target in {where}", name, known - {""})
    return target


def _crossed(
    data: dict[str, Any], names: tuple[str, ...], where: str
) -> Iterator[tuple[str, str, dict[str, Any], dict[str, dict[str, Any]]]]:
    """For each crossing: its label, the label with its braces, the plain values, and the tables with these names."""
    data = dict(data)
    tables = {name: _table(data.pop(name, {}), name, where) for name in names}
    cross = _table(data.pop("cross", {}), "cross", where)
    family = data.get("label")
    if not isinstance(family, str) or not family:
        raise SettingError(f"{where}: every train and every test needs a label.")
    keys: list[tuple[str, str]] = []
    lists: list[list[Any]] = []
    for name, entries in cross.items():
        if name not in names:
            raise UnknownNameError(f"table to cross in {where}", name, names)
        for key, values in _table(entries, f"cross.{name}", where).items():
            if not isinstance(values, list) or not values:
                raise SettingError(f"{where}: {key} in cross must be a list, not {shown(values)}.")
            if f"{{{key}}}" not in family:
                raise SettingError(f"{where}: the label {family!r} must tell its crossings apart by {{{key}}}.")
            keys.append((name, key))
            lists.append(values)
    if math.prod(map(len, lists)) > MOST:
        raise SettingError(f"{where}: {family!r} has more than {MOST:,} crossings.")
    for chosen in itertools.product(*lists):
        label, own = family, {name: dict(table) for name, table in tables.items()}
        for (name, key), value in zip(keys, chosen, strict=True):
            own[name][key] = value
            label = label.replace(f"{{{key}}}", str(value))
        yield label, family, {**data, "label": label}, own


def _tables(values: dict[str, Any], name: str, where: str) -> list[dict[str, Any]]:
    found = values.pop(name, [])
    if not isinstance(found, list) or len(found) > MOST or not all(isinstance(one, dict) for one in found):
        raise GameError(f"{where}: {name} must be a list of at most {MOST:,} tables, each begun by [[{name}]].")
    return found


def _table(value: Any, name: str, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SettingError(f"{where}: {name} must be a table, not {shown(value)}.")
    return value


def _unlike(found: Any, kind: str, where: str) -> Any:
    """The same, if no two have one label and they are not too many."""
    labels = [one.label for one in found]
    if len(labels) > MOST:
        raise GameError(f"{where} has more than {MOST:,} {kind}s.")
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise GameError(f"{where}: two {kind}s are called {twice!r}; give one of them another label.")
    return found


def _check_game(name: str, overrides: Mapping[str, Any], where: str) -> None:
    """A protocol may come from a stranger, so it names no files."""
    known = {**game_files(), **suite_files()}
    if name not in known:
        raise UnknownNameError(f"game for {where}", name, known)
    load_game(name, overrides)


def _check_agent(name: str, where: str) -> None:
    """Nor may it name code; whether there is such an agent shows when it shall play."""
    if not name.replace("_", "").replace("-", "").isalnum():
        raise SettingError(f"{where}: {shown(name)} is neither the label of a training nor an agent's name.")
