"""Benchmarks: how fast texts are encoded, beside sentence-transformers in the same run, and how fast agents learn."""

import cProfile
import importlib
import importlib.util
import logging
import os
import pstats
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from textmaze.bench import apart
from textmaze.catalog import load_agent, load_game
from textmaze.env.rollout import rollout
from textmaze.errors import GameError, TextmazeError
from textmaze.game.table import Game
from textmaze.learn import vector_cache
from textmaze.learn.encoder import Bert, Library, packaged_model
from textmaze.learn.train import Progress, TrainSettings, train

if TYPE_CHECKING:
    from rich.table import Table

PEER = "sentence-transformers"
ROOMS = 400  # descriptions of the game that are encoded
COIN_LEVEL = 215  # of the coin collector beside them, where TextWorld is installed
ROUNDS, SLOTS = 20, 32  # of the rollout whose texts are encoded as they come
PARTS = 2  # of a measurement, all contenders in turn; the best is told, as other processes only ever slow one down
BATCHES = (32, 64, 128)  # of sentence-transformers; 32 is its default
AGENTS: Mapping[str, Mapping[str, Any]] = {"bert_q": {}, "bert_q, encoder=hash": {"encoder": "hash"}}
# What a learner's time goes into, by the files where it does. The rest is the agent's own bookkeeping and the loop.
SHARES = {
    "env": ("textmaze/env/single.py", "textmaze/env/vector.py", "textmaze/env/pool.py", "textmaze/game/"),
    "notes": ("textmaze/learn/notes.py", "textmaze/env/chart.py"),
    "encoding": ("textmaze/learn/encoder.py", "textmaze/learn/bert.py", "textmaze/learn/vector_cache.py"),
    "head": ("textmaze/learn/qhead.py", "textmaze/learn/targets.py", "torch/optim/", "torch/_tensor.py",
             "torch/autograd/__init__.py"),
    "replay": ("textmaze/learn/replay.py",),
}

WHAT_IS_TIMED = f"""\
All read the same texts with the same weights in the same process, one after the other, {PARTS} times over; shown is
the best of each, with one thread of torch's or with one for every processor, whichever was faster for it. "distinct"
are the descriptions of rooms, each once. "rollout" is all that a wandering player reads, {SLOTS} games at once, in the
order in which it comes; textmaze encodes what is new in a round, {PEER}, which remembers nothing, all.
Drift: the least cosine of a vector to that of float32, and the share of texts whose nearest neighbour is another.
A learner is timed once it has begun to learn; the shares are those of a profile taken afterwards, which makes Python
look slower than it is."""


@dataclass(frozen=True)
class Encoding:
    """How many texts a second one encoder reads; nan where it was not measured."""

    what: str
    distinct: float
    rollout: float  # counted with all repetitions
    cosine: float = nan  # the least, to float32 on the same texts
    neighbours: float = nan  # share of texts whose nearest neighbour is another than with float32


@dataclass(frozen=True)
class Learning:
    """How fast an agent learns, and what its time goes into."""

    what: str
    ready: float  # seconds until the first update
    steps: float  # commands a second
    updates: float  # a second
    shares: Mapping[str, float]  # of 1, by the names of `SHARES` and `rest`


def bench_encoding(game: Game, say: Callable[[str], None]) -> list[Encoding]:
    """sentence-transformers, where it is installed, and our encoder in each precision, and from the disk."""
    if not importlib.util.find_spec(PEER.replace("-", "_")):
        say(f"{PEER} is left out: pip install 'textmaze[peers]'.")
    distinct = _descriptions(game, ROOMS)
    try:
        distinct += _descriptions(load_game("coin_collector", {"level": COIN_LEVEL}), ROOMS)
    except TextmazeError as error:
        say(f"The coin collector is left out: {error}")
    rounds = _rounds(game, ROUNDS)
    say(f"encoders on {len(distinct):,} distinct texts, and on {sum(map(len, rounds)):,} of a rollout")
    return list(apart(_encoders, distinct, rounds))


def bench_learning(game: Game, seconds: float, say: Callable[[str], None]) -> Iterator[Learning]:
    """Each agent of `AGENTS`, in a process of its own and without vectors from earlier trainings; those that use the
    disk once more with the vectors that the first one left there."""
    for what, changes in AGENTS.items():
        with tempfile.TemporaryDirectory(prefix="textmaze-") as folder:
            for name in (what,) if changes else (what, f"{what}, warm disk"):
                say(name)
                yield apart(_learner, name, game, changes, seconds, folder)


