"""What tells the vectors of one encoder from those of all others."""

import hashlib
from collections.abc import Iterable
from typing import Any

import torch


def fingerprint(model: Any, tokenizer: Any, device: str, *settings: object) -> bytes:
    """Whatever a vector depends on beside its text, in 64 bytes. An adapter (LoRA) is left out: it is for those that
    have learned nothing.

    Weights are read from memory, where they lie already (0.1 s for the default model): there is nothing to remember
    that could be out of date, and it is the same for a name and for a folder.
    """
    import transformers

    digest = hashlib.sha512()
    for part in (
        torch.__version__, transformers.__version__, device, torch.backends.cpu.get_cpu_capability(),
        *map(str, settings), model.config.to_json_string(), *_vocabulary(tokenizer),
    ):
        digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    for name, tensor in model.state_dict().items():
        if ".lora_" in name:
            continue
        digest.update(f"{name.replace('.base_layer.', '.')} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return digest.digest()


def _vocabulary(tokenizer: Any) -> Iterable[str]:
    """What the tokens of a text depend on."""
    yield tokenizer.__class__.__name__
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        yield backend.to_str()
    else:  # written in Python
        yield from (f"{word} {number}" for word, number in sorted(tokenizer.get_vocab().items()))
        yield repr(sorted((key, repr(value)) for key, value in tokenizer.init_kwargs.items()))
