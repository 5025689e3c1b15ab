"""Writes the reference of the site from the code, each time the site is built.

What is said of a recipe, an agent, a command or a setting stands where that is defined, and nowhere else. So whoever
adds a file to games/ or agents/ has its page, and there is nothing to edit here.
"""

import ast
import dataclasses
import importlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from textmaze.catalog import agent_files, card_line, game_files, load_agent, load_game, make_agent, pretrained
from textmaze.cli import main
from textmaze.env.noise import Noise
from textmaze.env.single import MazeEnv
from textmaze.env.vector import MazeVectorEnv
from textmaze.explain import explain, facts
from textmaze.game.recipe import Challenge, Recipe, read_recipe
from textmaze.learn import protocol as protocols
from textmaze.learn.scorers import SCORERS, WITH_MODEL
from textmaze.learn.train import TrainSettings
from textmaze.show import formats
from textmaze.show.formats.markdown import escape
from textmaze.show.page import page
from textmaze.show.recipe_page import recipe_page
from textmaze.suite import About, load_suite, suite_files

EPISODES, SECONDS = 20, 2.0  # of a recipe's figures: enough to tell the controls apart, and quick to play
WATCHED = ("ladder", "signposts", 0)  # the agent, recipe and game of the page that shows an agent at play


def pages() -> Iterator[tuple[str, str, Callable[[], str]]]:
    """Each page of the reference: where it lies, its title in the navigation, and what writes it.

    The first page of a folder is its index.
    """
    yield "reference/index.md", "Reference", _index
    yield "reference/games/index.md", "Games", _games
    for name in game_files():
        yield f"reference/games/{name}.md", name, partial(_game, name)
    yield "reference/agents/index.md", "Agents", _agents
    for name, path in agent_files().items():
        yield f"reference/agents/{name}.md", name, partial(_agent, name, path)
    for name, folder in pretrained().items():
        yield f"reference/agents/{name}.md", name, (folder / "README.md").read_text
    yield "reference/commands.md", "Commands", _commands
    yield "reference/settings.md", "Settings of games and training", _settings
    yield "reference/scorers.md", "Scorers", _scorers
    yield "reference/environments.md", "Environments", _environments
    yield "reference/formats.md", "Formats of transcripts", _formats
    yield "reference/protocols.md", "Protocols", _protocols


# -- pieces of Markdown ------------------------------------------------------------------------------------------------


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells are Markdown: a bar in them must be escaped, unless it stands in backquotes."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def said(text: str) -> str:
    """A line of the code's, word for word, but for what stands in backquotes."""
    return re.sub(r"(`[^`]+`)|([^`]+|`)", lambda found: found[1] or escape(found[2]), text)


def settings_table(kind: type) -> str:
    """A row for each field of a dataclass of settings: what it means, its default, and what it may be."""
    rows = [(f"`{field.name}`", said(field.metadata["help"]), f"`{_value(field.default)}`", _limits(field.metadata))
            for field in dataclasses.fields(kind) if "help" in field.metadata]
    return table(("setting", "meaning", "default", "allowed"), rows) if rows else "It has no settings."


def _value(value: Any) -> str:
    return {True: "true", False: "false", "": '""'}.get(value, str(value)) if isinstance(value, bool | str) else (
        f"{value:g}" if isinstance(value, float) else str(value))


def _limits(limits: Mapping[str, Any]) -> str:
    if limits["choices"]:
        own = ", or a .py file" if limits["code"] else ""
        return ", ".join(f"`{choice}`" for choice in limits["choices"]) + own
    low, high = ("" if limits[end] is None else f"{limits[end]:,}".removesuffix(".0") for end in ("low", "high"))
    return f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}" if high else ""


def docstring(thing: Any) -> str:
    """A docstring as Markdown: `Name: what it is` at the beginning of a line is a list's item, as are arguments."""
    text = inspect.getdoc(thing) or ""
    text = re.sub(r"\n +(?=\S)", "\n    ", text)
    items = re.sub(r"^(?: {4})?([\w, ]{3,40}): ", r"- **\1**: ", text, flags=re.MULTILINE)
    return items.replace("Args:\n", "Arguments:\n\n").replace("\n- **", "\n\n- **", 1)


