"""An encoder from Hugging Face: texts to vectors or to the vectors of their tokens, frozen or trained."""

import contextlib
import copy
import functools
import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import torch
from torch import nn

from textmaze.errors import RunError, TextmazeError, UnknownNameError
from textmaze.learn.fingerprint import fingerprint
from textmaze.learn.lower_layers import LowerLayers
from textmaze.learn.packaged import DEFAULT_MODEL, INSTALL, LARGE_MODEL, place_of
from textmaze.learn.tuning import TRAININGS, dropout_on, encoder_layers, open_for_training, round_fixed_weights
from textmaze.learn.vector_cache import open_cache

LONGEST = 256  # tokens of a text that are read
# Rows of a batch fit the processor's cache; larger ones were slower, on one thread 15% at 8,192.
TOKENS_PER_BATCH = 1024
# Texts are padded to a multiple of this. As a text's length does not depend on its neighbours then, neither does its
# vector, to the last bit, on the processors that were tried; of 1, 4, 8 and 16 this one was the fastest.
LENGTH_STEP = 4

# How the vectors of a text's tokens become one. `Contrast` relies on the mean standing first.
POOLINGS = ("mean_cls", "mean", "cls")
# There is no int8. As torch has it, the vectors were off by a cosine of .87, and a text's vector depended on the other
# texts of its batch; it was a fifth faster than bfloat16, and torch is about to drop it.
PRECISIONS = ("float32", "bfloat16", "auto")


class Inputs(NamedTuple):
    """The tokens of n texts as the encoder is fed with them; positions and the like are added by itself."""

    words: torch.Tensor  # (n, length, hidden)
    blank: torch.Tensor  # the same, with padding for every token but those that enclose a text
    mask: torch.Tensor  # (n, length) which of them are not padding
    places: list[list[list[int]]]  # where each token begins and ends in its text


