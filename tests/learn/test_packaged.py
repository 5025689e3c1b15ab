"""Encoders from PyPI: the large one is put together from its parts, whole and true or not at all."""

import hashlib
import io
import sys
import zipfile

import pytest

from textmaze.errors import TextmazeError
from textmaze.learn import packaged
from textmaze.learn.packaged import HUB_NAME, LARGE_MODEL, place_of

WEIGHTS = b"weights" * 1000


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTMAZE_CACHE", str(tmp_path / "cache"))
    # Whether the real parts are installed must not matter.
    monkeypatch.setattr(packaged, "_PARTS", tuple(f"parts-of-a-tiny-encoder_{number}" for number in range(1, 6)))
    monkeypatch.setattr(packaged, "_SHA256", hashlib.sha256(WEIGHTS).hexdigest())
    return tmp_path / "cache"


def archive(left_out=(), weights=WEIGHTS):
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as file:
        for name in (*packaged._FILES, "../README.md"):
            if name not in left_out:
                file.writestr(f"{LARGE_MODEL}/{name}", weights if name == packaged._WEIGHTS else name)
    return whole.getvalue()


def install(folder, monkeypatch, data, parts=5):
    """Packages that carry the data in so many parts."""
    size = -(-len(data) // 5)
    for number in range(1, parts + 1):
        inside = folder / f"parts-of-a-tiny-encoder_{number}" / "input"
        inside.mkdir(parents=True)
        (inside.parent / "__init__.py").touch()
        (inside / f"{LARGE_MODEL}.zip.{number:03}").write_bytes(data[(number - 1) * size: number * size])
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])


def test_its_parts_become_one_folder_and_are_needed_no_more(tmp_path, cache, monkeypatch):
    install(tmp_path / "site", monkeypatch, archive())
    folder = place_of(LARGE_MODEL)
    assert folder == cache / "encoders" / LARGE_MODEL
    assert {path.name for path in folder.iterdir()} == set(packaged._FILES)
    assert (folder / packaged._WEIGHTS).read_bytes() == WEIGHTS
    monkeypatch.setattr(sys, "path", sys.path[1:])
    assert place_of(LARGE_MODEL) == folder


def test_without_its_parts_it_is_the_hubs(tmp_path, cache, monkeypatch):
    assert place_of(LARGE_MODEL) == HUB_NAME
    install(tmp_path / "site", monkeypatch, archive(), parts=4)
    assert place_of(LARGE_MODEL) == HUB_NAME
    assert not cache.exists()


@pytest.mark.parametrize("data", [
    archive(weights=b"other"), archive(left_out=["config.json"]), archive()[:-500], b"no archive",
], ids=["other weights", "no config", "cut off", "no archive"])
def test_damaged_parts_are_refused_in_one_sentence_and_no_weights_are_kept(data, tmp_path, cache, monkeypatch):
    install(tmp_path / "site", monkeypatch, data)
    with pytest.raises(TextmazeError, match=r"are damaged: .*Install them anew"):
        place_of(LARGE_MODEL)
    assert not list(cache.rglob(f"*{packaged._WEIGHTS}*"))


def test_what_is_too_large_is_not_unpacked(tmp_path, cache, monkeypatch):
    install(tmp_path / "site", monkeypatch, archive())
    monkeypatch.setattr(packaged, "_LARGEST", len(WEIGHTS) - 1)
    with pytest.raises(TextmazeError, match=f"{packaged._WEIGHTS} is too large"):
        place_of(LARGE_MODEL)
    assert not list(cache.rglob(f"*{packaged._WEIGHTS}*"))


def test_any_other_name_stays_as_it_is():
    assert place_of("some/encoder") == "some/encoder"
