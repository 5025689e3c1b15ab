"""The Q-head: from the vectors of what is read to one value for each plan."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from textmaze.learn.belief import WIDTH, Clues, believed
from textmaze.learn.encoder import TokenLibrary
from textmaze.learn.reading import Reader, Texts
from textmaze.learn.recurrence import Past, Recurrence

STATE_PARTS = ("description", "inventory", "objective")
PLAN_PARTS = ("told", "rivals", "place", "command", "note", "first")
PLAN_COLUMNS = (*PLAN_PARTS, "steps")
TOLD = ("told", "rivals", "first")  # what is told of the command, of all others there, and of the first step there
PLAIN = tuple(part for part in STATE_PARTS + PLAN_PARTS if part not in TOLD)
PARTS = (*PLAIN, "told")  # each is standardised for itself
# All that is read, for the scale of what is read seldom; sums of rounded numbers depend on the order.
_OVERALL = (*STATE_PARTS, "told", "command", "note", "place", "first", "rivals")
FEWEST_FOR_SCALE = 32
STATE_SCALE = 0.1  # at 1 the head learns its training games by heart first, and often never gets over it

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class States:
    """B states with N plans in all, as numbers of texts in a `Reader`."""

    state: Numbers  # (B, len(STATE_PARTS))
    plans: Numbers  # (N, len(PLAN_COLUMNS)) numbers of texts, and the steps of the walk
    first: Numbers  # (N,) the admissible command that each plan begins with, by number
    owner: Numbers  # (N,) the state that each plan belongs to, in order
    expected: NDArray[np.float32] | None = None  # (N,) added to each value: what looking ahead expects of the plan
    past: Past | None = None  # how they came about, for a head with a memory of its own
    clues: Clues | None = None  # what was told of the ways to each plan, for a head that reckons with it

    def only(self, kept: NDArray[np.bool_]) -> "States":
        """The same states with these plans alone."""
        expected = None if self.expected is None else self.expected[kept]
        clues = self.clues.only(kept) if self.clues else None
        return States(self.state, self.plans[kept], self.first[kept], self.owner[kept], expected, self.past, clues)


class Attention(nn.Module):
    """Reads a sentence by its tokens: each head attends to those that it finds telling, and sees their mean.

    Of the commands that a sentence tells of, the topic is named in it, and level ways are all called by one name; so
    what a command asks of the tokens is the same for all, and is learned as the heads' keys.
    """

    def __init__(self, hidden: int, heads: int = 4) -> None:
        super().__init__()
        self.keys = nn.Linear(hidden, heads)

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The vectors of tokens (n, length, hidden) and which are no padding (n, length), to (n, heads x hidden)."""
        scores = self.keys(tokens).masked_fill(~mask.unsqueeze(-1), -torch.inf)
        return torch.einsum("nlh,nld->nhd", scores.softmax(1), tokens).flatten(1)


