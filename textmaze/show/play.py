"""The terminal game: shows what the game says, asks the agent (mostly a person), and says how it ended."""

import re
from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console
from rich.text import Text

from textmaze.env.rollout import Agent, Observation, StepRecord, rollout
from textmaze.game.mixture import step_limit
from textmaze.game.table import Game
from textmaze.show.transcript import verdict

# What colours set apart. A heading is told by its form, so games read from TextWorld have it too.
STYLES = ((re.compile(r"^-= .* =-$", re.MULTILINE), "bold cyan"), (re.compile(r"\bcoin\b"), "yellow"))


def play(
    game: Game, agent: Agent, *, seed: int, console: Console, split: str = "train", again: str | None = None,
    typed: bool = True,
) -> list[StepRecord]:
    """Play game number `seed` of a split in the terminal; return its records, none where nothing was played.

    The agent may say `hint` instead of a command, to be shown the next step of a shortest way at no cost.
    `again` is what the last line suggests for another game, where another seed is not it. Where nobody types the
    commands, they are shown.
    """
    show(console, f"{game.name}, seed {seed}, at most {step_limit(game, seed)} steps."
                  f"{' Type help, hint or quit at any time.' if typed else ''}", "dim")
    table = game.table(split, seed)
    if table.note:
        show(console, table.note, "dim")
    rounds = rollout(game, _Shown(agent, console, table.live, typed), [seed], split=split, slots=1)
    records = [record for records in rounds for record in records]
    if records and records[-1].ended:
        show(console, records[-1].feedback)
        suggestion = again or f"Another game: --seed {seed + 1}."
    else:
        suggestion = f"The same game again: --seed {seed}."
    show(console, f"{verdict(records)} {suggestion}", "bold")
    return records


def show(console: Console, text: str, style: str = "") -> None:
    """Print a text word for word, and a blank line: wrapped and coloured only where people look on."""
    # A game may be a stranger's file, and must not steer the terminal.
    plain = "".join(mark if mark.isprintable() or mark == "\n" else " " for mark in text)
    styled = Text(plain.rstrip())
    if not console.no_color:  # rich would still write codes for bold
        styled.stylize(style)
        for pattern, its_style in STYLES:
            styled.highlight_regex(pattern, its_style)
    # In a file or a pipe, whole sentences on one line are easier to search.
    console.print(styled, end="\n\n", soft_wrap=not console.is_terminal, highlight=False)


class _Shown:
    """An agent that first sees its observation printed, and may ask for hints."""

    def __init__(self, agent: Agent, console: Console, live: bool, typed: bool) -> None:
        self._agent = agent
        self._console = console
        self._typed = typed
        self._no_hint = "no shortest way is known." if live else "there is no way to win from here."
        self._told = "best_command" in agent.infos
        self.infos: Sequence[str] = (*agent.infos, "best_command")  # for the hints

    def begin(self, episodes: Sequence[int]) -> None:
        self._agent.begin(episodes)

    def act(self, observations: Sequence[Observation]) -> list[str]:
        return [self._choose(observation) for observation in observations]

    def _choose(self, seen: Observation) -> str:
        show(self._console, seen.text)
        told = seen if self._told else replace(seen, best_command=None)
        while (command := self._agent.act([told])[0]).strip().lower() == "hint":
            hint = seen.best_command
            show(self._console, f"Hint: {hint or self._no_hint}", "italic")
        if not self._typed:
            show(self._console, f"> {command}", "bold")
        return command
