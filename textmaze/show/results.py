"""Results as tables and trainings as they go, for people to read."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from textmaze.units import spell

if TYPE_CHECKING:  # a table of results needs no torch
    from textmaze.bench import Making, Speed
    from textmaze.learn.evaluate import Result
    from textmaze.learn.foresight_report import Interval, Report
    from textmaze.learn.reproduce import Status
    from textmaze.learn.train import Progress as Training
    from textmaze.suite import Row


def results_table(rows: "Sequence[tuple[Result, str]]", title: str) -> Table:
    """One row a result, with a note beside it that says which words were read, where any row has one."""
    noted = any(words for _, words in rows)
    table = Table(title=escape(title), title_justify="left", title_style="bold", header_style="dim")
    table.add_column("agent")
    if noted:
        table.add_column("words")
    for name in ("success", "95% CI", "SPL", "steps", "fewest", "games"):
        table.add_column(name, justify="right")
    for result, words in rows:
        table.add_row(
            escape(result.agent), *([words] if noted else []),
            f"{result.success:.2f}", f"{result.success_low:.2f}-{result.success_high:.2f}",
            known(result.spl, 2), f"{result.steps_mean:.1f}", known(result.shortest_mean, 1), str(result.episodes),
        )
    return table


def known(value: float, digits: int) -> str:
    """A figure that is -1 where it is not known."""
    return f"{value:.{digits}f}" if value >= 0 else "-"


def suite_table(rows: "Sequence[Row]", mean: "Row", title: str) -> Table:
    """One row a game: the agent, its SPL as a share of the explorer's, and the controls on the same games."""
    table = Table(title=escape(title), title_justify="left", title_style="bold", header_style="dim", box=SIMPLE_HEAD,
                  padding=0)  # so that it fits a usual terminal
    table.add_column("\ngame", no_wrap=True)
    heads = ("success\n95% CI", "\nSPL", "\nsteps", "of ex-\nplorer", *(f"{name}\nSPL" for name in mean.controls))
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*_suite_cells(row), end_section=row is rows[-1])
    table.add_row(*_suite_cells(mean), style="bold")
    return table


def _suite_cells(row: "Row") -> list[str]:
    result, explorer = row.result, row.controls.get("explorer")
    low, high = result.success_low, result.success_high
    interval = "" if math.isnan(low) else f" {100 * low:.0f}-{100 * high:.0f}"
    compared = explorer is not None and explorer.spl > 0 and result.spl >= 0
    share = f"{result.spl / explorer.spl:.0%}" if explorer and compared else "-"
    return [
        escape(row.label), f"{result.success:.0%}{interval:>7}", _share(result.spl), f"{result.steps_mean:.1f}", share,
        *(f"{control.success:.0%} {_share(control.spl):>4}" for control in row.controls.values()),
    ]


def _share(value: float) -> str:
    """Of one: .58, or 1.00; or that it is not known."""
    return known(value, 2).removeprefix("0")


def speed_table(speeds: "Sequence[Speed]", title: str, mazes: int, many: int) -> Table:
    """One row an environment; the ratios are to the peers that ran, on the few mazes that all play."""
    table = Table(title=escape(title), title_justify="left", title_style="bold", header_style="dim", box=SIMPLE_HEAD,
                  padding=(0, 1, 0, 0))
    names = {"TextWorld": "TextWorld", "TextWorldExpress": "TextWorld\nExpress"}
    peers = [speed for speed in speeds if speed.what in names]
    table.add_column("environment", no_wrap=True)
    steps = (f"{mazes:,}\nmazes", f"{many:,}\nmazes", "fresh\nmazes")
    for name in ("at\nonce", *steps, "memory\neach", *(f"times\n{names[peer.what]}" for peer in peers)):
        table.add_column(name, justify="right", no_wrap=True)
    for speed in speeds:
        memory = "-" if math.isnan(speed.memory) else f"{_short(speed.memory)}B"
        table.add_row(
            speed.what, f"{speed.games:,}", *map(_short, (speed.same, speed.many, speed.fresh)), memory,
            *(_short(speed.same / peer.same) for peer in peers),
        )
    return table


def making_table(rows: "Sequence[Making]", title: str) -> Table:
    """One row a size of mazes."""
    table = Table(title=escape(title), title_justify="left", title_style="bold", header_style="dim", box=SIMPLE_HEAD)
    for name in ("rooms", "the maze", "MazeEnv", "MazeVectorEnv", "TextWorld"):
        table.add_column(name, justify="right")
    for row in rows:
        times = (1000 * seconds for seconds in (row.bare, row.single, row.vector, row.textworld))
        table.add_row(f"{row.rooms:,}", *(f"{time:,.0f}" if time >= 1000 else _short(time) for time in times))
    return table


