"""report.html of a run folder: how the training went, how well the agent does, and games that it plays."""

import importlib.metadata
import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from textmaze.errors import RunError
from textmaze.files import write_file
from textmaze.show.grid import Grid
from textmaze.show.page import Shown, page
from textmaze.show.report import results_html, settings_html

REPORT = "report.html"
SAMPLES = 3  # episodes on the page
LIBRARIES = ("textmaze", "torch", "transformers", "gymnasium", "numpy")
FILES = {"model card": "README.md", "settings": "config.json", "metrics": "metrics.jsonl"}


def write_report(folder: Path, grids: Sequence[Grid], code: str | None, *, samples: int = SAMPLES) -> Path:
    """Write the page of a run, with its tables and that many games of the split test; return where it is."""
    from textmaze.learn.checkpoint import load_model

    config, _ = load_model(folder)
    game, training = config["game"], config.get("training", {})
    overrides = "".join(f" --with {key}={value}" for key, value in game.get("with", {}).items())
    best: Mapping[str, Any] = config.get("validation") or {}
    metrics = read_metrics(folder / "metrics.jsonl")
    facts = {"agent": config["agent"], "game": f"{game.get('spec')}{overrides}", "seed": str(config.get("seed"))}
    if metrics:
        facts |= {"commands learned from": f"{metrics[-1]['steps']:,.0f}"}
    if best:
        facts |= {"best validation": f"{best['success']:.2f}"}
    settings = {"Settings of the agent": config["settings"], "Settings of the training": training,
                "Versions": versions()}
    links = {name: path for name, path in FILES.items() if (folder / path).is_file()}
    text = page(f"{Path(config['agent']).stem}, trained on {game.get('spec')}", facts,
                list(_episodes(folder, config, code, samples)), above=results_html(metrics, grids),
                below=settings_html(settings, links))
    write_file(folder / REPORT, text)
    return folder / REPORT


def read_metrics(path: Path) -> list[dict[str, float]]:
    """The validations of a training, in order; none where the file is missing."""
    if not path.is_file():
        return []
    try:
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read: {error}.") from None


def versions() -> dict[str, str]:
    """What the run's machine has installed, as far as results may depend on it."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # run from a checkout
            continue
    return found


def _episodes(folder: Path, config: Mapping[str, Any], code: str | None, samples: int) -> Iterator[Shown]:
    if not samples:
        return
    from textmaze.catalog import load_game, make_agent
    from textmaze.explain import explain
    from textmaze.learn.runs import trained_on

    game = load_game(*trained_on(folder, config))
    agent = make_agent(str(folder), {}, 0, code)[1]
    game.prepare("test", range(samples))
    for seed in range(samples):
        yield explain(agent, game, seed, split="test", run=(folder, code))
