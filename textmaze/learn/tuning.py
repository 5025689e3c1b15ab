"""Which weights of an encoder are trained."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from textmaze.errors import TextmazeError

TRAININGS = ("frozen", "top", "lora", "full")
TOP_LAYERS = 2
LORA_RANK = 16


def open_for_training(model: Any, training: str, seed: int, name: str) -> None:
    """Let the gradient reach the weights that are to be trained, and no others."""
    model.requires_grad_(training == "full")
    if training == "top":
        for layer in _layers(model, name)[-TOP_LAYERS:]:
            layer.requires_grad_(True)
    elif training == "lora":
        from peft import LoraConfig, inject_adapter_in_model

        with torch.random.fork_rng(devices=[]):  # leaves the global generator as it was
            torch.manual_seed(seed)
            inject_adapter_in_model(
                LoraConfig(r=LORA_RANK, lora_alpha=2 * LORA_RANK, target_modules="all-linear"), model
            )


def round_fixed_weights(model: Any) -> None:
    """Keep in bfloat16 what is multiplied in it and never trained, instead of rounding it for every batch."""
    for module in model.modules():
        if isinstance(module, nn.Linear) and not any(parameter.requires_grad for parameter in module.parameters()):
            module.to(torch.bfloat16)


def _layers(model: Any, name: str) -> Sequence[nn.Module]:
    """The encoder's layers, first to last."""
    count = model.config.num_hidden_layers
    for module in model.modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            return list(module)
    raise TextmazeError(f"The encoder {name!r} has no list of layers, so it cannot be trained with training=top.")


@contextlib.contextmanager
def dropout_on(model: Any, generator: torch.Generator | None) -> Iterator[None]:
    """Switch the model's dropout on, drawing from `generator`, and leave the global generators as they were."""
    if generator is None:
        yield
        return
    seed = int(torch.randint(2**62, (1,), generator=generator))
    with torch.random.fork_rng(devices=[torch.cuda.current_device()] if torch.cuda.is_available() else []):
        torch.manual_seed(seed)
        model.train()
        try:
            yield
        finally:
            model.eval()
