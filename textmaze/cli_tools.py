"""The commands that look after textmaze itself: completion in the shell, and what is installed and works."""

from typing import TYPE_CHECKING

import click

from textmaze import shells
from textmaze.options import option

if TYPE_CHECKING:
    from rich.console import Console

    from textmaze.doctor import Finding


@click.command()
@click.argument("shell", type=click.Choice(list(shells.SHELLS)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that lets a shell complete what you type.

    Then Tab completes commands, options, games, agents, files, and the settings of the game or agent that you named.

    \b
    Let every new shell read it, by one of these lines:
      bash  echo 'eval "$(textmaze completion bash)"' >> ~/.bashrc
      zsh   echo 'eval "$(textmaze completion zsh)"' >> ~/.zshrc
      fish  textmaze completion fish > ~/.config/fish/completions/textmaze.fish

    In zsh it must come after compinit.

    \b
    Examples:
      textmaze completion bash
      eval "$(textmaze completion zsh)"
    """
    click.echo(shells.script(shell, context.find_root().command), nl=False)


@click.command()
@option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@option("--clean", "emptied", is_flag=True, help="Empty the cache instead; what is needed again is made anew.")
def doctor(as_json: bool, emptied: bool) -> None:
    """See what is installed, whether it works, and what helps.

    It reads a sentence with the encoder, compiles and plays a small game of TextWorld's, and looks into the cache. The
    exit code is 1 where something does not work that textmaze needs; a note is about what it can do without.

    \b
    Examples:
      textmaze doctor
      textmaze doctor --json
      textmaze doctor --clean
    """
    import json
    from dataclasses import asdict

    from rich.console import Console

    from textmaze import __version__
    from textmaze.doctor import BAD, examine, parts
    from textmaze.measure import one_thread

    if emptied:
        from rich.filesize import decimal

        from textmaze.cache_health import clean
        from textmaze.files import cache_folder

        count, size = clean()
        click.echo(f"Freed {decimal(size)}: {count:,} files in {cache_folder()}.")
        return
    one_thread()  # as all commands that read texts
    console, found = Console(highlight=False), []
    for part, check in parts().items():
        with Console(stderr=True).status(f"looking at: {part}"):
            told = list(examine(part, check))
        found += told
        if not as_json:
            _show(console, part, told)
    bad = [finding for finding in found if finding.state == BAD]
    if as_json:
        click.echo(json.dumps({"version": __version__, "works": not bad, "findings": list(map(asdict, found))}))
    elif bad:
        click.echo(f"What does not work: {', '.join(f'{finding.part}, {finding.name}' for finding in bad)}.")
    else:
        click.echo("All that textmaze needs works.")
    if bad:
        raise SystemExit(1)


def _show(console: "Console", part: str, told: "list[Finding]") -> None:
    from rich.table import Table
    from rich.text import Text

    from textmaze.doctor import BAD, GOOD, NOTE

    colours = {GOOD: "green", NOTE: "yellow", BAD: "bold red"}
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(2):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in told:
        text = Text(finding.told)
        if finding.mend:
            text.append("\nwhat helps: ", "dim").append(finding.mend, "bold")
        table.add_row(Text(finding.state, colours[finding.state]), Text(finding.name), text)
    console.print(Text(part, "bold"))
    console.print(table)
    console.print()
