"""Games that TextWorld's own challenges make, dealt out to the splits."""

import functools
import hashlib
import importlib.metadata
import json
import random
import tempfile
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from textmaze.errors import GameError
from textmaze.game.layout import DIRECTIONS, Layout
from textmaze.game.maze import layout_hash, split_of
from textmaze.game.recipe import Challenge, CoinCollector, Cooking, Simple, TreasureHunter
from textmaze.game.situation import textworld_at_hand

MOST_ROOMS = 100  # that TextWorld compiles for the Z-machine
_MOST_DRAWN, _MOST_MADE = 1000, 50  # maps, games, in search of one that belongs to a split
_TEXTWORLDS_DIRECTIONS = ("north", "south", "east", "west")  # in the order in which it draws from them
_FOODS = ("apple", "milk", "half of a bag of chips", "tomato plant", "bell pepper", "lettuce")  # of tw-simple
_OPPOSITE = {"north": "south", "south": "north", "east": "west", "west": "east"}


def make_files(recipe: Challenge, split: str, seed: int) -> tuple[bytes, bytes]:
    """Game number `seed` of a split: the bytes of its .z8 and of its .json."""
    with textworld_at_hand(), tempfile.TemporaryDirectory(prefix="textmaze-") as folder:
        from textworld.generator import compile_game

        game, options = _game(recipe, split, seed)
        options.path = f"{folder}/game.z8"
        compile_game(game, options)
        path = Path(options.path)
        return path.read_bytes(), path.with_suffix(".json").read_bytes()


def settings_key(recipe: Challenge) -> str:
    """All settings that a game depends on."""
    names = {field.name for field in fields(recipe)} - {"title", "summary", "max_steps"}
    return json.dumps({name: getattr(recipe, name) for name in sorted(names)})


def _game(recipe: Challenge, split: str, seed: int) -> Any:
    """The first game that TextWorld makes and that belongs to the split, and the options it was made with."""
    for number, foretold in _numbers(recipe, split, seed):
        made = _make(recipe, split, number)
        if made is None:  # TextWorld finds no way that is as long as it should be
            continue
        found = _told_hash(recipe, made[0])
        if foretold is not None and foretold != found:
            # The splits would leak into each other, so this must never pass unseen.
            raise GameError(f"TextWorld {textworld_version()} draws other games for {recipe.challenge} than the "
                            "version this was written for, so they cannot be dealt out to the splits.")
        if split_of(found) == split:
            return made
    if isinstance(recipe, CoinCollector):
        raise GameError(f"Level {recipe.level} of {recipe.challenge} has too few different maps to fill the "
                        f"split {split!r}; choose a higher level.")
    raise GameError(f"With these settings {recipe.challenge} has too few different games to fill the split {split!r}.")


def _numbers(recipe: Challenge, split: str, seed: int) -> Iterator[tuple[int, str | None]]:
    """Seeds for TextWorld, one of which makes the game, with the hash that its game will have.

    Where that hash can be drawn in advance, seeds of other splits are left out, so that no game is made in vain.
    """
    drawn = draw_hash(recipe, 0) is not None
    for attempt in range(_MOST_DRAWN if drawn else _MOST_MADE):
        number = int(random.Random(f"textmaze/{split}/{seed}/{attempt}").random() * 2**31)
        foretold = draw_hash(recipe, number)
        if foretold is None or split_of(foretold) == split:
            yield number, foretold


def _make(recipe: Challenge, split: str, number: int) -> Any:
    import textworld
    from textworld.challenges import CHALLENGES
    from textworld.generator import QuestGenerationError

    options = textworld.GameOptions()
    options.seeds = number
    options.grammar.only_last_action = True  # else the objective tells the whole way
    _, make, _ = CHALLENGES[recipe.challenge]
    try:
        return make(_textworlds_settings(recipe, split), options), options
    except QuestGenerationError:
        return None


def _textworlds_settings(recipe: Challenge, split: str) -> dict[str, Any]:
    """The recipe in TextWorld's own words."""
    if isinstance(recipe, CoinCollector | TreasureHunter):
        return {"level": recipe.level}
    if isinstance(recipe, Simple):
        test = (split if recipe.foods == "split" else recipe.foods) == "test"
        return {"rewards": recipe.rewards, "goal": recipe.goal, "test": test}
    assert isinstance(recipe, Cooking)
    names = ("recipe", "take", "go", "open", "cook", "cut", "drop", "recipe_seed")
    foods = {"split": split, "all": ""}.get(recipe.foods, recipe.foods)
    return {**{name: getattr(recipe, name) for name in names}, "split": foods}


