"""Games for vector environments, and what makes two of these equal."""

import dataclasses
from collections import Counter

import numpy as np
import stories
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from textmaze.catalog import load_game
from textmaze.env.single import PLAYER_INFOS, PRIVILEGED_INFOS, MazeEnv
from textmaze.env.vector import MazeVectorEnv
from textmaze.game.story import StoryGame

COMMANDS = load_game("labyrinth").table("train", 0).commands
EVERYTHING = (*PLAYER_INFOS, *PRIVILEGED_INFOS)
NONSENSE = ["xyzzy", "", "go", "go north. go east", "\0\ud800", "x" * 500]
OTHERWISE = ["n", "E", "walk south", "take the coin", "l", "pick up coin"]


class Mixed:
    """Games of very different sizes, with texts numbered from the end: an array look-up that mistakes one
    slot's region for another's, or an unused cell for a used one, cannot go unseen."""

    name = "mixed"
    max_steps = 12
    games = (load_game("corridor"), load_game("labyrinth", {"rooms": 9}), load_game("labyrinth"))

    def table(self, split, seed):
        table = self.games[seed % 3].table(split, seed)
        last = len(table.texts) - 1
        return dataclasses.replace(
            table,
            texts=table.texts[::-1],
            feedback=last - table.feedback,
            description=last - table.description,
            inventory=last - table.inventory,
            objective=last - table.objective,
        )


class Babel(Mixed):
    """Every third game has commands of its own, of which the others know nothing, and more of them."""

    name = "babel"

    def table(self, split, seed):
        table = super().table(split, seed)
        if seed % 3:
            return table
        order = np.random.default_rng(seed).permutation(len(table.commands))
        states = len(table.terminal)

        def widened(values, nothing):
            """With the columns in another order, and two more that do nothing."""
            return np.column_stack([values[:, order], nothing, nothing]).astype(values.dtype)

        return dataclasses.replace(
            table,
            commands=(*(table.commands[column] for column in order), f"sing song {seed % 2}", "wave"),
            successor=widened(table.successor, np.arange(states)),
            feedback=widened(table.feedback, table.inventory),
            reward=widened(table.reward, np.full(states, -0.5)),
            admissible=widened(table.admissible, np.arange(states) % 2 == 0),
        )


class Counted(Babel):
    """Counts how often each table is made."""

    def __init__(self):
        self.asked = Counter()

    def table(self, split, seed):
        self.asked[seed] += 1
        return super().table(split, seed)


class Alive:
    """Three of four games are one of TextWorld's, played live, and soon grown so large that a new table is begun."""

    name = "alive"
    max_steps = 12
    corridor = load_game("corridor")

    def __init__(self, folder):
        self.path = stories.pantry(folder)

    def table(self, split, seed):
        return (StoryGame("pantry", self.path, 12) if seed % 4 else self.corridor).table(split, seed)


GAMES = {
    "corridor": lambda: load_game("corridor", {"max_steps": 6}),
    "labyrinth": lambda: load_game("labyrinth", {"max_steps": 9, "rooms": 9}),
    "mixed": Mixed,
    "babel": Babel,
}


def assert_same_infos(ours, theirs, where=""):
    """Equal keys, masks and types, and equal values wherever the mask says that there is one."""
    assert set(ours) == set(theirs), where
    for name in theirs:
        if name.startswith("_"):
            assert ours[name].dtype == theirs[name].dtype == bool
            assert ours[name].tolist() == theirs[name].tolist(), f"{where}{name}"
        elif isinstance(theirs[name], dict):
            assert_same_infos(ours[name], theirs[name], f"{where}{name}.")
        else:
            mask = theirs[f"_{name}"]
            assert ours[name].dtype == theirs[name].dtype, f"{where}{name}"
            assert ours[name][mask].tolist() == theirs[name][mask].tolist(), f"{where}{name}"


def assert_same(ours, theirs):
    assert ours[0] == theirs[0]
    for mine, other in zip(ours[1:-1], theirs[1:-1], strict=True):
        assert mine.dtype == other.dtype
        assert mine.tolist() == other.tolist()
    assert_same_infos(ours[-1], theirs[-1])


class Pair:
    """Our vector env and what Gymnasium makes of as many single ones: whatever the one shows, the other must show."""

    def __init__(self, slots, game, mode, *, infos=EVERYTHING, games=None):
        self.ours = MazeVectorEnv(slots, game, infos=infos, games=games, autoreset_mode=mode)
        single = [lambda: MazeEnv(game, infos=infos, games=games)] * slots
        self._theirs = SyncVectorEnv(single, autoreset_mode=mode)
        self._by_hand = mode == AutoresetMode.DISABLED

    def reset(self, seed):
        shown = self.ours.reset(seed=seed)
        assert_same(shown, self._theirs.reset(seed=seed))
        return shown

    def step(self, commands):
        shown = self.ours.step(commands)
        assert_same(shown, self._theirs.step(commands))
        return shown

    def begun(self, shown, seeds=lambda: None):
        """What is shown once the games that have ended begin anew, where nobody but us resets them."""
        ended = shown[2] | shown[3]
        if not (self._by_hand and ended.any()):
            return shown
        seed = seeds()
        shown = self.ours.reset(seed=seed, options={"reset_mask": ended})
        assert_same(shown, self._theirs.reset(seed=seed, options={"reset_mask": ended.copy()}))
        return shown


def some_commands(rng, infos):
    """For each slot mostly the best command, so that games are won, and else anything."""
    return [
        best if best and rng.random() < 0.6 else rng.choice([*COMMANDS, *OTHERWISE, *NONSENSE, "sing song 1", "wave"])
        for best in infos["best_command"]
    ]
