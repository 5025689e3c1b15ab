"""Conformance: an exported maze answers every line, sense or nonsense, as the environment does, to the letter."""

import random
from dataclasses import replace

import pytest
from click.testing import CliRunner

from textmaze.catalog import game_files, load_game
from textmaze.cli import main
from textmaze.game import conform, inform
from textmaze.game.conform import Job, Tally, heard, plan, run, walk_job
from textmaze.game.generate import make_maze
from textmaze.game.mazes import MazeGame, SingleMaze
from textmaze.game.parser import read
from textmaze.game.recipe import Recipe
from textmaze.game.rules import commands

LADDER = [name for name in sorted(game_files()) if isinstance(load_game(name), MazeGame)]

# One maze that holds all there is, and one that is seen from the player, besides those drawn at random.
FULL = Recipe(rooms=10, floors=2, loops=0.5, one_way=0.2, doors=1, locks=1, gates=1, cycle=3, patrols=1, caught="back",
              cues=0.5, lies=0.5, things=1, dark=0.3, alike=0.2, goal="deliver", directions=True, map=True)
TURNED = Recipe(rooms=9, loops=0.3, frame="egocentric", goal="exit", patrols=1, caught="lost", cycle=4)


def assert_same(tally):
    assert not tally.differing, "\n".join(tally.lines())
    assert tally.mazes == 1
    assert tally.commands > 20


@pytest.mark.parametrize("recipe", [FULL, TURNED], ids=["full", "turned"])
def test_a_maze_with_everything_in_it_is_the_same_in_textworld(recipe):
    assert_same(walk_job(Job("mine", recipe, None, 1, 150)))


@pytest.mark.parametrize("seed", range(2))
def test_a_random_recipe_is_the_same_in_textworld(seed):
    assert_same(walk_job(Job("random", None, None, seed, 60)))


@pytest.mark.parametrize("name", [name for name in LADDER if name != "catacombs"])
def test_a_shipped_recipe_is_the_same_in_textworld(name):
    assert_same(walk_job(Job(name, load_game(name).recipe, None, 3, 50)))


def test_a_difference_of_one_letter_is_found(monkeypatch):
    monkeypatch.setitem(inform.ANSWERS, "wait", "Time passes..")
    exported = conform.export_z8

    def export_wrongly(maze, path):
        exported(maze, path)
        monkeypatch.undo()  # so that only the exported game says it

    monkeypatch.setattr(conform, "export_z8", export_wrongly)
    tally = walk_job(Job("mine", None, make_maze(Recipe(rooms=6), "train", 0), 0, 200))
    assert tally.differing["text"] > 0
    assert not tally.differing["score"]
    assert "Time passes.." in "\n".join(tally.lines())


def neighbour(maze):
    return next(room for room in maze.rooms[maze.goal].exits if room >= 0)


@pytest.mark.parametrize(("change", "differs"), [
    (lambda maze: replace(maze, voice=maze.voice + 1), {"text", "description"}),  # other words
    (lambda maze: replace(maze, goal=neighbour(maze)), {"score", "end"}),
    (lambda maze: replace(maze, map=True), {"inventory"}),
], ids=["words", "goal", "map"])
def test_a_game_that_differs_otherwise_is_found_too(change, differs, monkeypatch):
    export = conform.export_z8
    monkeypatch.setattr(conform, "export_z8", lambda maze, path: export(change(maze), path))
    tally = walk_job(Job("a corridor", Recipe(topology="corridor", rooms=5, goal="exit"), None, 2, 40))
    assert differs <= set(tally.differing)
    assert f"\n{tally.differences[0].what} differs in a corridor" in "\n".join(tally.lines())


def test_a_maze_that_does_not_export_is_left_out_with_the_reason():
    tally = walk_job(Job("large", Recipe(rooms=400), None, 1, 10))
    assert tally.mazes == 0
    assert any("at most 150 rooms" in line for line in tally.lines())


@pytest.mark.slow
def test_several_workers_find_what_one_finds():
    jobs = plan([load_game("corridor")], 2, 20, seed=1)
    assert list(run(jobs, 2)) == list(run(jobs, 1))


