"""Step records as JSONL or Markdown, and JSONL back to step records, verified by playing them again.

A JSONL transcript holds, one JSON object a line:

- a header: format, version of textmaze, game with all its settings, split, agent, seeds;
- each episode's opening as step 0: `objective`, `text`, `description`, `inventory`, `admissible`, `distance`;
- each step's `command` and what came of it: `text` (the game's answer), `description`, `inventory`,
  `admissible`, `distance`, `reward`, `terminated`, `truncated`, `won`;
- a last line that counts episodes and steps, so that a file that was cut off shows.

What an agent read before a command stands on the line before it. `distance` is the fewest commands left to a
win, -1 for none; no agent reads it. Records read back equal those written, except that the slot is 0 and
`best_command` None.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from textmaze import __version__
from textmaze.env.rollout import Leave, Observation, StepRecord, rollout
from textmaze.errors import TextmazeError
from textmaze.game.table import Game

FORMAT = "textmaze-transcript-1"
_SHOWN = 60  # characters of a text that an error quotes

Line = dict[str, Any]


@dataclass(frozen=True)
class Header:
    """What a transcript is of: all that is needed to play it again."""

    game: str  # the game's name
    source: str  # what `load_game` takes: a name or a path
    overrides: Mapping[str, Any]  # and what was laid over it
    settings: Mapping[str, Any]  # the recipe that this gave; empty for a single game
    split: str
    agent: str
    seeds: Sequence[int]
    textmaze: str = __version__
    format: str = FORMAT


def make_header(
    game: Game, *, source: str, split: str, agent: str, seeds: Sequence[int], overrides: Mapping[str, Any]
) -> Header:
    """The header for episodes of `game`, which `load_game(source, overrides)` gave."""
    return Header(game.name, source, dict(overrides), _settings(game), split, agent, list(seeds))


def by_episode(rounds: Iterable[Iterable[StepRecord]]) -> Iterator[list[StepRecord]]:
    """Sort what `rollout` yields into whole episodes, in order; episodes that were left unfinished come last.

    Memory holds the records since the oldest unfinished episode began: at most slots x max_steps.
    """
    waiting: dict[int, list[StepRecord]] = {}  # episodes in the order in which they began
    for records in rounds:
        for record in records:
            waiting.setdefault(record.episode, []).append(record)
        while waiting:
            first = next(iter(waiting))
            if not waiting[first][-1].ended:
                break
            yield waiting.pop(first)
    yield from waiting.values()


def verdict(episode: Sequence[StepRecord]) -> str:
    """One sentence that says how an episode ended."""
    taken = f"{len(episode)} step{'' if len(episode) == 1 else 's'}"
    if not episode or not episode[-1].ended:
        return f"Left after {taken}."
    fewest = episode[0].distance
    possible = f"the fewest possible is {fewest}" if fewest >= 0 else "no shortest way is known"
    if episode[-1].won:
        return f"Won in {taken}; {possible}."
    if episode[-1].truncated:
        return f"Out of steps after {len(episode)}; {possible}."
    return f"Lost after {taken}; {possible}."


def write_jsonl(rounds: Iterable[Iterable[StepRecord]], header: Header) -> Iterator[str]:
    """The lines of a JSONL transcript of what `rollout` yields. The same records give the same bytes."""
    yield f"{json.dumps(asdict(header))}\n"
    episodes = steps = 0
    for episode in by_episode(rounds):
        yield from (f"{json.dumps(line)}\n" for line in _lines(episode))
        episodes += 1
        steps += len(episode)
    yield f"{json.dumps({'end': {'episodes': episodes, 'steps': steps}})}\n"


def write_markdown(rounds: Iterable[Iterable[StepRecord]], header: Header) -> Iterator[str]:
    """The paragraphs of a Markdown transcript, for people, of what `rollout` yields."""
    settings = dict(header.settings)
    title = settings.pop("title", "") or header.game
    settings.pop("summary", None)  # it tells of the recipe as it is, without what was laid over it
    facts = [f"textmaze {header.textmaze}", f"split {header.split}"]
    facts += [f"{name.replace('_', ' ')} {value}" for name, value in settings.items()]
    yield f"# {escape(str(title))}, played by {escape(header.agent)}\n\n{escape(', '.join(facts))}.\n"
    for episode in by_episode(rounds):
        yield f"\n## Episode {episode[0].episode}, seed {episode[0].seed}\n\n"
        yield f"{_prose(episode[0].before.text)}\n"
        for record in episode:
            yield f"\n> {escape(' '.join(record.command.split()))}\n\n{_prose(record.feedback)}\n"
        yield f"\n**{verdict(episode)}**\n"


def read_jsonl(source: str | Path) -> tuple[Header, list[StepRecord]]:
    """The header and the records in a JSONL transcript: its text, or the path of its file."""
    text, where = (source, "The transcript") if isinstance(source, str) else (_read(source), str(source))
    texts = text.removesuffix("\n").split("\n")
    lines = [_load(line, f"{where}, line {number}") for number, line in enumerate(texts, 1)]
    head, *body = lines
    if head.get("format") != FORMAT:
        raise TextmazeError(f"{where} is not a transcript: its first line lacks the format {FORMAT!r}.")
    _check(head, _HEADER, f"{where}, line 1")
    if not body or "end" not in body[-1]:
        raise TextmazeError(f"{where} was cut off: its last line does not count its episodes and steps.")
    *body, last = body
    records = _records(header := Header(**head), body, where)
    count = {"episodes": len(body) - len(records), "steps": len(records)}
    if last != {"end": count}:
        raise TextmazeError(f"{where} is not complete: its last line says {last}, but it holds {count}.")
    return header, records


def verify(header: Header, records: Iterable[StepRecord], game: Game) -> None:
    """Play every episode again, and raise an error that names the first difference."""
    settings = _settings(game)
    for name in {**header.settings, **settings}:
        old, new = header.settings.get(name), settings.get(name)
        if old != new:
            raise TextmazeError(f"The transcript has {name} = {old}, but {game.name} now has {new}.")
    for number, episode in enumerate(by_episode([record] for record in records)):
        first = episode[0]
        if list(header.seeds[number : number + 1]) != [first.seed]:
            raise TextmazeError(f"Episode {first.episode} has seed {first.seed}, but not in the header.")
        rounds = rollout(game, _Replay(episode), [first.seed], split=header.split, slots=1)
        replayed = [replace(record, episode=first.episode) for played in rounds for record in played]
        # Where one is shorter, its last step ends the episode and the other's does not: a difference already.
        for then, now in zip(_lines(episode), _lines(replayed), strict=False):
            _compare(then, now)


class _Replay:
    """An agent that gives the commands of an episode again."""

    infos: Sequence[str] = ()

    def __init__(self, episode: Iterable[StepRecord]) -> None:
        self._commands = iter([record.command for record in episode])

    def begin(self, episodes: Sequence[int]) -> None:
        pass

    def act(self, observations: Sequence[Observation]) -> list[str]:
        command = next(self._commands, None)
        if command is None:
            raise Leave
        return [command]


def _settings(game: Game) -> Line:
    recipe = getattr(game, "recipe", None)
    return asdict(recipe) if recipe is not None else {}


# What stands on each kind of line, and of which type it is.
_HEADER = {"game": str, "source": str, "overrides": dict, "settings": dict, "split": str, "agent": str,
           "seeds": list, "textmaze": str, "format": str}
_BOTH = {"episode": int, "seed": int, "step": int,
         "text": str, "description": str, "inventory": str, "admissible": list, "distance": int}
_OPENING = {**_BOTH, "objective": str}
_STEP = {**_BOTH, "command": str, "reward": float, "terminated": bool, "truncated": bool, "won": bool}


def _lines(episode: Sequence[StepRecord]) -> Iterator[Line]:
    """The opening of an episode, then its steps, as what JSON can hold."""
    first = episode[0]
    place = {"episode": first.episode, "seed": first.seed}
    yield {**place, "step": 0, "objective": first.before.objective, **_state(first.before, first.distance)}
    for record in episode:
        yield {
            **place, "step": record.step, "command": record.command,
            **_state(record.after, record.distance_after), "reward": record.reward,
            "terminated": record.terminated, "truncated": record.truncated, "won": record.won,
        }


def _state(seen: Observation, distance: int) -> Line:
    return {"text": seen.text, "description": seen.description, "inventory": seen.inventory,
            "admissible": list(seen.admissible), "distance": distance}


def _records(header: Header, lines: Iterable[Line], where: str) -> list[StepRecord]:
    """The records that `_lines` made lines of."""
    records: list[StepRecord] = []
    objective = ""
    last: Line = {"episode": -1, "step": 1}
    for number, line in enumerate(lines, 2):
        here = f"{where}, line {number}"
        begins = line.get("step") == 0
        _check(line, _OPENING if begins else _STEP, here)
        if not _follows(last, line):
            raise TextmazeError(f"{here}: episode {line['episode']}, step {line['step']} cannot stand here.")
        if begins:
            objective = line["objective"]
        else:
            record = StepRecord(
                header.game, header.split, line["seed"], line["episode"], line["step"],
                _seen(last, objective), line["command"], line["reward"], line["terminated"],
                line["truncated"], _seen(line, objective), last["distance"], line["distance"],
            )
            if record.won != line["won"]:
                raise TextmazeError(f"{here}: won is {line['won']}, which the rest of the line contradicts.")
            records.append(record)
        last = line
    if last["step"] == 0:
        raise TextmazeError(f"{where}: episode {last['episode']} has no steps.")
    return records


def _follows(last: Line, line: Line) -> bool:
    if line["step"] == 0:
        return bool(last["step"] > 0 and line["episode"] > last["episode"] and line["seed"] >= 0)
    place = {"episode": line["episode"], "seed": line["seed"], "step": line["step"] - 1}
    return place.items() <= last.items() and not (last.get("terminated") or last.get("truncated"))


def _seen(line: Line, objective: str) -> Observation:
    parts = (line["text"], line["description"], line["inventory"], objective)
    return Observation(0, *parts, tuple(line["admissible"]))


def _compare(then: Line, now: Line) -> None:
    for name, value in then.items():
        if value != now[name]:
            raise TextmazeError(
                f"Episode {then['episode']}, step {then['step']}: {name} is {_excerpt(value, now[name])}, "
                f"but playing it again gives {_excerpt(now[name], value)}."
            )


def _excerpt(value: Any, other: Any) -> str:
    """A value as an error quotes it: of a long text, the part where it begins to differ from the other."""
    if not isinstance(value, str):
        return repr(value)
    differ = (index for index, (one, two) in enumerate(zip(value, str(other), strict=False)) if one != two)
    start = max(0, next(differ, min(len(value), len(str(other)))) - _SHOWN // 2)
    return repr(value[start : start + _SHOWN])


def _load(text: str, where: str) -> Line:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TextmazeError(f"{where} is not valid JSON: {error}.") from None
    if not isinstance(line, dict):
        raise TextmazeError(f"{where} is not a JSON object.")
    return line


def _check(line: Line, types: Mapping[str, type], where: str) -> None:
    """Refuse a line that lacks something, holds something else, or holds it with another type."""
    for name in {**types, **line}:
        if name not in line or name not in types:
            raise TextmazeError(f"{where} {'lacks' if name in types else 'has an unknown'} {name!r}.")
        if type(line[name]) is not types[name]:
            raise TextmazeError(f"{where}: {name} must be of the type {types[name].__name__}.")
    for name, kind in (("admissible", str), ("seeds", int)):
        if not all(type(item) is kind for item in line.get(name, ())):
            raise TextmazeError(f"{where}: {name} must hold nothing but {kind.__name__}.")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise TextmazeError(f"{path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise TextmazeError(f"{path} is not UTF-8 text.") from None


def _prose(text: str) -> str:
    """A game's text as Markdown paragraphs, one a line, that show it word for word."""
    return "\n\n".join(escape(line.strip()) for line in text.split("\n") if line.strip())


def escape(text: str) -> str:
    """One line of text with everything escaped that Markdown would read as more than text."""
    text = text.encode("utf-8", "replace").decode()  # a stray byte that was typed must not stop the writing
    text = re.sub(r"([\\`*_<>\[\]&~|])", r"\\\1", text)
    return re.sub(r"^(\d*)(#|[-+.)](?=\s)|-+$|=+$)", r"\1\\\2", text)
