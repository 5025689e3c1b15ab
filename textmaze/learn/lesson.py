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

from textmaze.learn.bert import Bert
from textmaze.learn.hindsight import Hindsight
from textmaze.learn.qhead import TOLD, QHead
from textmaze.learn.reading import Texts

BATCH = 32
# Step sizes for encoders no wider than the default one; a wider one takes smaller steps, in proportion.
RATES = {"full": 1e-4, "top": 3e-4, "lora": 1e-3, "lora_top": 1e-3}
WIDTH = 384
HEAD_RATE = 1e-3
PLAIN = 0.1  # how often a sentence that makes no difference is drawn, against the mean one
RIDGE = 1e-3


def lesson(
    model: Bert, head: QHead, texts: Texts, hindsight: Hindsight, rng: np.random.Generator, *, sentences: int,
    show: Callable[[int, float], None] = lambda done, loss: None,
) -> float:
    """Train the encoder of what is told, and the head's layers that read it, on `sentences` draws of the sentences of
    which something turned out; encode all anew. A lesson that is broken off has changed nothing.

    Returns:
        The share of the differences between sentences that is still unexplained.
    """
    known, nearer = hindsight.by_sentence(texts)
    if not len(known) or not model.trainable_parameters():
        return 0.0
    texts.library.refresh()  # only after a lesson that was broken off are there others
    told: Sequence[str] = texts.library.texts
    with torch.no_grad():
        effects = {part: head.told_in[part](head.meaning(texts.library.vectors)) for part in TOLD}
    with _undone_if_broken_off(model, head, rng):
        telling = np.abs(nearer)
        chance = telling / max(telling.mean(), 1e-9) + PLAIN
        chance /= chance.sum()
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        head.forget_reading(generator)
        layers = [*head.reading_parameters(), *head.nearer.parameters()]
        rate = RATES[model.training] * min(1.0, WIDTH / model.hidden)
        groups = [{"params": model.trainable_parameters(), "lr": rate},
                  {"params": layers, "lr": HEAD_RATE}]
        optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
        steps = max(1, sentences // BATCH)
        schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.02, steps)
        error = 0.0
        with model.remembering_lower_layers():
            for step in range(steps):
                rows = rng.choice(len(known), BATCH, p=chance)
                wanted = torch.from_numpy(nearer[rows])
                vectors = model.forward([told[known[row]] for row in rows], dropout=generator)
                loss = (head.nearer(head.meaning(vectors)).squeeze(-1) - wanted).square().mean()
                optimiser.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.trainable_parameters() + layers, 1.0)
                optimiser.step()
                schedule.step()
                share = float(loss.detach() / wanted.square().mean().clamp(min=1e-9))
                error += (share - error) * max(0.05, 1 / (step + 1))
                show(step + 1, error)
        model.changed()
        texts.library.refresh()  # what is remembered of lower layers may be rounded, so it is not made use of
        weight = torch.full((len(told),), PLAIN)
        weight[torch.from_numpy(known)] += torch.from_numpy(chance).float() * len(known)
        _fit(head, texts.library.vectors, effects, weight / weight.sum())
    return error


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
        assert isinstance(layer, torch.nn.Linear)
        layer.weight.copy_(torch.linalg.solve(gram, weighted.T @ effect).T)
