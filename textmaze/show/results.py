"""Results as tables and trainings as they go, for people to read."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:  # a table of results needs no torch
    from textmaze.bench import Speed
    from textmaze.learn.evaluate import Result
    from textmaze.learn.train import Progress as Training


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
            f"{result.spl:.2f}", f"{result.steps_mean:.1f}", f"{result.shortest_mean:.1f}", str(result.episodes),
        )
    return table


def speed_table(speeds: "Sequence[Speed]", title: str) -> Table:
    """One row a measurement; the ratio is to the first row."""
    table = Table(title=escape(title), title_justify="left", title_style="bold", header_style="dim")
    table.add_column("environment")
    for name in ("rooms", "games at once", "steps/s", "ratio", "ms/fresh maze"):
        table.add_column(name, justify="right")
    for speed in speeds:
        ratio = speed.steps_per_second / speeds[0].steps_per_second
        table.add_row(
            speed.what, f"{speed.rooms:,}", f"{speed.games:,}", f"{speed.steps_per_second:,.0f}", f"{ratio:,.0f}x",
            f"{speed.reset_ms:,.2f}",
        )
    return table


@contextmanager
def episodes_bar(console: Console, label: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar over the episodes of an evaluation; yields the function that is told how many have ended."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} games"),
               TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(escape(label), total=total)
        yield lambda ended: bar.update(task, completed=ended)


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
            best = " (best)" if training.best is seen else ""
            line = (f"{training.steps:>9,} steps, {training.seconds:>4.0f} s: {training.episodes:,} episodes, "
                    f"success {training.success:.2f}, validation {training.valid.success:.2f}{best}")
            console.print(line, highlight=False, soft_wrap=True)

    with _TwoLines(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield show


class _TwoLines(Progress):
    """A bar with a line below it, for what would not fit beside it on a usual terminal."""

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
