"""The cells of a protocol: what is to be done, one training or one test each, and what has come of it."""

import functools
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import textmaze
from textmaze.files import shipped_folder
from textmaze.learn.compare import draws
from textmaze.learn.protocol import Protocol, Test, Training

_DECIDING = ("game", "env", "learn")  # the parts of the package that play and learn; the others show
_KINDS = (".py", ".toml", ".json", ".safetensors")


@dataclass(frozen=True, eq=False)
class Cell:
    """One training or one test, with one seed."""

    kind: str  # train or test
    label: str  # of the training or the test
    agent: str  # the training's label, or an agent's name
    seed: int
    settings: Mapping[str, Any]  # all that decides what comes out
    run: str = ""  # the run folder that a training makes, or that a test plays
    needs: str = ""  # the file of the training that comes first

    @property
    def digest(self) -> str:
        text = json.dumps(self.settings, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def file(self) -> str:
        named = self.agent if self.kind == "train" else f"{self.label}-{self.agent}"
        slug = re.sub(r"[^a-z0-9]+", "-", named.lower()).strip("-")[:80]
        return f"{self.kind}-{slug}-{self.seed}-{self.digest}.json"

    @property
    def name(self) -> str:
        """What it is, for people."""
        return f"{self.agent}{f' on {self.label}' if self.kind == 'test' else ''}, seed {self.seed}"


def cells(protocol: Protocol) -> list[Cell]:
    """All that a protocol asks for, trainings first, and those seed by seed: where two run at once, the first of a kind
    has encoded and kept most texts by the time that the next one asks for them."""
    trained: dict[tuple[str, int], Cell] = {}
    for seed in range(protocol.about.seeds):
        for training in protocol.trainings:
            cell = Cell("train", training.label, training.label, seed, _settings_of(training, seed))
            trained[training.label, seed] = Cell(**{**vars(cell), "run": f"runs/{cell.file.removesuffix('.json')}"})
    return [*trained.values(), *(
        _test_cell(test, agent, seed, trained.get((agent, seed)))
        for test in protocol.tests
        for agent in test.agents
        for seed in range(_seeds(protocol, agent))
    )]


def results(protocol: Protocol, folder: Path) -> list[tuple[Cell, dict[str, Any]]]:
    """All cells, each with what its file holds: `result`, or `error`, or nothing yet."""
    return [(cell, read_cell(folder, cell)) for cell in cells(protocol)]


def read_cell(folder: Path, cell: Cell) -> dict[str, Any]:
    """The file of a cell, or nothing where there is none that holds this cell."""
    try:
        data = json.loads((folder / "cells" / cell.file).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) and data.get("hash") == cell.digest else {}


@functools.cache
def exact_version() -> str:
    """The version, and a digest of whatever else of textmaze decides a result: code, games and trained weights."""
    package = Path(textmaze.__file__).parent
    digest = hashlib.sha256()
    for folder in (*map(package.joinpath, _DECIDING), shipped_folder("agents"), shipped_folder("games")):
        for path in sorted(path for path in folder.rglob("*.*") if path.suffix in _KINDS):
            name = path.relative_to(folder.parent).as_posix()
            if not name.startswith("games/protocols/"):  # what one asks for stands in its cells
                digest.update(f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return f"{textmaze.__version__} {digest.hexdigest()[:16]}"


def _settings_of(training: Training, seed: int) -> dict[str, Any]:
    return {"textmaze": exact_version(), "agent": training.agent, "game": training.game,
            "with": dict(training.overrides), "set": dict(training.sets), "seed": seed}


def _test_cell(test: Test, agent: str, seed: int, training: Cell | None) -> Cell:
    settings = {
        "textmaze": exact_version(), "game": test.game, "with": dict(test.overrides), "split": test.split,
        "first": test.first, "episodes": test.episodes, "noise": dict(test.noise), "seed": seed,
        "agent": training.settings if training else agent,
    }
    return Cell("test", test.label, agent, seed, settings, training.run if training else "",
                training.file if training else "")


def _seeds(protocol: Protocol, agent: str) -> int:
    return protocol.about.seeds if protocol.training(agent) or draws(agent) else 1
