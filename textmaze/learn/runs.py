"""A run is the folder of one training: what was planned, how it went, and the best weights."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from textmaze.catalog import agent_settings, load_agent, load_agent_of_run, load_game, run_named
from textmaze.errors import RunError, TextmazeError, UnknownNameError
from textmaze.game.mixture import parts
from textmaze.game.recipe import SPLITS
from textmaze.game.table import Game
from textmaze.learn.checkpoint import CONFIG, STATE, load_model, load_state
from textmaze.learn.train import Learner, Progress, TrainSettings, train
from textmaze.settings import build, override


@dataclass(frozen=True)
class Plan:
    """All that decides a training."""

    agent: str
    learner: Learner
    game: Game
    settings: TrainSettings
    config: Mapping[str, Any]
    seed: int
    folder: Path
    resume: bool = False


def planned(
    game: str, overrides: Mapping[str, Any], agent: str, changes: Mapping[str, Any], seed: int, out: Path | None
) -> Plan:
    """A new training. `changes` may name settings of the agent and of the training alike."""
    found = _playable(load_game(game, overrides))
    module = load_agent(agent)
    own, general = _divided(module, changes, agent)
    settings = agent_settings(module, own, seed, agent)
    training = override(TrainSettings(), general, "training")
    folder = out or Path("runs") / f"{found.name}-{Path(agent).stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    if not str(folder).isprintable():
        raise RunError(f"{str(folder)!r} cannot be a run folder: its name has characters that cannot be printed.")
    if any((folder / name).exists() for name in (CONFIG, STATE)):
        raise RunError(f"{folder} holds a run already: name another folder, or go on with --resume {folder}.")
    config = {
        "agent": agent,
        "settings": asdict(settings),
        "training": asdict(training),
        "game": {"spec": game, "with": dict(overrides)},
        "seed": seed,
    }
    return Plan(Path(agent).stem, _learner(module, settings, agent), found, training, config, seed, folder)


def resumed(folder: Path, changes: Mapping[str, Any], code: str | None) -> Plan:
    """The training in a run folder, to go on; of its settings only those of the training may change."""
    config, _ = load_model(folder)
    load_state(folder)  # so that a folder that cannot go on is refused before anything is written to it
    agent = config["agent"]
    module = load_agent_of_run(folder, agent, code)
    own, general = _divided(module, changes, agent)
    # To name again what is fixed changes nothing; a scorer that is code runs only where somebody names it.
    changed = [name for name, value in own.items() if value != str(config["settings"].get(name))]
    if changed:
        raise RunError(f"{changed[0]} is fixed for the run in {folder}: begin a new one to change it.")
    try:
        training = build(TrainSettings, config["training"], str(folder))
        seed = int(config["seed"])
        found = _playable(load_game(*trained_on(folder, config)))
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise RunError(f"{folder / CONFIG} is damaged: {error}.") from None
    settings = build(module.Settings, config["settings"], str(folder))
    run_named(module.Settings, own)
    training = override(training, general, "training")
    plan = Plan(Path(agent).stem, _learner(module, settings, agent), found, training, config, seed, folder)
    return replace(plan, config={**config, "training": asdict(training)}, resume=True)


def run(plan: Plan, show: Callable[[Progress], None]) -> Progress:
    """Carry out a plan."""
    return train(
        plan.learner, plan.game, plan.settings, plan.folder, plan.config,
        seed=plan.seed, resume=plan.resume, show=show,
    )


def can_go_on(folder: Path) -> bool:
    """Whether an interrupted training has come so far that `resumed` finds something."""
    return (folder / CONFIG).is_file() and (folder / STATE).is_file()


def trained_on(folder: Path, config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The game that the run in a folder was trained on, and what was laid over it."""
    spec, overrides = (config["game"].get(key) for key in ("spec", "with"))
    if not isinstance(spec, str) or not isinstance(overrides, dict):
        raise RunError(f"{folder / CONFIG} does not say which game the agent was trained on.")
    return spec, overrides


def _playable(game: Game) -> Game:
    """The game, once it has shown that it can be played in every split: before any work, or any folder, is made."""
    for part in parts(game):
        for split in SPLITS:
            part.table(split, 0)
    return game


def _divided(module: Any, changes: Mapping[str, Any], agent: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The changes that are the agent's, and those that are the training's."""
    names = {field.name for field in fields(module.Settings)}
    general = {field.name for field in fields(TrainSettings)}
    for name in changes:
        if name not in names | general:
            raise UnknownNameError(f"setting of {agent} or its training", name, names | general)
    own = {name: value for name, value in changes.items() if name in names}
    return own, {name: value for name, value in changes.items() if name not in names}


def _learner(module: Any, settings: Any, agent: str) -> Learner:
    if not hasattr(module, "make_learner"):
        raise TextmazeError(f"{agent} does not learn; train one that does, such as bert_q.")
    learner: Learner = module.make_learner(settings)
    return learner
