"""Several games played as one, so that an agent learns them together."""

from collections.abc import Sequence
from dataclasses import dataclass

from textmaze.game.table import Game, GameTable


@dataclass(frozen=True)
class Mixture:
    """Games in turn: of k games, number n is number n // k of the game n % k. The same holds in every split."""

    name: str
    games: tuple[Game, ...]

    @property
    def max_steps(self) -> int:
        """The commands that the longest of its games allows; `step_limit` tells what each allows."""
        return max(game.max_steps for game in self.games)

    @property
    def slow(self) -> bool:
        return any(game.slow for game in self.games)

    def part(self, number: int) -> tuple[Game, int]:
        """The game that this number plays, and the number that it has there."""
        return self.games[number % len(self.games)], number // len(self.games)

    def table(self, split: str, seed: int) -> GameTable:
        game, number = self.part(seed)
        return game.table(split, number)

    def prepare(self, split: str, seeds: Sequence[int]) -> None:
        count = len(self.games)
        for index, game in enumerate(self.games):
            game.prepare(split, [seed // count for seed in seeds if seed % count == index])


def parts(game: Game) -> tuple[Game, ...]:
    """The games that a mixture is made of; any other game is its only part."""
    return game.games if isinstance(game, Mixture) else (game,)


def step_limit(game: Game, number: int) -> int:
    """After how many commands an episode of the game with this number is cut off."""
    return game.part(number)[0].max_steps if isinstance(game, Mixture) else game.max_steps
