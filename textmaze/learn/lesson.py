"""Teaches the encoder what the Q-head has found out: what each sentence says of a command.

Temporal differences tell what the sentences of the training games are worth, and a small layer on frozen vectors learns
that by heart: there are only so many sentences. To read sentences that nobody has shown it, the encoder itself must
learn, and a lesson is the cheap way. The layers that read a sentence begin anew, and are trained together with the
encoder to tell what a sentence is worth, on each distinct sentence instead of on every text of every transition. Then
the layers behind them are fitted, so that plans are worth what they were before. (A model that teaches another one by
its outputs is distillation, Hinton et al. 2015.)
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from textmaze.learn.bert import Bert
from textmaze.learn.qhead import TOLD, QHead
from textmaze.learn.reading import Texts

BATCH = 32
RATES = {"full": 1e-4, "top": 3e-4, "lora": 1e-3}
HEAD_RATE = 1e-3
PLAIN = 0.1  # how often a sentence that makes no difference is drawn, against the mean one
CLIP = 2.5  # standard deviations of worth that are told apart
RIDGE = 1e-3


def lesson(
    model: Bert, head: QHead, texts: Texts, contexts: torch.Tensor, rng: np.random.Generator, *, sentences: int,
    show: Callable[[int, float], None] = lambda done, loss: None,
) -> float:
    """Train the encoder of what is told, and the head's layers that read it, on `sentences` draws of the sentences that
    were read so far; encode them anew.

    Args:
        contexts: (C, hidden) plans as the head sees them, but for what is told: a sentence is worth what it adds there.

    Returns:
        The share of the differences in worth between sentences that is still unexplained.
    """
    told: Sequence[str] = texts.library.texts
    if len(told) < 2 or not model.trainable_parameters():  # there are no differences to be learned
        return 0.0
    with torch.no_grad():
        worth = head.worth_of_told(texts.library.vectors, contexts)
        worth = ((worth - worth.median(0).values) / worth.std(0).clamp(min=1e-6)).clamp(-CLIP, CLIP)
        effects = {part: head.told_in[part](head.meaning(texts.library.vectors)) for part in TOLD}
    spread = worth.square().mean(1).double().numpy() ** 2
    chance = spread / max(spread.mean(), 1e-9) + PLAIN
    chance /= chance.sum()
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    head.forget_reading(generator)
    answer = torch.nn.Parameter(torch.randn(head.told_width, worth.shape[1], generator=generator) / head.told_width)
    layers = [*head.reading_parameters(), answer]
    groups = [{"params": model.trainable_parameters(), "lr": RATES[model.training]},
              {"params": layers, "lr": HEAD_RATE}]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
    steps = max(1, sentences // BATCH)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.02, steps)
    error = 0.0
    for step in range(steps):
        rows = rng.choice(len(told), BATCH, p=chance)
        wanted = worth[torch.from_numpy(rows)]
        vectors = model.forward([told[row] for row in rows], dropout=generator)
        loss = (head.meaning(vectors) @ answer - wanted).square().mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.trainable_parameters() + layers, 1.0)
        optimiser.step()
        schedule.step()
        share = float(loss.detach() / wanted.square().mean().clamp(min=1e-9))
        error += (share - error) * max(0.05, 1 / (step + 1))
        show(step + 1, error)
    model.changed()
    texts.library.refresh()
    _fit(head, texts.library.vectors, effects, torch.from_numpy(chance).float())
    return error


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
