"""What a protocol found: its figures over seeds, and which of its targets are met."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from textmaze.learn.cells import Cell, results
from textmaze.learn.compare import BASE, METRICS, Figure, Floats, Played, figure
from textmaze.learn.evaluate import Episodes
from textmaze.learn.protocol import TRAIN_METRICS, Protocol, Target


@dataclass(frozen=True)
class Trained:
    """The trainings of one label."""

    label: str
    family: str
    values: Mapping[str, tuple[float, ...]]  # by metric, one for each seed; inf: never came so far


@dataclass(frozen=True)
class Tested:
    """How one agent did in one test."""

    test: str
    family: str  # of the test
    agent: str
    agents: str  # the family of the agent
    noise: Mapping[str, float]
    figures: Mapping[str, Figure]
    values: Mapping[str, tuple[float, ...]]  # by metric, one for each seed


@dataclass(frozen=True)
class Verdict:
    """A target, and what came of it."""

    text: str
    value: float  # the worst of the rows that it is about; nan where a figure is missing
    met: bool | None  # None where a figure is missing


@dataclass(frozen=True)
class Findings:
    trained: tuple[Trained, ...]
    tested: tuple[Tested, ...]
    verdicts: tuple[Verdict, ...]
    failed: Mapping[str, str]
    missing: int  # cells that are not done


def findings(protocol: Protocol, folder: Path) -> Findings:
    """What the files in a folder say of a protocol; whatever is not there yet is left out."""
    known = results(protocol, folder)
    trained = _trained(protocol, known)
    tested = _tested(protocol, known)
    lacking = [cell for cell, data in known if "result" not in data]
    verdicts = tuple(
        Verdict(_text(target), math.nan, None) if any(_concerns(target, cell, protocol) for cell in lacking)
        else _verdict(target, trained, tested) for target in protocol.targets
    )
    failed = {f"{cell.agent}, {cell.label}, seed {cell.seed}" if cell.kind == "test" else
              f"{cell.label}, seed {cell.seed}": data["error"] for cell, data in known if "error" in data}
    done = sum("result" in data for _, data in known)
    return Findings(trained, tested, verdicts, failed, len(known) - done)


def _trained(protocol: Protocol, known: Sequence[tuple[Cell, Mapping[str, Any]]]) -> tuple[Trained, ...]:
    found = []
    for training in protocol.trainings:
        results = [data["result"] for cell, data in known
                   if cell.kind == "train" and cell.label == training.label and "result" in data]
        if results:
            values = {metric: tuple(math.inf if one[metric] is None else float(one[metric]) for one in results)
                      for metric in TRAIN_METRICS}
            found.append(Trained(training.label, training.family, values))
    return tuple(found)


def _tested(protocol: Protocol, known: Sequence[tuple[Cell, Mapping[str, Any]]]) -> tuple[Tested, ...]:
    found = []
    for test in protocol.tests:
        played = {agent: _played(test.label, agent, known) for agent in test.agents}
        base = played.get(BASE)
        for agent, own in played.items():
            if own is None:
                continue
            figures = {metric: figure(own.values(metric)) for metric in METRICS}
            figures["of_base"] = figure(own.values("spl"), base.values("spl")) if base else Figure(math.nan)
            values = {metric: tuple(_over_games(own.values(metric)).tolist()) for metric in METRICS}
            training = protocol.training(agent)
            found.append(Tested(test.label, test.family, agent, training.family if training else agent, test.noise,
                                figures, values))
    return tuple(found)


def _played(test: str, agent: str, known: Sequence[tuple[Cell, Mapping[str, Any]]]) -> Played | None:
    """What an agent did in a test with all the seeds that are done."""
    seeds = [data["result"]["games"] for cell, data in known
             if (cell.kind, cell.label, cell.agent) == ("test", test, agent) and "result" in data]
    if not seeds:
        return None
    return Played(agent, tuple(tuple(map(_episodes, games)) for games in seeds))


def _episodes(data: Mapping[str, Any]) -> Episodes:
    won, steps, fewest, revisits = (np.array(data[name]) for name in ("won", "steps", "fewest", "revisits"))
    return Episodes(won.astype(bool), steps, fewest, revisits)


def _over_games(values: Sequence[Floats]) -> Floats:
    """(seeds,) the mean over games of the mean over episodes."""
    return np.asarray(np.mean([each.mean(axis=1) for each in values], axis=0))


def _concerns(target: Target, cell: Cell, protocol: Protocol) -> bool:
    """Whether a target cannot be judged without what comes of a cell: each seed counts, and each test that it names."""
    if (cell.kind == "train") != (target.metric in TRAIN_METRICS):
        return False
    training = protocol.training(cell.agent)
    names = (cell.agent, training.family if training else "")
    if target.agent not in names and target.relative_to != cell.agent:
        return False
    tests = [test for test in protocol.tests if test.label == cell.label and cell.kind == "test"]
    return all(target.test in ("", test.label, test.family) for test in tests)


def _verdict(target: Target, trained: Sequence[Trained], tested: Sequence[Tested]) -> Verdict:
    if target.metric in TRAIN_METRICS:
        found = [_of_training(target, row, trained) for row in trained if target.agent in (row.label, row.family)]
    else:
        found = [_of_test(target, row, tested) for row in tested
                 if target.agent in (row.agent, row.agents) and target.test in ("", row.test, row.family)]
    text = _text(target)
    if not found or any(map(math.isnan, found)):
        return Verdict(text, math.nan, None)
    worst = max(found) if math.isinf(target.at_least) else min(found)
    return Verdict(text, worst, all(target.at_least <= value <= target.at_most for value in found))


def _of_training(target: Target, row: Trained, trained: Sequence[Trained]) -> float:
    value = _over_seeds(target, row.values[target.metric])
    if not target.relative_to:
        return value
    base = next((one for one in trained if target.relative_to == one.label), None)
    if base is None:
        return math.nan
    # One that never came so far took at least all of its steps.
    least = [min(pair) for pair in zip(base.values[target.metric], base.values["env_steps"], strict=True)] \
        if target.metric == "steps_to_90" else base.values[target.metric]
    return _ratio(value, float(np.mean(least)))


def _of_test(target: Target, row: Tested, tested: Sequence[Tested]) -> float:
    value = _over_seeds(target, row.values[target.metric])
    if not target.relative_to:
        return value
    base = next((one for one in tested if (one.test, one.agent) == (row.test, target.relative_to)), None)
    return math.nan if base is None else _ratio(value, float(np.mean(base.values[target.metric])))


def _over_seeds(target: Target, values: Sequence[float]) -> float:
    if target.over == "mean":
        return float(np.mean(values))
    return min(values) if math.isinf(target.at_most) else max(values)


def _ratio(value: float, base: float) -> float:
    return value / base if base else math.nan


def _text(target: Target) -> str:
    where = f" on {target.test}" if target.test else ""
    ratio = f", as a multiple of {target.relative_to}'s" if target.relative_to else ""
    limits = [f"at least {target.at_least:g}"] * (not math.isinf(target.at_least))
    limits += [f"at most {target.at_most:g}"] * (not math.isinf(target.at_most))
    worst = "every seed's " if target.over == "worst" else ""
    text = f"{worst}{target.metric.replace('_', ' ')} of {target.agent}{where}{ratio}: {' and '.join(limits)}"
    return re.sub(r"\{\w*\}", "…", text)  # a label in braces stands for several
