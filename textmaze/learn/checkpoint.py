"""Weights and settings on disk: a folder that a person can read and a stranger can send.

`config.json` and `model.safetensors` are what it takes to play; `README.md` says what it is; `state.safetensors` is
what it takes to go on training. Nothing is pickled, and reading a folder runs no code of it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from textmaze import __version__
from textmaze.errors import RunError
from textmaze.files import write_file

FORMAT = "textmaze-checkpoint-1"
CONFIG, MODEL, CARD = "config.json", "model.safetensors", "README.md"
STATE = "state.safetensors"
STATE_JSON = "json"  # the tensor that holds what is no tensor
MAX_JSON_BYTES = 200_000_000
MAX_TENSOR_BYTES = 4_000_000_000

Tensors = Mapping[str, torch.Tensor]


def save_model(folder: Path, config: Mapping[str, Any], weights: Tensors) -> None:
    """What it takes to play. `config` needs `agent`, `settings` and `game`."""
    write_file(folder / MODEL, save_tensors(_plain(weights)))
    write_file(folder / CONFIG, json.dumps({"format": FORMAT, "textmaze": __version__, **config}, indent=1) + "\n")
    write_file(folder / CARD, _card(config))


def load_model(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """The config and the weights that `save_model` wrote."""
    config = _read_json(folder / CONFIG)
    if config.get("format") != FORMAT:
        raise RunError(f"{folder / CONFIG} is not a checkpoint of this version: its format must be {FORMAT!r}.")
    for key, kind in (("agent", str), ("settings", dict), ("game", dict)):
        if not isinstance(config.get(key), kind):
            raise RunError(f"{folder / CONFIG} lacks {key!r}, or holds it in another form.")
    return config, _read_tensors(folder / MODEL)


def save_state(folder: Path, state: Mapping[str, Any], tensors: Tensors) -> None:
    """What it takes to go on training: one file, so that no crash leaves parts of different times."""
    text = torch.frombuffer(bytearray(json.dumps(state), "utf-8"), dtype=torch.uint8)
    write_file(folder / STATE, save_tensors(_plain({**tensors, STATE_JSON: text})))


def load_state(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """The state and tensors that `save_state` wrote."""
    path = folder / STATE
    tensors = _read_tensors(path)
    text = tensors.pop(STATE_JSON, None)
    if text is None or text.dtype != torch.uint8 or text.numel() > MAX_JSON_BYTES:
        raise RunError(f"{path} is not a state of this version: the run cannot go on.")
    return _object(text.numpy().tobytes(), path), tensors


def _plain(tensors: Tensors) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _read_json(path: Path) -> dict[str, Any]:
    return _object(_read(path, MAX_JSON_BYTES), path)


def _object(text: bytes, path: Path) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} is damaged: {error}.") from None
    if not isinstance(value, dict):
        raise RunError(f"{path} is damaged: it holds no object.")
    return value


def _read_tensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        return dict(load_tensors(_read(path, MAX_TENSOR_BYTES)))
    except (SafetensorError, KeyError) as error:  # KeyError: a type of number that torch has not
        raise RunError(f"{path} is damaged: {error}.") from None


def part(tensors: Tensors, prefix: str) -> dict[str, torch.Tensor]:
    """Those whose names begin so, by the rest of their names."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def moments_of(optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """What an optimiser remembers of each parameter, by the parameter's number and the name of what it is."""
    return {f"{number}.{name}": moment for number, moments in optimiser.state_dict()["state"].items()
            for name, moment in moments.items()}


def take_moments(optimiser: torch.optim.Optimizer, tensors: Tensors) -> None:
    """Give an optimiser back what `moments_of` returned."""
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        number, _, moment = name.partition(".")
        moments.setdefault(int(number), {})[moment] = tensor
    optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})


def _read(path: Path, limit: int) -> bytes:
    try:
        if path.stat().st_size > limit:
            raise RunError(f"{path} is larger than {limit:,} bytes, too large for what it should be.")
        return path.read_bytes()
    except FileNotFoundError:
        raise RunError(f"{path.parent} is not a run folder of textmaze: it has no {path.name}.") from None
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}.") from None


def _card(config: Mapping[str, Any]) -> str:
    """The model card."""
    game, best = config["game"], config.get("validation") or {}
    overrides = "".join(f" --with {key}={value}" for key, value in game.get("with", {}).items())
    settings = "\n".join(f"| {key} | {value} |" for key, value in config["settings"].items())
    success = f"{best['success']:.2f}" if best else "not measured"
    if best and best["spl"] >= 0:
        success += f", SPL {best['spl']:.2f}"
    return f"""# {config["agent"]}, trained on {game["spec"]}

A textmaze agent (version {__version__}). Success on {best.get("episodes", 0)} validation games: {success}.

    textmaze evaluate PATH/TO/THIS/FOLDER {game["spec"]}{overrides}

| setting | value |
| --- | --- |
{settings}
"""
