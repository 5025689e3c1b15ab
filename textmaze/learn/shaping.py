"""What becomes of scores: a potential, which leaves the best policy as it is, a bonus, which does not, or advice."""

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from textmaze.errors import TextmazeError
from textmaze.game.layout import DIRECTIONS
from textmaze.learn.reading import sentences
from textmaze.learn.scorers import Distance, Scorer

Floats = NDArray[np.float64]

CLIP = 3.0
STEPS_PER_DEVIATION = 10.0  # of a distance, where there are none to take the deviation from


class Standard:
    """Scores in standard deviations from the mean of training texts, clipped at `CLIP` either way.

    Each distinct text is scored once for each objective, so a score is a function of the two.
    """

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._known: dict[tuple[str, str], float] = {}  # (text, objective) -> what the scorer said
        self.mean, self.scale = 0.0, 1.0

    def calibrate(self, texts: Sequence[str], objective: str) -> None:
        """Take mean and deviation of the scores from texts of the training games."""
        self._take_scale(self._raw(texts, [objective] * len(texts)))

    def standardised(self, texts: Sequence[str], objectives: Sequence[str]) -> Floats:
        """The scores of texts, each for its objective, (len(texts),)."""
        return self._standardise(self._raw(texts, objectives))

    def _standardise(self, scores: Floats) -> Floats:
        return np.clip((scores - self.mean) / self.scale, -CLIP, CLIP)

    def _take_scale(self, scores: Floats) -> None:
        if len(scores):
            self.mean, self.scale = float(scores.mean()), float(scores.std()) or 1.0

    def _raw(self, texts: Sequence[str], objectives: Sequence[str]) -> Floats:
        pairs = list(zip(texts, objectives, strict=True))
        new: dict[str, dict[str, None]] = {}  # objective -> texts, each once and in order
        for text, objective in pairs:
            if (text, objective) not in self._known:
                new.setdefault(objective, {})[text] = None
        for objective, unknown in new.items():
            scores = self._scorer.score(list(unknown), objective).tolist()
            self._known.update(((text, objective), score) for text, score in zip(unknown, scores, strict=True))
        return np.array([self._known[pair] for pair in pairs], dtype=np.float64)


class Potential(Standard):
    """Phi(s): how good the description of a state reads, in standard deviations, clipped, times `weight`.

    Shaping adds gamma Phi(s') - Phi(s) to the reward. Over any way from a state to the end these terms sum up to
    -Phi(s), whatever the way, so which command is best does not change (Ng, Harada and Russell 1999).

    With the scorer `distance` Phi falls with the distance of the state from a win, which step records tell.
    """

    def __init__(self, scorer: Scorer, weight: float) -> None:
        super().__init__(scorer)
        self._weight = weight
        self._distance = scorer if isinstance(scorer, Distance) else None
        if self._distance:
            self.scale = STEPS_PER_DEVIATION

    def calibrate(
        self, texts: Sequence[str], objective: str, distances: NDArray[np.integer] | None = None
    ) -> None:
        """Take mean and deviation of the scores from states of the training games.

        The scorer `distance` takes them from `distances`; without, ten commands count as one deviation from a win.
        """
        if self._distance is None:
            super().calibrate(texts, objective)
        elif distances is not None:
            self._take_scale(self._distance.score_distances(distances[distances >= 0]))

    def of(
        self, descriptions: Sequence[str], objectives: Sequence[str], distances: NDArray[np.integer] | None = None
    ) -> Floats:
        """Phi of the states with these descriptions, each in a game with its objective, (len(descriptions),).

        `distances` of the same length are read by the scorer `distance`, which cannot do without, and by no other.
        """
        if self._distance is None:
            return self._weight * self.standardised(descriptions, objectives)
        if distances is None:
            raise TextmazeError("The scorer 'distance' needs the distances of step records, and was handed none.")
        return self._weight * self._standardise(self._distance.score_distances(distances))


