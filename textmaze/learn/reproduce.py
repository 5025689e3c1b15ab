"""Carries out a protocol: cell by cell, each once, in processes of their own.

A cell is one training or one test, with one seed. Its result is one JSON file in the folder's `cells`, named by what it
is and by a hash of all that decides it; so a cell that was done is not done again unless the protocol's text has
changed, or what plays and learns in textmaze, and protocols that share a folder share their trainings. A training that
was broken off goes on from its own checkpoint.
"""

import contextlib
import json
import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmaze.catalog import load_game, make_agent
from textmaze.env.noise import noisy
from textmaze.errors import RunError, TextmazeError
from textmaze.files import make_folder, write_file
from textmaze.game.mixture import parts
from textmaze.game.table import Game
from textmaze.learn.cells import Cell, cells, read_cell
from textmaze.learn.evaluate import play_episodes
from textmaze.learn.protocol import Protocol
from textmaze.settings import override
from textmaze.suite import is_suite, load_suite

if TYPE_CHECKING:  # the main process trains nothing
    from multiprocessing.context import SpawnProcess

ENOUGH = 0.9  # validation success whose first sight `steps_to_90` tells
_GRACE = 20.0  # seconds in which an interrupted cell saves what it has


@dataclass
class Status:
    """How far it all is, for whoever shows it."""

    total: int
    done: int = 0
    failed: dict[str, str] = field(default_factory=dict)  # what a cell is, and why it has no result
    running: tuple[str, ...] = ()
    news: list[str] = field(default_factory=list)  # since the last look


def reproduce(protocol: Protocol, folder: Path, jobs: int, show: Callable[[Status], None]) -> Status:
    """Do the cells that are not done yet, at most `jobs` at once; `show` is called now and then.

    Cells are new Python processes, so a script that calls this needs `if __name__ == "__main__":`. A cell that fails
    leaves one sentence, and the others go on; those that needed it fail with it. KeyboardInterrupt, which SIGTERM
    raises too: what runs is told to save what it has, and the same call goes on from there.
    """
    from filelock import FileLock, Timeout

    make_folder(folder / "cells")
    try:
        # Protocols may share trainings, and two would write one run.
        with FileLock(folder / ".lock", timeout=0), _stopped_by_sigterm():
            return _reproduce(protocol, folder, jobs, show)
    except Timeout:
        raise RunError(f"Another protocol is carried out in {folder}: wait for it, or name another folder.") from None


def _reproduce(protocol: Protocol, folder: Path, jobs: int, show: Callable[[Status], None]) -> Status:
    every = cells(protocol)
    done = {cell.file for cell in every if "result" in read_cell(folder, cell)}
    waiting = [cell for cell in every if cell.file not in done]
    _make_games(waiting)
    work = _Work(folder, jobs, waiting, done, Status(len(waiting)))
    try:
        while waiting or work.running:
            work.start()
            work.status.running = tuple(_state(cell, folder) for cell, _ in work.running.values())
            show(work.status)
            work.status.news.clear()
            wait([process.sentinel for process in work.running], timeout=1.0)
            work.gather()
        work.status.running = ()
        show(work.status)
    finally:
        _stop(list(work.running))
    return work.status


@dataclass
class _Work:
    """What is done, what runs and what waits."""

    folder: Path
    jobs: int
    waiting: list[Cell]
    done: set[str]  # files of the cells that have a result
    status: Status
    running: "dict[SpawnProcess, tuple[Cell, float]]" = field(default_factory=dict)  # with the time of their start

    def start(self) -> None:
        """Start as many cells as may run, each after the training that it needs."""
        for cell in tuple(self.waiting):
            if len(self.running) == self.jobs:
                return
            ahead = {other.file for other in (*self.waiting, *(cell for cell, _ in self.running.values()))}
            if cell.needs in ahead:
                continue
            self.waiting.remove(cell)
            if cell.needs and cell.needs not in self.done:
                self._close(cell, "its training has failed.")
                continue
            process = multiprocessing.get_context("spawn").Process(target=do, args=(cell, self.folder))
            process.start()
            self.running[process] = cell, time.monotonic()

    def gather(self) -> None:
        """Take in what has ended."""
        for process in [process for process in self.running if process.exitcode is not None]:
            cell, started = self.running.pop(process)
            data = read_cell(self.folder, cell)
            if "result" in data:
                self.done.add(cell.file)
                self.status.done += 1
                self.status.news.append(f"{cell.name}: done in {(time.monotonic() - started) / 60:.1f} min")
            else:
                self._close(cell, data.get("error") or f"its process ended with exit code {process.exitcode}.")

    def _close(self, cell: Cell, why: str) -> None:
        self.status.done += 1
        self.status.failed[cell.name] = why
        self.status.news.append(f"{cell.name}: {why}")


