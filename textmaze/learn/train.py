"""The training loop: settings, schedule, validation, progress. What is learned, and how, is the agent's."""

import contextlib
import itertools
import json
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from textmaze.catalog import load_agent
from textmaze.env.rollout import Agent, Observation, StepRecord, rollout
from textmaze.errors import RunError
from textmaze.files import make_folder
from textmaze.game.table import Game
from textmaze.learn import checkpoint
from textmaze.learn.evaluate import Result, evaluate
from textmaze.settings import setting

FIRST_LOOK = 32  # training games that the agent takes its scales from
SLOW_GAMES = 100  # training games of a kind that takes long to make, where nobody says how many
_NEW_EVERY_TIME = 2**31  # so many that hardly any is played twice


@dataclass(frozen=True)
class TrainSettings:
    steps: int = setting(30_000, "commands to learn from, over all games played at once", low=1, high=10**9)
    games: int = setting(0, "different training games, played over and over; 0 for a new one every time, or for 100 "
                            "of a kind that takes long to make", low=0, high=10**9)
    slots: int = setting(32, "games played at once", low=1, high=4096)
    valid_every: int = setting(3_000, "commands between validations", low=1, high=10**9)
    valid_episodes: int = setting(50, "games of the split valid that a validation plays", low=1, high=100_000)
    keep: str = setting("best", "which weights are kept: those of the best validation, or of the last one",
                        choices=("best", "last"))
    stop_at: float = setting(1.0, "success in two validations running that ends the training early, once SPL gets no "
                                  "better; more than 1 is never reached", low=0.0, high=2.0)


