"""Asks a language model which command to give, with no training; it may be told what was tried before.

A model on this machine is asked how likely each admissible command is to follow what the player has read (if wanted,
less how likely it is to follow nothing), and the likeliest is given. A server is asked for a command in words.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from textmaze.env.rollout import Agent, Observation
from textmaze.errors import nearest
from textmaze.learn.language_model import LanguageModel
from textmaze.learn.server import Answer, Server, endpoint
from textmaze.settings import setting

LONGEST = {"objective": 600, "description": 1500, "inventory": 600, "answer": 400}  # characters that are shown
MOST_COMMANDS = 100  # that are shown, and chosen from
ANSWER_TOKENS = 16


@dataclass(frozen=True)
class Settings:
    model: str = setting("", "a Hugging Face causal language model by name or folder, a .gguf file, or `server`; the "
                             "packaged SmolLM2 if empty")
    notes: str = setting("visits", "whether the model is told what was tried before in the place that is described so",
                         choices=("none", "visits"))
    history: int = setting(0, "how many of the last steps are shown", low=0, high=50)
    # Meant for commands of many kinds, of which common words would win (Holtzman et al. 2021). In a corridor, where all
    # commands are ways, the packaged model wins less often with it.
    prior: bool = setting(False, "whether a command's log probability after no description is taken off (for a model "
                                 "on this machine)")
    threads: int = setting(1, "of torch's, for a model on this machine", low=1, high=256)


@dataclass
class Episode:
    """What is remembered of one episode."""

    last: deque[tuple[str, str]]  # (command, answer)
    tried: dict[str, set[str]] = field(default_factory=dict)  # description -> the commands given there
    command: str = ""  # the last one


class LLM:
    infos: Sequence[str] = ()

    def __init__(self, settings: Settings, chooser: "Likeliest | Asked") -> None:
        self._settings = settings
        self._chooser = chooser
        self._episodes: dict[int, Episode] = {}

    def begin(self, episodes: Sequence[int]) -> None:
        for slot in episodes:
            self._episodes[slot] = Episode(deque(maxlen=self._settings.history))

    def act(self, observations: Sequence[Observation]) -> list[str]:
        for seen in observations:
            self._read(seen)
        choices = [seen.choices[:MOST_COMMANDS] for seen in observations]
        prompts = [self._prompt(seen, these) for seen, these in zip(observations, choices, strict=True)]
        commands = self._chooser.choose(prompts, choices)
        for seen, command in zip(observations, commands, strict=True):
            self._give(seen, command)
        return commands

    def follow(self, seen: Observation, command: str) -> None:
        """Remember that this command was given, whatever the model would have chosen; it is not asked."""
        self._read(seen)
        self._give(seen, command)

    def _read(self, seen: Observation) -> None:
        episode = self._episodes[seen.slot]
        if episode.command:
            episode.last.append((episode.command, seen.text))

    def _give(self, seen: Observation, command: str) -> None:
        episode = self._episodes[seen.slot]
        episode.tried.setdefault(seen.description, set()).add(command)
        episode.command = command

    def _prompt(self, seen: Observation, commands: Sequence[str]) -> str:
        """What the model reads."""
        episode = self._episodes[seen.slot]
        lines = [_cut("objective", seen.objective)]
        for command, answer in episode.last:
            lines += [f"> {command}", _cut("answer", answer)]
        lines += [_cut("description", seen.description), _cut("inventory", seen.inventory)]
        tried = episode.tried.get(seen.description, set()) if self._settings.notes == "visits" else set()
        # What is named is likely to be said, so what was tried is told of by its absence.
        untried = [command for command in commands if command not in tried]
        lines.append(f"Not tried here yet: {', '.join(untried)}." if tried and untried else
                     f"You can: {', '.join(commands)}.")
        return "\n".join(lines)


class Likeliest:
    """Chooses the command that a model on this machine finds likeliest, or that becomes likeliest by what was read."""

    def __init__(self, model: LanguageModel, prior: bool = False) -> None:
        self._model = model
        self._prior = prior

    def choose(self, prompts: Sequence[str], choices: Sequence[Sequence[str]]) -> list[str]:
        values = self._values(prompts, choices)
        if self._prior:
            every = list(dict.fromkeys(command for these in choices for command in these))
            anywhere = dict(zip(every, self._values(["You play a text adventure."], [every])[0], strict=True))
            values = [here - np.array([anywhere[command] for command in these])
                      for here, these in zip(values, choices, strict=True)]
        return [these[int(value.argmax())] for value, these in zip(values, choices, strict=True)]

    def _values(self, prompts: Sequence[str], choices: Sequence[Sequence[str]]) -> list[np.ndarray]:
        return self._model.log_probabilities(
            [f"{prompt}\n>" for prompt in prompts], [[f" {command}" for command in these] for these in choices]
        )


class Asked:
    """Chooses what a server answers; where that is no admissible command, the nearest one, or else the first."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def choose(self, prompts: Sequence[str], choices: Sequence[Sequence[str]]) -> list[str]:
        requests = [
            f"You play a text adventure.\n{prompt}\nAnswer with one of these and nothing else: {', '.join(these)}."
            for prompt, these in zip(prompts, choices, strict=True)
        ]
        answers = self._server.ask(requests, _said, tokens=ANSWER_TOKENS)
        return [_closest(said, these) for said, these in zip(answers, choices, strict=True)]


def _said(answer: Answer) -> str:
    """The first line that is not blank, in small letters, without a prompt, quotes or a full stop."""
    line = next((line for line in answer.text.splitlines() if line.strip()), "")[:100]
    return " ".join(line.strip().strip(">*`\"'.").split()).lower()


def _closest(said: str, commands: Sequence[str]) -> str:
    return said if said in commands else nearest(said, commands) or commands[0]


def _cut(part: str, text: str) -> str:
    return text if len(text) <= LONGEST[part] else f"{text[:LONGEST[part]]} ..."


def make(settings: Settings) -> Agent:
    if settings.model == "server":
        return LLM(settings, Asked(Server(endpoint())))
    return LLM(settings, Likeliest(LanguageModel(settings.model, settings.threads), settings.prior))
