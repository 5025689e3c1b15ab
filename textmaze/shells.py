"""The scripts by which bash, zsh and fish ask what they may complete."""

import os
import re
from typing import Any

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

# As click's own scripts, but: bash is asked for the line and not for its words, of which `rooms=9` would be three; no
# shell writes a space behind `rooms=` or `runs/`; what fish tells of a value may have commas; errors are not shown.

_BASH = """\
%(complete_func)s() {
    local type value
    COMPREPLY=()
    while IFS=, read -r type value; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain)
                COMPREPLY+=("$value")
                [[ $value == *[=/] ]] && compopt -o nospace ;;
        esac
    done < <(env COMP_WORDS="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a bare told response ending
    local type key descr
    (( ! $+commands[%(prog_name)s] )) && return 1
    response=("${(@f)$(env COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) \
        %(complete_var)s=zsh_complete %(prog_name)s 2>/dev/null)}")
    for type key descr in ${response}; do
        case $type in
            dir) _path_files -/ ;;
            file) _path_files -f ;;
            plain)
                [[ $key == *[=/] ]] && ending=(-S '')
                if [[ $descr == _ ]]; then bare+=("$key"); else told+=("$key:$descr"); fi ;;
        esac
    done
    (( $#told )) && _describe -V unsorted told -U "${ending[@]}"
    (( $#bare )) && compadd -U -V unsorted "${ending[@]}" -a bare
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

_FISH = """\
function %(complete_func)s
    for completion in (env %(complete_var)s=fish_complete COMP_WORDS=(commandline -cp) \
            COMP_CWORD=(commandline -ct) %(prog_name)s 2>/dev/null)
        set -l found (string split -m 1 , -- $completion)
        switch $found[1]
            case dir
                __fish_complete_directories $found[2]
            case file
                __fish_complete_path $found[2]
            case plain
                echo $found[2]
        end
    end
end

complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


class Bash(BashComplete):
    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)[1:]
        if line[-1:].isspace() or not words:
            words.append("")
        return words[:-1], words[-1]

    def format_completion(self, item: "CompletionItem[Any]") -> str:
        value = str(item.value)
        if "=" in os.environ.get("COMP_WORDBREAKS", "="):  # then only what stands behind it is written anew
            _, typed = self.get_completion_args()
            value = value.removeprefix("".join(typed.rpartition("=")[:2]))
        return f"{item.type},{_quoted(value)}"


def _quoted(value: str) -> str:
    """A word as it must stand in a line for bash; a ~ stays, as it was typed."""
    return re.sub(r"([^\w@%+=:,./~-])", r"\\\1", value)


class Zsh(ZshComplete):
    source_template = _ZSH


class Fish(FishComplete):
    source_template = _FISH


SHELLS: dict[str, type[ShellComplete]] = {"bash": Bash, "zsh": Zsh, "fish": Fish}
for _shell in SHELLS.values():
    add_completion_class(_shell)


def script(shell: str, command: click.Command, name: str = "textmaze") -> str:
    """What a shell reads to complete a command from then on."""
    return SHELLS[shell](command, {}, name, f"_{name.upper()}_COMPLETE").source()
