"""Reads every state with BERT, and learns by temporal differences which command to choose.

Each sentence is encoded once, by an encoder that stays as it is unless it is to be taught. On a map in its notes, in
words, stands what was tried in each place; a small Q-head values plans, which are a walk there and a command, from the
vectors of description, inventory, objective, command and note, and of what was told of the command. It learns from
replayed transitions against a slow copy of itself, with a bonus for places that are new in the episode, and with a
language model's score of each consequence as a potential. From games that were won it learns which sentences told of
ways that led nearer. It can also learn which text each command will bring, to be rewarded where it is surprised, and to
look ahead.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from textmaze.errors import RunError, SettingError
from textmaze.learn.actor import Actor
from textmaze.learn.bert import POOLINGS, PRECISIONS, TRAININGS, Bert
from textmaze.learn.encoder import DEFAULT_MODEL, MODELS, Library, TokenLibrary, load_model
from textmaze.learn.expectation import Expectation
from textmaze.learn.notes import MEMORIES
from textmaze.learn.qhead import QHead
from textmaze.learn.reading import Reader
from textmaze.learn.recollection import Recollection
from textmaze.learn.replay import SAMPLING
from textmaze.learn.scorers import ADVICE, EXIT, SCORERS, make_scorer
from textmaze.learn.scouting import ScoutingLearner
from textmaze.learn.shaping import SHAPINGS, Advice, Standard
from textmaze.learn.td import TDLearner
from textmaze.settings import setting

UNREAD = ("none", "distance")  # scorers that read no text


@dataclass(frozen=True)
class Settings:
    # What is read.
    encoder: str = setting(DEFAULT_MODEL, "a Hugging Face encoder by name or folder, or `hash`: random vectors, to see "
                                          "whether language matters")
    pooling: str = setting("mean_cls", "a text's vector: the mean of its token vectors, that of its first token, or "
                                       "the two side by side; or these, and what is told of commands by attention to "
                                       "its tokens", choices=(*POOLINGS, "tokens"))
    precision: str = setting("auto", "of the encoder's matrix products; `auto` is bfloat16 where the processor "
                                     "multiplies such numbers itself", choices=PRECISIONS)
    told_encoder: str = setting("", "the encoder of what is told of commands, where it is to be another one: fewer "
                                    "sentences are, so it may be larger")
    encoder_training: str = setting("frozen", "what of that encoder learns to read what is told of commands: nothing, "
                                              "its last two layers, an adapter of low rank (LoRA) or one in its upper "
                                              "half, or all of it", choices=TRAININGS)
    lessons: int = setting(2, "how often the encoder is taught what has turned out, the last time shortly before the "
                           "end", low=0, high=20)
    lesson: int = setting(6_000, "sentences that a lesson trains the encoder on", low=1, high=10_000_000)
    notes: str = setting("map", "what the agent notes beside the commands: nothing, what it tried in the place that is "
                                "described so, or what a map of the episode says", choices=tuple(MEMORIES))
    memory: int = setting(0, "width of a recurrent memory that is learned, beside the notes or in place of them; 0 for "
                             "none", low=0, high=1024)
    belief: bool = setting(False, "whether it reckons how likely each plan leads to the goal, from all that was told "
                                  "on the map")
    recollection: bool = setting(False, "whether that belief also asks what sentences have told of that are like this "
                                        "one, to the encoder of what is told as it came")
    dropout: float = setting(0.5, "share of what is known of a state that each update leaves out", low=0.0, high=0.99)
    blur: float = setting(1.0, "noise on the vectors of sentences in each update, in standard deviations: other words "
                               "for the same have other vectors", low=0.0, high=10.0)
    blur_told: bool = setting(True, "whether there is such noise on what is told of commands; without it, hints are "
                                    "read the better")
    hidden: int = setting(128, "width of the Q-head", low=1, high=4096)
    dueling: bool = setting(True, "whether the worth of a state and the advantage of a plan there are learned apart")

    # What is learned.
    target: str = setting("double_q", "the TD target", choices=("double_q", "q_learning", "sarsa", "expected_sarsa"))
    steps_ahead: int = setting(3, "decisions that a target waits for before it looks at values; the first of them "
                                  "lasts until its plan is carried out or given up", low=1, high=100)
    gamma: float = setting(0.95, "discount of the next step's value", low=0.0, high=1.0)
    learning_rate: float = setting(1e-3, "step size of AdamW at the start; it falls to a tenth", low=0.0, high=1.0)
    # With little of it, what happened to be said near the coin in training games stays worth more than all else.
    weight_decay: float = setting(3.0, "AdamW's weight decay", low=0.0, high=100.0)
    batch: int = setting(128, "transitions in an update", low=1, high=65_536)
    replay: int = setting(50_000, "transitions that are remembered", low=1, high=10_000_000)
    sampling: str = setting("uniform", "which of them are learned from: any, by the size of their TD error, or half of "
                                       "them from episodes that were won", choices=SAMPLING)
    warmup: int = setting(1_000, "transitions before the first update", low=1, high=10_000_000)
    updates: int = setting(2, "updates after each round of steps", low=0, high=1000)
    tau: float = setting(0.05, "share of the new weights that the target network takes on an update", low=0.0, high=1.0)
    averaging: float = setting(0.0, "share that the new weights take, on an update, of the mean of the last ones, by "
                                    "which the agent then plays; 0 for the weights as they are", low=0.0, high=1.0)

    # What is explored, and what is worth something beside the game's own reward.
    epsilon: float = setting(0.05, "share of random commands at the end of training", low=0.0, high=1.0)
    epsilon_share: float = setting(0.3, "share of the training over which epsilon falls from 1", low=0.0, high=1.0)
    scouting: float = setting(0.0, "share of the training, at its start, in which the nearest of what is untried is "
                                   "tried and no word is read, to see what turns out of each way; the rest begins "
                                   "with the first lesson", low=0.0, high=0.99)
    # A bonus b for every new place is worth up to b / (1 - gamma) in all. Where that is more than the win, the agent
    # learns to leave the coin lying and walk on; at 0.3 it forgot how to win within 20,000 steps.
    novelty: float = setting(0.05, "bonus for a place that is new in the episode; at most (1 - gamma) times the "
                                   "reward of a win, or walking on beats winning", low=0.0, high=100.0)
    # Standardised, a surprise is worth about 0 on the whole: what was expected costs something.
    surprise: float = setting(0.0, "bonus for a text that was not expected, per standard deviation of -log P(s'|s,a); "
                                   "it falls to nothing over the training", low=0.0, high=100.0)
    look_ahead: float = setting(0.0, "weight, in the value of a command, of the score to be expected of the text that "
                                     "it will bring, per standard deviation", low=0.0, high=100.0)
    hindsight: float = setting(0.1, "weight of foretelling, by what is told of a way, whether it leads nearer to the "
                                    "goal, as the map of a game that was won shows", low=0.0, high=100.0)
    scorer: str = setting("contrast", "what scores consequences for the shaped reward: a language model; `untried`, "
                                      "which asks only what was tried; `random`, which has not read them; `distance`, "
                                      "which no player knows; or a .py file of your own, which is run",
                          choices=tuple(SCORERS), code=True)
    scorer_model: str = setting("", "the language model of the scorers masked, likelihood and server")
    shaping: str = setting("potential", "what becomes of scores: a potential of states, which leaves the best commands "
                                        "as they are; advice which command to choose, by what is told of it and noted "
                                        "beside it, heeded as long as games go better with it; or a bonus for texts "
                                        "that read well, which falls to nothing by the end of the training",
                           choices=tuple(SHAPINGS))
    shaping_weight: float = setting(0.05, "weight of the scores, per standard deviation", low=0.0, high=100.0)

    seed: int = setting(0, "first weights, exploration and replay", low=0)


def make(settings: Settings, weights: Mapping[str, torch.Tensor] | None = None) -> Actor:
    """The agent ready to play, with trained `weights` or with those it is born with."""
    if settings.belief and (settings.notes != "map" or not settings.hindsight):
        raise SettingError("belief=true reckons with what is on the map, by what was learned in hindsight: set "
                           "notes=map and hindsight above 0.")
    if settings.recollection and not (settings.belief and settings.lessons):
        raise SettingError("recollection=true is a part of the belief and begins with a lesson: set belief=true and "
                           "lessons above 0.")
    reader = _reader(settings)
    library, told = reader.texts.library, reader.told.library
    tokens = told.model.hidden if isinstance(told, TokenLibrary) else 0
    with torch.random.fork_rng(devices=[]):  # leaves the global generator as it was
        torch.manual_seed(settings.seed)
        head = QHead(library.model.width, settings.hidden, settings.dropout, dueling=settings.dueling,
                     memory=settings.memory, blur=settings.blur, gamma=settings.gamma, tokens=tokens,
                     blur_told=settings.blur_told, told_width=told.model.width, belief=settings.belief).eval()
    shaper = _shaper(settings, reader) if settings.shaping == "advice" else None
    actor = Actor(reader, head, settings.notes, settings.seed, shaper if isinstance(shaper, Advice) else None,
                  _expectation(settings, reader))
    if weights is not None:
        try:
            actor.load(weights)
        except RuntimeError:
            raise RunError("The weights are not those of a bert_q with these settings.") from None
    return actor


def make_learner(settings: Settings) -> TDLearner:
    """The agent ready to learn."""
    if settings.scouting and (settings.notes != "map" or not (settings.hindsight or settings.lessons)):
        raise SettingError("scouting is to see on the map what turns out: set notes=map, and hindsight above 0 or a "
                           "lesson.")
    if settings.updates and settings.replay < settings.warmup:
        raise SettingError(f"replay={settings.replay} transitions are never the {settings.warmup} that learning begins "
                           f"with: set warmup to {settings.replay} or less, or a larger replay.")
    actor = make(settings)
    shaper = actor.advice or _shaper(settings, actor.reader)
    if settings.scouting:
        return ScoutingLearner(actor, settings, shaper, settings.seed, settings.scouting)
    return TDLearner(actor, settings, shaper, settings.seed)


def _shaper(settings: Settings, reader: Reader) -> Standard | None:
    """What turns scores into rewards, or into advice."""
    if settings.scorer == "none":
        return None
    # What is told of commands is scored by the encoder that reads it, unless that learns: scores must stay the same.
    told = settings.shaping == "advice" and settings.encoder_training == "frozen"
    library = (reader.told if told else reader.texts).library
    anchors = ADVICE if settings.shaping == "advice" else EXIT
    scorer = make_scorer(settings.scorer, library, settings.scorer_model, anchors)
    return SHAPINGS[settings.shaping](scorer, settings.shaping_weight)


def _reader(settings: Settings) -> Reader:
    """What reads for the agent. Where an encoder is trained, it is so only for what is told of commands."""
    by_token = settings.pooling == "tokens"
    pooling = "mean_cls" if by_token else settings.pooling
    told_encoder = settings.told_encoder or settings.encoder
    trained = settings.encoder_training != "frozen" and told_encoder not in MODELS
    library = Library(load_model(settings.encoder, pooling, settings.precision))
    if by_token and (trained or told_encoder in MODELS):
        raise SettingError("pooling=tokens reads with an encoder that stays as it is and has tokens: set "
                           "encoder_training=frozen and no encoder=hash, or another pooling.")
    if told_encoder == settings.encoder and not trained:
        told = library
    elif trained:
        told = Library(Bert(told_encoder, pooling=pooling, precision=settings.precision,
                            training=settings.encoder_training, seed=settings.seed))
    else:
        told = Library(load_model(told_encoder, pooling, settings.precision))
    recollection = None
    if settings.recollection:
        recollection = Recollection(load_model(told_encoder, "mean", settings.precision))
    return Reader(library, TokenLibrary(told.model) if by_token and isinstance(told.model, Bert) else told,
                  recollection)


def _expectation(settings: Settings, reader: Reader) -> Expectation | None:
    """What looks ahead, if anything does."""
    if not settings.look_ahead:
        return None
    if settings.scorer in UNREAD:
        raise SettingError(f"look_ahead needs a scorer that reads texts, and {settings.scorer!r} reads none.")
    scorer = make_scorer(settings.scorer, reader.texts.library, settings.scorer_model, EXIT)
    return Expectation(reader, Standard(scorer), settings.look_ahead, settings.seed)
