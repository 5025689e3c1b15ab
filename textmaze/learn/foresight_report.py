"""How well consequences are foreseen in mazes never seen, beside controls that cannot read or cannot remember."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from textmaze.game.table import Game
from textmaze.learn.answers import MEMORY
from textmaze.learn.encoder import Hash, TextModel
from textmaze.learn.foresight import LEAST, Choices, Floats, Settings, learn, probabilities
from textmaze.learn.foresight_lm import LanguageModel, Likelihood
from textmaze.learn.foresight_steps import KINDS, Ints, Numbering, Steps, collect

RESAMPLES = 2000


@dataclass(frozen=True)
class Interval:
    """A mean over steps, with its 95% interval when episodes are drawn anew (percentile bootstrap)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """How well one predictor does on one kind of step. Log losses are in nats.

    The lead is foresight's over this predictor on the same steps: how much more often its first choice is right, and
    how many nats it is surprised less. Where an interval holds 0, foresight is not shown to be better.
    """

    kind: str  # one of KINDS, or "all"
    predictor: str
    steps: int
    accuracy: Interval  # how often the likeliest candidate came; a tie of n counts as 1/n
    log_loss: Interval
    accuracy_lead: Interval
    log_loss_lead: Interval


@dataclass(frozen=True)
class Report:
    """Foresight and its controls on the steps of one game's unseen mazes."""

    game: str
    encoder: str
    seed: int
    train_episodes: int
    train_steps: int
    episodes: int
    rows: tuple[Row, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def report(
    game: Game, model: TextModel, *, encoder: str, train_episodes: int, episodes: int, seed: int,
    settings: Settings | None = None, language_model: LanguageModel | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Report:
    """Learn from games of the split train, and measure on games of the split test, whose wordings are others too.

    Args:
        model: encodes the texts; `encoder` is what the report calls it.
        train_episodes: games 0, 1, ... of the split train that are learned from.
        episodes: games 0, 1, ... of the split test that are measured on.
        seed: of the walks, the candidates, the learning and the bootstrap.
        language_model: another predictor, which learns nothing from the games; it takes seconds a step.
        say: is told what is done now, as that can take minutes.

    Raises:
        GameError: the game's states are not all known, so nobody knows what other commands would have brought.
    """
    settings = settings or Settings()
    numbering = Numbering()
    say("walking the mazes")
    train = collect(game, "train", range(train_episodes), numbering, seed)
    likelihood = Likelihood(language_model) if language_model else None
    test = collect(game, "test", range(episodes), numbering, seed + 1, likelihood.prompt if likelihood else None)
    texts = list(numbering.numbers)
    say(f"encoding {len(texts):,} texts")
    vectors = model.encode(texts)
    say(f"learning from {len(train.kind):,} steps, three times")
    found = predictions(train.choices, test.choices, vectors, Hash().encode(texts), settings, seed)
    if likelihood:
        found["language model"] = foretold(likelihood, test, texts, say)
    rows = measured(found, test, seed)
    return Report(game.name, encoder, seed, train_episodes, len(train.kind), episodes, tuple(rows))


def predictions(
    train: Choices, test: Choices, vectors: torch.Tensor, hashed: torch.Tensor, settings: Settings, seed: int
) -> dict[str, Floats]:
    """The probabilities (N, CANDIDATES) that foresight and each control give to the candidates of `test`."""
    def learned(these: torch.Tensor, change: Callable[[Choices], Choices] = lambda choices: choices) -> Floats:
        return probabilities(learn(change(train), these, settings, seed), change(test), these)

    def forgotten(choices: Choices) -> Choices:
        return replace(choices, remembered=np.zeros_like(choices.remembered))

    return {
        "foresight": learned(vectors),
        "without memory": learned(vectors, forgotten),
        "hash encoder": learned(hashed),
        "memory look-up": looked_up(train, test),
        "most similar text": most_similar(train, test, vectors),
        "uniform": uniform(test),
    }


def foretold(likelihood: Likelihood, test: Steps, texts: Sequence[str], say: Callable[[str], None]) -> Floats:
    """The probabilities (N, CANDIDATES) by a language model that has read the last steps."""
    chances = np.zeros(test.choices.present.shape)
    candidates = [[texts[number] for number in row[present]]
                  for row, present in zip(test.choices.candidates, test.choices.present, strict=True)]
    count = f"{len(candidates):,}"
    found = likelihood.likely(test.prompts, candidates,
                              lambda done: say(f"the language model reads: {done:,} of {count} steps"))
    chances[test.choices.present] = np.concatenate(found)
    return chances


def uniform(choices: Choices) -> Floats:
    """A control that knows nothing."""
    return np.asarray(choices.present / choices.present.sum(1, keepdims=True), dtype=np.float64)


def looked_up(train: Choices, test: Choices) -> Floats:
    """A control that remembers what the same command brought in the same place, and guesses where it was not given.

    How far the remembered answer is trusted is how often it came again in `train`.
    """
    def known(choices: Choices) -> NDArray[np.bool_]:
        return choices.remembered[:, :, MEMORY.index("done here before, and answered so")] > 0

    before = known(train)
    again, rows = before[:, 0].sum(), before.any(1).sum()
    trust = (again + 1) / (rows + 2)  # Laplace's rule: neither never nor always
    alike, guess = known(test), uniform(test)
    counts = test.present.sum(1, keepdims=True)
    rest = (1 - trust) / np.maximum(counts - 1, 1)
    return np.where(alike.any(1, keepdims=True) & (counts > 1), np.where(alike, trust, rest * test.present), guess)


def most_similar(train: Choices, test: Choices, vectors: torch.Tensor) -> Floats:
    """A control that takes like for likely: by cosine to the place and the command, as sharply as fits `train` best."""
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    unit = torch.nn.functional.normalize(vectors, dim=1).numpy()

    def cosines(choices: Choices) -> Floats:
        asked = unit[choices.state[:, 0]] + unit[choices.state[:, 2]]
        asked /= np.maximum(np.linalg.norm(asked, axis=1, keepdims=True), LEAST)
        alike = np.stack([(unit[column] * asked).sum(1) for column in choices.candidates.T], axis=1)
        return np.where(choices.present, alike.astype(np.float64), -np.inf)

    alike = cosines(train)

    def loss(sharpness: float) -> float:
        return float(-log_softmax(sharpness * alike, axis=1)[:, 0].mean())

    sharpness = minimize_scalar(loss, bounds=(LEAST, 100.0), method="bounded").x
    return np.asarray(np.exp(log_softmax(sharpness * cosines(test), axis=1)))


def measured(found: dict[str, Floats], test: Steps, seed: int) -> Iterator[Row]:
    """One row for each kind of step that occurs, all kinds first, and each predictor; "foresight" leads them."""
    scores = {name: (_right(chances), -np.log(np.maximum(chances[:, 0], LEAST))) for name, chances in found.items()}
    best = scores["foresight"]
    for kind in ("all", *KINDS):
        rows = np.full(len(test.kind), True) if kind == "all" else test.kind == KINDS.index(kind)
        if not rows.any():
            continue
        for name, (right, loss) in scores.items():
            means = (right, loss, best[0] - right, loss - best[1])
            yield Row(kind, name, int(rows.sum()), *(interval(mean[rows], test.episode[rows], seed) for mean in means))


def _right(chances: Floats) -> Floats:
    """How right the likeliest candidate is, (N,): 1 / n where it is one of n that are likeliest."""
    likeliest = chances == chances.max(1, keepdims=True)
    return np.asarray(likeliest[:, 0] / likeliest.sum(1))


def interval(values: Floats, episode: Ints, seed: int) -> Interval:
    """The mean of values (N,). Steps of one episode are alike, so episodes are drawn, not steps."""
    from scipy.stats import bootstrap

    numbers, inverse = np.unique(episode, return_inverse=True)
    sums, counts = np.bincount(inverse, weights=values), np.bincount(inverse).astype(np.float64)
    mean = float(values.mean())
    if len(numbers) < 2:
        return Interval(mean, mean, mean)

    def ratio(sums: Floats, counts: Floats, axis: int) -> Floats:
        return np.asarray(sums.sum(axis) / counts.sum(axis))

    drawn = bootstrap((sums, counts), ratio, paired=True, vectorized=True, method="percentile", n_resamples=RESAMPLES,
                      random_state=np.random.default_rng(seed)).confidence_interval
    return Interval(mean, float(drawn.low), float(drawn.high))
