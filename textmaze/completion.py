"""What a shell completes: games, agents, settings and files. Nothing heavy is imported, and whatever is wrong completes
to nothing: the command itself will say it."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

Pairs = Iterable[tuple[str, str]]  # a value, and what is told of it
Completer = Callable[[click.Context, click.Parameter, str], list["CompletionItem[str]"]]
GAME_ENDINGS = (".toml", ".json", ".z8")
MOST_RUNS = 50  # that are offered before anything is typed


def _completer(find: Callable[[click.Context, str], Pairs]) -> Completer:
    """What `find` tells, as far as it begins as what was typed."""

    def complete(context: click.Context, _: click.Parameter, typed: str) -> "list[CompletionItem[str]]":
        try:
            found = dict(find(context, typed))
        except Exception:  # nobody wants to read an error in the midst of a line that is being typed
            return []
        return [CompletionItem(value, help=told or None) for value, told in found.items() if value.startswith(typed)]

    return complete


# -- names -----------------------------------------------------------------------------------------------------------


def _recipes_and_suites() -> Pairs:
    from textmaze.catalog import game_files
    from textmaze.suite import suite_files

    return _summaries({**game_files(), **suite_files()})


def _summaries(files: Mapping[str, Path]) -> Pairs:
    from textmaze.game.recipe import read_toml

    return [(name, str(read_toml(path).get("summary", ""))) for name, path in files.items()]


def _agents_and_runs(typed: str) -> Pairs:
    from textmaze.catalog import agent_files, card_line, first_line, pretrained

    yield from ((name, first_line(path)) for name, path in agent_files().items())
    yield from ((name, card_line(folder)) for name, folder in pretrained().items())
    if not typed:
        yield from ((str(path.parent), "a run") for path in sorted(Path("runs").glob("*/config.json"))[:MOST_RUNS])
    yield from _files(typed, ".py", is_run=True)


def _files(typed: str, *endings: str, is_run: bool = False) -> Pairs:
    """Files with these endings, and folders, where what was typed leads to; a run's folder is itself what is meant."""
    head, slash, start = typed.rpartition("/")
    for path in sorted(Path(f"{head}{slash}" or ".").expanduser().iterdir()):
        if path.name.startswith(".") and not start.startswith("."):
            continue
        if path.is_dir():
            run = is_run and (path / "config.json").is_file()
            if run or typed:  # else the names would drown in them
                yield f"{head}{slash}{path.name}{'' if run else '/'}", "a run" if run else ""
        elif path.suffix in endings:
            yield f"{head}{slash}{path.name}", ""


@_completer
def games(context: click.Context, typed: str) -> Pairs:
    return [*_recipes_and_suites(), *_files(typed, *GAME_ENDINGS)]


@_completer
def agents(context: click.Context, typed: str) -> Pairs:
    return _agents_and_runs(typed)


@_completer
def agents_and_mixtures(context: click.Context, typed: str) -> Pairs:
    from textmaze.files import shipped_folder

    shipped = sorted((shipped_folder("games") / "mixtures").glob("*.toml"))
    return [*_agents_and_runs(typed), *_summaries({path.name: path for path in shipped}), *_files(typed, ".toml")]


@_completer
def agents_and_games(context: click.Context, typed: str) -> Pairs:
    return [*_agents_and_runs(typed), *_recipes_and_suites(), *_files(typed, *GAME_ENDINGS)]


@_completer
def suites(context: click.Context, typed: str) -> Pairs:
    from textmaze.suite import suite_files

    return [*_summaries(suite_files()), *_files(typed, ".toml")]


@_completer
def protocols(context: click.Context, typed: str) -> Pairs:
    from textmaze.files import shipped_folder

    shipped = sorted((shipped_folder("games") / "protocols").glob("*.toml"))
    return [*_summaries({path.stem: path for path in shipped}), *_files(typed, ".toml")]


@_completer
def code(context: click.Context, typed: str) -> Pairs:
    return _files(typed, ".py")