def _short(value: float) -> str:
    """Three digits, and a letter for thousands or millions: 717, 13.4k, 2.85M."""
    if math.isnan(value):
        return "-"
    letter = ""
    for larger in "kMG":
        if value < 999.5:
            break
        value, letter = value / 1000, larger
    digits = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f}{letter}"


@contextmanager
def episodes_bar(console: Console, label: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar over the episodes of an evaluation; yields the function that is told how many have ended."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} games"),
               TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(escape(label), total=total)
        yield lambda ended: bar.update(task, completed=ended)


@contextmanager
def counting(console: Console, label: str) -> Iterator[Callable[[int], None]]:
    """A count of games of which nobody knows how many there are; yields the function that is told it."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} games"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(escape(label), total=None)
        yield lambda done: bar.update(task, completed=done)


@contextmanager
def cells_bar(console: Console, label: str) -> "Iterator[Callable[[Status], None]]":
    """A bar over the parts of a protocol, with what is being done below it; a line for each part that has ended."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} parts"),
               TimeElapsedColumn())

    def show(status: "Status") -> None:
        bar.below = "\n".join(status.running)
        bar.update(task, completed=status.done, total=status.total)
        for line in status.news:
            console.print(line, highlight=False, markup=False, soft_wrap=True)

    with _TwoLines(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        bar.below = "making the games"
        task = bar.add_task(escape(label), total=None)
        yield show


@contextmanager
def training_bar(console: Console, total: int) -> "Iterator[Callable[[Training], None]]":
    """A live view of a training on a terminal; elsewhere a line for each validation."""
    columns = (TextColumn("{task.completed:,}/{task.total:,} steps"), BarColumn(), TimeRemainingColumn(compact=True),
               TextColumn("left"))
    seen, begun = None, False

    def show(training: "Training") -> None:
        nonlocal seen, begun
        if not begun:  # a training that goes on brings a validation that was shown before
            seen, begun = training.valid, True
        bar.below = _state(training)
        bar.update(task, completed=training.steps)
        if training.valid is not None and training.valid is not seen:
            seen = training.valid
            kept = " (kept)" if training.kept is seen else ""
            line = (f"{training.steps:>8,} steps, {spell(training.seconds):>10}: {training.episodes:,} episodes, "
                    f"success {training.success:.2f}, validation {training.valid.success:.2f}{kept}")
            console.print(line, highlight=False, soft_wrap=True)

    with _TwoLines(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield show


class _TwoLines(Progress):
    """A bar with lines below it, for what would not fit beside it on a usual terminal."""

    below = "reading the first games"

    def get_renderables(self) -> Iterator[RenderableType]:
        yield from super().get_renderables()
        yield Text(self.below)


def _state(training: "Training") -> str:
    parts = [f"{training.episodes:,} episodes", f"success {training.success:.2f}", f"epsilon {training.epsilon:.2f}"]
    if not math.isnan(training.loss):
        parts.append(f"loss {training.loss:.4f}")
    if training.valid is not None:
        parts.append(f"validation {training.valid.success:.2f}")
    return ", ".join(parts)


def foresight_table(found: "Report") -> Table:
    """One row a kind of step and predictor; a lead of foresight that is not certain stands in brackets."""
    title = (f"{found.game}: which text comes, in {found.episodes} unseen games; learned from {found.train_steps:,} "
             f"steps of {found.train_episodes} others")
    table = Table(title=escape(title), title_justify="left", title_style="bold", header_style="dim", box=SIMPLE_HEAD,
                  padding=0)
    table.add_column("steps foreseen by", no_wrap=True)
    for name in ("steps", "right", "95% CI", "log loss", "95% CI", "lead", "in loss"):
        table.add_column(name, justify="right", no_wrap=True)
    before = ""
    for row in found.rows:
        if row.kind != before:
            if before:
                table.add_section()
            table.add_row(row.kind, f"{row.steps:,}", style="bold")
        before = row.kind
        leads = (_lead(row.accuracy_lead, 100, 1), _lead(row.log_loss_lead, 1, 2))
        table.add_row(
            f" {escape(row.predictor)}", "", f"{100 * row.accuracy.value:.1f}%",
            f"{100 * row.accuracy.low:.0f}-{100 * row.accuracy.high:.0f}", f"{row.log_loss.value:.2f}",
            f"{row.log_loss.low:.2f}-{row.log_loss.high:.2f}", *(leads if row.predictor != "foresight" else ()),
        )
    return table


def _lead(found: "Interval", scale: float, digits: int) -> str:
    text = f"{scale * found.value:+.{digits}f}"
    return text if found.low > 0 or found.high < 0 else f"({text})"
