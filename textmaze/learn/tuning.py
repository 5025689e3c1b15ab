"""Which weights of an encoder are trained, and what stays the same below them."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from textmaze.errors import TextmazeError

TRAININGS = ("frozen", "top", "lora", "lora_top", "full")
TOP_LAYERS = 2
LORA_RANK = 16


def open_for_training(model: Any, training: str, seed: int, name: str) -> None:
    """Let the gradient reach the weights that are to be trained, and no others."""
    model.requires_grad_(training == "full")
    if training == "top":
        for layer in encoder_layers(model, name)[-TOP_LAYERS:]:
            layer.requires_grad_(True)
    elif training.startswith("lora"):
        from peft import LoraConfig, inject_adapter_in_model

        where = _linear_in_upper_half(model, name) if training == "lora_top" else "all-linear"
        with torch.random.fork_rng(devices=[]):  # leaves the global generator as it was
            torch.manual_seed(seed)
            inject_adapter_in_model(
                LoraConfig(r=LORA_RANK, lora_alpha=2 * LORA_RANK, target_modules=where), model
            )


def _linear_in_upper_half(model: Any, name: str) -> list[str]:
    """The names of the linear layers in the upper half of the encoder's layers."""
    layers = encoder_layers(model, name)
    upper = {id(module) for layer in layers[len(layers) // 2:] for module in layer.modules()}
    return [where for where, module in model.named_modules() if isinstance(module, nn.Linear) and id(module) in upper]


def round_fixed_weights(model: Any) -> None:
    """Keep in bfloat16 what is multiplied in it and never trained, instead of rounding it for every batch."""
    for module in model.modules():
        if isinstance(module, nn.Linear) and not any(parameter.requires_grad for parameter in module.parameters()):
            module.to(torch.bfloat16)


def encoder_layers(model: Any, name: str) -> nn.ModuleList:
    """The encoder's layers, first to last."""
    count = model.config.num_hidden_layers
    for module in model.modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            return module
    raise TextmazeError(f"The encoder {name!r} has no list of layers, so its upper ones cannot be trained alone.")


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
