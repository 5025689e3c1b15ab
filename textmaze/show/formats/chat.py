"""Messages with roles, for supervised fine-tuning: one episode a line, as TRL's SFTTrainer and `datasets` read them.

`messages` begin with the objective in the system prompt; the game is the user, the agent the assistant, which has the
last word. `metadata` has columns to choose episodes by, and what it takes to play them again: `header` and `replay`,
texts of JSON, so that each line stands for itself, however a data set is shuffled or cut. `sha256` is that of the line
without it.
"""

import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from textmaze.env.rollout import StepRecord
from textmaze.errors import TextmazeError
from textmaze.show.formats.jsonl import NotJSONError, load
from textmaze.show.lines import LONGEST, excerpt, read_values, values_line
from textmaze.show.replay import Replayer
from textmaze.show.streams import read_lines
from textmaze.show.transcript import DamagedError, Episode, Header, Line, check, header_line, read_header

SUFFIXES = (".chat.jsonl",)
_MESSAGE: dict[str, type] = {"role": str, "content": str}
_METADATA: dict[str, type] = {"game": str, "agent": str, "split": str, "seed": int, "episode": int, "steps": int,
                              "won": bool, "fewest": int, "header": str, "replay": str, "sha256": str}
_REPLAY: dict[str, type] = {"commands": list, "values": list, "admissible": bool, "reasoning": bool}
_DUMP = json.JSONEncoder().encode


def write(
    episodes: Iterable[Episode], header: Header, *, admissible: bool = False, reasoning: bool = False
) -> Iterator[str]:
    """A line for each episode.

    Args:
        admissible: whether each message of the game ends with the commands that can be given.
        reasoning: whether the agent first says what it holds the commands to be worth, where it has told.
    """
    head = _DUMP(header_line(header))
    for episode in episodes:
        yield _text(_row(episode, header, head, admissible, reasoning))


def _row(episode: Episode, header: Header, head: str, admissible: bool, reasoning: bool) -> Line:
    first, last, play = episode[0], episode[-1], header.play(episode[0].episode)
    commands, values = [record.command for record in episode], [values_line(record) for record in episode]
    how = {"commands": commands, "values": values if any(values) else [], "admissible": admissible,
           "reasoning": reasoning}
    return {
        "messages": _messages(episode, admissible, reasoning),
        "metadata": {
            "game": play.game, "agent": play.agent, "split": play.split, "seed": first.seed, "episode": first.episode,
            "steps": len(episode), "won": last.won, "fewest": first.distance, "header": head, "replay": _DUMP(how),
        },
    }


def _text(row: Line) -> str:
    row["metadata"]["sha256"] = hashlib.sha256(_DUMP(row).encode()).hexdigest()
    return f"{_DUMP(row)}\n"


def _messages(episode: Sequence[StepRecord], admissible: bool, reasoning: bool) -> list[dict[str, str]]:
    objective = episode[0].before.objective
    found = [_message("system", f"{_task(admissible, reasoning)}\n\n{objective}")]
    for record in episode:
        text = record.before.text
        if record.step == 1:  # the objective has been said
            text = text.removeprefix(objective).lstrip("\n") or text
        if admissible:
            text += f"\n\nYou can: {', '.join(record.before.admissible)}."
        thought = f"{_thought(record)}\n" if reasoning and record.values else ""
        found += [_message("user", text), _message("assistant", thought + record.command)]
    return found


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _task(admissible: bool, reasoning: bool) -> str:
    listed = " Below it stand the commands that change something." if admissible else ""
    answer = ("a line on what you hold the commands to be worth, and then your command on a line of its own."
              if reasoning else "your command, and nothing else.")
    return f"You are playing a text adventure. Each message is what you read.{listed} Answer with {answer}"


def _thought(record: StepRecord) -> str:
    best = sorted(record.values, key=lambda pair: -pair[1])
    return f"Worth: {', '.join(f'{command} {value:.2f}' for command, value in best)}."


