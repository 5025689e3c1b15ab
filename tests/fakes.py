"""Stand-ins for what is slow to load: a text model that knows words but no language, a scorer told what to say, and a
language model that likes to repeat."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch


class WordBag:
    """Texts that share words get vectors that are alike: the sum of a random vector for each word, at length 1."""

    def __init__(self, width: int = 32) -> None:
        self.width = width
        self.asked: list[list[str]] = []  # the texts of each call
        self._words: dict[str, np.ndarray] = {}

    def encode(self, texts: Sequence[str]) -> torch.Tensor:
        self.asked.append(list(texts))
        rows = np.zeros((len(texts), self.width))
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().split():
                row += self._word(word)
        lengths = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        return torch.tensor(rows / lengths, dtype=torch.float32)

    def _word(self, word: str) -> np.ndarray:
        if word not in self._words:
            seed = list(hashlib.sha256(word.encode()).digest())
            self._words[word] = np.random.default_rng(seed).standard_normal(self.width)
        return self._words[word]


class Scripted:
    """A scorer that says what it was told to, and 0 of any other text."""

    def __init__(self, scores: Mapping[str, float]) -> None:
        self.scores = scores
        self.asked: list[list[str]] = []  # the texts of each call

    def score(self, consequences: Sequence[str], objective: str) -> np.ndarray:
        self.asked.append(list(consequences))
        return np.array([self.scores.get(text, 0.0) for text in consequences])


class Echo:
    """A language model by whom a text is the likelier the more of its words stood in the prompt; long ones are less."""

    def log_probabilities(self, prompts: Sequence[str], continuations: Sequence[Sequence[str]]) -> list[np.ndarray]:
        return [
            np.array([sum(word in prompt for word in text.split()) - len(text) for text in texts], dtype=float)
            for prompt, texts in zip(prompts, continuations, strict=True)
        ]


def tiny_bert(folder: Path, width: int = 32, layers: int = 2, kind: str = "Bert") -> str:
    """A BERT with random weights and the words of the real one, as a folder: it can be trained within seconds. Or
    another `kind` of encoder."""
    import transformers
    from transformers import AutoTokenizer

    from textmaze.learn.encoder import packaged_model

    tokenizer = AutoTokenizer.from_pretrained(packaged_model())
    tokenizer.save_pretrained(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = getattr(transformers, f"{kind}Config")(
            vocab_size=len(tokenizer), hidden_size=width, num_hidden_layers=layers, num_attention_heads=2,
            intermediate_size=width,
        )
        getattr(transformers, f"{kind}Model")(config).save_pretrained(folder)
    return str(folder)