def _descriptions(game: Game, most: int) -> list[str]:
    """What `look` says in the places of the first training games, each text once; of one game where they take long."""
    found: dict[str, None] = {}
    for seed in range(64):
        table = game.table("train", seed)
        found.update((table.texts[int(number)], None) for number in table.description)
        if len(found) >= most or game.name == "coin_collector":
            break
    return list(found)[:most]


def _rounds(game: Game, count: int) -> list[list[str]]:
    """What a wanderer reads in each of so many rounds of steps."""
    wander = load_agent("wander")
    agent = wander.make(wander.Settings())
    steps = rollout(game, agent, range(10**9), split="train", slots=SLOTS)
    return [[record.after.description for record in records] for records, _ in zip(steps, range(count), strict=False)]


def _encoders(distinct: Sequence[str], rounds: Sequence[Sequence[str]]) -> list[Encoding]:
    with tempfile.TemporaryDirectory(prefix="textmaze-") as folder:
        os.environ |= {"TEXTMAZE_CACHE": folder, vector_cache.OFF: "1"}
        precisions = list(dict.fromkeys(["float32", "bfloat16", Bert(precision="auto").precision]))
        models = {precision: Bert(precision=precision) for precision in precisions}
        rows = {f"textmaze, {name}": _reads(model, distinct, rounds) for name, model in models.items()}
        speeds = _best(_peers(distinct, rounds) | rows)
        found = [Encoding(what, len(distinct) / times[0], sum(map(len, rounds)) / times[1])
                 for what, times in speeds.items() if what not in rows]
        exact = models["float32"].encode(distinct)
        for what, model in zip(rows, models.values(), strict=True):
            times = speeds[what]
            found.append(Encoding(what, len(distinct) / times[0], sum(map(len, rounds)) / times[1],
                                  *_drift(model.encode(distinct), exact)))
        del os.environ[vector_cache.OFF]
        for what in ("cold", "warm"):
            times = [_seconds(read) for read in _reads(models["float32"], distinct, rounds)]
            if what == "cold":  # what the distinct texts left there, the rollout finds
                times[1] = nan
            found.append(Encoding(f"textmaze, float32, {what} disk", len(distinct) / times[0],
                                  sum(map(len, rounds)) / times[1]))
    return found


# How the distinct texts are read, and how those of a rollout; None where another batch size does the same.
Reads = tuple[Callable[[], object], Callable[[], object] | None]


def _reads(model: Bert, distinct: Sequence[str], rounds: Sequence[Sequence[str]]) -> Reads:
    def play() -> None:
        library = Library(model)
        for texts in rounds:
            library.read(texts)

    return lambda: Library(model).read(distinct), play


def _peers(distinct: Sequence[str], rounds: Sequence[Sequence[str]]) -> dict[str, Reads]:
    """sentence-transformers with the packaged model; nothing where it is not installed."""
    module = PEER.replace("-", "_")
    if not importlib.util.find_spec(module):
        return {}
    logging.getLogger(module).setLevel(logging.ERROR)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = importlib.import_module(module).SentenceTransformer(str(packaged_model()), device=device)

    def reads(size: int) -> Reads:
        def encode(texts: Sequence[str]) -> Any:
            return model.encode(list(texts), batch_size=size, show_progress_bar=False)

        def play() -> None:
            for texts in rounds:
                encode(texts)

        return lambda: encode(distinct), play if size == BATCHES[0] else None

    return {f"{PEER}, batches of {size}": reads(size) for size in BATCHES}


def _best(contenders: Mapping[str, Reads]) -> dict[str, list[float]]:
    """The fewest seconds of each, for the distinct texts and for those of a rollout; nan where they are not read."""
    before = torch.get_num_threads()
    found = {what: [inf if read else nan for read in reads] for what, reads in contenders.items()}
    try:
        for _ in range(PARTS):
            for threads in {1, os.cpu_count() or 1}:
                torch.set_num_threads(threads)
                for what, reads in contenders.items():
                    found[what] = [min(old, _seconds(read)) for old, read in zip(found[what], reads, strict=True)]
    finally:
        torch.set_num_threads(before)
    return found


def _seconds(function: Callable[[], object] | None) -> float:
    if function is None:
        return nan
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def _drift(vectors: torch.Tensor, exact: torch.Tensor) -> tuple[float, float]:
    """The least cosine between the rows of two (n, width) tensors, and the share of rows whose nearest neighbour by
    cosine is another."""
    cosine = torch.cosine_similarity(vectors, exact).min().item()
    nearest = []
    for rows in (vectors, exact):
        units = torch.nn.functional.normalize(rows, dim=1)
        nearest.append((units @ units.T).fill_diagonal_(-2.0).argmax(1))
    return cosine, (nearest[0] != nearest[1]).double().mean().item()