class QHead(nn.Module):
    """A small network over text vectors.

    A value is the worth of the state plus the advantage of the plan there (dueling, Wang et al. 2016). The worth soaks
    up what can only be known by heart, such as how far the coin is from this very room, and cannot change which plan
    is best. For the same end, dropout works on the elements of the state's vectors, and what the advantage makes of
    the state is scaled down: it is learned too, but later than what holds in every game.

    What is said so of a plan is its value once one is there. A walk to where it begins leads through places that are
    known, and brings nothing but delay, so it costs a factor of `gamma` for each step: that need not be learned.

    The first layers are sums of projections, one for each part of the input, so each distinct sentence in a batch is
    projected once, however many texts and states it occurs in. A text's projection is the mean over its sentences.
    What is told of a command is the sum over the sentences that tell of it of what a small network makes of each.
    Vectors are standardised part by part: the vectors of two rooms that differ in one exit are nearly parallel, and
    only their deviations from the mean tell them apart.
    """

    def __init__(self, width: int, hidden: int = 128, dropout: float = 0.0, told: int = 32, dueling: bool = True,
                 memory: int = 0, blur: float = 0.0, gamma: float = 1.0, tokens: int = 0, told_width: int = 0,
                 belief: bool = False, blur_told: bool = True) -> None:
        super().__init__()
        self.gamma = gamma
        self.blur = {part: blur if blur_told or part != "told" else 0.0 for part in PARTS}
        told_width = told_width or width  # of the vectors of what is told, which may be another encoder's
        for part in PARTS:
            own = told_width if part == "told" else width
            self.register_buffer(f"{part}_mean", torch.zeros(own))
            self.register_buffer(f"{part}_scale", torch.ones(own))
        self.dropout = nn.Dropout(dropout)
        self.project = nn.ModuleDict({part: nn.Linear(width, hidden) for part in PLAIN})
        self.attention = Attention(tokens) if tokens else None
        self.sentence_in = nn.Linear(self.attention.keys.out_features * tokens if self.attention else told_width, told)
        self.sentence = nn.Sequential(nn.ReLU(), nn.Linear(told, told))
        self.told_in = nn.ModuleDict({part: nn.Linear(told, hidden, bias=False) for part in TOLD})
        self.nearer = nn.Linear(told, 1)
        self.advantage = nn.Sequential(nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1))
        self.memory = memory
        if memory:
            self.recurrence = Recurrence(hidden, memory)
            self.memory_in = nn.Linear(memory, hidden, bias=False)
        self.dueling = dueling
        if dueling:
            self.worth = nn.Sequential(nn.ReLU(), nn.Linear(hidden, 1))
        self.belief = belief
        if belief:
            self.belief_in = nn.Linear(WIDTH, hidden, bias=False)

    def standardise(self, samples: Mapping[str, torch.Tensor]) -> None:
        """Take mean and deviation of each of `PARTS` from `(n, width)` samples of its sentences' vectors."""
        akin = samples["told"].shape[1] == samples["command"].shape[1]  # one encoder has read it all
        overall = torch.cat([samples["told" if part in TOLD else part] for part in _OVERALL
                             if akin or part not in TOLD]).std(0)
        for part in PARTS:
            vectors = samples[part]
            if not len(vectors):
                continue
            mean, scale = self.standard(part)
            mean.copy_(vectors.mean(0))
            # A handful of texts has no deviation worth the name, and neither have texts that are all alike in some
            # respect: the next one would look enormous. Another encoder's elements are on no common scale with these.
            enough, usual = len(vectors) >= FEWEST_FOR_SCALE, akin or part != "told"
            own = vectors.std(0) if enough else overall if usual else torch.ones_like(mean)
            scale.copy_((torch.maximum(own, overall / 2) if usual else own).clamp(min=1e-3))

    def standard(self, part: str) -> tuple[torch.Tensor, torch.Tensor]:
        """The mean and the deviation of a part's vectors, by element."""
        return self.get_buffer(f"{part}_mean"), self.get_buffer(f"{part}_scale")

    def forward(self, states: States, reader: Reader) -> torch.Tensor:
        """The value of each plan, (N,)."""
        owner = torch.from_numpy(states.owner)
        context, hidden = self._hidden(states, reader)
        values: torch.Tensor = self.advantage(hidden).squeeze(-1)
        if self.dueling:
            values = values + self.worth(context).squeeze(-1)[owner]
        values = values * self.gamma ** torch.from_numpy(states.plans[:, PLAN_COLUMNS.index("steps")])
        return values if states.expected is None else values + torch.from_numpy(states.expected)

    def recall(self, past: Past, reader: Reader) -> torch.Tensor:
        """What the head remembers after these steps, (B, memory)."""
        valid = past.descriptions >= 0
        read = self._text("description", np.maximum(past.descriptions, 0).ravel(), reader)
        done = self._text("command", np.maximum(past.commands, 0).ravel(), reader)
        steps = torch.tanh(read + done).view(*valid.shape, -1)
        found: torch.Tensor = self.recurrence(steps, torch.from_numpy(valid), past.before)
        return found

    def reading_parameters(self) -> list[nn.Parameter]:
        """The layers that read a sentence of what is told."""
        return [*self.sentence_in.parameters(), *self.sentence.parameters()]

    def forget_reading(self, generator: torch.Generator) -> None:
        """Begin these layers anew."""
        for layer in (self.sentence_in, *self.sentence):
            if isinstance(layer, nn.Linear):
                bound = layer.in_features**-0.5
                with torch.no_grad():
                    layer.weight.uniform_(-bound, bound, generator=generator)
                    layer.bias.uniform_(-bound, bound, generator=generator)

    def _hidden(self, states: States, reader: Reader) -> tuple[torch.Tensor, torch.Tensor]:
        """The states (B, hidden) and the plans (N, hidden) as the first layers see them."""
        owner = torch.from_numpy(states.owner)
        context = torch.stack([self._text(part, numbers, reader)
                               for part, numbers in zip(STATE_PARTS, states.state.T, strict=True)]).sum(0)
        context = self.dropout(context)
        inner = STATE_SCALE * context
        if states.past is not None:
            inner = inner + self.memory_in(self.recall(states.past, reader))
        hidden = inner[owner]
        for part in PLAN_PARTS:
            numbers = states.plans[:, PLAN_PARTS.index(part)]
            if part in TOLD:
                hidden = hidden + self._told(part, numbers, reader)
            else:
                hidden = hidden + (STATE_SCALE if part == "place" else 1.0) * self._text(part, numbers, reader)
        if states.clues is not None:
            hidden = hidden + self.belief_in(self._believed(states.clues, reader))
        return context, hidden

    def _text(self, part: str, numbers: Numbers, reader: Reader) -> torch.Tensor:
        """The projection of each text, (n, hidden): the mean over its sentences."""
        distinct, inverse = np.unique(numbers, return_inverse=True)
        sentences, which, owner = _taken_apart(distinct, reader.texts)
        vectors = reader.texts.library.vectors[torch.from_numpy(sentences)]
        layer = self.project[part]
        assert isinstance(layer, nn.Linear)
        each = self._standard(layer, part, vectors)[which]
        counts = np.maximum(np.bincount(owner, minlength=len(distinct)), 1)
        mean = _summed(each, owner, len(distinct)) / torch.from_numpy(counts).unsqueeze(1)
        return mean[torch.from_numpy(inverse)]

    def foretold(self, numbers: Numbers, reader: Reader) -> torch.Tensor:
        """Whether a way leads nearer to the goal, by what is told of it, (n,): 1 for yes, -1 for no."""
        found: torch.Tensor = self.nearer(self._meanings(numbers, reader)).squeeze(-1)
        return found

    def _believed(self, clues: Clues, reader: Reader) -> torch.Tensor:
        """The chance of each plan, (M, WIDTH). Values are learned by it; what it is made of is learned in hindsight."""
        nearer = self.foretold(clues.told, reader)
        recollected = reader.recollected(clues.told)
        if recollected is not None:
            nearer = (nearer + recollected) / 2
        return believed(nearer.detach() if self.training else nearer, clues)

    def _told(self, part: str, numbers: Numbers, reader: Reader) -> torch.Tensor:
        """The projection of what is told, (n, hidden)."""
        told: torch.Tensor = self.told_in[part](self._meanings(numbers, reader))
        return told

    def _meanings(self, numbers: Numbers, reader: Reader) -> torch.Tensor:
        """What each told text means, (n, told): the sum of what each sentence of it does."""
        distinct, inverse = np.unique(numbers, return_inverse=True)
        sentences, which, owner = _taken_apart(distinct, reader.told)
        library = reader.told.library
        if self.attention and isinstance(library, TokenLibrary):
            meaning = self._attended(*library.tokens(sentences))[which]
        else:
            meaning = self.meaning(library.vectors[torch.from_numpy(sentences)])[which]
        return _summed(meaning, owner, len(distinct))[torch.from_numpy(inverse)]

    def meaning(self, vectors: torch.Tensor) -> torch.Tensor:
        """What sentences with these vectors (n, width) say of the command that they tell of, (n, told)."""
        found: torch.Tensor = self.sentence(self._standard(self.sentence_in, "told", vectors))
        return found

    def _attended(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """What sentences with these tokens say of the command that they tell of, (n, told)."""
        assert self.attention is not None
        tokens = nn.functional.layer_norm(tokens, tokens.shape[-1:])
        if self.training and self.blur["told"]:
            tokens = tokens + self.blur["told"] * torch.randn_like(tokens)
        found: torch.Tensor = self.sentence(self.sentence_in(self.attention(tokens, mask)))
        return found

    def _standard(self, layer: nn.Linear, part: str, vectors: torch.Tensor) -> torch.Tensor:
        """The layer of vectors that are standardised first."""
        mean, scale = self.standard(part)
        if self.training and self.blur[part]:
            vectors = vectors + self.blur[part] * scale * torch.randn_like(vectors)
        weight = layer.weight / scale  # cheaper than to scale the vectors
        return nn.functional.linear(vectors, weight, layer.bias - weight @ mean)


def _taken_apart(numbers: Numbers, texts: Texts) -> tuple[Numbers, torch.Tensor, Numbers]:
    """The distinct sentences of texts, and for each of all sentences, which of them it is and from which text."""
    items, owner = texts.items(numbers)
    sentences, which = np.unique(items, return_inverse=True)
    return sentences, torch.from_numpy(which), owner


def _summed(rows: torch.Tensor, owner: Numbers, count: int) -> torch.Tensor:
    return torch.zeros(count, rows.shape[1]).index_add(0, torch.from_numpy(owner), rows)


def plan_values(values: torch.Tensor, states: States) -> torch.Tensor:
    """The values of each state's plans side by side, (B, most plans); -inf where there are no more."""
    counts = np.bincount(states.owner, minlength=len(states.state))
    table = torch.full((len(counts), int(counts.max())), -torch.inf)
    place = np.arange(len(states.owner)) - (np.cumsum(counts) - counts)[states.owner]
    return table.index_put((torch.from_numpy(states.owner), torch.from_numpy(place)), values)


def command_values(values: torch.Tensor, states: States) -> torch.Tensor:
    """The value of each command, (B, most commands): that of the best plan that begins so; -inf where none does."""
    width = int(states.first.max()) + 1
    cells = torch.full((len(states.state) * width,), -torch.inf)
    index = torch.from_numpy(states.owner * width + states.first)
    return cells.scatter_reduce(0, index, values, "amax").view(-1, width)
