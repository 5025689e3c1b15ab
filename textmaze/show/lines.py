"""Step records as lines that JSON can hold, and back: what the formats that lose nothing have in common.

Of each episode there is

- its opening as step 0: `objective`, `text`, `description`, `inventory`, `admissible`, `distance`;
- each step's `command` and what came of it: `text` (the game's answer), `description`, `inventory`, `admissible`,
  `distance`, `reward`, `terminated`, `truncated`, `won`, and `values` where the agent told its own.

What an agent read before a command stands on the line before it. `distance` is the fewest commands left to a win, -1
for none; no agent reads it. Records read back equal those written, except that the slot is 0, `best_command` None, and
values have four digits behind the point.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from textmaze.env.rollout import Observation, StepRecord
from textmaze.settings import shown
from textmaze.show.transcript import DamagedError, Episode, Header, Line, check

LONGEST = 100_000  # steps of an episode, as no recipe allows more
_BOTH: Mapping[str, type] = {"episode": int, "seed": int, "step": int, "text": str, "description": str,
                             "inventory": str, "admissible": list, "distance": int}
OPENING: Mapping[str, type] = {**_BOTH, "objective": str}
STEP: Mapping[str, type] = {**_BOTH, "command": str, "reward": float, "terminated": bool, "truncated": bool,
                            "won": bool}


def lines_of(episode: Sequence[StepRecord]) -> Iterator[Line]:
    """The opening of an episode, then its steps."""
    first = episode[0]
    place = {"episode": first.episode, "seed": first.seed}
    yield {**place, "step": 0, "objective": first.before.objective, **_state(first.before, first.distance)}
    for record in episode:
        line = {
            **place, "step": record.step, "command": record.command,
            **_state(record.after, record.distance_after), "reward": record.reward,
            "terminated": record.terminated, "truncated": record.truncated, "won": record.won,
        }
        if record.values:
            line["values"] = values_line(record)
        yield line


def values_line(record: StepRecord) -> dict[str, float]:
    return {command: round(value, 4) for command, value in record.values}


def read_values(values: object, where: str) -> tuple[tuple[str, float], ...]:
    if type(values) is not dict or not all(type(value) is float for value in values.values()):
        raise DamagedError(f"{where}: values must be numbers by commands.")
    return tuple(values.items())


def _state(seen: Observation, distance: int) -> Line:
    return {"text": seen.text, "description": seen.description, "inventory": seen.inventory,
            "admissible": list(seen.admissible), "distance": distance}


def episodes_of(header: Header, numbered: Iterable[tuple[str, Line]]) -> Iterator[Episode]:
    """The episodes whose lines these are, each with where it stands for errors. DamagedError at the first wrong one.

    Memory holds one episode.
    """
    episode: Episode = []
    play = header.plays[0]
    last: Line = {"episode": -1, "step": 1}
    objective = ""
    for where, line in numbered:
        begins = line.get("step") == 0
        check(line, OPENING if begins else {**STEP, **({"values": dict} if "values" in line else {})}, where)
        if not all(type(item) is str for item in line["admissible"]):
            raise DamagedError(f"{where}: admissible must hold nothing but str.")
        if not _follows(last, line):
            raise DamagedError(f"{where}: episode {line['episode']}, step {line['step']} cannot stand here.")
        if begins:
            if episode:
                yield episode
            episode, objective, play = [], line["objective"], header.play(line["episode"])
            if line["seed"] != play.seed + line["episode"] - play.first:
                raise DamagedError(f"{where}: episode {line['episode']} has seed {line['seed']}, but not in the "
                                   "header.")
        else:
            record = StepRecord(
                play.game, play.split, line["seed"], line["episode"], line["step"], _seen(last, objective),
                line["command"], line["reward"], line["terminated"], line["truncated"], _seen(line, objective),
                last["distance"], line["distance"], read_values(line.get("values", {}), where),
            )
            if record.won != line["won"]:
                raise DamagedError(f"{where}: won is {line['won']}, which the rest of the line contradicts.")
            if len(episode) == LONGEST:
                raise DamagedError(f"{where}: an episode has at most {LONGEST:,} steps.")
            episode.append(record)
        last = line
    if last["step"] == 0:
        raise DamagedError(f"Episode {last['episode']} has no steps.")
    if episode:
        yield episode


def _follows(last: Line, line: Line) -> bool:
    if line["step"] == 0:
        return bool(last["step"] > 0 and line["episode"] > last["episode"])
    place = {"episode": line["episode"], "seed": line["seed"], "step": line["step"] - 1}
    return place.items() <= last.items() and not (last.get("terminated") or last.get("truncated"))


def _seen(line: Line, objective: str) -> Observation:
    parts = (line["text"], line["description"], line["inventory"], objective)
    return Observation(0, *parts, tuple(line["admissible"]))


def first_difference(then: Iterable[Line], now: Iterable[Line]) -> str | None:
    """A sentence on the first thing in which an episode differs from what playing it again gives, or None."""
    # Where one is shorter, its last step ends the episode and the other's does not: a difference already.
    for old, new in zip(then, now, strict=False):
        for name, value in old.items():
            if name != "values" and value != new[name]:
                return (f"Episode {old['episode']}, step {old['step']}: {name} is {excerpt(value, new[name])}, "
                        f"but playing it again gives {excerpt(new[name], value)}.")
    return None


_SHOWN = 60  # characters of a text that an error quotes


def excerpt(value: object, other: object) -> str:
    """A value as an error quotes it: of a long text, the part where it begins to differ from the other."""
    if not isinstance(value, str):
        return shown(value)
    differ = (index for index, (one, two) in enumerate(zip(value, str(other), strict=False)) if one != two)
    start = max(0, next(differ, min(len(value), len(str(other)))) - _SHOWN // 2)
    return repr(value[start : start + _SHOWN])
