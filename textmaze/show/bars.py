"""What an agent thinks of commands, as bars or in words."""

from collections.abc import Sequence

from textmaze.env.thoughts import Thought

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LONGEST = 24  # characters of a bar
_MOST = 8  # commands, the best of them, where there are more


def bars(thoughts: Sequence[Thought], chosen: str, *, width: int = 80, unicode: bool = True) -> list[str]:
    """A line for each command, best first: a bar as long as its value is high, the value, and what it aims at.

    The shortest bar is that of the least value, or of 0 where all are above.
    """
    shown = _best(thoughts, chosen)
    low = min(0.0, *(thought.value for thought in shown))
    high = max(thought.value for thought in shown)
    wide = min(max(len(thought.command) for thought in shown), 30)
    length = max(4, min(_LONGEST, width - wide - 12))
    lines = []
    for thought in shown:
        share = (thought.value - low) / (high - low) if high > low else 1.0
        mark = ">" if thought.command == chosen else " "
        line = f"{mark} {_cut(thought.command, wide):<{wide}} {_bar(share, length, unicode)} {thought.value:5.2f}"
        aim = f"  {_aim(thought)}" if _aim(thought) else ""
        lines.append(line + aim if len(line + aim) <= width else line)
    return lines


def in_words(thoughts: Sequence[Thought], chosen: str) -> str:
    """The same as a sentence, for whoever cannot see bars."""
    parts = [f"{thought.command} {thought.value:.2f}{f' ({_aim(thought)})' if _aim(thought) else ''}"
             for thought in _best(thoughts, chosen)]
    return f"What each command is worth to it, the best first: {', '.join(parts)}."


def _aim(thought: Thought) -> str:
    """What a plan is for, where that lies farther away, or else where its command leads."""
    if thought.steps:
        return f"to {thought.aim} {thought.steps} step{'' if thought.steps == 1 else 's'} from here"
    return f"to {thought.room}" if thought.room else ""


def _best(thoughts: Sequence[Thought], chosen: str) -> list[Thought]:
    """The best few, best first; the chosen one is always among them."""
    ranked = sorted(thoughts, key=lambda thought: (-thought.value, thought.command))
    rest = [thought for thought in ranked[_MOST:] if thought.command == chosen]
    return ranked[:_MOST - len(rest)] + rest


def _bar(share: float, length: int, unicode: bool) -> str:
    if not unicode:
        return ("#" * round(share * length)).ljust(length)
    whole, rest = divmod(round(share * length * 8), 8)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(length)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most - 3]}..."
