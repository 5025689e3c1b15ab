"""An episode and what the agent thought in it, step by step, for the terminal."""

from rich.console import Console
from rich.text import Text

from textmaze.env.rollout import StepRecord
from textmaze.env.thoughts import Thoughts, Weights, Words
from textmaze.show.page import Shown
from textmaze.show.printable import printable
from textmaze.show.transcript import verdict

WIDTH = 24  # of a bar
MOST_WORDS = 8
MOST_EXPECTED = 3
_EIGHTHS = " ▏▎▍▌▋▊▉"


def print_explained(console: Console, shown: Shown) -> None:
    """Print what was read, weighed and done at each step; with colours only where people look on."""
    top = max((abs(one.value) for thought in shown.thoughts for one in thought.weighed), default=1.0) or 1.0
    for number, record in enumerate(shown.records):
        thought = shown.thoughts[number] if shown.thoughts else Thoughts()
        potential = f", potential {shown.potentials[number]:+.3f}" if shown.potentials else ""
        left = f", {record.distance} from a win" if record.distance >= 0 else ""
        _say(console, Text(f"Step {record.step}{left}{potential}", "bold cyan"))
        _say(console, _marked(record.before.text, record.before.description, thought.words))
        _thought(console, thought, record, top)
        _say(console, Text(f"> {printable(record.command)}", "bold"))
        console.print()
    _say(console, Text(printable(shown.records[-1].after.text)))
    console.print()
    _say(console, Text(verdict(shown.records), "bold"))


def bar(value: float, top: float, width: int = WIDTH) -> str:
    """A bar of blocks for a value up to `top`; one below 0 is as long as that above it, and shaded."""
    if value < 0:
        return ("▒" * round(width * min(-value / top, 1.0))).ljust(width)
    eighths = round(8 * width * min(value / top, 1.0))
    full, rest = divmod(eighths, 8)
    return f"{'█' * full}{_EIGHTHS[rest] if rest else ''}".ljust(width)


def _say(console: Console, text: Text) -> None:
    if console.no_color:
        text = Text(text.plain)
    console.print(text, soft_wrap=not console.is_terminal, highlight=False)


def _thought(console: Console, thought: Thoughts, record: StepRecord, top: float) -> None:
    name, came = max(map(len, record.before.choices)), record.after.text
    for one in sorted(thought.weighed, key=lambda one: -one.value):
        then = f"to {one.aim}, {one.steps} step{'s' * (one.steps != 1)} on: " if one.steps else ""
        chosen = " (chosen)" if one.command == record.command else ""
        line = f"  {one.command:<{name}}  {bar(one.value, top)} {one.value:6.3f}  {then}{one.note}{chosen}"
        _say(console, Text(printable(line), "green" if chosen else ""))
    if thought.going_on:
        _say(console, Text("  It followed the plan that it had made before.", "dim"))
    if thought.words:
        _words(console, thought.words, record.before.description)
    for text, chance in thought.expected[:MOST_EXPECTED]:
        first = printable(text).partition("\n")[0]
        _say(console, Text(f"  expected {chance:6.1%}  {first}{'  (this came)' if text == came else ''}"))
    expected = dict(thought.expected)
    if expected and came not in expected:
        rest = 1 - sum(expected.values())
        _say(console, Text(f"  expected {rest:6.1%}  a text from elsewhere  (this came)"))


def _words(console: Console, words: Words, description: str) -> None:
    _say(console, Text(printable(
        f"  {words.best} rather than {words.second}: {words.difference:+.3f}, with all texts blank {words.blank:+.3f}, "
        f"words {words.difference - words.blank - words.gap:+.3f}, gap {words.gap:+.3f}"), "dim"))
    top = ", ".join(f"{printable(description[start:end])} {weight:+.3f}"
                    for start, end, weight in _weightiest(words, description))
    _say(console, Text(f"  words here: {top}", "dim"))
    shares = sorted(words.shares.items(), key=lambda item: -abs(item[1]))
    _say(console, Text("  by " + ", ".join(f"{source} {weight:+.3f}" for source, weight in shares), "dim"))


def _marked(text: str, description: str, words: Words | None) -> Text:
    """What was read, with the words that mattered in colour: blue is for what was best, yellow against it."""
    found = Text(printable(text))
    at = text.find(description)
    if words is None or at < 0:
        return found
    marked, end = Text(), 0
    for start, stop, weight in sorted(_weightiest(words, description)):
        marked.append_text(found[end : at + start])
        marked.append_text(Text(found.plain[at + start : at + stop], "bold blue" if weight > 0 else "bold yellow"))
        end = at + stop
    return marked.append_text(found[end:])


def _weightiest(words: Words, description: str) -> Weights:
    return sorted(whole_words(words, description), key=lambda piece: -abs(piece[2]))[:MOST_WORDS]


def whole_words(words: Words, description: str) -> Weights:
    """The marks of a description's tokens, those of one word as one."""
    found: list[tuple[int, int, float]] = []
    for start, end, weight in words.marks:
        joint = description[start - 1 : start + 1].replace("'", "")
        if found and found[-1][1] == start and (joint.isalnum() or not joint):
            begin, _, before = found.pop()
            found.append((begin, end, before + weight))
        else:
            found.append((start, end, weight))
    return found
