"""The settings that a Python file declares, read and not run: an agent's file may import torch, or be a stranger's."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import textmaze


class Declared(NamedTuple):
    """What is told of a setting."""

    help: str
    choices: tuple[str, ...]  # none where it is free


def declared(path: Path, name: str = "Settings") -> dict[str, Declared]:
    """The settings of the dataclass `name` in a file, in their order; those that are no `setting(...)` tell nothing."""
    tree = ast.parse(path.read_text("utf-8"))
    (found,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    settings = {}
    for node in found.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            switch = isinstance(node.annotation, ast.Name) and node.annotation.id == "bool"
            settings[node.target.id] = _told(node.value, tree, switch)
    return settings


def source(module: str) -> Path:
    """The file of a module of ours."""
    return Path(textmaze.__file__).parent.joinpath(*module.split(".")[1:]).with_suffix(".py")


def _told(value: ast.expr | None, tree: ast.Module, switch: bool) -> Declared:
    free = ("true", "false") if switch else ()
    if not (isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "setting"):
        return Declared("", free)
    meaning = value.args[1].value if len(value.args) > 1 and isinstance(value.args[1], ast.Constant) else ""
    choices = next((keyword.value for keyword in value.keywords if keyword.arg == "choices"), None)
    return Declared(str(meaning), tuple(_texts(choices, tree)) if choices else free)


def _texts(node: ast.expr, tree: ast.Module) -> Iterator[str]:
    """The texts in an expression that is no more than texts, tuples, dicts (whose keys count) and names of these."""
    match node:
        case ast.Constant(str(text)):
            yield text
        case ast.Tuple(parts) | ast.List(parts):
            for part in parts:
                yield from _texts(part, tree)
        case ast.Dict(keys):
            for key in keys:
                if key is not None:
                    yield from _texts(key, tree)
        case ast.Starred(inner) | ast.Call(ast.Name("tuple"), [inner]):
            yield from _texts(inner, tree)
        case ast.Name(name):
            yield from _named(name, tree)


def _named(name: str, tree: ast.Module) -> Iterator[str]:
    """The same of what a name stands for at the top of a file, or of one of ours that it is imported from."""
    for node in tree.body:
        match node:
            case ast.Assign([ast.Name(target)], value) | ast.AnnAssign(ast.Name(target), _, ast.expr() as value):
                if target == name:
                    yield from _texts(value, tree)
            case ast.ImportFrom(str(module), aliases) if module.startswith("textmaze."):
                for alias in aliases:
                    if (alias.asname or alias.name) == name:
                        yield from _named(alias.name, ast.parse(source(module).read_text("utf-8")))