@contextlib.contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """Have SIGTERM, as a scheduler sends it, do what Ctrl-C does; else the cells would go on with nobody to wait for
    them."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # signals are not for it
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(running: "Sequence[SpawnProcess]") -> None:
    """Let what still runs save what it has. Whoever typed Ctrl-C has told it already."""
    for reach, sign in ((_GRACE / 2, signal.SIGINT), (_GRACE, signal.SIGTERM)):
        end = time.monotonic() + reach
        for process in running:
            process.join(max(0.0, end - time.monotonic()))
        for process in running:
            if process.is_alive() and process.pid:
                os.kill(process.pid, sign)
    for process in running:
        process.join()


def do(cell: Cell, folder: Path) -> None:
    """Do one cell, in a process of its own, and write its file."""
    os.environ["OMP_NUM_THREADS"] = "1"  # for torch, where the cell loads it: the other cells need processors too
    started = time.strftime("%Y-%m-%d %H:%M")
    about = {"hash": cell.digest, **{key: value for key, value in asdict(cell).items() if key != "needs"}}
    try:
        result = _train(cell, folder) if cell.kind == "train" else _test(cell, folder)
        about |= {"started": started, "finished": time.strftime("%Y-%m-%d %H:%M"), "result": result}
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except TextmazeError as error:
        about["error"] = " ".join(str(error).split())
    except Exception as error:  # whatever goes wrong here, the other cells go on, and the table tells of it
        about["error"] = " ".join(f"{type(error).__name__}: {error}.".split())
    write_file(folder / "cells" / cell.file, json.dumps(about) + "\n")


def _train(cell: Cell, folder: Path) -> dict[str, Any]:
    from textmaze.learn import runs

    path, made = folder / cell.run, cell.settings
    plan = None
    if runs.can_go_on(path):
        with contextlib.suppress(RunError):  # one whose files are damaged cannot
            plan = runs.resumed(path, {}, None)
    if plan is None:
        shutil.rmtree(path, ignore_errors=True)  # nothing can go on from what is there
        plan = runs.planned(made["game"], made["with"], made["agent"], made["set"], cell.seed, path)
    runs.run(plan, lambda progress: None)
    return summary(course(path))


def course(run: Path) -> list[dict[str, Any]]:
    """The validations of a training, in the order of their steps; one that was done again counts once."""
    found: dict[int, dict[str, Any]] = {}
    before, passed = 0.0, 0.0
    try:
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
        for line in lines:
            if line["seconds"] < before:  # it was broken off, and went on
                passed += before
            before = line["seconds"]
            found[line["steps"]] = {**line, "seconds": passed + before}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise RunError(f"{run / 'metrics.jsonl'} cannot be read: {error}.") from None
    return [found[steps] for steps in sorted(found)]


def summary(validations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The figures of a training: steps, episodes, minutes; the best validation, and how far the last fell below it."""
    if not validations:
        raise RunError("The training ended without a validation, so there is nothing to tell of it.")
    last = validations[-1]
    success = [float(line["valid_success"]) for line in validations]
    return {
        "env_steps": last["steps"], "episodes": last["episodes"], "minutes": last["seconds"] / 60,
        "validation": max(success), "drop": max(success) - success[-1],
        "steps_to_90": next((line["steps"] for line in validations if line["valid_success"] >= ENOUGH), None),
    }


def _test(cell: Cell, folder: Path) -> dict[str, Any]:
    made, found = cell.settings, []
    spec = str(folder / cell.run) if cell.run else cell.agent
    numbers = range(made["first"], made["first"] + made["episodes"])
    for label, game in _games(made["game"], made["with"]):
        agent = noisy(make_agent(spec, {}, 0 if cell.run else cell.seed)[1], made["noise"], cell.seed)
        played = play_episodes(agent, game, numbers, split=made["split"])
        found.append({"label": label, **{name: values.astype(int).tolist() for name, values in vars(played).items()}})
    return {"games": found}


def _games(spec: str, overrides: Mapping[str, Any]) -> list[tuple[str, Game]]:
    if is_suite(spec):
        return [(entry.label, entry.game) for entry in load_suite(spec, overrides).entries]
    return [(spec, load_game(spec, overrides))]


def _make_games(waiting: Sequence[Cell]) -> None:
    """Make the games beforehand that take long to make: here all processors make one cell's games."""
    from textmaze.learn.train import TrainSettings, training_games

    for cell in waiting:
        made = cell.settings
        with contextlib.suppress(TextmazeError, ValueError, TypeError):  # the cell itself will tell of it
            game = load_game(made["game"], made["with"])
            if not game.slow:
                continue
            if cell.kind == "test":
                numbers = range(made["first"], made["first"] + made["episodes"])
                for part in parts(game):
                    part.prepare(made["split"], numbers)
            else:
                counts = {name: value for name, value in made["set"].items() if name in ("games", "valid_episodes")}
                settings = override(TrainSettings(), counts, "training")
                game.prepare("train", range(training_games(game, settings.games)))
                game.prepare("valid", range(settings.valid_episodes))


def _state(cell: Cell, folder: Path) -> str:
    """What a running cell is, and how far it is."""
    if cell.kind == "train":
        with contextlib.suppress(RunError, IndexError):
            last = course(folder / cell.run)[-1]
            return f"{cell.name}: {last['steps']:,} steps, validation {last['valid_success']:.2f}"
    return cell.name
