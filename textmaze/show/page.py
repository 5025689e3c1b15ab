"""Episodes as one self-contained HTML page: the maze, the walk through it, the text, and what the agent thought.

The page needs no network and no other file. All that comes from games and agents is data in it: JSON that a script puts
on the screen as text, so nothing in it can become markup or code; a content policy lets no other script run.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textmaze import __version__
from textmaze.env.rollout import StepRecord
from textmaze.env.thoughts import Thought, Thoughts, Words
from textmaze.errors import TextmazeError
from textmaze.show.floorplan import Floorplan
from textmaze.show.printable import printable
from textmaze.show.transcript import verdict

MOST_BYTES = 24_000_000  # of the data in a page; a browser still opens it at once
MOST_EPISODES = 200  # of a transcript; nobody looks for one among more
_WEB = Path(__file__).parent / "web"

Data = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """An episode as a page shows it.

    `thoughts` and `potentials` have an item for each step, or are empty where nothing is known of them; a potential is
    that of the state before the step.
    """

    records: Sequence[StepRecord]
    plan: Floorplan
    thoughts: Sequence[Thoughts] = ()
    potentials: Sequence[float] = ()


def page(
    title: str, facts: Mapping[str, str], episodes: Sequence[Shown], above: str = "", below: str = "",
    left_out: int = 0,
) -> str:
    """The page. `facts` are shown in its header; `above` and `below` are HTML that stands around the episodes.

    It says how many more episodes there are: those `left_out`, and those that would make it larger than `MOST_BYTES`.
    TextmazeError where even the first one would.
    """
    texts: dict[str, int] = {}
    shown: list[str] = []
    size = 0
    for episode in episodes:
        before = len(texts)
        found = json.dumps(_episode(episode, texts), allow_nan=False)
        fresh = list(texts)[before:]
        size += len(found) + sum(len(json.dumps(text)) for text in fresh)
        if size > MOST_BYTES:
            for text in fresh:
                del texts[text]
            break
        shown.append(found)
    if episodes and not shown:
        raise TextmazeError(f"Not even the first episode fits a page of {MOST_BYTES:,} bytes; jsonl holds any.")
    left_out += len(episodes) - len(shown)
    data = f'{{"texts": {json.dumps(list(texts))}, "left_out": {left_out}, "episodes": [{", ".join(shown)}]}}'
    style, script = _web("page.css"), _web("map.js") + _web("page.js")
    return _filled(_web("page.html"), {
        "title": html.escape(printable(title)),
        "facts": "".join(f"<div><dt>{html.escape(printable(name))}</dt><dd>{html.escape(printable(value))}</dd></div>"
                         for name, value in facts.items()),
        "above": above, "below": below,
        "data": in_script(data),
        "style": style, "script": script,
        "style_hash": _hash(style), "script_hash": _hash(script),
        "version": html.escape(__version__),
    })


def in_script(data: str) -> str:
    """JSON as it may stand in a script element: nothing in it can end the element."""
    return data.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _episode(shown: Shown, texts: dict[str, int]) -> Data:
    """What the script is told of an episode. Texts are told by number, as they come again and again."""

    def number(text: str) -> int:
        return texts.setdefault(printable(text), len(texts))

    records, plan = shown.records, shown.plan
    first = records[0]
    seen = [first.before, *(record.after for record in records)]
    return {
        "seed": first.seed, "verdict": verdict(records), "won": records[-1].won, "split": first.split,
        "game": printable(first.game),
        "plan": {
            "rooms": [[number(name), *place] for name, place in zip(plan.names, plan.places, strict=True)],
            "ways": [[way.a, way.b, way.kind, number(way.name)] for way in plan.passages],
            "goal": plan.goal, "at": plan.at, "shut": plan.shut,
            "walkers": [[number(name), route] for name, route in plan.walkers],
        },
        "seen": [[number(state.text), number(state.description), number(state.inventory)] for state in seen],
        "distance": [first.distance, *(record.distance_after for record in records)],
        "commands": [number(record.command) for record in records],
        "rewards": [record.reward for record in records],
        "potentials": list(shown.potentials),
        "thoughts": [_thought(*step, number) for step in zip(records, shown.thoughts, strict=False)],
    }


def _thought(record: StepRecord, thought: Thoughts, number: Any) -> Data | None:
    if not thought.weighed:
        return None
    known = {one.command: one for one in thought.weighed}
    return {
        "weighed": [_weighed(command, known.get(command), number) for command in record.before.choices],
        "chosen": number(record.command), "going_on": thought.going_on,
        "expected": [[number(text), chance] for text, chance in thought.expected],
        "words": _words(thought.words, number) if thought.words else None,
    }


def _weighed(command: str, thought: Thought | None, number: Any) -> list[Any]:
    found = thought or Thought(command, 0.0)
    return [number(command), thought and thought.value, number(found.aim), found.steps, number(found.note)]


def _words(words: Words, number: Any) -> Data:
    return {
        "best": number(words.best), "second": number(words.second), "difference": words.difference,
        "blank": words.blank, "gap": words.gap, "shares": words.shares,
        "marks": list(words.marks),
    }


def _web(name: str) -> str:
    return (_WEB / name).read_text("utf-8")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _filled(template: str, parts: Mapping[str, str]) -> str:
    """The template with its parts put in, all at once, so that what is put in is never read as a template."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)
