"""The docs: what they tell people to type works as it stands there, and the site is whole and needs no network."""

import functools
import http.server
import importlib.util
import os
import re
import shlex
import subprocess
import sys
import threading
from dataclasses import dataclass, make_dataclass
from pathlib import Path

import pytest
from browser import chromium

from textmaze.catalog import agent_files, game_files, pretrained
from textmaze.cli import main
from textmaze.learn.protocol import protocol_files
from textmaze.learn.scorers import SCORERS
from textmaze.settings import setting

ROOT = Path(__file__).parent.parent
PAGES = sorted(path for path in (ROOT / "docs").rglob("*.md") if path.name != "log.md")
# A comment above a block says why it is not run, what it needs to be run, what is run in its place to be quick, or why
# its output is not always the same.
BLOCK = re.compile(
    r'(?:^<!-- (not run|needs|differs|shortened): ([^>]*?) -->\n+)?^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$',
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """What stands between fences."""

    mark: str
    reason: str
    language: str
    title: str
    text: str


def blocks(page):
    return [Block(*(part or "" for part in found)) for found in BLOCK.findall(page.read_text("utf-8"))]


def run(command, folder, typed=""):
    # The console script stands beside the interpreter, whether or not the environment is activated.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False, input=typed,
                          env={**os.environ, "PATH": path, "COLUMNS": "100", "TEXTMAZE_CACHE": str(folder / ".cache"),
                               "TEXTMAZE_SAVES": str(folder / ".saves")})
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def assert_printed(shown, printed):
    """Word for word, as windows wrap lines; a line of three dots stands for what is left out."""
    pieces = re.split(r"^\.\.\.$", shown, flags=re.MULTILINE)
    pattern = ".*".join(r"\s+".join(map(re.escape, piece.split())) for piece in pieces)
    assert re.fullmatch(rf"\s*{pattern}\s*", printed, re.DOTALL), f"Shown:\n{shown}\nPrinted:\n{printed}"


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_tells_people_to_type_works_and_prints_what_is_shown(page, tmp_path):
    printed = None  # by the block before, if that was run
    for block in blocks(page):
        lacking = block.mark == "needs" and not all(map(importlib.util.find_spec, block.reason.split(", ")))
        if block.mark == "not run" or lacking:
            printed = None
        elif block.title:
            (tmp_path / block.title).write_text(block.text, "utf-8")
        elif block.language == "sh":
            text = block.text
            if block.mark == "shortened":
                for change in block.reason.split(", "):
                    long, short = change.split(" is run as ")
                    assert long in text
                    text = text.replace(long, short)
            printed = run(["bash", "-e", "-c", text], tmp_path)
        elif block.language == "python":
            printed = run([sys.executable, "-c", block.text], tmp_path)
        elif block.text.startswith("$ "):
            command, _, session = block.text.partition("\n")
            typed = "".join(f"{line[2:]}\n" for line in session.splitlines() if line.startswith("> "))
            assert session.split() == run(shlex.split(command[2:]), tmp_path, typed).split()
        elif printed is not None and block.mark != "differs":
            assert_printed(block.text, printed)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_a_page_is_found_and_says_what_it_is(page):
    found = blocks(page)
    assert len(found) == len(re.findall(r"^```\w", page.read_text("utf-8"), re.MULTILINE))
    assert {block.language for block in found} <= {"sh", "python", "toml", "text"}
    assert all(block.title for block in found if block.language == "toml")


@pytest.fixture(scope="module")
def reference():
    found = importlib.util.spec_from_file_location("reference", ROOT / "docs" / "hooks" / "reference.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_whatever_is_shipped_has_a_page_of_the_reference(reference):
    written = [path for path, _, _ in reference.pages()]
    assert len(set(written)) == len(written)
    assert {f"reference/games/{name}.md" for name in game_files()} <= set(written)
    assert {f"reference/agents/{name}.md" for name in (*agent_files(), *pretrained())} <= set(written)


def test_the_reference_names_every_command_setting_scorer_and_protocol(reference):
    texts = {path: write() for path, _, write in reference.pages() if "/games/" not in path}
    for name, command in main.commands.items():
        assert f"## textmaze {name}\n" in texts["reference/commands.md"]
        for option in command.params:
            assert option.param_type_name == "argument" or option.opts[0] in texts["reference/commands.md"]
    for name, path in agent_files().items():
        settings = reference.load_agent(name).Settings
        rows = [line for line in texts[f"reference/agents/{name}.md"].splitlines() if line.startswith("| `")]
        assert [row.split("`")[1] for row in rows] == list(settings.__dataclass_fields__), path
    for name in SCORERS:
        assert f"`{name}` | " in texts["reference/scorers.md"]
    for name in protocol_files():
        assert f"### {name}\n" in texts["reference/protocols.md"]


@pytest.mark.parametrize(("default", "limits", "shown"), [
    (3, {"low": 1, "high": 1000}, "| `3` | 1 to 1,000 |"), (0.5, {"low": 0.0}, "| `0.5` | at least 0 |"),
    (False, {}, "| `false` |  |"), ("", {}, '| `""` |  |'), ("b", {"choices": ["a", "b"]}, "| `b` | `a`, `b` |"),
    ("a", {"choices": ["a"], "code": True}, "| `a` | `a`, or a .py file |"),
])
def test_a_setting_tells_its_meaning_default_and_limits(reference, default, limits, shown):
    kind = make_dataclass("Kind", [("size", type(default), setting(default, "how | `much` of_it", **limits))])
    assert reference.settings_table(kind).splitlines()[-1] == rf"| `size` | how \| `much` of\_it {shown}"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("material", reason="no MkDocs Material here: pip install -e '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run([sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
                          cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_the_site_opens_in_light_and_dark_on_large_and_small_screens_without_a_network(site):
    """No page logs an error, asks another server for anything, or is wider than its window."""
    handler = functools.partial(QuietHandler, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, chromium() as browser:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        home = f"http://127.0.0.1:{server.server_port}/"
        for theme, (width, height) in [("light", (1280, 800)), ("dark", (390, 844))]:
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
            page, said, asked = context.new_page(), [], []
            page.on("console", lambda message, said=said: said.append(message.text))
            page.on("pageerror", lambda error, said=said: said.append(str(error)))
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            for name in ("index", "tutorial", "guides/agent", "reference/games/labyrinth", "reference/agents/bert_q",
                         "reference/commands", "watch", "log"):
                page.goto(f"{home}{name}.html")
                page.wait_for_load_state("networkidle")
                assert page.evaluate("document.documentElement.scrollWidth") <= width, name
                if name != "watch":
                    scheme = page.evaluate("document.body.dataset.mdColorScheme")
                    assert scheme == {"light": "default", "dark": "slate"}[theme]
            context.close()
            assert said == []
            assert [url for url in asked if not url.startswith((home, "data:", "blob:"))] == []
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass
