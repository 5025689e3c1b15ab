"""The page of a recipe, as Markdown: what its mazes hold, how they are played, and how well they are played.

All of it comes from the recipe's settings, which say themselves what they mean, and from its games; nothing is written
by hand for one recipe, so a page cannot be out of date.
"""

import dataclasses
import inspect
import re
import textwrap
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from textmaze.catalog import game_files, make_agent
from textmaze.env.rollout import Agent, Observation, StepRecord, rollout
from textmaze.errors import GameError
from textmaze.game.live import LiveTable
from textmaze.game.mazes import MazeGame
from textmaze.game.recipe import Challenge, Recipe
from textmaze.game.table import Game, GameTable
from textmaze.game.theme import load_theme
from textmaze.show.formats.markdown import escape
from textmaze.show.printable import printable_line
from textmaze.show.results import known
from textmaze.show.transcript import verdict

if TYPE_CHECKING:
    from textmaze.learn.evaluate import Result

SECTIONS = ("Settings", "Description", "Observation", "Actions", "Rewards", "Termination", "Example session", "Figures")
AGENTS = ("walkthrough", "explorer", "wander")
WIDTH = 80  # of the lines of a session
FIRST, LAST = 6, 4  # steps of a session that are shown where it has more
MOST_COMMANDS = 12  # of one verb that are shown