@_completer
def encoders(context: click.Context, typed: str) -> Pairs:
    from textmaze.learn.packaged import DEFAULT_MODEL, LARGE_MODEL

    return [(DEFAULT_MODEL, "the packaged BERT"), (LARGE_MODEL, "MPNet, larger"), ("hash", "random vectors"),
            *_files(typed)]


@_completer
def noises(context: click.Context, typed: str) -> Pairs:
    from textmaze.declared import declared, source

    return [(f"{kind}=", told.help) for kind, told in declared(source("textmaze.env.noise"), "Noise").items()]


@_completer
def saves(context: click.Context, typed: str) -> Pairs:
    from textmaze.show.saves import saved

    return [(name, "a saved game") for name in saved()]


# -- settings --------------------------------------------------------------------------------------------------------


@_completer
def recipe_settings(context: click.Context, typed: str) -> Pairs:
    """KEY= of the game that the line names, and its choices once there is a `=`."""
    from textmaze.files import shipped_folder

    themes = sorted(path.stem for path in (shipped_folder("games") / "themes").glob("*.toml"))
    return _settings(_of_game(_named_game(_given(context))), typed, {"theme": themes})


@_completer
def agent_settings(context: click.Context, typed: str) -> Pairs:
    """The same of the agent, and of the training where it is trained."""
    from textmaze.catalog import agent_files, run_folder
    from textmaze.declared import declared, source

    given = _given(context)
    name = str(given.get("agent") or given.get("spec") or "bert_q")
    folder = run_folder(name)
    if folder is not None:
        name = given.get("code") or json.loads((folder / "config.json").read_text("utf-8"))["agent"]
    found = declared(Path(name) if name.endswith(".py") else agent_files()[name])
    if context.command.name == "train":
        found.update(declared(source("textmaze.learn.train"), "TrainSettings"))
    return _settings(found, typed)


def _settings(found: Mapping[str, tuple[str, Iterable[str]]], typed: str,
              more: Mapping[str, Iterable[str]] | None = None) -> Pairs:
    key, equals, _ = typed.partition("=")
    if not equals:
        return [(f"{name}=", told) for name, (told, _) in found.items()]
    return [(f"{key}={choice}", "") for choice in (more or {}).get(key) or found[key][1]]


def _given(context: click.Context) -> dict[str, Any]:
    """The parameters so far. As an option that has no value yet stops click, it leaves arguments to be dealt out."""
    arguments = [param for param in context.command.params if isinstance(param, click.Argument)]
    if arguments and arguments[0].nargs == -1 and context.args:
        return {**context.params, str(arguments[0].name): context.args}
    names = (str(param.name) for param in arguments)
    return {**context.params, **dict(zip(names, context.args, strict=False))}


def _named_game(given: Mapping[str, Any]) -> str:
    """The game that the line names so far; none where it names none."""
    several = given.get("names") or ("",)
    return str(next(filter(None, (given.get("suite"), given.get("game"), given.get("name"), several[-1])), ""))


def _of_game(spec: str) -> dict[str, tuple[str, Iterable[str]]]:
    """The settings of a game; of a suite, those that all of its games have."""
    from dataclasses import fields

    from textmaze.catalog import game_files
    from textmaze.game.recipe import KINDS, Limits, Recipe, read_toml
    from textmaze.suite import is_suite, suite_files

    files = game_files()
    kinds: list[type] = [Recipe]
    if spec.endswith((".json", ".z8")):
        kinds = [Limits]
    elif spec and is_suite(spec):
        path = suite_files().get(spec.removesuffix(".toml"), Path(spec))
        kinds = [KINDS[read_toml(files[game["game"]]).get("kind", "maze")] for game in read_toml(path)["games"]]
    elif spec in files or spec.endswith(".toml"):
        kinds = [KINDS[read_toml(files.get(spec, Path(spec))).get("kind", "maze")]]
    shared = set.intersection(*({field.name for field in fields(kind)} for kind in kinds)) - {"title", "summary"}
    return {
        field.name: (str(field.metadata.get("help", "")),
                     field.metadata.get("choices") or (("true", "false") if field.type in (bool, "bool") else ()))
        for field in fields(kinds[0]) if field.name in shared
    }