class Bert:
    """Any encoder from Hugging Face. Its weights change only by whoever trains it, and never by encoding.

    Args:
        model: a Hugging Face name, a folder, or the packaged default.
        pooling: a text's vector is the mean of its token vectors, the vector of its first token (CLS), or the two side
            by side in this order.
        precision: of the matrix products, which is where the time goes; everything else, and what is summed up over
            the layers, is float32. `auto` is bfloat16 where the processor multiplies such numbers itself.
        training: what can be trained: nothing, the last two layers, an adapter of low rank beside every linear layer
            (LoRA, Hu et al. 2021) or beside those of the upper half alone, or everything.
        seed: of the adapter's first weights.
    """

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        *,
        pooling: str = "mean_cls",
        precision: str = "float32",
        training: str = "frozen",
        seed: int = 0,
    ) -> None:
        for kind, name, known in (("pooling", pooling, POOLINGS), ("precision", precision, PRECISIONS),
                                  ("training", training, TRAININGS)):
            if name not in known:
                raise UnknownNameError(kind, name, known)
        self.name = model
        self.pooling = pooling
        self.training = training
        self._tokenizer, self._model = _loaded(model)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.precision = _best_precision(self.device) if precision == "auto" else precision
        self._longest = min(
            LONGEST, self._tokenizer.model_max_length, getattr(self._model.config, "max_position_embeddings", LONGEST)
        )
        self.hidden = int(self._model.config.hidden_size)  # width of one token's vector
        self.width = self.hidden * (2 if pooling == "mean_cls" else 1)
        self.version = 0  # goes up when the weights have changed, so vectors of another version are stale
        open_for_training(self._model, training, seed, model)
        if self.precision == "bfloat16":
            round_fixed_weights(self._model)
        self._model.to(self.device).eval()
        self._lower: LowerLayers | None = None

    def encode(self, texts: Sequence[str]) -> torch.Tensor:
        """(len(texts), width) float32, without a gradient. Each distinct text is encoded once; while the encoder is
        frozen, or its adapter untaught, once for all processes that share the cache folder."""
        distinct = list(dict.fromkeys(texts))
        cache = open_cache(self._fingerprint, self.width) if self._as_it_came and distinct else None
        known = cache.read(distinct) if cache else {}
        new = [text for text in distinct if text not in known]
        fresh = torch.empty(len(new), self.width)

        def keep(rows: list[int], hidden: torch.Tensor, mask: torch.Tensor) -> None:
            fresh[rows] = self._pool(hidden, mask).cpu()

        self._run(new, keep)
        if cache and new:
            cache.write(dict(zip(new, fresh.numpy(), strict=True)))
        rows = {text: index for index, text in enumerate([*new, *known])}
        table = torch.cat([fresh, *(torch.from_numpy(vector).unsqueeze(0) for vector in known.values())])
        return table[torch.tensor([rows[text] for text in texts], dtype=torch.long)]

    def tokens(self, texts: Sequence[str]) -> list[torch.Tensor]:
        """The vectors of each text's tokens, (length, hidden) float16, CLS first and SEP last.

        They take 2 x hidden bytes a token and are kept nowhere: whoever keeps them must bound them.
        """
        distinct = list(dict.fromkeys(texts))
        found: dict[str, torch.Tensor] = {}

        def keep(rows: list[int], hidden: torch.Tensor, mask: torch.Tensor) -> None:
            lengths = mask.sum(1).tolist()
            for row, length, vectors in zip(rows, lengths, hidden.half().cpu(), strict=True):
                # Cloned here, as tensors made in inference mode would refuse to take part in a gradient.
                with torch.inference_mode(False):
                    found[distinct[row]] = vectors[:length].clone()

        self._run(distinct, keep)
        return [found[text] for text in texts]

    def forward(self, texts: Sequence[str], *, dropout: torch.Generator | None = None) -> torch.Tensor:
        """(len(texts), width) float32 with a gradient to the weights that are trained.

        Args:
            texts: each distinct one is encoded once.
            dropout: where it is given, the encoder's own dropout is on and draws from it.
        """
        distinct = list(dict.fromkeys(texts))
        vectors, order = [torch.empty(0, self.width)], []
        with dropout_on(self._model, dropout):
            for rows, batch in self._batches(distinct):
                order += rows
                hidden = functools.partial(self._hidden, batch)
                length = batch["attention_mask"].shape[1]
                found = self._lower.run([distinct[row] for row in rows], length, hidden) if self._lower else hidden()
                vectors.append(self._pool(*found).cpu())
        rows_of = {distinct[row]: index for index, row in enumerate(order)}
        return torch.cat(vectors)[torch.tensor([rows_of[text] for text in texts], dtype=torch.long)]

    @contextlib.contextmanager
    def remembering_lower_layers(self) -> Iterator[None]:
        """Meanwhile `forward` has each text go but once through the layers below the first one that is trained, without
        dropout, and remembers what came of it."""
        if self.training in ("top", "lora_top"):
            dtype = torch.bfloat16 if self.precision == "bfloat16" else torch.float32
            self._lower = LowerLayers(self._model, encoder_layers(self._model, self.name), dtype)
        try:
            yield
        finally:
            self._lower = None

    def inputs(self, texts: Sequence[str]) -> Inputs:
        """What the encoder is fed for these texts, to see what comes of other embeddings."""
        batch = self._tokenizer(list(texts), truncation=True, max_length=self._longest, padding=True,
                                return_tensors="pt", return_offsets_mapping=True, return_special_tokens_mask=True)
        numbers, special = batch["input_ids"], batch["special_tokens_mask"].bool()
        look_up = self._model.get_input_embeddings()
        with torch.no_grad():
            words = look_up(numbers.to(self.device))
            blank = look_up(numbers.masked_fill(~special, self._tokenizer.pad_token_id).to(self.device))
        mask, places = batch["attention_mask"].to(self.device), batch["offset_mapping"].tolist()
        return Inputs(words.float(), blank.float(), mask, places)

    def of_embeddings(self, embeddings: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The vectors of texts, (n, width), and of their tokens, (n, length, hidden), from such embeddings, with a
        gradient to them. All is float32: rounded gradients would not add up."""
        hidden: torch.Tensor = self._exact(inputs_embeds=embeddings, attention_mask=mask).last_hidden_state
        return self._pool(hidden, mask), hidden

    @functools.cached_property
    def _exact(self) -> Any:
        """The encoder with the same weights, none of which is kept or multiplied as bfloat16."""
        return copy.deepcopy(self._model).float().requires_grad_(False)

    def trainable_parameters(self) -> list[nn.Parameter]:
        """What an optimiser should change; nothing where the encoder is frozen. After its step, call `changed`."""
        return [parameter for _, parameter in self._trained()]

    def changed(self) -> None:
        """Say that the weights have changed: vectors made before are stale."""
        self.version += 1

    def adapter(self) -> dict[str, torch.Tensor]:
        """A copy of the weights that are trained, and of no others. LoRA's of the default model are 2.7 MB; half as
        much, and nearly as good, in float16, which `load_adapter` takes too."""
        return {name: parameter.detach().cpu().clone() for name, parameter in self._trained()}

    def load_adapter(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Take over what `adapter` of the same encoder and training returned. RunError, and nothing changed, where it
        is not that."""
        trained = dict(self._trained())
        if {name: tensor.shape for name, tensor in weights.items()} != {n: p.shape for n, p in trained.items()}:
            raise RunError(f"The weights are not those of the encoder {self.name!r} with training={self.training}.")
        if not all(tensor.is_floating_point() and tensor.isfinite().all() for tensor in weights.values()):
            raise RunError(f"The weights of the encoder {self.name!r} are damaged: some are no finite numbers.")
        with torch.no_grad():
            for name, parameter in trained.items():
                parameter.copy_(weights[name])
        self.changed()

    def _trained(self) -> Iterator[tuple[str, nn.Parameter]]:
        return ((name, parameter) for name, parameter in self._model.named_parameters() if parameter.requires_grad)

    def _run(self, texts: Sequence[str], keep: Callable[[list[int], torch.Tensor, torch.Tensor], None]) -> None:
        """Call `keep(rows, hidden, mask)` for each batch of these texts, from several threads, without a gradient."""

        def run(rows_and_batch: tuple[list[int], dict[str, torch.Tensor]]) -> None:
            rows, batch = rows_and_batch
            with torch.inference_mode():
                keep(rows, *self._hidden(batch))

        # One batch a thread of Python's, where torch has been told to use one of its own: where another process shares
        # the processors, torch's wait for each other at every layer, which can be ten times slower than one alone.
        workers = os.cpu_count() or 1 if self.device == "cpu" and torch.get_num_threads() == 1 else 1
        batches = list(self._batches(texts))
        if workers == 1 or len(batches) == 1:
            for batch in batches:
                run(batch)
            return
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(run, batches))

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], dict[str, torch.Tensor]]]:
        """The row numbers of some texts of the same padded length, and the encoder's input for them; longest first."""
        if not texts:
            return
        found = self._tokenizer(list(texts), truncation=True, max_length=self._longest)["input_ids"]
        lengths = [min(self._longest, -(-len(tokens) // LENGTH_STEP) * LENGTH_STEP) for tokens in found]
        order = sorted(range(len(texts)), key=lambda row: -lengths[row])
        for length, group in itertools.groupby(order, key=lambda row: lengths[row]):
            rows = list(group)
            count = max(1, TOKENS_PER_BATCH // length)
            for start in range(0, len(rows), count):
                some = rows[start : start + count]
                padded = self._tokenizer.pad(
                    {"input_ids": [found[row] for row in some]}, padding="max_length", max_length=length,
                    return_tensors="pt",
                )
                yield some, {name: tensor.to(self.device) for name, tensor in padded.items()}

    def _hidden(self, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """The tokens' vectors, (n, length, hidden) float32, and which of them are not padding, (n, length)."""
        # Without autocast's cache of weights: it is shared by all threads, whether they want a gradient or not.
        with torch.autocast(self.device, torch.bfloat16, self.precision == "bfloat16", cache_enabled=False):
            hidden: torch.Tensor = self._model(**batch).last_hidden_state
        return hidden.float(), batch["attention_mask"]

    def _pool(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(n, width) float32."""
        cls = hidden[:, 0]
        if self.pooling == "cls":
            return cls
        weight = mask.unsqueeze(-1)
        mean = (hidden * weight).sum(1) / weight.sum(1)
        return mean if self.pooling == "mean" else torch.cat([mean, cls], dim=1)

    @property
    def _as_it_came(self) -> bool:
        """Whether its vectors are those of the encoder as it came; an adapter adds nothing until it has learned."""
        return self.training == "frozen" or (self.training.startswith("lora") and not self.version)

    @functools.cached_property
    def _fingerprint(self) -> bytes:
        return fingerprint(self._model, self._tokenizer, self.device, self.pooling, self.precision, self._longest,
                           LENGTH_STEP)


def _loaded(model: str) -> tuple[Any, Any]:
    """The tokenizer and the weights."""
    from safetensors import SafetensorError
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    where = place_of(model)
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(where)
        weights: Any = AutoModel.from_pretrained(where, use_safetensors=True, dtype=torch.float32)
    except (OSError, ValueError, SafetensorError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        instead = INSTALL if model == LARGE_MODEL else f"Name a folder that holds one, or leave it at {DEFAULT_MODEL}."
        raise TextmazeError(f"The encoder {model!r} cannot be loaded: {reason}. {instead}") from None
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        # Transformers makes do with an empty vocabulary, in which all texts are the same.
        raise TextmazeError(f"The encoder {model!r} cannot be loaded: it has no tokenizer.")
    if getattr(weights, "pooler", None) is not None:
        weights.pooler = None  # a layer above the vectors that are used here
    return tokenizer, weights


def _best_precision(device: str) -> str:
    """bfloat16 where the hardware multiplies it. Decided by what it can do and not by a stopwatch, so that the same
    machine always decides the same; where it can, it was 1.8 times as fast (AVX512-BF16)."""
    if device == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    # Older versions of torch cannot tell.
    can = getattr(torch.cpu, "get_capabilities", dict[str, Any])()
    return "bfloat16" if can.get("avx512_bf16") or can.get("amx_bf16") else "float32"