def recipe_page(game: Game, *, episodes: int = 100, seconds: float = 5.0) -> str:
    """The page of the recipe that `game` is made by.

    The figures are of `episodes` games, or of as many as can be made in about `seconds`.
    """
    recipe = getattr(game, "recipe", None)
    if not isinstance(recipe, Recipe | Challenge):
        raise GameError(f"{game.name} is a single game, and only recipes have a page.")
    table = game.table("train", 0)
    bodies = (
        _settings(recipe), _description(recipe), _observation(recipe), _actions(table), _rewards(recipe, table),
        _termination(recipe), _session(game, table), _figures(game, table, episodes, seconds),
    )
    parts = [f"# {_line(recipe.title or game.name)}", _line(recipe.summary)]
    if game.name in game_files():
        parts.append(f'```python\nenv = gymnasium.make("textmaze/Maze-v0", game="{game.name}")\n```')
    parts += [f"## {section}\n\n{body}" for section, body in zip(SECTIONS, bodies, strict=True)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _line(text: str) -> str:
    """A line of a stranger's file, word for word."""
    return escape(printable_line(text))


def _settings(recipe: Recipe | Challenge) -> str:
    """A table of what differs from the default."""
    rows = [
        (f"`{field.name}`", f"`{getattr(recipe, field.name)}`", _line(field.metadata["help"]))
        for field in dataclasses.fields(recipe)
        if field.name not in ("title", "summary") and getattr(recipe, field.name) != field.default
    ]
    if not rows:
        return "All settings are at their defaults."
    return f"{_table(('setting', 'value', 'meaning'), rows)}\n\nAll others are at their defaults."


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


# -- what such a maze holds --------------------------------------------------------------------------------------------


def _description(recipe: Recipe | Challenge) -> str:
    if isinstance(recipe, Challenge):
        level = f" at level {recipe.level}" if hasattr(recipe, "level") else ""
        told = " ".join((inspect.getdoc(recipe) or "").split())
        return f"Made and told by TextWorld: its challenge `{recipe.challenge}`{level}. {told}"
    return " ".join((*_shape(recipe), *_bars(recipe), *_sights(recipe), *_goal(recipe)))


def _shape(recipe: Recipe) -> list[str]:
    kind = {
        "grid": "a winding maze on a grid",
        "planar": "a cave that grew in all directions",
        "tree": f"a chain with {_count(recipe.branches, 'dead end')} beside each room",
        "corridor": "a chain with bends and nothing beside it",
    }[recipe.topology]
    floors = f", on {_count(recipe.floors, 'floor')} joined by stairs" if recipe.floors > 1 else ""
    told = [f"{_count(recipe.rooms, 'room').capitalize()}: {kind}{floors}."]
    if recipe.topology in ("grid", "planar"):
        told.append(f"{recipe.loops:.0%} of the walls between neighbouring rooms are open, so ways meet again."
                    if recipe.loops else "Ways never meet again, so one way alone leads from a room to another.")
    if recipe.one_way:
        told.append(f"{recipe.one_way:.0%} of the passages can be gone in one direction only.")
    return told


def _bars(recipe: Recipe) -> list[str]:
    told = []
    if recipe.doors:
        told.append(f"{_count(recipe.doors, 'door').capitalize()} must be opened first.")
    if recipe.locks:
        told.append(f"{_count(recipe.locks, 'locked door').capitalize()} on the way to the goal "
                    f"{'needs a key' if recipe.locks == 1 else 'need a key each'}; it lies on the near side.")
    if recipe.gates:
        moves = "opens and shuts by itself" if recipe.gates == 1 else "open and shut by themselves"
        told.append(f"{_count(recipe.gates, 'gate').capitalize()} on the way to the goal {moves}, in a cycle of "
                    f"{recipe.cycle} turns.")
    if recipe.patrols:
        end = "and the game is lost" if recipe.caught == "lost" else "and is taken back to the start"
        told.append(f"{_count(recipe.patrols, 'patrol').capitalize()} {_s(recipe.patrols, 'walks')} a round of "
                    f"{recipe.cycle} turns; whoever it meets is caught, {end}.")
    if recipe.gates or recipe.patrols:
        told.append("Time passes with each command that does something, so `wait` is a choice.")
    return told


def _sights(recipe: Recipe) -> list[str]:
    told = []
    if recipe.cues:
        lies = f"; {recipe.lies:.0%} of these hints are false, and sound so" if recipe.lies else ""
        told.append(f"In {recipe.cues:.0%} of the rooms something hints at the way{lies}.")
    if recipe.things:
        told.append(f"{_count(recipe.things, 'thing').capitalize()} of no use {_s(recipe.things, 'lies')} about.")
    if recipe.alike:
        told.append(f"{recipe.alike:.0%} of the rooms share one name and one description.")
    if recipe.dark:
        told.append(f"{recipe.dark:.0%} of the rooms are dark: without the lamp, which lies somewhere, nothing is seen "
                    "there.")
    return told


def _goal(recipe: Recipe) -> list[str]:
    far = ("at least half as far away as the farthest room" if recipe.topology in ("grid", "planar")
           else "at the far end of the chain")
    told = [{
        "coin": f"The goal is to take the coin, which lies {far}.",
        "exit": f"The goal is to reach the exit, {far}.",
        "deliver": f"The goal is to find something and bring it to a room {far}.",
    }[recipe.goal]]
    if recipe.directions:
        wrong = f", {recipe.wrong:.0%} of it at random" if recipe.wrong else ""
        told.append(f"The objective tells the way, step by step{wrong}.")
    if recipe.map:
        told.append("The player carries a map of all rooms, and is told where to go.")
    return told


_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def _count(number: int, noun: str) -> str:
    return f"{_NUMBERS[number] if number < len(_NUMBERS) else f'{number:,}'} {noun}{'' if number == 1 else 's'}"


def _s(number: int, verb: str) -> str:
    """A verb, given as it stands after one thing, as it stands after this number of things."""
    return verb if number == 1 else verb.removesuffix("s")


# -- how it is played --------------------------------------------------------------------------------------------------


def _observation(recipe: Recipe | Challenge) -> str:
    first = ("Text: first the objective and the description of the first room, then the answer to each command. "
             "`info` holds the description of the place, the inventory, the objective and the admissible commands.")
    if isinstance(recipe, Challenge):
        return f"{first} The words are TextWorld's."
    ways = ("the compass" if recipe.frame == "compass"
            else "what the player faces: left, right, forward and back")
    theme = load_theme(recipe.theme)
    words = ("The splits share no sentences, and no names of rooms." if recipe.wordings == "split"
             else f"All splits use the wordings of `{recipe.wordings}`.")
    written = " The map is read in the inventory." if recipe.map else ""
    return (f"{first} Ways are told by {ways}.{written} The words are those of the theme `{recipe.theme}`: "
            f"{_line(theme.summary)} {words}")


def _actions(table: GameTable) -> str:
    """The commands of the first game, those of one verb on a line."""
    verbs: dict[str, list[str]] = {}
    for command in table.commands:
        verbs.setdefault(command.partition(" ")[0], []).append(f"`{command}`")
    lines = "\n".join(f"- {', '.join(_first(commands))}" for commands in verbs.values())
    return ("Text: a command. Short forms, synonyms, articles and capitals are understood; whatever is not costs a "
            "step and changes nothing. "
            f"In game 0 of the split `train` there are {len(table.commands)}:\n\n{lines}")


def _first(commands: Sequence[str]) -> Sequence[str]:
    more = len(commands) - MOST_COMMANDS
    return [*commands[:MOST_COMMANDS], f"and {_count(more, 'other')}"] if more > 1 else commands


def _rewards(recipe: Recipe | Challenge, table: GameTable) -> str:
    if table.live and isinstance(recipe, Challenge):
        return "TextWorld's points: for parts of its quest, and for the end."
    values = [1.0] if table.live else sorted({float(value) for value in np.unique(table.reward)} - {0.0})
    if values == [1.0]:
        return "1 for the command that wins, else 0."
    return f"Some commands give a reward: {', '.join(f'{value:g}' for value in values)}; all others give 0."


def _termination(recipe: Recipe | Challenge) -> str:
    won = "TextWorld's quest is done"
    if isinstance(recipe, Recipe):
        won = {"coin": "the coin is taken", "exit": "the exit is reached",
               "deliver": "the thing is put down where it belongs"}[recipe.goal]
    lost = ", or when a patrol catches the player, which loses it" if (
        isinstance(recipe, Recipe) and recipe.patrols and recipe.caught == "lost") else ""
    return (f"`terminated` when {won}, which wins the game{lost}. "
            f"`truncated` after {_count(recipe.max_steps, 'command')}.")


class _Script:
    """Plays the same commands, whatever happens."""

    infos: Sequence[str] = ()

    def __init__(self, commands: Sequence[str]) -> None:
        self._commands = iter(commands)

    def begin(self, episodes: Sequence[int]) -> None:
        pass

    def act(self, observations: Sequence[Observation]) -> list[str]:
        return [next(self._commands, "look") for _ in observations]


def _session(game: Game, table: GameTable) -> str:
    """The walkthrough's session in the first game; where it knows no way, TextWorld's own, or the explorer's."""
    name = "explorer" if table.live else "walkthrough"
    player, agent = f"the {name}", _made(name)
    if isinstance(table, LiveTable):
        player, agent = "TextWorld's own walkthrough", _Script(table.walkthrough)
    records = _played(game, agent, "train", [0])
    shown = [(f"> {record.command}", record.feedback) for record in records]
    if len(shown) > FIRST + LAST:
        left_out = (f"[... {len(shown) - FIRST - LAST} steps are left out ...]", "")
        shown = [*shown[:FIRST], left_out, *shown[-LAST:]]
    opening = ("", records[0].before.text) if records else ("", "")
    texts = [_wrapped(text) for pair in (opening, *shown) for text in pair if text]
    session = re.sub(r"(?m)^(>.*)\n\n", r"\1\n", "\n\n".join(texts))
    return f"Game 0 of the split `train`, played by {player}.\n\n```text\n{session}\n```\n\n{verdict(records)}"


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.fill(line, WIDTH) for line in text.strip().split("\n"))


