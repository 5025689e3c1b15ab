"""What the commands share: their options, and the one place where errors become messages."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from textmaze import completion
from textmaze.errors import TextmazeError

if TYPE_CHECKING:
    from textmaze.game.table import Game


class Refusal(click.ClickException):
    """One sentence on stderr, and exit code 2."""

    exit_code = 2


class Commands(click.Group):
    """Commands in sections, the one place where their errors become messages."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._sections: dict[str, list[click.Command]] = {}

    def add_section(self, title: str, commands: Iterable[click.Command]) -> None:
        """Add commands that help shows together."""
        self._sections[title] = [*commands]
        for command in self._sections[title]:
            self.add_command(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if not self._sections:
            super().format_commands(ctx, formatter)
            return
        width = max(map(len, self.commands))
        for title, commands in self._sections.items():
            with formatter.section(title):
                formatter.write_dl([
                    (f"{command.name:<{width}}", command.get_short_help_str(formatter.width - width - 6))
                    for command in commands
                ])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except TextmazeError as error:
            raise Refusal(" ".join(str(error).split())) from error  # a library that is quoted may say it in lines


def option(*names: str, **settings: Any) -> Callable[[Any], Any]:
    return click.option(*names, **{"show_default": True, **settings})


SEED = click.IntRange(0, 2**31 - 1)
EPISODES = click.IntRange(1, 100_000)
SPLIT = click.Choice(["train", "valid", "test"])

with_option = option("--with", "overrides", metavar="KEY=VALUE", multiple=True, help="Override a recipe's setting.",
                     shell_complete=completion.recipe_settings)
set_option = option("--set", "sets", metavar="KEY=VALUE", multiple=True, help="Override a setting of the agent.",
                    shell_complete=completion.agent_settings)
code_option = option("--code", metavar="FILE.py", shell_complete=completion.code,
                     help="The agent file a run was trained with, if it is not a shipped one. Its code is run.")


@contextlib.contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say on the terminal what is being waited for: torch alone takes seconds to load."""
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status(escape(what)):
        yield


def spec_of(agent: str, game: str | None, overrides: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    """The game to play and its overrides; where none is named, the one that a run was trained on."""
    from textmaze.catalog import run_folder
    from textmaze.settings import pairs

    folder = run_folder(agent)
    if game is None and folder is not None:
        from textmaze.learn.checkpoint import load_model
        from textmaze.learn.runs import trained_on

        spec, changes = trained_on(folder, load_model(folder)[0])
        return spec, {**changes, **pairs(overrides)}
    return "labyrinth" if game is None else game, dict(pairs(overrides))


def game_of(spec: str, overrides: tuple[str, ...]) -> "Game":
    """The game that a command names, with what it lays over it."""
    from textmaze.catalog import load_game
    from textmaze.settings import pairs

    return load_game(spec, pairs(overrides))
