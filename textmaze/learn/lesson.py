"""Teaches the encoder what has turned out: what each sentence says of the way that it tells of.

A small layer on frozen vectors learns by heart which sentences of the training games tell of ways that led nearer to
the goal: there are only so many. To read sentences that nobody has shown it, the encoder itself must learn, and a
lesson is the cheap way: on each distinct sentence instead of on every text of every transition. The layers that read a
sentence begin anew (they know the answers, so nothing would be left to learn), and are trained together with the
encoder to foretell what turned out. Then the layers behind them are fitted, so that plans are worth what they were.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.optim.swa_utils import AveragedModel

from textmaze.learn.bert import Bert
from textmaze.learn.hindsight import PLAIN, Hindsight
from textmaze.learn.qhead import TOLD, QHead
from textmaze.learn.reading import Texts

BATCH = 32
# Step sizes for encoders no wider than the default one; a wider one takes smaller steps, in proportion.
RATES = {"full": 1e-4, "top": 3e-4, "lora": 1e-3, "lora_top": 1e-3}
WIDTH = 384
HEAD_RATE = 1e-3
LAST_RATE = 0.5  # share of the step size at the end: for a mean of weights, they must still move
POOL = 16  # batches that are drawn together and told apart by length, as short sentences are padded to long ones
RIDGE = 1e-3


def lesson(
    model: Bert, head: QHead, texts: Texts, hindsight: Hindsight, rng: np.random.Generator, *, sentences: int,
    fit: bool = True, show: Callable[[int, float], None] = lambda done, loss: None,
) -> float:
    """Train the encoder of what is told, and the head's layers that read it, on `sentences` draws of the sentences of
    which something turned out. A lesson that is broken off has changed nothing.

    The mean of the weights of its second half is what is kept: it reads new sentences better than the last ones do
    (stochastic weight averaging, Izmailov et al. 2018).

    Args:
        fit: whether what was learned behind the layers that read is to be worth what it was.

    Returns:
        The share of the differences between sentences that is still unexplained.
    """
    known, nearer, weight = hindsight.by_sentence(texts)
    if not len(known) or not model.trainable_parameters():
        return 0.0
    told: Sequence[str] = texts.library.texts
    with torch.no_grad():
        effects = {part: head.told_in[part](head.meaning(texts.library.vectors)) for part in TOLD if fit}
    with _undone_if_broken_off(model, head, rng):
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        head.forget_reading(generator)
        encoder, layers = model.trainable_parameters(), [*head.reading_parameters(), *head.nearer.parameters()]
        trained = nn.ParameterList(encoder + layers)
        rate = RATES[model.training] * min(1.0, WIDTH / model.hidden)
        optimiser = torch.optim.AdamW([{"params": encoder, "lr": rate}, {"params": layers, "lr": HEAD_RATE}],
                                      weight_decay=0.01)
        steps = max(1, sentences // BATCH)
        schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, LAST_RATE, steps)
        mean = AveragedModel(trained)
        error = 0.0
        with model.remembering_lower_layers():
            for step, rows in enumerate(_batches([len(told[number]) for number in known], weight, steps, rng)):
                wanted = torch.from_numpy(nearer[rows])
                vectors = model.forward([told[known[row]] for row in rows], dropout=generator)
                loss = (head.nearer(head.meaning(vectors)).squeeze(-1) - wanted).square().mean()
                optimiser.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(trained, 1.0)
                optimiser.step()
                schedule.step()
                if 2 * step >= steps - 1:
                    mean.update_parameters(trained)
                share = float(loss.detach() / wanted.square().mean().clamp(min=1e-9))
                error += (share - error) * max(0.05, 1 / (step + 1))
                show(step + 1, error)
        with torch.no_grad():
            for parameter, average in zip(trained, mean.parameters(), strict=True):
                parameter.copy_(average)
        model.changed()
        if fit:
            weights = torch.full((len(told),), PLAIN)
            weights[torch.from_numpy(known)] += torch.from_numpy(weight)
            _fit(head, texts.library.vectors, effects, weights / weights.sum())
    return error


def _batches(
    lengths: Sequence[int], weight: NDArray[np.float32], steps: int, rng: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """The rows of so many batches, drawn by weight, those of a batch of like length."""
    chance = weight.astype(np.float64) / weight.sum(dtype=np.float64)
    length = np.array(lengths)
    for start in range(0, steps, POOL):
        count = min(POOL, steps - start)
        rows = rng.choice(len(chance), count * BATCH, p=chance)
        batches = rows[np.argsort(length[rows], kind="stable")].reshape(count, BATCH)
        yield from batches[rng.permutation(count)]


@contextlib.contextmanager
def _undone_if_broken_off(model: Bert, head: QHead, rng: np.random.Generator) -> Iterator[None]:
    """Put all back where an error or an interrupt ends the block: half a lesson is worse than none, as the layers that
    read have begun anew and those behind them still wait for the old ones."""
    weights = {name: tensor.clone() for name, tensor in head.state_dict().items()}
    adapter, state = model.adapter(), rng.bit_generator.state
    try:
        yield
    except BaseException:
        head.load_state_dict(weights)
        model.load_adapter(adapter)
        rng.bit_generator.state = state
        raise


@torch.no_grad()
def _fit(head: QHead, vectors: torch.Tensor, effects: dict[str, torch.Tensor], weight: torch.Tensor) -> None:
    """Give sentences the effects that they had, as nearly as what is read of them now allows (ridge regression)."""
    meaning = head.meaning(vectors)
    weighted = meaning * weight.unsqueeze(1)
    gram = weighted.T @ meaning
    gram += RIDGE * gram.diagonal().mean() * torch.eye(len(gram))
    for part, effect in effects.items():
        layer = head.told_in[part]
        assert isinstance(layer, nn.Linear)
        layer.weight.copy_(torch.linalg.solve(gram, weighted.T @ effect).T)
