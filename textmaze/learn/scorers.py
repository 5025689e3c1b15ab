"""A language model reads the text of a consequence and says how good it sounds for the objective."""

import hashlib
from collections.abc import Sequence
from types import ModuleType
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from textmaze.catalog import code_named
from textmaze.errors import RunError, SettingError, TextmazeError, UnknownNameError
from textmaze.learn.encoder import Library
from textmaze.learn.notes import UNTRIED
from textmaze.learn.reading import sentences


class Anchors(NamedTuple):
    """Two sentences that a text is held against in one respect, and how much that respect counts."""

    good: str
    bad: str
    weight: float = 1.0


EXIT = (Anchors(
    "I am getting closer to the exit, nearly out of the maze.",
    "I am lost deep inside the maze, at a dead end, going the wrong way.",
),)
# For sentences that speak of one way, and for notes beside it. The first pair tells 72% of the honest hints of the
# training words right, and MPNet, asked the same, 83%; "Go this way, it is good." and its contrary 65% and 69%
# (docs/log.md).
ADVICE = (
    Anchors("Something lively, bright and welcoming lies that way.",
            "Something dead, dark and abandoned lies that way."),
    Anchors("I have not tried that way yet.", "I have tried that way many times.", 2.0),
)


class Scorer(Protocol):
    """Scores are in units of no meaning; `shaping.Potential` brings them to a common scale."""

    def score(self, consequences: Sequence[str], objective: str) -> NDArray[np.float64]:
        """One value for each consequence, (len(consequences),): the higher the better it reads."""
        ...


