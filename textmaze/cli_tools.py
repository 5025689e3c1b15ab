"""The commands that look after textmaze itself: completion in the shell."""

import click

from textmaze import completion as shells


@click.command()
@click.argument("shell", type=click.Choice(list(shells.SHELLS)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete commands, games, agents and settings.

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