@dataclass(frozen=True)
class Row:
    """A line as it is read. Whatever is not in its messages comes from playing again."""

    where: str
    header: str  # that of the first line
    line: bytes

    def __len__(self) -> int:
        return self.line.count(b'"assistant"')


def read(path: Path) -> tuple[Header, Iterator[Row]]:
    """The header and the lines, each of which `prove` makes an episode of."""
    lines = read_lines(path)
    first = next(lines, b"")
    if not first:
        raise TextmazeError(f"{path} is no transcript: it is empty.")
    head = _parsed(first, f"{path}, line 1")["metadata"]["header"]
    header = _header(head, f"{path}, line 1")
    numbered = enumerate(itertools.chain([first], lines), 1)
    return header, (Row(f"{path}, line {number}", head, line) for number, line in numbered)


def _header(text: str, where: str) -> Header:
    try:
        return read_header(load(text.encode("utf-8", "replace")), where)
    except ValueError:
        raise DamagedError(f"{where} has a damaged header.") from None


def prove(replayer: Replayer, read: Row) -> Episode:
    """The episode of a line, played again. DamagedError at the first difference from what is written."""
    row = _parsed(read.line, read.where)
    about = row["metadata"]
    here = f"{read.where}, episode {about['episode']}"
    if about["header"] != read.header:
        raise DamagedError(
            f"{read.where}: episode {about['episode']} has at step 0 another header than the first line.")
    how = _how(about["replay"], here)
    played = replayer.play(about["episode"], how["commands"])
    thoughts = [read_values(values, here) for values in how["values"]] or [()] * len(played)
    episode = [replace(record, values=values) for record, values in zip(played, thoughts, strict=False)]
    now = _row(episode, replayer.header, about["header"], how["admissible"], how["reasoning"])
    for place, (old, new) in enumerate(zip(row["messages"], now["messages"], strict=False)):
        for name in ("role", "content"):
            if old[name] != new[name]:
                raise DamagedError(
                    f"Episode {about['episode']}, step {place // 2}: {new['role']} has the {name} "
                    f"{excerpt(old[name], new[name])}, but playing it again gives {excerpt(new[name], old[name])}."
                    + replayer.note())
    if len(row["messages"]) != len(now["messages"]):
        raise DamagedError(f"Episode {about['episode']}, step {min(len(row['messages']), len(now['messages'])) // 2}: "
                           f"here the messages end, or the game does, but not both.")
    for name, value in now["metadata"].items():
        if about[name] != value:
            raise DamagedError(f"Episode {about['episode']}, step {len(episode)}: {name} is "
                               f"{excerpt(about[name], value)}, but should be {excerpt(value, about[name])}.")
    if read.line.decode() != _text(now):
        raise DamagedError(f"{here}: all {len(episode)} steps play as they are written, but something else in the "
                           "line is not as it was, for its SHA-256 is another.")
    return episode


def _parsed(line: bytes, where: str) -> Line:
    """A row, with every name and type checked."""
    try:
        row = load(line)
    except NotJSONError as error:
        step = max(line[: error.place].count(b'"role"') - 1, 0) // 2
        number = re.search(rb'"episode": (\d{1,12}),', line)
        episode = f" (episode {int(number[1])}, step {step})" if number else ""
        raise DamagedError(f"{where}{episode} is not valid JSON: {error}.") from None
    check(row, {"messages": list, "metadata": dict}, where)
    check(row["metadata"], _METADATA, where)
    for place, message in enumerate(row["messages"]):
        check(message, _MESSAGE, f"{where} (episode {row['metadata']['episode']}, step {place // 2})")
    return dict(row)


def _how(text: str, where: str) -> Line:
    try:
        how = load(text.encode("utf-8", "replace"))
    except ValueError:
        how = None
    check(how, _REPLAY, where)
    commands, values = how["commands"], how["values"]
    if not 1 <= len(commands) <= LONGEST or not all(type(command) is str for command in commands):
        raise DamagedError(f"{where}: commands must be 1 to {LONGEST:,} texts.")
    if values and len(values) != len(commands):
        raise DamagedError(f"{where}: values must be as many as commands.")
    return dict(how)
