"""What a run's page says beside its episodes: learning curves, tables of results, settings and versions, as HTML."""

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textmaze.show.grid import UNKNOWN, Grid
from textmaze.show.printable import printable
from textmaze.show.results import known

if TYPE_CHECKING:
    from textmaze.learn.evaluate import Result
    from textmaze.suite import Row

HEIGHT = 40  # of a curve, where its width is 100
INTERVALS = "95% intervals are Wilson's. SPL is the mean of success x fewest commands / commands taken."


@dataclass(frozen=True)
class Curve:
    """One measure of validations over the commands that were learned from."""

    title: str
    key: str  # in metrics.jsonl
    digits: int
    top: float | None = None  # the end of the scale; None for what the data ask for
    second: str = ""  # another measure beside it, drawn dashed
    second_title: str = ""


CURVES = (
    Curve("success", "valid_success", 2, 1.0, "success", "dashed: in training"),
    Curve("SPL", "valid_spl", 2, 1.0),
    Curve("commands a game", "valid_steps_mean", 1),
    Curve("loss", "loss", 4),
)

Metrics = Sequence[Mapping[str, float]]


def results_grid(rows: "Sequence[tuple[Result, str]]", title: str) -> Grid:
    """The table that a training ends with."""
    noted = any(words for _, words in rows)
    heads = ("agent", *(("words",) if noted else ()), "success", "95% interval", "SPL", "steps", "fewest", "games")
    return Grid(title, heads, tuple((found.agent, *((words,) if noted else ()), *_figures(found))
                                    for found, words in rows), names=2 if noted else 1)


def suite_grid(rows: "Sequence[Row]", title: str) -> Grid:
    """The same for a suite: each game with the agent first, then the controls."""
    heads = ("game", "agent", "success", "95% interval", "SPL", "steps", "fewest", "games")
    return Grid(title, heads, tuple(
        (row.label, found.agent, *_figures(found)) for row in rows for found in (row.result, *row.controls.values())
    ), names=2)


def _figures(found: "Result") -> tuple[str, ...]:
    return (f"{found.success:.2f}", f"{found.success_low:.2f}-{found.success_high:.2f}", known(found.spl, 2),
            f"{found.steps_mean:.1f}", known(found.shortest_mean, 1), f"{found.episodes:,}")


def results_html(metrics: Metrics, grids: Iterable[Grid]) -> str:
    """What stands above the episodes of a run; `metrics` has a line for each validation."""
    curves = "".join(_curve(curve, metrics) for curve in CURVES)
    cards = [_card("Learning curves, in validation", f'<div class="curves">{curves}</div>')] if curves else []
    cards += [_card(grid.title, f"{_table(grid)}<p class=\"small\">{INTERVALS}</p>") for grid in grids]
    return f'<div class="report">{"".join(cards)}</div>'


def settings_html(settings: Mapping[str, Mapping[str, Any]], links: Mapping[str, str]) -> str:
    """What stands below them: tables of names and values by their titles, and other files by what they are called."""
    cards = []
    for title, values in settings.items():
        items = "".join(f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>" for name, value in values.items())
        cards.append(f'<details class="card"><summary>{_text(title)}</summary><dl class="columns">{items}</dl>'
                     "</details>")
    if links:
        named = ", ".join(f'<a href="{_text(path)}">{_text(name)}</a>' for name, path in links.items())
        cards.append(_card("Files beside this page", f'<p class="small">{named}</p>'))
    return f'<div class="report">{"".join(cards)}</div>'


def _card(title: str, inside: str) -> str:
    return f'<section class="card"><h2>{_text(title)}</h2>{inside}</section>'


def _table(grid: Grid) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f'<{tag}{"" if place < grid.names else " class=figure"}>{_text(cell)}</{tag}>'
                                for place, cell in enumerate(cells)) + "</tr>"

    body = "".join(line(row, "td") for row in grid.rows)
    return f'<div class="scroll"><table><thead>{line(grid.heads, "th")}</thead><tbody>{body}</tbody></table></div>'


def _curve(curve: Curve, metrics: Metrics) -> str:
    points = _points(metrics, curve.key)
    if not points:
        return ""
    end = max(steps for steps, _ in points)
    both = points + _points(metrics, curve.second)
    top = curve.top or max(value for _, value in both) or 1.0
    lines = _line(points, end, top, "curve")
    second = ""
    if curve.second:
        lines += _line(_points(metrics, curve.second), end, top, "curve second")
        second = f", {_text(curve.second_title)}"
    last = f"{points[-1][1]:.{curve.digits}f}"
    says = f"{_text(curve.title)}: {last} after {end:,.0f} commands; the scale ends at {top:.{curve.digits}f}"
    return (
        f'<figure><figcaption><span>{_text(curve.title)}{second}</span><b>{last}</b></figcaption>'
        f'<svg viewBox="0 0 100 {HEIGHT}" preserveAspectRatio="none" role="img" aria-label="{says}">'
        f'<line class="zero" x1="0" x2="100" y1="{HEIGHT}" y2="{HEIGHT}"/>'
        f'<line class="zero" x1="0" x2="100" y1="0" y2="0"/>{lines}</svg>'
        f'<div class="ends"><span>0 to {top:.{curve.digits}f}</span><span>{end:,.0f} commands</span></div></figure>'
    )


def _points(metrics: Metrics, key: str) -> list[tuple[float, float]]:
    return [(line["steps"], line[key]) for line in metrics if isinstance(line.get(key), int | float)
            and line[key] >= 0]


def _line(points: Sequence[tuple[float, float]], end: float, top: float, name: str) -> str:
    if len(points) == 1:
        points = [*points, *points]  # drawn as a dot
    path = " ".join(f"{100 * steps / end:.2f},{HEIGHT * (1 - value / top):.2f}" for steps, value in points)
    return f'<polyline class="{name}" points="{path}"/>'


def _text(value: Any) -> str:
    return html.escape(printable(str(value))) or UNKNOWN
