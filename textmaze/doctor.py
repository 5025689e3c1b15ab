"""What is installed, and whether it works: each thing is tried, and whatever raises becomes a line of the findings."""

import contextlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from textmaze.errors import TextmazeError
from textmaze.units import spell

if TYPE_CHECKING:
    from packaging.requirements import Requirement

GOOD, NOTE, BAD = "ok", "note", "bad"  # a note is about what can be done without
SHOWN = ("torch", "transformers", "gymnasium", "textworld")  # packages whose versions people are asked for
SENTENCE = "You are in a narrow passage. A cold draught comes from the north."
PATIENCE = 90.0  # seconds for TextWorld, which takes some five
DRAWN = "─│█·"  # what maps, tables and bars are made of
_TRY = "from textmaze.doctor import try_textworld; try_textworld()"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    part: str
    name: str
    state: str
    told: str
    mend: str = ""  # what to do


Check = Callable[[], Iterator[Finding]]


def parts() -> dict[str, Check]:
    """All that is looked at, the slowest last."""
    from textmaze.cache_health import cache

    return {"Packages": packages, "Terminal": terminal, "Cache": cache, "Encoder": encoder, "TextWorld": textworld}


def examine(part: str, check: Check) -> Iterator[Finding]:
    """The findings of one part; what raises is one of them."""
    try:
        yield from check()
    except TextmazeError as error:
        yield Finding(part, part.lower(), BAD, str(error))
    except Exception as error:  # of any library, and of any kind: that it is broken is what is to be told
        said = " ".join(f"{type(error).__name__}: {error}".split())
        missing = (error.name or "").partition(".")[0] if isinstance(error, ImportError) else ""
        yield Finding(part, part.lower(), BAD, said, f"pip install --force-reinstall {missing or 'textmaze'}")


def packages() -> Iterator[Finding]:
    """Python, what textmaze needs, and its extras, by what it says itself of what it needs."""
    part = "Packages"
    try:
        found = metadata.distribution("textmaze")
    except metadata.PackageNotFoundError:
        yield Finding(part, "textmaze", NOTE, "it is not installed, so nothing tells what it needs",
                      "pip install -e . in the folder of the clone")
        return
    from packaging.requirements import Requirement

    wanted = [Requirement(text) for text in found.requires or []]
    yield Finding(part, "textmaze", GOOD, f"{found.version}, Python {platform.python_version()}, {platform.system()} "
                                          f"{platform.machine()}")
    needed = [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    lacks = [one for one in needed if _lack(one)]
    if not lacks:
        shown = [one.name for one in needed if one.name in SHOWN]
        versions = ", ".join(f"{name} {metadata.version(name)}" for name in sorted(shown, key=SHOWN.index))
        yield Finding(part, "needed", GOOD, f"{versions}, and {len(needed) - len(shown)} others")
    for one in lacks:
        yield Finding(part, one.name, BAD, _lack(one), f"pip install '{one.name}{one.specifier}'")
    if "textworld" not in {one.name for one in needed}:
        yield Finding(part, "textworld", NOTE, "it has no package for this machine; all works but TextWorld's "
                                               "own games and exports to it")
    for extra in found.metadata.get_all("Provides-Extra") or []:
        own = [one for one in wanted
               if one.marker and one.marker.evaluate({"extra": extra}) and not one.marker.evaluate({"extra": ""})]
        lacking = [f"{one.name} {_lack(one)}" for one in own if _lack(one)]
        if lacking:
            yield Finding(part, f"[{extra}]", NOTE, ", ".join(lacking), f"pip install 'textmaze[{extra}]'")
        else:
            versions = ", ".join(f"{one.name} {metadata.version(one.name)}" for one in own)
            yield Finding(part, f"[{extra}]", GOOD, versions)


def _lack(wanted: "Requirement") -> str:
    """What is wrong with a package; nothing if it is as it is wanted."""
    try:
        version = metadata.version(wanted.name)
    except metadata.PackageNotFoundError:
        return "is missing"
    if wanted.specifier.contains(version, prereleases=True):
        return ""
    return f"{version} does not do, it must be {wanted.specifier}"


def terminal() -> Iterator[Finding]:
    """Whether what is drawn and coloured can be shown."""
    from rich.console import Console

    part, console = "Terminal", Console()
    if console.is_terminal:
        width, height = shutil.get_terminal_size()
        if width < 80 or height < 24:
            yield Finding(part, "size", NOTE, f"{width}x{height}; tables and maps are made for 80x24", "enlarge it")
        else:
            yield Finding(part, "size", GOOD, f"{width}x{height}")
        wish = " (NO_COLOR is set)" if console.no_color else ""
        yield Finding(part, "colours", GOOD, f"{console.color_system or 'none'}{wish}")
    else:
        yield Finding(part, "output", GOOD, "it goes into a pipe or a file, so nothing is coloured")
    encoding = sys.stdout.encoding or "ascii"
    try:
        DRAWN.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        yield Finding(part, "encoding", NOTE, f"{encoding}, which cannot show what maps and tables are made of",
                      "export PYTHONUTF8=1")
    else:
        yield Finding(part, "encoding", GOOD, encoding)


def encoder() -> Iterator[Finding]:
    """The default encoder, loaded as a training loads it, and one sentence read by it."""
    import torch
    from rich.filesize import decimal

    from textmaze.game.story import processors
    from textmaze.learn.bert import Bert
    from textmaze.learn.language_model import packaged_model as language_model
    from textmaze.learn.packaged import DEFAULT_MODEL, packaged_model

    part = "Encoder"
    folder = packaged_model()
    size = decimal(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))
    start = time.perf_counter()
    model = Bert(precision="auto")
    seconds = time.perf_counter() - start
    yield Finding(part, "weights", GOOD, f"{DEFAULT_MODEL}, {size}, loaded in {spell(seconds)} from {folder}")
    if model.device == "cuda":
        device = f"cuda, {torch.cuda.get_device_name()}"
    else:
        device = f"cpu, {torch.backends.cpu.get_cpu_capability()}"
    yield Finding(part, "device", GOOD, f"{device}; {model.precision}; threads: {torch.get_num_threads()} for each "
                                        f"of {processors()} processors")
    model.tokens([SENTENCE])  # the first time, memory is made for it
    start = time.perf_counter()
    (vectors,) = model.tokens([SENTENCE])
    seconds = time.perf_counter() - start
    if bool(torch.isfinite(vectors).all()):
        yield Finding(part, "reading", GOOD, f"a sentence of {len(vectors)} tokens in {spell(seconds)}")
    else:
        yield Finding(part, "reading", BAD, f"what {model.precision} makes of a sentence is no number",
                      "--set precision=float32")
    try:
        weights = language_model()
        yield Finding(part, "language", GOOD, f"{weights.name}, {decimal(weights.stat().st_size)}")
    except TextmazeError as error:
        said, _, mend = str(error).partition(": ")
        yield Finding(part, "language", NOTE, said, mend.rstrip("."))


