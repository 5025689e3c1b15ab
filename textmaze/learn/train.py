"""The training loop: settings, schedule, validation, progress. What is learned, and how, is the agent's."""

import contextlib
import itertools
import json
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from textmaze.env.rollout import Agent, Observation, StepRecord, rollout
from textmaze.errors import RunError
from textmaze.game.table import Game
from textmaze.learn import checkpoint
from textmaze.learn.evaluate import Result, evaluate
from textmaze.settings import setting

FIRST_LOOK = 32  # training games that the agent takes its scales from


@dataclass(frozen=True)
class TrainSettings:
    steps: int = setting(30_000, "commands to learn from, over all games played at once", low=1, high=10**9)
    games: int = setting(200, "different training games, played over and over", low=1, high=10**9)
    slots: int = setting(32, "games played at once", low=1, high=4096)
    valid_every: int = setting(3_000, "commands between validations", low=1, high=10**9)
    valid_episodes: int = setting(50, "games of the split valid that a validation plays", low=1, high=100_000)
    stop_at: float = setting(1.0, "success in two validations running that ends the training early; more than 1 "
                                  "is never reached", low=0.0, high=2.0)


class Learner(Agent, Protocol):
    """An agent while it learns. An agent file that offers `make_learner(settings)` can be trained."""

    epsilon: float

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
    best: Result | None = None  # the validation whose weights are kept
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
    """Train until the steps are done or validation is good enough; keep the best weights in `folder`.

    An interrupt by the keyboard ends the training early, with all that was learned saved, like any other end.
    Returns how far it came; `best.success` is that of the weights kept.
    """
    progress, started = Progress(), time.monotonic()
    # The log first, so that a folder that takes no files is found before any work is done.
    with contextlib.closing(_Log(folder)) as log:
        rng = np.random.default_rng(seed)
        if resume:
            state, tensors = checkpoint.load_state(folder)
            progress = _restored(learner, rng, state, tensors, folder)
        else:
            learner.prepare(_first_look(game, settings))
        recent: deque[bool] = deque(maxlen=100)
        losses: deque[float] = deque(maxlen=100)

        def validate() -> bool:
            """Measure, keep the weights if they are the best so far, and say whether that is enough."""
            last = progress.valid
            result = progress.valid = evaluate(
                learner.greedy(), game, range(settings.valid_episodes), name=config["agent"], split="valid"
            )
            best = progress.best
            if best is None or (result.success, result.spl) > (best.success, best.spl):
                progress.best = result
                checkpoint.save_model(folder, {**config, "validation": result.to_dict()}, learner.weights())
            progress.seconds = time.monotonic() - started
            log.write(progress)
            checkpoint.save_state(folder, *_state(learner, rng, progress))
            show(progress)
            return last is not None and min(last.success, result.success) >= settings.stop_at

        try:
            next_validation = progress.steps + settings.valid_every
            for records in rollout(game, learner, _endless(rng, settings.games), split="train", slots=settings.slots):
                learner.schedule(min(1.0, progress.steps / settings.steps))
                loss = learner.learn(records)
                progress.steps += len(records)
                ended = [record.won for record in records if record.ended]
                progress.episodes += len(ended)
                recent.extend(ended)
                if loss is not None:
                    losses.append(loss)
                progress.success = float(np.mean(recent)) if recent else 0.0
                progress.loss = float(np.mean(losses)) if losses else float("nan")
                progress.epsilon = learner.epsilon
                progress.seconds = time.monotonic() - started
                show(progress)
                done = progress.steps >= settings.steps
                if progress.steps >= next_validation or done:
                    next_validation += settings.valid_every
                    if validate() or done:
                        break
        except KeyboardInterrupt:
            if progress.best is None:
                checkpoint.save_model(folder, config, learner.weights())
            checkpoint.save_state(folder, *_state(learner, rng, progress))
            raise
    return progress


def _endless(rng: np.random.Generator, games: int) -> Iterator[int]:
    return (int(rng.integers(games)) for _ in itertools.count())


def _first_look(game: Game, settings: TrainSettings) -> list[Observation]:
    """What a wanderer reads in the first training games, each place once."""
    count = min(settings.games, FIRST_LOOK)
    prepare = getattr(game, "prepare", None)
    if prepare is not None:
        prepare("train", range(settings.games))
        prepare("valid", range(settings.valid_episodes))
    from textmaze.catalog import load_agent

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
        "best": progress.best and asdict(progress.best),
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
        valid, best = (state[name] and Result(**state[name]) for name in ("valid", "best"))
        return Progress(steps=int(state["steps"]), episodes=int(state["episodes"]), valid=valid, best=best)
    except (LookupError, TypeError, ValueError, RuntimeError, ArithmeticError, AttributeError) as error:
        file, reason = folder / checkpoint.STATE, str(error).partition("\n")[0]
        raise RunError(f"{file} is damaged, or was written with other settings: {reason}") from None


class _Log:
    """The course of the training, one line of JSON a validation, and the same for TensorBoard."""

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        try:
            folder.mkdir(parents=True, exist_ok=True)
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
