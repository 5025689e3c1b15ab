"""Proves that an exported maze plays in TextWorld as it plays here: the same walk in both, compared at every step."""

import multiprocessing
import random
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from textmaze.errors import GameError, SettingError
from textmaze.files import shipped_folder
from textmaze.game.explore import textworld_at_hand
from textmaze.game.export import export_z8
from textmaze.game.generate import make_maze
from textmaze.game.maze import Maze
from textmaze.game.recipe import SPLITS, Recipe
from textmaze.game.rules import Rules
from textmaze.game.story import processors
from textmaze.game.typist import Words

LONGEST_PASSED = 198  # characters of a line; the interpreter cuts off the rest
MOST_SHOWN = 5  # differences
_BANNERS = ("*** The End ***", "*** You lost! ***")
_COMPARED = {"text": "answers", "score": "scores", "end": "ends", "description": "descriptions",
             "inventory": "inventories"}
_INFOS = ("admissible_commands", "best_command", "description", "inventory")
_ATTEMPTS = 100  # recipes drawn at random, until one can be made


@dataclass(frozen=True)
class Difference:
    """A step at which the two games part."""

    maze: str
    typed: tuple[str, ...]  # since the beginning of the game
    what: str  # see _COMPARED
    ours: str
    theirs: str


@dataclass
class Tally:
    """What was compared, and what was found."""

    mazes: int = 0
    commands: int = 0
    games: int = 0
    won: int = 0
    lost: int = 0
    differing: Counter[str] = field(default_factory=Counter)  # steps, by what differs: see _COMPARED
    left_out: Counter[str] = field(default_factory=Counter)  # mazes and lines, by reason
    differences: list[Difference] = field(default_factory=list)  # the first MOST_SHOWN

    def add(self, other: "Tally") -> None:
        for name in ("mazes", "commands", "games", "won", "lost"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.differing += other.differing
        self.left_out += other.left_out
        self.differences = (self.differences + other.differences)[:MOST_SHOWN]

    def lines(self) -> Iterator[str]:
        """What is to be read at the end."""
        yield (f"{self.mazes:,} mazes, {self.commands:,} lines typed in {self.games:,} games, of which {self.won:,} "
               f"were won and {self.lost:,} lost.")
        for reason, count in sorted(self.left_out.items()):
            yield f"Left out: {count:,} - {reason}"
        for found in self.differences[:MOST_SHOWN]:
            yield f"\n{found.what} differs in {found.maze}\n  after: {', '.join(map(repr, found.typed)) or 'nothing'}"
            yield f"  here:      {found.ours!r}\n  TextWorld: {found.theirs!r}"
        yield "Differing: " + ", ".join(f"{self.differing[what]:,} {name}" for what, name in _COMPARED.items())


@dataclass(frozen=True)
class Job:
    """One maze to be walked: a maze made before, or one of a recipe; or of a random recipe where there is none."""

    name: str
    recipe: Recipe | None
    maze: Maze | None
    seed: int
    commands: int


def run(jobs: Sequence[Job], workers: int = 0) -> Iterator[Tally]:
    """The tally of each job, in order; on all processors unless told how many.

    The workers are new Python processes, so a script that calls this needs `if __name__ == "__main__":`.
    """
    workers = workers or processors()
    if workers < 2 or len(jobs) < 2:
        yield from map(walk_job, jobs)
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        running = [pool.submit(walk_job, job) for job in jobs]
        try:
            for walk in running:
                yield walk.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def plan(games: Sequence[Any], mazes: int, commands: int, seed: int) -> list[Job]:
    """Deal `mazes` mazes out over the games, which are MazeGames or SingleMazes, and random recipes where `None`."""
    return [
        Job(getattr(game, "name", "random"), getattr(game, "recipe", None), getattr(game, "single", None),
            number + 1_000_000 * seed, commands)
        for number, game in zip(range(mazes), _around(games), strict=False)
    ]


def _around(games: Sequence[Any]) -> Iterator[Any]:
    while True:
        yield from games


def walk_job(job: Job) -> Tally:
    """Make the maze, export it, and walk it in both worlds."""
    rng = random.Random(f"conform/{job.seed}")
    tally = Tally()
    try:
        maze, name = _made(job, rng)
        with tempfile.TemporaryDirectory(prefix="textmaze-") as folder:
            path = Path(folder) / "game.z8"
            export_z8(maze, path)
            _walk(maze, path, name, job.commands, rng, tally)
        tally.mazes += 1
    except GameError as error:
        tally.left_out[f"{job.name}: {error}"] += 1
    return tally


def _made(job: Job, rng: random.Random) -> tuple[Maze, str]:
    if job.maze is not None:
        return job.maze, job.name
    for _ in range(_ATTEMPTS):
        recipe = random_recipe(rng) if job.recipe is None else job.recipe
        if rng.random() < 0.5:
            recipe = replace(recipe, theme=rng.choice(themes()))
        split, seed = rng.choice(SPLITS), rng.randrange(2**31)
        try:
            return make_maze(recipe, split, seed), f"{job.name}: {changed(recipe)}, {split} {seed}"
        except GameError:
            if job.recipe is not None:
                raise
    raise GameError(f"No recipe could be made among {_ATTEMPTS} drawn at random.")


# -- the walk ------------------------------------------------------------------------------------------------------


def _walk(maze: Maze, path: Path, name: str, commands: int, rng: random.Random, tally: Tally) -> None:
    # The environment is what players see of a maze; it stands above the game package, so it is imported late.
    from textmaze.env.single import MazeEnv
    from textmaze.game.mazes import SingleMaze

    with textworld_at_hand():
        import textworld

        ours = MazeEnv(SingleMaze("maze", maze, 2**31), infos=_INFOS)
        theirs = textworld.start(str(path), textworld.EnvInfos(description=True, inventory=True))
        try:
            seen, info = ours.reset(seed=0)
            state = theirs.reset()
            typed: list[str] = []
            _compare(tally, name, typed, {"text": (seen, _opening(state.feedback)), **_asides(info, state)})
            words = Words(Rules(maze).commands, rng)
            tally.games += 1
            for _ in range(commands):
                line = words.line(info["admissible_commands"], info["best_command"])
                if reason := _not_passed(line):
                    tally.left_out[reason] += 1
                    continue
                typed.append(line)
                seen, reward, ended, _, info = ours.step(line)
                state, score, done = theirs.step(line)
                tally.commands += 1
                _compare(tally, name, typed, {
                    "text": (seen, heard(state.feedback)), "score": (int(reward), score),
                    "end": ((ended, ended and reward > 0, ended and reward == 0), (done, state.won, state.lost)),
                    **({} if ended or done else _asides(info, state)),
                })
                if ended or done:
                    tally.won += int(reward > 0)
                    tally.lost += int(reward == 0)
                    tally.games += 1
                    typed = []
                    _, info = ours.reset(seed=0)
                    theirs.reset()
        finally:
            theirs.close()


def _not_passed(line: str) -> str:
    """Why the line does not reach a game in TextWorld as it was typed, if so."""
    if line.strip().lower().startswith("tw-"):
        return "lines that begin with tw-, which are TextWorld's own commands"
    if len(line) > LONGEST_PASSED:
        return f"lines of more than {LONGEST_PASSED} characters, which TextWorld cuts off"
    return "lines with a backslash, which TextWorld's interpreter takes for itself" if "\\" in line else ""


def _compare(tally: Tally, maze: str, typed: Sequence[str], pairs: dict[str, tuple[Any, Any]]) -> None:
    for what, (ours, theirs) in pairs.items():
        if ours != theirs:
            tally.differing[what] += 1
            if len(tally.differences) < MOST_SHOWN:
                tally.differences.append(Difference(maze, tuple(typed), what, str(ours), str(theirs)))


def _asides(info: dict[str, Any], state: Any) -> dict[str, tuple[Any, Any]]:
    """What both tell beside the answer."""
    return {name: (info[name], (state[name] or "").strip()) for name in ("description", "inventory")}


def heard(feedback: str) -> str:
    """What the game answers, without TextWorld's prompt and status line, and without what it says at an end."""
    for banner in _BANNERS:
        feedback = feedback.partition(banner)[0]
    return re.sub(r"\n>[^\n]*\Z", "", feedback).strip()


def _opening(feedback: str) -> str:
    """What is read at the beginning, after TextWorld's banner."""
    return heard(feedback).rpartition("$$$$$$ \n")[2].strip()


# -- random recipes ------------------------------------------------------------------------------------------------


def random_recipe(rng: random.Random) -> Recipe:
    """A recipe that may set anything; small, for its mazes are to be walked through."""
    topology = rng.choice(("grid", "planar", "tree", "corridor"))
    spacious = topology in ("grid", "planar")

    def share(chance: float, most: float = 1.0) -> float:
        return round(rng.random() * most, 2) if rng.random() < chance else 0.0

    def count(chance: float, most: int) -> int:
        return rng.randint(1, most) if rng.random() < chance else 0

    try:
        return Recipe(
            topology=topology, rooms=rng.randint(2, 15), floors=1 + count(0.3, 2) if spacious else 1,
            loops=share(0.6) if spacious else 0.0, branches=rng.randrange(3), one_way=share(0.4, 0.6),
            doors=count(0.4, 3), locks=count(0.4, 2), gates=count(0.4, 2), cycle=rng.randint(2, 8),
            patrols=count(0.4, 2), caught=rng.choice(("lost", "back")), cues=share(0.5), lies=share(0.5),
            things=count(0.5, 4), alike=share(0.3), dark=share(0.4),
            frame=rng.choice(("compass", "compass", "egocentric")),
            goal=rng.choice(("coin", "exit", "deliver")), directions=rng.random() < 0.4,
            wrong=share(0.5), map=rng.random() < 0.4,
        )
    except SettingError:
        return random_recipe(rng)


def themes() -> list[str]:

    return sorted(path.stem for path in (shipped_folder("games") / "themes").glob("*.toml"))


def changed(recipe: Recipe) -> str:
    """What the recipe sets, as one would override it."""
    return " ".join(f"{f.name}={getattr(recipe, f.name)}" for f in fields(recipe)
                    if f.name not in ("title", "summary") and getattr(recipe, f.name) != f.default) or "as it is"