def test_mazes_are_dealt_out_over_the_games_and_each_has_a_seed_of_its_own():
    jobs = plan([load_game("corridor"), None], 5, 7, seed=2)
    assert [job.name for job in jobs] == ["corridor", "random", "corridor", "random", "corridor"]
    assert len({job.seed for job in jobs}) == 5
    assert all(job.commands == 7 for job in jobs)
    assert jobs == plan([load_game("corridor"), None], 5, 7, seed=2)
    assert not {job.seed for job in jobs} & {job.seed for job in plan([None], 5, 7, seed=3)}
    maze = make_maze(Recipe(rooms=6), "train", 0)
    assert plan([SingleMaze("one", maze, 10)], 1, 7, seed=2)[0].maze == maze


def test_random_lines_are_of_every_kind():
    maze = make_maze(FULL, "train", 0)
    names = tuple(name for group in commands(maze).values() for name in group)
    words = conform.Words(names, random.Random(0))
    lines = [words.line(names[:3], names[0]) for _ in range(2000)]
    known = sum(line in names for line in lines)
    assert 800 < known < 1800
    assert any(not line.strip() for line in lines)
    assert any(len(line) > 60 for line in lines)
    assert all(line.isascii() and (line.isprintable() or not line) for line in lines)
    answers = [read(line, names, names[:3]).answer for line in lines]
    for beginning in ("Type a command", "One command", "Which do you mean", "You cannot"):
        assert any(answer.startswith(beginning) for answer in answers), beginning
    for hint in ("Did you mean", "Type help"):
        assert any(hint in answer for answer in answers), hint


def test_lines_that_do_not_reach_a_game_in_textworld_are_left_out():
    for line in ("tw-print version", " TW-x", "a" * 199, "\\", "go \\north"):
        assert conform._not_passed(line)
    for line in ("", "go north", "a" * 198, "tw"):
        assert not conform._not_passed(line)


@pytest.mark.parametrize(("feedback", "answer"), [
    ("\n-= Hall =-\nA hall.\n\n\n>     -= Hall =-0/3", "-= Hall =-\nA hall."),
    ("\nYou win!\n\n\n      *** The End ***\n\nYou scored 1.\n>", "You win!"),
    ("\nCaught.\n\n   *** You lost! ***\n\nYou scored 0.\n>", "Caught."),
    ('\nYou cannot ">x" here.\n\n>  -= Hall =-0/3', 'You cannot ">x" here.'),
])
def test_what_is_heard_is_the_answer_alone(feedback, answer):
    assert heard(feedback) == answer


def test_tallies_add_up():
    tally = Tally(mazes=1, commands=2)
    tally.differing["text"] = 3
    tally.add(Tally(mazes=4, commands=5))
    tally.add(tally)
    assert (tally.mazes, tally.commands, tally.differing["text"]) == (10, 14, 6)


def test_the_command_says_what_it_compared_and_fails_where_anything_differs(monkeypatch):
    result = CliRunner().invoke(main, ["conform", "corridor", "--mazes", "1", "--commands", "20"])
    assert result.exit_code == 0, result.output
    assert "Differing: 0 answers, 0 scores, 0 ends, 0 descriptions, 0 inventories" in result.stdout
    wrong = Tally(mazes=1)
    wrong.differing["end"] = 1
    monkeypatch.setattr(conform, "run", lambda jobs, workers=0: iter([wrong]))
    result = CliRunner().invoke(main, ["conform", "corridor", "--mazes", "1", "--commands", "1"])
    assert result.exit_code == 1
    assert "Differing: 0 answers, 0 scores, 1 ends, 0 descriptions, 0 inventories" in result.stdout


def test_only_mazes_can_be_compared(tmp_path):
    path = tmp_path / "maze.json"
    path.write_text(make_maze(Recipe(topology="corridor", rooms=3), "train", 0).to_json())
    result = CliRunner().invoke(main, ["conform", str(path), "--mazes", "1", "--commands", "5"])
    assert result.exit_code == 0, result.output
    result = CliRunner().invoke(main, ["conform", "coin_collector"])
    assert result.exit_code == 2
    assert "Only mazes" in result.stderr