class Learner(Agent, Protocol):
    """An agent while it learns. An agent file that offers `make_learner(settings)` can be trained."""

    epsilon: float
    scouting: bool  # whether it plays without having begun to learn what it would play by

    def prepare(self, observations: Sequence[Observation]) -> None:
        """Take scales from a first look at the training games."""
        ...

    def schedule(self, progress: float) -> None:
        """Set what changes while `progress` runs from 0 to 1."""
        ...

    def learn(self, records: Sequence[StepRecord]) -> float | None:
        """Learn from one round of steps; the loss, or None while there is none yet."""
        ...

    def greedy(self) -> Agent:
        """The agent as it would play now."""
        ...

    def weights(self) -> dict[str, torch.Tensor]:
        """What it takes to play as now."""
        ...

    def state(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """What it takes to go on learning: plain data, and tensors."""
        ...

    def restore(self, state: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> None:
        """Go on from what `state` returned."""
        ...


@dataclass
class Progress:
    """How far a training is, for whoever shows it."""

    steps: int = 0
    episodes: int = 0
    success: float = 0.0  # of the last 100 training episodes
    epsilon: float = 1.0
    loss: float = float("nan")
    valid: Result | None = None  # the last validation
    kept: Result | None = None  # the validation whose weights are kept
    seconds: float = 0.0  # of this call


def train(
    learner: Learner,
    game: Game,
    settings: TrainSettings,
    folder: Path,
    config: Mapping[str, Any],
    *,
    seed: int,
    resume: bool = False,
    show: Callable[[Progress], None] = lambda progress: None,
) -> Progress:
    """Train until the steps are done or validation is good enough; keep the best weights, or the last, in `folder`.

    An interrupt by the keyboard ends the training early, with all that was learned saved, like any other end.
    Returns how far it came; `kept.success` is that of the weights kept.
    """
    rng = np.random.default_rng(seed)
    progress = Progress()
    if resume:
        progress = _restored(learner, rng, *checkpoint.load_state(folder), folder)
    # The log before the first look, so that a folder that takes no files is found before any work is done.
    with contextlib.closing(_Log(folder)) as log:
        training = _Training(learner, game, settings, folder, config, rng, progress, log, show)
        if not resume:
            learner.prepare(_first_look(game, settings))
        try:
            training.run()
        except KeyboardInterrupt:
            training.save()
            raise
    return progress


@dataclass
class _Training:
    """A training under way."""

    learner: Learner
    game: Game
    settings: TrainSettings
    folder: Path
    config: Mapping[str, Any]
    rng: np.random.Generator
    progress: Progress
    log: "_Log"
    show: Callable[[Progress], None]
    started: float = field(default_factory=time.monotonic)
    recent: deque[bool] = field(default_factory=lambda: deque(maxlen=100))  # whether the last episodes were won
    losses: deque[float] = field(default_factory=lambda: deque(maxlen=100))

    def run(self) -> None:
        """Play and learn, and validate now and then, until that is enough."""
        s, progress = self.settings, self.progress
        next_validation = progress.steps + s.valid_every
        numbers = _endless(self.rng, training_games(self.game, s.games))
        for records in rollout(self.game, self.learner, numbers, split="train", slots=s.slots):
            self.learner.schedule(min(1.0, progress.steps / s.steps))
            loss = self.learner.learn(records)
            self._note(records, loss)
            self.show(progress)
            done = progress.steps >= s.steps
            if self.learner.scouting:  # there is nothing to validate
                next_validation = progress.steps + s.valid_every
            if progress.steps >= next_validation or done:
                next_validation += s.valid_every
                if self._validate() or done:
                    return

    def save(self) -> None:
        """Keep all that was learned; the weights only where no validation has chosen any."""
        if self.progress.kept is None:
            checkpoint.save_model(self.folder, self.config, self.learner.weights())
        checkpoint.save_state(self.folder, *_state(self.learner, self.rng, self.progress))

    def _note(self, records: Sequence[StepRecord], loss: float | None) -> None:
        progress = self.progress
        ended = [record.won for record in records if record.ended]
        self.recent.extend(ended)
        if loss is not None:
            self.losses.append(loss)
        progress.steps += len(records)
        progress.episodes += len(ended)
        progress.success = float(np.mean(self.recent)) if self.recent else 0.0
        progress.loss = float(np.mean(self.losses)) if self.losses else float("nan")
        progress.epsilon = self.learner.epsilon
        progress.seconds = time.monotonic() - self.started

    def _validate(self) -> bool:
        """Measure, keep the weights if they are the best so far or the last ones are wanted, and say whether that is
        enough."""
        progress, last, kept = self.progress, self.progress.valid, self.progress.kept
        seeds = range(self.settings.valid_episodes)
        result = evaluate(self.learner.greedy(), self.game, seeds, name=self.config["agent"], split="valid")
        progress.valid = result
        better = kept is None or (result.success, result.spl) > (kept.success, kept.spl)
        if better or self.settings.keep == "last":
            progress.kept = result
            config = {**self.config, "validation": result.to_dict()}
            checkpoint.save_model(self.folder, config, self.learner.weights())
        progress.seconds = time.monotonic() - self.started
        self.log.write(progress)
        self.save()
        self.show(progress)
        return (last is not None and min(last.success, result.success) >= self.settings.stop_at
                and result.spl <= last.spl)


def _endless(rng: np.random.Generator, games: int) -> Iterator[int]:
    return (int(rng.integers(games)) for _ in itertools.count())


def training_games(game: Game, asked: int) -> int:
    """How many different games are played, where `asked` are asked for."""
    return asked or (SLOW_GAMES if game.slow else _NEW_EVERY_TIME)


def _first_look(game: Game, settings: TrainSettings) -> list[Observation]:
    """The same, once slow games have been made."""
    games = training_games(game, settings.games)
    if game.slow:
        game.prepare("train", range(games))
        game.prepare("valid", range(settings.valid_episodes))
    return first_look(game, min(games, FIRST_LOOK))


def first_look(game: Game, count: int) -> list[Observation]:
    """What a wanderer reads in the first `count` training games, each place once."""
    module = load_agent("wander")
    found: dict[str, Observation] = {}
    for records in rollout(game, module.make(module.Settings()), range(count), split="train", slots=count):
        for record in records:
            found.setdefault(record.before.description, record.before)
    return list(found.values())


def _state(
    learner: Learner, rng: np.random.Generator, progress: Progress
) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    state, tensors = learner.state()
    return {
        "steps": progress.steps,
        "episodes": progress.episodes,
        "valid": progress.valid and asdict(progress.valid),
        "kept": progress.kept and asdict(progress.kept),
        "rng": rng.bit_generator.state,
        "learner": state,
    }, tensors


def _restored(
    learner: Learner, rng: np.random.Generator, state: Mapping[str, Any], tensors: Mapping[str, torch.Tensor],
    folder: Path,
) -> Progress:
    try:
        rng.bit_generator.state = state["rng"]
        learner.restore(state["learner"], tensors)
        valid, kept = (state[name] and Result(**state[name]) for name in ("valid", "kept"))
        return Progress(steps=int(state["steps"]), episodes=int(state["episodes"]), valid=valid, kept=kept)
    except (LookupError, TypeError, ValueError, RuntimeError, ArithmeticError, AttributeError) as error:
        file, reason = folder / checkpoint.STATE, str(error).partition("\n")[0]
        raise RunError(f"{file} is damaged, or was written with other settings: {reason}") from None


class _Log:
    """The course of the training, one line of JSON a validation, and the same for TensorBoard."""

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        make_folder(folder)
        try:
            self._file = (folder / "metrics.jsonl").open("a", encoding="utf-8")
        except OSError as error:
            raise RunError(f"{folder} cannot be written: {error.strerror or error}.") from None
        self._board = SummaryWriter(str(folder))

    def write(self, progress: Progress) -> None:
        assert progress.valid is not None
        values = {
            "episodes": progress.episodes,
            "success": progress.success,
            "epsilon": progress.epsilon,
            "loss": None if math.isnan(progress.loss) else progress.loss,  # JSON has no nan
            "valid_success": progress.valid.success,
            "valid_spl": progress.valid.spl,
            "valid_steps_mean": progress.valid.steps_mean,
            "seconds": round(progress.seconds, 1),
        }
        self._file.write(json.dumps({"steps": progress.steps, **values}) + "\n")
        self._file.flush()
        for name, value in values.items():
            if value is not None:
                self._board.add_scalar(name, value, progress.steps)

    def close(self) -> None:
        self._file.close()
        self._board.close()