def _linked(rows: Mapping[str, str]) -> str:
    rows = {f"[{name}]({name}.md)": said(line) for name, line in rows.items()}
    return table(("name", "what it is"), [*rows.items()])


# -- the pages ---------------------------------------------------------------------------------------------------------


def _index() -> str:
    return ("# Reference\n\nThese pages are written from the code whenever the site is built, so they tell of this "
            "version of textmaze and of no other.\n\n"
            "- [Games](games/index.md): a page for each recipe, with a session and figures\n"
            "- [Agents](agents/index.md): a page for each agent, with all its settings\n"
            "- [Commands](commands.md): what can be typed after `textmaze`\n"
            "- [Settings of games and training](settings.md): what `--with` and `--set` can change\n"
            "- [Scorers](scorers.md): what can say how good a text reads\n"
            "- [Environments](environments.md): `MazeEnv` and `MazeVectorEnv`\n"
            "- [Formats of transcripts](formats.md)\n"
            "- [Protocols](protocols.md): experiments that one command repeats\n")


def _games() -> str:
    recipes = {name: read_recipe(path).summary for name, path in game_files().items()}
    parts = ["# Games", f"A recipe is a family of games. The page of each has a session, and the figures of "
             f"{EPISODES} games at most.", _linked(recipes), "## Suites", "Several games under one name."]
    for name in suite_files():
        suite = load_suite(name)
        parts.append(f"**`{name}`**: {said(suite.about.summary)} {len(suite.entries)} games; `textmaze games {name}` "
                     "lists them.")
    return "\n\n".join([*parts, "What the file of a suite says of itself, before its games:", settings_table(About)])


def _game(name: str) -> str:
    return recipe_page(load_game(name), episodes=EPISODES, seconds=SECONDS)


def _agents() -> str:
    lines = {name: _docstring_of(path).partition("\n")[0] for name, path in agent_files().items()}
    trained = {name: card_line(folder) for name, folder in pretrained().items()}
    return f"# Agents\n\n{_linked(lines)}\n\nThey come trained:\n\n{_linked(trained)}\n"


