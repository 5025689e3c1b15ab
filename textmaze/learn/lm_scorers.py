"""Scorers that ask a language model: one that fills gaps, one that goes on with a text, or one on a server."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from textmaze.errors import TextmazeError
from textmaze.learn.language_model import LanguageModel, identity_of
from textmaze.learn.server import Answer, MalformedError, Server, ServerError

LONGEST_CONSEQUENCE, LONGEST_OBJECTIVE = 2000, 1000  # characters that are read

_SCENE = "In a text adventure, the player's task is: {objective}\nThe player reads: {consequence}\n"
YES_NO = _SCENE + "Is the player close to success? Answer yes or no."
NUMBER = _SCENE + "How close is the player to success, from 0 (far) to 10 (there)? Answer with the number alone."


class Masked:
    """Whether a BERT with its masked-language head rather fills the gap with a good word than with a bad one.

    The log odds of `words` at the gap of a sentence that follows the consequence.

    Args:
        model: a Hugging Face name, or a folder.
        words: the good and the bad one, each a single token of the model's.
    """

    REQUEST = "All in all this is [MASK] news for somebody who was told: {objective}"
    BATCH, LONGEST = 32, 256  # texts, and tokens of each

    def __init__(self, model: str, words: tuple[str, str] = ("good", "bad")) -> None:
        if not model:
            raise TextmazeError("The scorer 'masked' needs a BERT with its masked-language head, by name or folder, "
                                "such as bert-base-uncased.")
        self._tokenizer, self._model = _load_masked(model)
        mask = self._tokenizer.mask_token
        ids = self._tokenizer(list(words), add_special_tokens=False)["input_ids"]
        if mask is None or any(len(tokens) != 1 or tokens[0] == self._tokenizer.unk_token_id for tokens in ids):
            raise TextmazeError(f"The model {model!r} cannot fill gaps with {words[0]!r} and {words[1]!r}: each must "
                                "be one of its tokens.")
        self._good, self._bad = ids[0][0], ids[1][0]
        self._longest = min(self.LONGEST, int(self._model.config.max_position_embeddings))
        self.identity = f"masked {identity_of(model)} {words} {self.REQUEST}"

    def score(self, consequences: Sequence[str], objective: str) -> NDArray[np.float64]:
        # The gap stands before the objective, so that it is never cut off, however long the texts are.
        request = self.REQUEST.format(objective=_cut(objective, LONGEST_OBJECTIVE))
        request = request.replace("[MASK]", self._tokenizer.mask_token, 1)
        scores = [
            self._odds([_cut(text, LONGEST_CONSEQUENCE) for text in consequences[first : first + self.BATCH]], request)
            for first in range(0, len(consequences), self.BATCH)
        ]
        return np.concatenate([np.zeros(0), *scores])

    @torch.inference_mode()
    def _odds(self, texts: list[str], request: str) -> NDArray[np.float64]:
        mask = self._tokenizer.mask_token
        texts = [text.replace(mask, "") for text in texts]  # the only gap is ours
        batch = self._tokenizer(texts, [request] * len(texts), truncation="longest_first", max_length=self._longest,
                                padding=True, return_tensors="pt")
        gap = (batch["input_ids"] == self._tokenizer.mask_token_id).int().argmax(1)
        logits = self._model(**batch).logits[torch.arange(len(texts)), gap]
        odds: NDArray[np.float64] = (logits[:, self._good] - logits[:, self._bad]).double().numpy()
        return odds


class Question(NamedTuple):
    """What a causal language model is asked."""

    request: str  # with {objective} and {consequence}
    words: tuple[str, str]  # the good and the bad continuation, with the space before them that the model expects
    chat: bool  # whether it is put to the model as a request, or as a text to go on with


# SmolLM2 tells good consequences from bad ones far better by the first: see tests/learn/test_language_model.py.
GOOD_OR_BAD = Question("Goal: {objective}\n{consequence}\nThis is", (" good", " bad"), chat=False)
YES_OR_NO = Question(YES_NO, ("Yes", "No"), chat=True)


class Likelihood:
    """Whether a causal language model, having read a consequence, rather goes on with a good word than with a bad one.

    log P(good | consequence) - log P(bad | consequence), less the same where nothing was read, which takes away what
    the model thinks of the words themselves (a form of the domain-conditional mutual information of Holtzman et al.
    2021).
    """

    def __init__(self, model: LanguageModel, question: Question = GOOD_OR_BAD) -> None:
        self._model = model
        self._question = question
        self.identity = f"likelihood {model.identity} {question}"

    def score(self, consequences: Sequence[str], objective: str) -> NDArray[np.float64]:
        prompts = [_request(self._question.request, text, objective) for text in ("", *consequences)]
        if self._question.chat:
            prompts = [self._model.chat(prompt) for prompt in prompts]
        found = np.array(self._model.log_probabilities(prompts, [self._question.words] * len(prompts)))
        odds = found[:, 0] - found[:, 1]
        scores: NDArray[np.float64] = odds[1:] - odds[0]
        return scores


class Judge:
    """What a language model on a server says of a consequence.

    Where the server tells how likely the first tokens of an answer were: log P(yes) - log P(no). Otherwise a number
    from 0 to 10 that the model is asked for. Which of the two is found out once, so that all scores are of one kind.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._tells_odds: bool | None = None

    @property
    def identity(self) -> str:
        end = self._server.endpoint
        return f"server {end.shown} {end.model} {YES_NO if self._odds_are_told() else NUMBER}"

    def score(self, consequences: Sequence[str], objective: str) -> NDArray[np.float64]:
        odds = self._odds_are_told()
        requests = [_request(YES_NO if odds else NUMBER, text, objective) for text in consequences]
        if odds:
            return np.array(self._server.ask(requests, yes_or_no, tokens=1, first=True), dtype=np.float64)
        return np.array(self._server.ask(requests, number, tokens=8), dtype=np.float64)

    def _odds_are_told(self) -> bool:
        if self._tells_odds is None:
            try:
                answers = self._server.ask(["Is snow white? Answer yes or no."], lambda a: a, tokens=1, first=True)
                self._tells_odds = not {"yes", "no"}.isdisjoint(_words(answers[0].first))
            except ServerError as error:
                if error.status not in (400, 404, 422):  # how servers refuse what they do not know
                    raise
                self._tells_odds = False
        return self._tells_odds


