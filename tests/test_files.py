"""Files are written whole or not at all."""

import os
import stat

import pytest

from textmaze.errors import RunError
from textmaze.files import cache_folder, shipped_folder, write_file


def test_text_and_bytes_are_written_as_they_are(tmp_path):
    write_file(tmp_path / "a" / "b" / "text", "é\n")
    write_file(tmp_path / "bytes", b"\0\r\n")
    assert (tmp_path / "a" / "b" / "text").read_bytes() == "é\n".encode()
    assert (tmp_path / "bytes").read_bytes() == b"\0\r\n"


def test_an_existing_file_is_replaced_and_nothing_else_is_left(tmp_path):
    target = tmp_path / "file"
    write_file(target, "a long old text")
    write_file(target, "new")
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_is_as_readable_as_any_other(tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    write_file(tmp_path / "written", "")
    assert stat.S_IMODE((tmp_path / "written").stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


@pytest.mark.parametrize("step", ["fsync", "replace", "chmod"])
def test_a_failure_at_any_point_leaves_the_old_file_and_no_temporary(tmp_path, monkeypatch, step):
    def fail(*args):
        raise OSError(28, "No space left on device")

    target = tmp_path / "file"
    write_file(target, "old")
    monkeypatch.setattr(os, step, fail)
    with pytest.raises(RunError, match=r"cannot be written: No space left on device\."):
        write_file(target, "new")
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_an_interrupt_leaves_the_old_file_and_no_temporary_and_goes_on_up(tmp_path, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    target = tmp_path / "file"
    write_file(target, "old")
    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_file(target, "new")
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_folder_that_is_a_file_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunError, match="cannot be written"):
        write_file(tmp_path / "file" / "below", "x")


def test_a_target_that_is_a_folder_is_left_alone(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(RunError, match="cannot be written"):
        write_file(tmp_path / "folder", "x")
    assert os.listdir(tmp_path) == ["folder"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_cannot_be_written_to(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(RunError, match="cannot be written: Permission denied"):
        write_file(tmp_path / "file", "x")


def test_a_folder_that_refuses_new_files_gives_a_run_error(tmp_path, monkeypatch):
    # Stands in for the permission that root is never denied.
    def deny(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", deny)
    with pytest.raises(RunError, match=r"cannot be written: Permission denied\."):
        write_file(tmp_path / "file", "x")


def test_the_shipped_folders_are_there():
    assert (shipped_folder("games") / "labyrinth.toml").is_file()
    assert (shipped_folder("agents") / "wander.py").is_file()


def test_the_cache_folder_can_be_moved(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTMAZE_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("TEXTMAZE_CACHE")
    assert cache_folder().name == "textmaze"