class Advice(Standard):
    """H(s, a): how good that reads which is told of a command and noted beside it before it is given, times `weight`.

    The command with the highest Q + H is chosen, and Q is learned as if there were no H (heuristically accelerated
    Q-learning, Bianchi, Ribeiro and Costa 2008). So nothing that is wrong in H has to be unlearned, and it is `heeded`
    for as long as games go better with it (`Reuse`). (As a potential that rewards follow, look-ahead advice, it cost
    more commands than it saved: before the first wins the values of all commands become one, and with them what the
    advice told apart.)
    """

    def __init__(self, scorer: Scorer, weight: float) -> None:
        super().__init__(scorer)
        self._weight = weight
        self.heeded = True

    def of(
        self, descriptions: Sequence[str], commands: Sequence[str], objectives: Sequence[str],
        notes: Sequence[str] | None = None,
    ) -> Floats:
        """H of each command in the state with the description beside it, (len(commands),); 0 where nothing is told.

        The scale is taken by `calibrate` from what `beforehand` finds in training games.
        """
        told = [beforehand(*what) for what in zip(commands, descriptions, notes or [""] * len(commands), strict=True)]
        values = np.zeros(len(told))
        rows = [row for row, text in enumerate(told) if text]
        values[rows] = self.standardised([told[row] for row in rows], [objectives[row] for row in rows])
        return self._weight * values


class Bonus(Standard):
    """A reward for texts that read well, as in Motif (Klissarov et al. 2023).

    The standardised score where it is at least `threshold` and otherwise 0, divided by how often the text was read in
    the episode to the power of `power`, times `weight`. It changes which policy is best, so let its factor fall to 0.
    """

    def __init__(self, scorer: Scorer, weight: float, threshold: float = 0.0, power: float = 3.0) -> None:
        super().__init__(scorer)
        self._weight = weight
        self._threshold = threshold
        self._power = power

    def of(
        self, texts: Sequence[str], objectives: Sequence[str], counts: NDArray[np.integer], factor: float = 1.0
    ) -> Floats:
        """The bonus for reading each text, (len(texts),).

        Args:
            counts: how often each text has been read in its episode by now, this time included: 1 or more.
            factor: what is left of the bonus at this point of the training, from 1 to 0.
        """
        scores = self.standardised(texts, objectives)
        kept = np.where(scores >= self._threshold, scores, 0.0)
        bonus: Floats = factor * self._weight * kept / counts.astype(np.float64) ** self._power
        return bonus


SHAPINGS: dict[str, Callable[[Scorer, float], Standard]] = {
    "potential": Potential, "advice": Advice, "bonus": Bonus,
}


def shaping(before: Floats, after: Floats, terminated: NDArray[np.bool_], gamma: float) -> Floats:
    """gamma Phi(s') - Phi(s). Phi is 0 after the end of a game, but not where an episode was merely cut off."""
    shaped: Floats = gamma * np.where(terminated, 0.0, after) - before
    return shaped


_COMPASS = {way: (way,) for way in DIRECTIONS}
_FROM_PLAYER = {"forward": ("forward", "front"), "right": ("right",), "back": ("back",), "left": ("left",)}


def told_of_alone(command: str, description: str) -> str:
    """What a description says of a command before it is given: the sentences that hold the command's last word.

    A sentence that names other ways too tells nothing of one of them, so it is left out, as is the heading.
    """
    word = command.rpartition(" ")[2]
    if not word:
        return ""
    ways = next((ways for ways in (_COMPASS, _FROM_PLAYER) if word in ways), {word: (word,)})
    others = [name for way, names in ways.items() if way != word for name in names]
    return " ".join(
        sentence
        for sentence in sentences(description)
        if not sentence.startswith("-= ") and _names(ways[word], sentence) and not _names(others, sentence)
    )


def beforehand(command: str, description: str, note: str) -> str:
    """What can be read of a command before it is given: what `told_of_alone` finds, and the note beside it."""
    told = told_of_alone(command, description)
    return f"{told} {note[0].upper()}{note[1:]}.".lstrip() if note else told


def _names(words: Sequence[str], sentence: str) -> bool:
    return bool(words) and re.search(rf"\b(?:{'|'.join(map(re.escape, words))})\b", sentence, re.IGNORECASE) is not None