def textworld() -> Iterator[Finding]:
    """TextWorld's compiler and its interpreter, tried in another process, which may hang or break down."""
    part = "TextWorld"
    try:
        metadata.version("textworld")
    except metadata.PackageNotFoundError:
        yield Finding(part, "textworld", NOTE, "it is not installed, so its games cannot be played, nor mazes exported",
                      "pip install textworld, on Linux or macOS with x86_64")
        return
    output, errors, code = _tried([sys.executable, "-c", _TRY], PATIENCE)
    done: dict[str, str] = {}
    for line in output.splitlines():
        with contextlib.suppress(ValueError):  # a library may have said something too
            done.update(json.loads(line))
    for name in ("compiler", "interpreter"):
        if name in done:
            yield Finding(part, name, GOOD, done[name])
            continue
        why = f"nothing came of it for {spell(PATIENCE)}"
        if code is not None:
            why = (errors.splitlines() or ["it broke down"])[-1]
        yield Finding(part, name, BAD, why, "pip install --force-reinstall --no-deps textworld jericho")
        return


def _tried(command: list[str], patience: float) -> tuple[str, str, int | None]:
    """What a command said, and its exit code; None where it was stopped, with all that it had started."""
    from textmaze.game.interpreter import environment

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
                          env=environment()) as process:
        try:
            output, errors = process.communicate(timeout=patience)
            return output, errors, process.returncode
        except BaseException as error:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            output, errors = process.communicate()
            return output, errors, None


def try_textworld() -> None:
    """Export a small maze, read it back from the interpreter, and say how each went, a line of JSON each."""
    import tempfile

    from textmaze.game.explore import explore
    from textmaze.game.export import export_z8
    from textmaze.game.generate import make_maze
    from textmaze.game.recipe import Recipe
    from textmaze.game.situation import StoryWorld
    from textmaze.game.table import maze_table

    maze = make_maze(Recipe(topology="corridor", rooms=3), "train", 0)
    with tempfile.TemporaryDirectory(prefix="textmaze-") as folder:
        path, start = Path(folder) / "try.z8", time.perf_counter()
        try:
            export_z8(maze, path)
            print(json.dumps({"compiler": f"a maze of 3 rooms in {spell(time.perf_counter() - start)}"}), flush=True)
            start = time.perf_counter()
            table = explore(StoryWorld(path.read_bytes(), path.with_suffix(".json").read_bytes(), path.name))
        except TextmazeError as error:
            raise SystemExit(str(error)) from None
    if table is None or table.shortest_way() != maze_table(maze).shortest_way():
        raise SystemExit("What TextWorld's interpreter says of a maze is not what the maze is.")
    print(json.dumps({"interpreter": f"read it in {spell(time.perf_counter() - start)}"}), flush=True)
