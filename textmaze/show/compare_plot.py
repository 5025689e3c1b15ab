"""Plots of results: agents side by side with their intervals, and curves over the amount of something."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textmaze.errors import TextmazeError
from textmaze.show.grid import COLUMNS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from textmaze.learn.compare import Figure, Row

# Colours that people with any colour vision tell apart (Okabe and Ito 2008), each with a mark of its own as well.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKS = "osD^vPX"
PANELS = ("success", "spl", "of_base", "revisits")


def comparison_plot(rows: "Sequence[Row]", title: str) -> bytes:
    """A PNG with a panel for each metric: a line for each game, and on it a point with its interval for each agent."""
    games, agents = list(dict.fromkeys(row.game for row in rows)), list(dict.fromkeys(row.agent for row in rows))
    figure, axes = _figure(len(PANELS), 3.1, 1.5 + 0.24 * len(games) * (len(agents) + 1))
    spread = len(agents) + 1
    for axis, metric in zip(axes, PANELS, strict=True):
        for place, agent in enumerate(agents):
            own = {row.game: row.figures[metric] for row in rows if row.agent == agent}
            heights = [-(games.index(game) + place / spread) for game in own]
            _points(axis, own.values(), heights, place, agent)
        axis.set_xlabel(COLUMNS[metric][0] if metric != "of_base" else "SPL, of explorer's")
        if metric in ("success", "spl", "revisits"):
            axis.set_xlim(-0.03, 1.03)
        axis.set_yticks([-(place + (len(agents) - 1) / 2 / spread) for place in range(len(games))], games)
        axis.set_ylim(0.3 - len(games) + 1 / spread, 0.3)
        axis.grid(axis="x", alpha=0.3)
        for line in range(1, len(games)):
            axis.axhline(-line + 1 / spread, color="0.85", linewidth=0.8)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=min(len(agents), 4),
                  frameon=False)
    return _png(figure)


def curve_plot(curves: "Mapping[str, Mapping[str, Sequence[tuple[float, Figure]]]]", title: str, across: str,
               along: str) -> bytes:
    """A PNG with a panel for each name in `curves`; in it a curve for each agent, through (amount, figure)."""
    figure, axes = _figure(len(curves), 3.6, 3.6)
    agents = list(dict.fromkeys(agent for panel in curves.values() for agent in panel))
    for axis, (name, panel) in zip(axes, curves.items(), strict=True):
        for agent, points in panel.items():
            place = agents.index(agent) % len(COLOURS)
            amounts = [amount for amount, _ in points]
            axis.plot(amounts, [found.value for _, found in points], color=COLOURS[place], marker=MARKS[place],
                      label=agent)
            axis.fill_between(amounts, [found.low for _, found in points], [found.high for _, found in points],
                              color=COLOURS[place], alpha=0.15, linewidth=0)
        axis.set_title(name, fontsize=10)
        axis.set_xlabel(across)
        axis.set_ylim(-0.03, 1.03)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel(along)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    handles = {label: handle for axis in axes
               for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=min(len(agents), 4),
                  frameon=False)
    return _png(figure)


def _points(axis: "Axes", figures: Any, heights: Sequence[float], place: int, agent: str) -> None:
    found = list(figures)
    reach = [[_length(one.value - one.low) for one in found], [_length(one.high - one.value) for one in found]]
    place %= len(COLOURS)
    axis.errorbar([one.value for one in found], heights, xerr=reach, fmt=MARKS[place], color=COLOURS[place],
                  markersize=5, capsize=2, linewidth=1.4, label=agent)


def _length(reach: float) -> float:
    return 0.0 if math.isnan(reach) else max(reach, 0.0)


def _figure(panels: int, width: float, height: float) -> "tuple[Any, list[Axes]]":
    """A figure in memory, whatever display there is, with panels beside each other."""
    try:
        from matplotlib.figure import Figure as Canvas
    except ImportError:
        raise TextmazeError("A plot needs matplotlib: pip install 'textmaze[plots]'.") from None
    figure = Canvas(figsize=(width * panels + 1, height), layout="constrained")
    return figure, list(figure.subplots(1, panels, sharey=True, squeeze=False)[0])


def _png(figure: Any) -> bytes:
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=130, metadata={"Software": None})  # the same rows, the same bytes
    return target.getvalue()