def draw_hash(recipe: Challenge, number: int) -> str | None:
    """What deals out the game that TextWorld will make with its seed `number`; None where only the game itself tells.

    TextWorld takes a second to make a game; but what it draws first depends on one random generator alone. Drawing from
    an equal one shows it in a millisecond.
    """
    seeds = np.random.RandomState(number)
    for_map, _, for_quest = (np.random.RandomState(seeds.randint(65635)) for _ in range(3))
    if isinstance(recipe, CoinCollector):
        return layout_hash(_draw_chain(recipe.level, for_map))
    if isinstance(recipe, TreasureHunter):
        from textworld.generator import World, make_map

        rooms, doors = (5, None) if recipe.level <= 10 else (10 if recipe.level <= 20 else 20, ["open"])
        return _hash_of_shape(_exits(World.from_map(make_map(n_rooms=rooms, rng=for_map, possible_door_states=doors))))
    if isinstance(recipe, Simple):
        foods = list(_FOODS)
        for_quest.shuffle(foods)
        return _hash([foods, bool(for_quest.rand() > 0.5), int(for_quest.choice(len(foods)))])
    if isinstance(recipe, Cooking) and recipe.go > 1:
        from textworld.challenges.tw_cooking import cooking
        from textworld.generator.graph_networks import direction

        groups = cooking.ROOMS[: {6: 2, 9: 3, 12: 4}[recipe.go]]
        graph = cooking.make_graph_world(for_map, groups, cooking.NEIGHBORS)
        both = [*graph.edges, *(edge[::-1] for edge in graph.edges)]
        return _hash(sorted([graph.nodes[a]["name"], direction(b, a), graph.nodes[b]["name"]] for a, b in both))
    return None


def _told_hash(recipe: Challenge, game: Any) -> str:
    """What deals a game out to a split, as the game itself tells it."""
    world, name = game.world, {key: info.name for key, info in game.infos.items()}
    if isinstance(recipe, CoinCollector):
        rooms = [room.id for room in world.rooms]
        (coin,) = (fact for fact in world.facts if fact.name == "at" and fact.arguments[0].name == "o_0")
        start, goal = rooms.index(world.player_room.id), rooms.index(coin.arguments[1].name)
        return layout_hash(Layout((), _exits(world), start, goal))
    if isinstance(recipe, TreasureHunter):
        return _hash_of_shape(_exits(world))
    if isinstance(recipe, Simple):
        foods = [name[f"f_{number}"] for number in range(len(_FOODS))]
        events = [event for quest in game.quests for event in quest.win_events]
        conditions = [fact for event in events for fact in event.condition.preconditions]
        (wanted,) = (int(fact.arguments[0].name[2:]) for fact in conditions if fact.name == "on")
        if foods[wanted] not in _FOODS:  # one that only the split test has
            (foods[wanted],) = set(_FOODS) - set(foods)
        holders = {fact.arguments[0].name: fact.arguments[1].name for fact in world.facts if fact.name == "in"}
        return _hash([foods, name[holders["k_0"]] == "chest drawer", wanted])
    if isinstance(recipe, Cooking) and recipe.go > 1:
        ways = ((name[room.id], way, name[to.id]) for room in world.rooms for way, to in room.exits.items())
        return _hash(sorted(ways))
    return _hash_of_contents(game)


def _exits(world: Any) -> tuple[tuple[int, ...], ...]:
    """Where the ways of each room lead, -1 where there is none."""
    rooms = [room.id for room in world.rooms]
    return tuple(
        tuple(rooms.index(room.exits[way].id) if way in room.exits else -1 for way in DIRECTIONS[:4])
        for room in world.rooms
    )


def _hash_of_shape(exits: tuple[tuple[int, ...], ...]) -> str:
    """A hash of rooms and passages alone: the same wherever a game begins and ends in them."""
    return _hash(min(layout_hash(Layout((), exits, room, room)) for room in range(len(exits))))


def _hash_of_contents(game: Any) -> str:
    """A hash of all that is true at first and all that wins or loses, by the names that players read."""
    def named(thing: Any) -> str:
        info = game.infos.get(thing.name)
        return str((info and info.name) or thing.type)

    def told(facts: Any) -> list[str]:
        return sorted(f"{fact.name}: {', '.join(map(named, fact.arguments))}" for fact in facts)

    quests = [[sorted(told(event.condition.preconditions) for event in events)
               for events in (quest.win_events, quest.fail_events)] for quest in game.quests]
    return _hash([told(game.world.facts), sorted(quests)])


def _hash(data: Any) -> str:
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()


def size(level: int) -> tuple[int, int]:
    """The number of rooms of a coin collector's level, and how many form the chain from the start to the coin."""
    chain = (level - 1) % 100 + 1
    return chain * ((level - 1) // 100 + 1), chain


def _draw_chain(level: int, draw: np.random.RandomState) -> Layout:
    """The map of a coin collector's game."""
    rooms, chain = size(level)
    exits: list[list[int]] = []

    def add(source: int | None) -> None:
        exits.append([-1] * len(_TEXTWORLDS_DIRECTIONS))
        if source is not None:
            free = [way for way in map(DIRECTIONS.index, _TEXTWORLDS_DIRECTIONS) if exits[source][way] < 0]
            way = free[draw.choice(len(free))]
            exits[source][way] = len(exits) - 1
            exits[-1][DIRECTIONS.index(_OPPOSITE[DIRECTIONS[way]])] = source

    for room in range(chain):
        add(room - 1 if room else None)
    while len(exits) < rooms:
        add(len(exits) % chain)
    return Layout((), tuple(map(tuple, exits)), 0, chain - 1)


@functools.cache
def textworld_version() -> str:
    try:
        return importlib.metadata.version("textworld")
    except importlib.metadata.PackageNotFoundError:
        return "none"