# -- how well it is played ---------------------------------------------------------------------------------------------


def _figures(game: Game, table: GameTable, episodes: int, seconds: float) -> str:
    from textmaze.learn.evaluate import summarise

    begin = time.perf_counter()
    count = 0
    while count < episodes and (count == 0 or time.perf_counter() - begin < seconds):
        game.table("test", count)
        count += 1
    taken = (time.perf_counter() - begin) / count
    made = "make a game" if isinstance(game, MazeGame) else "make a game, or read one made before,"
    rows = []
    for name in AGENTS:
        if table.live and name == "walkthrough":
            continue
        result = summarise(_played(game, _made(name), "test", range(count)), name, game.name, "test")
        rows.append(_figure(result))
    oracle = "" if table.live else "`walkthrough` is the oracle: it walks a shortest way. "
    commands = _count(len(table.commands), "command")
    holds = (f"{commands}, and more states than can be known, so it is played live" if table.live else
             f"{_count(len(table.terminal), 'state')}, {commands} and {_count(len(table.texts), 'text')}")
    return (
        f"On {_count(count, 'game')} of the split `test`. {oracle}"
        "`explorer` searches depth first, `wander` does anything.\n\n"
        f"{_table(('agent', 'success', '95% interval', 'SPL', 'steps'), rows)}\n\n"
        f"Game 0 of the split `train` has {holds}. "
        f"To {made} took {1000 * taken:,.1f} ms."
    )


def _figure(result: "Result") -> tuple[str, ...]:
    return (f"`{result.agent}`", f"{result.success:.2f}", f"{result.success_low:.2f}-{result.success_high:.2f}",
            known(result.spl, 2), f"{result.steps_mean:.1f}")


def _made(agent: str) -> Agent:
    return make_agent(agent, {}, 0)[1]


def _played(game: Game, agent: Agent, split: str, seeds: Sequence[int]) -> list[StepRecord]:
    return [record for records in rollout(game, agent, seeds, split=split) for record in records]
