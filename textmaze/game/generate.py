"""From a recipe, a split and a number to a maze: a layout, names for its rooms, and all that is put there."""

import functools
import random
from collections.abc import Iterator

from textmaze.errors import GameError
from textmaze.game.furnish import Unfit, furnish
from textmaze.game.layout import lay_out
from textmaze.game.maze import Maze, Room, layout_hash, split_of
from textmaze.game.recipe import Recipe
from textmaze.game.table import GameTable, TooLargeError, maze_table
from textmaze.game.theme import Theme, load_theme

_ATTEMPTS = 1000
_UNFIT = 100  # layouts of the split that may turn out not to hold what the recipe asks for


def make_maze(recipe: Recipe, split: str, seed: int) -> Maze:
    """The maze number `seed` of a split. The same recipe, split and seed give the same maze on every platform."""
    return make_game(recipe, split, seed)[0]


def make_game(recipe: Recipe, split: str, seed: int) -> tuple[Maze, GameTable | None]:
    """A maze, and its table where making sure that it can be won took one."""
    unfit = None
    for number, maze in enumerate(_drafts(recipe, split, seed)):
        if number == _UNFIT:
            break
        if isinstance(maze, Unfit):
            unfit = maze
            continue
        if not (recipe.patrols or recipe.one_way or recipe.dark):  # keys are placed so that the maze can be won
            return maze, None
        try:
            table = maze_table(maze)
        except TooLargeError:
            unfit = Unfit("it may have too many states to make sure that it can be won")
            break
        # A patrol may corner the player; nothing else may.
        hopeless = recipe.patrols and recipe.caught == "lost"
        if table.distance[table.start] >= 0 and (hopeless or (table.distance >= 0).all()):
            return maze, table
        unfit = Unfit("it could not be won")
    if unfit is not None:
        raise GameError(f"No maze could be made by this recipe: {unfit}; allow more rooms or ask for less.")
    raise GameError(f"This recipe has too few different layouts to fill the split {split!r}; allow more rooms.")


def _drafts(recipe: Recipe, split: str, seed: int) -> Iterator[Maze | Unfit]:
    """Mazes of the split, furnished; in place of those that cannot hold their furniture, why not."""
    theme = load_theme(recipe.theme)
    wordings = split if recipe.wordings == "split" else recipe.wordings
    for attempt in range(_ATTEMPTS):
        # Seeding by text goes through SHA-512, and only `random()` is drawn from it: both are stable across
        # Python versions, which shuffle, sample and numpy's distributions do not promise.
        rng = random.Random(f"textmaze/{split}/{seed}/{attempt}")
        layout = lay_out(recipe, rng)
        if split_of(layout_hash(layout)) != split:
            continue
        names = _names(theme, wordings, len(layout.exits), rng)
        rooms = tuple(map(Room, names, layout.places, layout.exits, range(len(names))))
        voice = int(rng.random() * 2**32)
        bare = Maze(rooms, layout.start, layout.goal, recipe.goal, recipe.frame, (), (), (), (), recipe.cycle,
                    recipe.caught, (), (), recipe.map, recipe.theme, wordings, voice, seed, split)
        try:
            yield furnish(bare, recipe, theme, rng)
        except Unfit as unfit:
            yield unfit


def _names(theme: Theme, wordings: str, count: int, rng: random.Random) -> list[str]:
    """Different room names, "Mossy Vault"; where adjective and noun run out, a number sets rooms apart."""
    pairs = _pairs(theme.words("adjectives", wordings), theme.words("nouns", wordings))
    many = len(pairs) * -(-count // len(pairs))
    drawn: dict[int, None] = {}  # a set that keeps the order
    while len(drawn) < count:
        drawn[int(rng.random() * many)] = None
    return [pairs[value] if value < len(pairs) else f"{pairs[value % len(pairs)]} {value // len(pairs) + 1}"
            for value in drawn]


@functools.cache
def _pairs(adjectives: tuple[str, ...], nouns: tuple[str, ...]) -> list[str]:
    return [f"{adjective} {noun}".title() for adjective in adjectives for noun in nouns]