class Contrast:
    """Whether a text is nearer in meaning to good anchors than to bad ones.

    The cosine between a sentence's mean vector and that of the good anchor, less the cosine to that of the bad one,
    summed over the pairs of anchors by their weights; of a text, the mean over its sentences, for few sentences make
    many texts. How well it tells good texts from bad ones that it was not made for, tests/learn/test_scorers.py
    measures.
    """

    def __init__(self, library: Library, anchors: Sequence[Anchors] = EXIT) -> None:
        self._library = library
        self._anchors = anchors

    def score(self, consequences: Sequence[str], objective: str) -> NDArray[np.float64]:
        model = self._library.model
        half = getattr(model, "hidden", model.width // 2)  # the mean of the token vectors stands before the CLS vector
        parts = [sentences(text) or (text,) for text in consequences]
        distinct = list(dict.fromkeys(part for text in parts for part in text))
        poles = [*(pair.good for pair in self._anchors), *(pair.bad for pair in self._anchors)]
        weights = torch.tensor([pair.weight for pair in self._anchors])
        vectors = torch.nn.functional.normalize(self._library.read([*poles, *distinct])[:, :half], dim=1)
        good, bad, read = vectors.tensor_split([len(weights), len(poles)])
        scores = dict(zip(distinct, (read @ (weights @ (good - bad))).tolist(), strict=True))
        return np.array([np.mean([scores[part] for part in text]) for text in parts], dtype=np.float64)


class Silent:
    """All texts are the same to it, so nothing is shaped."""

    def score(self, consequences: Sequence[str], objective: str) -> NDArray[np.float64]:
        return np.zeros(len(consequences))


class Random:
    """A control that has not read the text: a value decided by the text's SHA-256 alone."""

    def score(self, consequences: Sequence[str], objective: str) -> NDArray[np.float64]:
        digests = [hashlib.sha256(text.encode()).digest() for text in consequences]
        return np.array([int.from_bytes(digest[:8], "big") / 2**64 for digest in digests])


class Untried:
    """A control that looks for one of the agent's own notes: what is new is good, and nothing else is known."""

    def score(self, consequences: Sequence[str], objective: str) -> NDArray[np.float64]:
        return np.array([float(UNTRIED in text.lower()) for text in consequences])


class Distance:
    """A control that is told what no text tells: how many commands a win is away.

    It reads step records, which no agent is shown, so only the reward can be shaped by it: `shaping.Potential` hands
    the distances over where a scorer is of this kind.
    """

    def score(self, consequences: Sequence[str], objective: str) -> NDArray[np.float64]:
        raise TextmazeError("The scorer 'distance' reads no text; it works only as a potential over states.")

    def score_distances(self, distances: NDArray[np.integer]) -> NDArray[np.float64]:
        """The nearer, the better; -inf where the distance is -1, for no win is left or none is known."""
        return np.where(distances < 0, -np.inf, -distances.astype(np.float64))


class Own:
    """A scorer from a file of somebody's own: a module with a function `score`, as in `Scorer`."""

    def __init__(self, spec: str, module: ModuleType) -> None:
        if not callable(getattr(module, "score", None)):
            raise TextmazeError(f"{spec} is not a scorer: it lacks the function score(consequences, objective).")
        self._spec = spec
        self._module = module

    def score(self, consequences: Sequence[str], objective: str) -> NDArray[np.float64]:
        said = self._module.score(list(consequences), objective)
        try:
            scores = np.asarray(said, dtype=np.float64)
        except (TypeError, ValueError):
            scores = np.full(1, np.nan)
        if scores.shape != (len(consequences),) or not np.isfinite(scores).all():
            raise TextmazeError(f"{self._spec}: score must return one finite number for each text.")
        return scores


class Factory(Protocol):
    """Makes a scorer; each takes of this what it needs. Its docstring is what the docs say of the scorer."""

    def __call__(self, library: Library, model: str = "", anchors: Sequence[Anchors] = EXIT) -> Scorer: ...


def _silent(library: Library, model: str = "", anchors: Sequence[Anchors] = EXIT) -> Scorer:
    """All texts are worth the same, so nothing is shaped."""
    return Silent()


def _contrast(library: Library, model: str = "", anchors: Sequence[Anchors] = EXIT) -> Scorer:
    """Whether a text is nearer in meaning to a good sentence than to a bad one, by the agent's own encoder."""
    return Contrast(library, anchors)


def _untried(library: Library, model: str = "", anchors: Sequence[Anchors] = EXIT) -> Scorer:
    """A control for advice: whether the agent's own note says that a way was not tried yet; the rest is not read."""
    return Untried()


def _masked(library: Library, model: str = "", anchors: Sequence[Anchors] = EXIT) -> Scorer:
    """Whether a BERT with its masked-language head, having read a text, fills a gap with `good` or with `bad`."""
    from textmaze.learn.lm_scorers import Masked
    from textmaze.learn.score_cache import Cached

    return Cached(Masked(model))


def _likelihood(library: Library, model: str = "", anchors: Sequence[Anchors] = EXIT) -> Scorer:
    """Whether a causal language model, having read a text, goes on with a good word or with a bad one."""
    from textmaze.learn.language_model import LanguageModel
    from textmaze.learn.lm_scorers import Likelihood
    from textmaze.learn.score_cache import Cached

    return Cached(Likelihood(LanguageModel(model)))


def _server(library: Library, model: str = "", anchors: Sequence[Anchors] = EXIT) -> Scorer:
    """What a language model on an OpenAI-compatible server says of a text."""
    from textmaze.learn.lm_scorers import Judge
    from textmaze.learn.score_cache import Cached
    from textmaze.learn.server import Server, endpoint

    return Cached(Judge(Server(endpoint(model))))


def _random(library: Library, model: str = "", anchors: Sequence[Anchors] = EXIT) -> Scorer:
    """A control that has not read the text: a number decided by the text's hash alone."""
    return Random()


def _distance(library: Library, model: str = "", anchors: Sequence[Anchors] = EXIT) -> Scorer:
    """A control that is told what no text tells: how many commands a win is away."""
    return Distance()


SCORERS: dict[str, Factory] = {
    "none": _silent,
    "contrast": _contrast,
    "masked": _masked,
    "likelihood": _likelihood,
    "server": _server,
    "untried": _untried,
    "random": _random,
    "distance": _distance,
}
WITH_MODEL = ("masked", "likelihood", "server")  # those that `model` says something to


def make_scorer(name: str, library: Library, model: str = "", anchors: Sequence[Anchors] = EXIT) -> Scorer:
    """The scorer with this name, or of this .py file, which somebody must have named himself: nothing is run here.

    Args:
        library: whose vectors `contrast` reads.
        model: the language model of `masked` (a name or folder), of `likelihood` (the same, or a .gguf file; the
            packaged one where it is empty) or of `server` (the server's name for it).
        anchors: what `contrast` holds texts against: EXIT for descriptions of states, ADVICE for what is told of a way
            and noted beside it.
    """
    own = name.endswith(".py")
    if name not in SCORERS and not own:
        raise UnknownNameError("scorer", name, SCORERS)
    if model and name not in WITH_MODEL:
        raise SettingError(f"The scorer {name!r} takes no model; these do: {', '.join(WITH_MODEL)}.")
    if own:
        module = code_named(name)
        if module is None:
            raise RunError(f"The scorer {name} is code, which is not run unless you name it: --set scorer={name}.")
        return Own(name, module)
    return SCORERS[name](library, model, anchors)
