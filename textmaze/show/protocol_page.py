"""The results of a protocol: tables for a terminal, and the page with all that is needed to judge them."""

import importlib.metadata
import math
import platform
import shlex
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textmaze import __version__
from textmaze.show.grid import UNKNOWN, Grid, markdown_grid, with_interval

if TYPE_CHECKING:
    from textmaze.learn.compare import Figure
    from textmaze.learn.findings import Findings, Tested, Trained
    from textmaze.learn.protocol import Protocol

QUICK = "A QUICK RUN: every part was done in a much reduced size, with one seed, so these figures mean nothing."
LIBRARIES = ("torch", "transformers", "gymnasium", "numpy", "scipy", "textworld")


def protocol_grids(protocol: "Protocol", findings: "Findings") -> list[Grid]:
    """The tables of targets, of tests and of trainings; those that would be empty are left out."""
    quick = " (quick)" if protocol.quick else ""
    grids = [
        Grid(f"Targets{quick}", ("target", "worst", "met"), tuple(
            (one.text, _number(one.value, 2), {True: "met", False: "not met", None: "not known"}[one.met])
            for one in findings.verdicts)),
        Grid(f"Tests{quick}", ("test", "agent", "success", "SPL", "of explorer's", "steps", "success by seed"),
             tuple(map(_tested, findings.tested)), names=2),
        Grid(f"Trainings{quick}", ("agent", "steps", "episodes", "minutes", "best validation", "steps to 90%", "drop"),
             tuple(map(_trained, findings.trained))),
    ]
    return [grid for grid in grids if grid.rows]


def _tested(row: "Tested") -> tuple[str, ...]:
    figures = (with_interval(row.figures[name], digits)
               for name, digits in (("success", 2), ("spl", 2), ("of_base", 2), ("steps", 1)))
    return row.test, row.agent, *figures, " ".join(_number(value, 2) for value in row.values["success"])


def _trained(row: "Trained") -> tuple[str, ...]:
    digits = {"env_steps": 0, "episodes": 0, "minutes": 1, "validation": 2, "steps_to_90": 0, "drop": 2}
    return row.label, *(_seeds(row.values[name], places) for name, places in digits.items())


def _seeds(values: Sequence[float], digits: int) -> str:
    """The mean over seeds, and each of them where there are several."""
    mean = sum(values) / len(values)
    each = ", ".join(_number(value, digits) for value in values)
    return _number(mean, digits) + (f" ({each})" if len(values) > 1 else "")


def _number(value: float, digits: int) -> str:
    if math.isnan(value):
        return UNKNOWN
    return "never" if math.isinf(value) else f"{value:,.{digits}f}"


def protocol_page(protocol: "Protocol", findings: "Findings", command: str) -> str:
    """The page as Markdown: what was hoped for, what was found, by which versions and which commands."""
    about = protocol.about
    parts = [f"# {about.title or protocol.name}", about.summary, f"Hoped for: {about.aim}" if about.aim else "",
             QUICK if protocol.quick else ""]
    text = "\n\n".join(part for part in parts if part) + "\n\n"
    text += "".join(map(markdown_grid, protocol_grids(protocol, findings)))
    text += ("In brackets: of tests the 95% interval by a stratified bootstrap that draws mazes and seeds; of "
             "trainings the figure of each seed. `drop` is how far the last validation fell below the best.\n\n")
    if findings.failed:
        text += "## Failed\n\n" + "".join(f"- {name}: {why}\n" for name, why in findings.failed.items()) + "\n"
    if findings.missing:
        text += f"Parts that have no result: {findings.missing}.\n\n"
    lines = [command, *_commands(protocol)]
    text += "## Commands\n\nThe first does all of it; the others do each part with seed 0.\n\n"
    text += "".join(f"    {line}\n" for line in lines)
    return f"{text}\n## Versions\n\n" + "".join(f"- {name} {number}\n" for name, number in versions().items())


def _commands(protocol: "Protocol") -> list[str]:
    lines = []
    for one in protocol.trainings:
        lines.append(_line("train", one.game, "--agent", one.agent, *_options("--with", one.overrides),
                           *_options("--set", one.sets), "--seed", 0, "--out", f"runs/{_slug(one.label)}"))
    for test in protocol.tests:
        for agent in test.agents:
            name = f"runs/{_slug(agent)}" if protocol.training(agent) else agent
            lines.append(_line("evaluate", name, test.game, "--episodes", test.episodes, "--seed", test.first,
                               *_options("--with", test.overrides), *_options("--noise", test.noise),
                               *(() if test.split == "test" else ("--split", test.split))))
    return lines


def _line(*words: object) -> str:
    return shlex.join(["textmaze", *map(str, words)])


def _options(name: str, values: Mapping[str, Any]) -> list[str]:
    return [word for key, value in values.items() for word in (name, f"{key}={value}")]


def _slug(label: str) -> str:
    return "-".join("".join(mark if mark.isalnum() else " " for mark in label).split())


def versions() -> dict[str, str]:
    """When, on what, and by which versions."""
    found = {"date": time.strftime("%Y-%m-%d"), "textmaze": __version__, "Python": platform.python_version(),
             "machine": f"{platform.machine()}, {platform.system()}"}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def noise_curves(findings: "Findings") -> "dict[str, dict[str, list[tuple[float, Figure]]]]":
    """For each kind of noise, and each agent, SPL by the amount of that noise; of tests with one kind only. It
    falls before success does: who reads badly still wins, by searching."""
    curves: dict[str, dict[str, list[tuple[float, Figure]]]] = {}
    for row in findings.tested:
        if len(row.noise) == 1:
            kind, amount = next(iter(row.noise.items()))
            curves.setdefault(kind, {}).setdefault(row.agent, []).append((amount, row.figures["spl"]))
    return curves