class _Enough(Exception):
    """Ends a training that has been measured."""


def _learner(what: str, game: Game, changes: Mapping[str, Any], seconds: float, folder: str) -> Learning:
    """Train until the first update, then for `seconds`, then for half as long under the profiler."""
    os.environ["TEXTMAZE_CACHE"] = folder
    os.environ.pop(vector_cache.OFF, None)
    torch.set_num_threads(1)
    module = load_agent("bert_q")
    settings = module.Settings(**changes)
    profile, clock = cProfile.Profile(), time.perf_counter
    updates, marks = 0, list[tuple[float, int, int]]()  # when, commands and updates until then
    began = clock()

    def count(*_: Any) -> None:
        nonlocal updates
        updates += 1

    def watch(progress: Progress) -> None:
        now = clock()
        if updates and not marks:
            marks.append((now, progress.steps, updates))
        elif len(marks) == 1 and now - marks[0][0] >= seconds:
            marks.append((now, progress.steps, updates))
            profile.enable()
        elif len(marks) == 2 and now - marks[1][0] >= seconds / 2:
            profile.disable()
            raise _Enough

    hook = register_optimizer_step_post_hook(count)
    try:
        # So many steps that epsilon falls as it does, and no validation comes between.
        plan = TrainSettings(steps=10**6, valid_every=10**9, valid_episodes=1)
        config = {"agent": "bert_q", "settings": {}, "game": {"spec": game.name}}
        train(module.make_learner(settings), game, plan, Path(folder) / "run", config, seed=0, show=watch)
    except _Enough:
        pass
    finally:
        profile.disable()
        hook.remove()
    if len(marks) < 2:
        raise GameError(f"{what} had learned all before it could be measured.")
    (first, steps, done), (last, steps_then, done_then) = marks[:2]
    spent = last - first
    return Learning(what, first - began, (steps_then - steps) / spent, (done_then - done) / spent, _shares(profile))


def _shares(profile: cProfile.Profile) -> dict[str, float]:
    """Which share of the profiled time was spent inside the functions of each group of files: a function's time,
    with all that it calls, counts where it was called from outside the groups. Other threads are not profiled, but
    whoever waits for them is."""
    stats: Any = pstats.Stats(profile)
    total = stats.total_tt or 1.0
    found = dict.fromkeys(SHARES, 0.0)
    for (file, _, _), (_, _, _, spent, callers) in stats.stats.items():
        group = _group(file)
        if group:
            outside = [times[3] for caller, times in callers.items() if _group(caller[0]) is None]
            found[group] += sum(outside) if callers else spent
    shares = {name: seconds / total for name, seconds in found.items()}
    return {**shares, "rest": max(0.0, 1.0 - sum(shares.values()))}


def _group(file: str) -> str | None:
    path = file.replace(os.sep, "/")
    return next((name for name, parts in SHARES.items() if any(part in path for part in parts)), None)


def encoding_table(rows: Sequence[Encoding], title: str) -> "Table":
    """One row an encoder; the ratios are to the best of sentence-transformers on the same texts."""
    table = _table(title, "encoder", "distinct\ntexts/s", "rollout\ntexts/s", "times\npeer", "times peer,\nrollout",
                   "least\ncosine", "other\nneighbour")
    peers = [row for row in rows if row.what.startswith(PEER)]
    best = [
        max((speed for row in peers if not isnan(speed := getattr(row, name))), default=nan)
        for name in ("distinct", "rollout")
    ]
    for row in rows:
        table.add_row(
            row.what, _figure(row.distinct, ",.0f"), _figure(row.rollout, ",.0f"),
            _figure(row.distinct / best[0], ",.2f"), _figure(row.rollout / best[1], ",.2f"),
            _figure(row.cosine, ".5f"), _figure(row.neighbours, ".1%"),
        )
    return table


def learning_table(rows: Sequence[Learning], title: str) -> "Table":
    """One row an agent."""
    names = list(rows[0].shares) if rows else []
    table = _table(title, "agent", "ready\ns", "steps\n/s", "updates\n/s", *(f"\n{name}" for name in names))
    for row in rows:
        shares = (_figure(row.shares[name], ".0%") for name in names)
        table.add_row(row.what, f"{row.ready:.1f}", f"{row.steps:,.0f}", f"{row.updates:,.1f}", *shares)
    return table


def _table(title: str, first: str, *heads: str) -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title), title_justify="left", title_style="bold", header_style="dim", box=SIMPLE_HEAD,
                  padding=(0, 1, 0, 0))
    table.add_column(first, no_wrap=True)
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    return table


def _figure(value: float, form: str) -> str:
    return "-" if isnan(value) else format(value, form)
