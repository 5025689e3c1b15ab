"""Noise on what an agent reads: how well does it read when words are mistyped, left out, or others?

Noise is drawn by the text itself, so one text is always changed in one way: in every episode, whoever plays, and
however many games are played at once.
"""

import functools
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from textmaze.env.rollout import Agent, Observation
from textmaze.settings import override, setting

Changer = Callable[[str, float, np.random.Generator], str]


@dataclass(frozen=True)
class Noise:
    """How much of each kind; 0 is none."""

    paraphrased: float = setting(0.0, "share of the words that have a synonym which are put in other words", low=0.0,
                                 high=1.0)
    dropped: float = setting(0.0, "share of the sentences that are left out; never a heading", low=0.0, high=1.0)
    typos: float = setting(0.0, "share of the words of three letters and more that are mistyped", low=0.0, high=1.0)


# Words of mazes, and others that fit wherever they stand: of one form, and after `a` and `an` of one sound. None is a
# word that a way is called by, nor one of a command that the game knows things by.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "large": ("big", "great"), "big": ("large", "great"), "small": ("little",), "old": ("aged", "ancient"),
    "dark": ("gloomy", "murky"), "dim": ("shadowy", "gloomy"), "cold": ("chilly",), "broken": ("shattered",),
    "quiet": ("silent",), "silent": ("quiet",), "deserted": ("forsaken",), "lonely": ("solitary",),
    "passage": ("corridor", "way"), "passages": ("corridors", "ways"), "corridor": ("passage", "way"),
    "corridors": ("passages", "ways"), "path": ("trail", "way"), "paths": ("trails", "ways"),
    "tunnels": ("shafts", "ways"), "exits": ("openings", "outlets"), "exit": ("opening", "outlet"),
    "rooms": ("chambers",), "leads": ("runs", "goes"), "lead": ("run", "go"), "leading": ("running", "going"),
    "go": ("walk", "head"), "goes": ("walks", "heads"), "going": ("walking", "heading"), "went": ("walked",),
    "walk": ("go", "stroll"), "see": ("spot", "notice"), "sees": ("spots", "notices"), "hear": ("make out",),
    "shows": ("displays",), "shut": ("closed",), "someone": ("somebody",),
    "somebody": ("someone",), "nobody": ("no one",), "nearby": ("close by",), "upon": ("on",), "maybe": ("perhaps",),
    "perhaps": ("maybe",), "beneath": ("below",), "towards": ("toward",), "toward": ("towards",),
    "carrying": ("holding",), "begins": ("starts",), "wall": ("side",), "floor": ("ground",),
}
_WORD = re.compile(r"[A-Za-z]+")
_TYPED = re.compile(r"[A-Za-z]{3,}")
# A sentence ends at its mark, with the quotes that close behind it.
_SENTENCE = re.compile(r"\S.*?(?:[.!?][\"')]*(?=\s|$)|$)\s*")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def typos(text: str, rate: float, rng: np.random.Generator) -> str:
    """Mistype a share `rate` of the words: one letter is left out, typed twice, wrong, or changes places."""

    def mistyped(found: re.Match[str]) -> str:
        word = found.group()
        if rng.random() >= rate:
            return word
        at, kind = int(rng.integers(len(word) - 1)), int(rng.integers(4))
        middle = ("", 2 * word[at], word[at + 1] + word[at], _LETTERS[int(rng.integers(26))])[kind]
        return word[:at] + middle + word[at + (2 if kind == 2 else 1):]

    return _TYPED.sub(mistyped, text)


def dropped(text: str, rate: float, rng: np.random.Generator) -> str:
    """Leave out a share `rate` of the sentences. A heading, `-= Room =-`, is none."""

    def kept(line: str) -> str:
        if line.startswith("-="):
            return line
        return "".join(sentence for sentence in _SENTENCE.findall(line) if rng.random() >= rate).rstrip()

    return "\n".join(map(kept, text.split("\n")))


def paraphrased(text: str, rate: float, rng: np.random.Generator) -> str:
    """Put a share `rate` of the words that have a synonym in other words. A heading stays: it is a name."""

    def put(found: re.Match[str]) -> str:
        word = found.group()
        others = SYNONYMS.get(word.lower())
        if others is None or rng.random() >= rate:
            return word
        other = others[int(rng.integers(len(others)))]
        return other[0].upper() + other[1:] if word[0].isupper() else other

    return "\n".join(line if line.startswith("-=") else _WORD.sub(put, line) for line in text.split("\n"))


KINDS: dict[str, Changer] = {"paraphrased": paraphrased, "dropped": dropped, "typos": typos}  # in this order


def noisy_text(text: str, noise: Noise, seed: int) -> str:
    """The text as it reads through the noise; the same for the same arguments."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    rng = np.random.default_rng([seed, int.from_bytes(digest)])
    for kind, rate in asdict(noise).items():
        if rate:
            text = KINDS[kind](text, rate, rng)
    return text


class Noisy:
    """An agent that reads through noise: answers, descriptions and inventory. What it may command stays as it is."""

    def __init__(self, agent: Agent, noise: Noise, seed: int = 0) -> None:
        self._agent = agent
        self.infos = agent.infos
        # As many texts as a suite has; each takes some kilobytes at most.
        self._changed = functools.lru_cache(maxsize=65_536)(functools.partial(noisy_text, noise=noise, seed=seed))

    def begin(self, episodes: Sequence[int]) -> None:
        self._agent.begin(episodes)

    def act(self, observations: Sequence[Observation]) -> list[str]:
        return self._agent.act([self._read(observation) for observation in observations])

    def _read(self, seen: Observation) -> Observation:
        description = self._changed(seen.description)
        # An answer often ends with the description, which must not read in two ways at once.
        answer, told, rest = seen.text.rpartition(seen.description) if seen.description else ("", "", seen.text)
        text = "".join((self._changed(answer), description if told else "", self._changed(rest)))
        return replace(seen, text=text, description=description, inventory=self._changed(seen.inventory))


def noisy(agent: Agent, noise: Mapping[str, Any], seed: int = 0) -> Agent:
    """The agent behind the noise that is named, such as `{"typos": 0.1}`; itself where there is none."""
    found = override(Noise(), noise, "noise")
    return Noisy(agent, found, seed) if any(getattr(found, field.name) for field in fields(found)) else agent