def _docstring_of(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""


def _agent(name: str, path: Path) -> str:
    module = load_agent(name)
    learns = (f"It can be trained: `textmaze train labyrinth --agent {name}`." if hasattr(module, "make_learner")
              else "It does not learn.")
    return (f"# {name}\n\n{_docstring_of(path)}\n\n{learns} A setting is changed by `--set KEY=VALUE`.\n\n"
            f"## Settings\n\n{settings_table(module.Settings)}\n")


def _commands() -> str:
    parts = ["# Commands", _help(main.help or "")]
    for name, command in main.commands.items():
        context = click.Context(main, info_name="textmaze", **main.context_settings)
        parts += _command(command, click.Context(command, parent=context, info_name=name), 2)
    return "\n\n".join(parts)


def _command(command: click.Command, context: click.Context, level: int) -> Iterator[str]:
    yield f"{'#' * level} {context.command_path}"
    yield f"```text\n{' '.join([context.command_path, *command.collect_usage_pieces(context)])}\n```"
    yield _help(command.help or "")
    options = [option for option in command.params if isinstance(option, click.Option)]
    records = [record for option in options if (record := option.get_help_record(context))]
    if records:
        yield table(("option", "meaning"), [(f"`{name}`", escape(" ".join(text.split()))) for name, text in records])
    for name, under in getattr(command, "commands", {}).items():
        yield from _command(under, click.Context(under, parent=context, info_name=name), level + 1)


def _help(text: str) -> str:
    """Help as click reads it: a paragraph after a backspace is shown as it stands, and those are the examples."""
    parts = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(f"```sh\n{part.removeprefix(chr(8)).strip()}\n```" if part.startswith("\b") else escape(
        " ".join(part.split())) for part in parts)


def _settings() -> str:
    parts = ["# Settings of games and training", "## Training", "Changed by `textmaze train --set KEY=VALUE`. Agents "
             "have [settings of their own](agents/index.md), which are changed in the same way.",
             settings_table(TrainSettings), "## Mazes", "In a recipe's file, or laid over it by `--with KEY=VALUE`.",
             settings_table(Recipe)]
    for kind in Challenge.__subclasses__():
        parts += [f"## TextWorld: {kind.challenge}", docstring(kind), settings_table(kind)]
    return "\n\n".join([*parts, "## Noise", "What an agent reads is changed by `--noise KIND=SHARE`.",
                        settings_table(Noise)])


def _scorers() -> str:
    parts = ["# Scorers", "A scorer reads the text of a consequence, and says how good it sounds for the objective; "
             "that shapes the reward. `textmaze train --set scorer=NAME` chooses one, and one of your own is "
             "[a file](../guides/scorer.md).",
             table(("name", "what it is"), [(f"`{name}`", make.__doc__ or "") for name, make in SCORERS.items()]),
             f"`--set scorer_model=` names the language model of {', '.join(f'`{name}`' for name in WITH_MODEL)}."]
    return "\n\n".join(parts)


def _environments() -> str:
    return "\n\n".join(["# Environments", "`import textmaze` registers `textmaze/Maze-v0`; "
                        "[the guide](../guides/gymnasium.md) shows both at work.",
                        "## MazeEnv", docstring(MazeEnv), "## MazeVectorEnv", docstring(MazeVectorEnv)])


def _formats() -> str:
    parts = ["# Formats of transcripts", "`textmaze transcript --format NAME` writes them, `textmaze convert` goes "
             "from one to another, and `.gz` behind a file's name compresses it."]
    for name in formats.format_names():
        found = formats.load_format(name)
        reads = ("It can be read back, and `textmaze verify` plays it again." if found.read
                 else "It cannot be read back.")
        ends = ", ".join(f"`{suffix}`" for suffix in found.suffixes)
        parts += [f"## {name}", f"Files that end with {ends}. {reads}",
                  inspect.getdoc(importlib.import_module(f"{formats.__name__}.{name}")) or "", found.lost]
    return "\n\n".join(part for part in parts if part)


def _protocols() -> str:
    parts = ["# Protocols", inspect.getdoc(protocols) or "", "## Shipped protocols",
             "`textmaze reproduce NAME` carries one out, from nothing to its table."]
    for name in protocols.protocol_files():
        found = protocols.load_protocol(name)
        rows = [("training", one.label, one.game) for one in found.trainings]
        rows += [("test", one.label, one.game) for one in found.tests]
        parts += [f"### {name}", f"{said(found.about.summary)} What is hoped for: {said(found.about.aim)}",
                  table(("part", "label", "game"), [tuple(map(escape, row)) for row in rows])]
    return "\n\n".join(parts)


def watched() -> str:
    """A page that shows an agent at play, as `textmaze explain` writes it."""
    name, spec, seed = WATCHED
    game, agent = load_game(spec), make_agent(name, {}, seed)[1]
    shown = explain(agent, game, seed, split="test", run=(pretrained()[name], None))
    return page(f"{name} in {spec}, game {seed}", facts(name, game, shown, {}), [shown])


# -- what MkDocs calls -------------------------------------------------------------------------------------------------


def on_files(files: Any, config: Any) -> Any:
    """Add the pages to the site, and to its navigation before the last entry."""
    from mkdocs.structure.files import File

    nav: list[Any] = []
    folders: dict[str, list[Any]] = {}
    for path, title, write in pages():
        files.append(File.generated(config, path, content=write()))
        folder, _, file = path.rpartition("/")
        if file != "index.md":
            folders[folder].append({title: path})
            continue
        section = folders[folder] = [path]
        folders.get(folder.rpartition("/")[0], nav).append({title: section})
    files.append(File.generated(config, "watch.html", content=watched()))
    config.nav[-1:-1] = nav
    return files