def yes_or_no(answer: Answer) -> float:
    """log P(yes) - log P(no) of a first token.

    A word that is not among the likeliest is taken for as likely as it can be: as the last of those, or as all that
    they leave over.
    """
    words = _words(answer.first)
    if "yes" not in words and "no" not in words:
        raise MalformedError("it neither says yes nor no")
    left = max(1.0 - float(np.exp(list(answer.first.values())).sum()), 1e-9)
    most = min(*answer.first.values(), float(np.log(left)))
    return words.get("yes", most) - words.get("no", most)


def number(answer: Answer) -> float:
    """The number from 0 to 10 that is all the answer."""
    if not re.fullmatch(r"\s*(?:10|[0-9])\.?\s*", answer.text, re.ASCII):
        raise MalformedError("it is no whole number from 0 to 10")
    return float(answer.text.strip().rstrip("."))


def _words(tokens: Mapping[str, float]) -> dict[str, float]:
    """The log probability of each word, however it is written: ` Yes`, `yes` and `YES` are one."""
    found: dict[str, list[float]] = {}
    for token, value in tokens.items():
        found.setdefault(token.strip().lower(), []).append(value)
    return {word: float(np.logaddexp.reduce(values)) for word, values in found.items()}


def _request(form: str, consequence: str, objective: str) -> str:
    return form.format(consequence=_cut(consequence, LONGEST_CONSEQUENCE), objective=_cut(objective, LONGEST_OBJECTIVE))


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]} ..."


def _load_masked(model: str) -> tuple[Any, Any]:
    from safetensors import SafetensorError
    from transformers import AutoModelForMaskedLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        tokenizer = AutoTokenizer.from_pretrained(model, trust_remote_code=False)
        found, info = AutoModelForMaskedLM.from_pretrained(
            model, use_safetensors=True, trust_remote_code=False, output_loading_info=True
        )
    except (OSError, ValueError, SafetensorError) as error:
        reason = str(error).partition("\n")[0]
        raise TextmazeError(f"The model {model!r} cannot be loaded: {reason}") from None
    if info["missing_keys"]:  # transformers would make do with random weights
        raise TextmazeError(f"The model {model!r} has no masked-language head.")
    return tokenizer, found.eval().requires_grad_(False)
