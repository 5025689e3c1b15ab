"""What is shipped, what it imports, and that it works wherever it is put."""

import importlib.metadata
import os
import pkgutil
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import textmaze

ROOT = Path(textmaze.__file__).parent.parent
HEAVY = ("torch", "textworld", "transformers", "jericho", "tensorboard")


def modules(*packages: str) -> list[str]:
    """The names of all modules in these packages of ours."""
    found = []
    for package in packages:
        folder = ROOT.joinpath(*package.split("."))
        found += [package, *(f"{package}.{module.name}" for module in pkgutil.iter_modules([str(folder)]))]
    return found


def imported(code: str, names: tuple[str, ...]) -> list[str]:
    """Which of the packages a fresh Python has imported once it has run the code."""
    code += f"\nimport sys; print('imported:', *(name for name in {names!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1].split()[1:]


def test_the_package_is_imported_without_anything_heavy():
    assert imported("import textmaze", (*HEAVY, "rich", "scipy")) == []


def test_games_and_environments_are_imported_without_anything_heavy():
    names = modules("textmaze.game", "textmaze.env")
    assert {"textmaze.game.story", "textmaze.game.table", "textmaze.env.vector", "textmaze.env.rollout"} <= set(names)
    assert imported("".join(f"import {name}\n" for name in names), HEAVY) == []


def test_games_and_environments_are_made_and_played_without_anything_heavy():
    code = ("import gymnasium, textmaze\nenv = gymnasium.make_vec('textmaze/Maze-v0', num_envs=2)\nenv.reset(seed=0)\n"
            "env.step(['wait', 'wait'])\n")
    assert imported(code, HEAVY) == []


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--help"], (*HEAVY, "rich", "scipy")),
        (["train", "--help"], (*HEAVY, "rich", "scipy")),
        (["games"], (*HEAVY, "rich", "scipy")),
        (["agents"], (*HEAVY, "rich", "scipy")),
        (["solve", "corridor"], HEAVY),
    ],
)
def test_a_command_imports_only_what_it_needs(arguments, names):
    code = f"from textmaze.cli import main\nmain({arguments!r}, standalone_mode=False)"
    assert imported(code, names) == []


def test_the_version_is_the_one_that_is_installed():
    assert importlib.metadata.version("textmaze") == textmaze.__version__


def test_a_command_line_is_installed():
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="textmaze")
    assert script.value == "textmaze.cli:main"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the clone, as building leaves files behind."""
    copy = tmp_path_factory.mktemp("copy")
    for name in ("textmaze", "agents", "games", "tests"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    # What pip would run, without its isolation: that would fetch setuptools anew.
    done = subprocess.run([sys.executable, "-c", "from setuptools import build_meta; build_meta.build_wheel('dist')"],
                          cwd=copy, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (found,) = (copy / "dist").glob("*.whl")
    return found


def test_a_wheel_holds_all_of_the_package_and_nothing_else(wheel):
    def files(folder: str, pattern: str) -> set[str]:
        return {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob(pattern)}

    ours = files("textmaze", "*.py") | files("textmaze/show/web", "*.*") | {"textmaze/py.typed"}
    plain = files("agents", "*.py") | files("games", "*.toml") | files("agents/pretrained", "*.*")
    games = {f"games/{name}.toml" for name in ("labyrinth", "themes/dungeon", "suites/ladder", "protocols/signposts")}
    assert {"agents/wander.py", "agents/pretrained/ladder/model.safetensors", *games} <= plain
    info = f"textmaze-{textmaze.__version__}.dist-info/"
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if not name.startswith(info)}
        assert f"{info}licenses/LICENSE" in archive.namelist()
    assert held == ours | {f"textmaze/{name}" for name in plain}


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def away(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of the installed package, run far from the clone."""
    code = (f"import textmaze; assert textmaze.__file__.startswith({str(installed)!r}), textmaze.__file__\n"
            f"from textmaze.cli import main; main({list(arguments)!r})")
    return subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "PYTHONPATH": str(installed)})


@pytest.mark.parametrize("stranger", [False, True])
def test_an_installed_wheel_finds_its_games_and_agents_also_beside_a_package_named_agents(
    installed, tmp_path, stranger
):
    if stranger:  # such packages are in wide use
        for name in ("agents", "games"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "__init__.py").write_text("raise RuntimeError('a stranger is imported')")
    games = away(installed, tmp_path, "games")
    assert (games.returncode, games.stderr) == (0, "")
    recipes, _, suites = games.stdout.partition("\n\n")
    assert [line.split()[0] for line in recipes.splitlines()] == sorted(
        path.stem for path in ROOT.glob("games/*.toml"))
    assert [line.split()[0] for line in suites.splitlines()[1:]] == [
        "coin", "ladder", "ladder-train", "school", "themes"]
    assert [path.stem for path in ROOT.glob("games/mixtures/*.toml")] == ["experts"]
    mixed = away(installed, tmp_path, "transcript", "experts.toml", "--episodes", "9", "--format", "chat")
    assert (mixed.returncode, mixed.stdout.count("\n")) == (0, 9)
    agents = away(installed, tmp_path, "agents")
    assert [line.split()[0] for line in agents.stdout.splitlines() if line and not line.endswith(":")] == [
        "bert_q", "drrn", "explorer", "human", "llm", "walkthrough", "wander", "ladder"
    ]
    solved = away(installed, tmp_path, "transcript", "walkthrough", "labyrinth", "--format", "markdown")
    assert (solved.returncode, solved.stderr) == (0, "")
    assert "Won in " in solved.stdout


@pytest.mark.slow
def test_an_installed_wheel_measures_and_trains(installed, tmp_path):
    measured = away(installed, tmp_path, "evaluate", "wander", "labyrinth", "--episodes", "5")
    assert (measured.returncode, measured.stderr) == (0, "")
    fast = ["--set", "encoder=hash", "--set", "valid_episodes=5", "--episodes", "5"]
    trained = away(installed, tmp_path, "train", "corridor", "--steps", "200", "--out", "run", *fast)
    assert (trained.returncode, trained.stderr) == (0, "")
    assert "│ bert_q      │ unseen │" in trained.stdout
    assert (tmp_path / "run" / "model.safetensors").is_file()
