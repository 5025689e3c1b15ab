"""The formats together: whatever carries enough is read back without loss, and no changed character goes unnoticed."""

import gzip

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from transcripts import played, proved, weighed

from textmaze.errors import TextmazeError, UnknownNameError
from textmaze.show import replay
from textmaze.show.formats import Format, format_names, load_format, named_format, read
from textmaze.show.replay import verified
from textmaze.show.streams import compressed, encoded
from textmaze.show.transcript import DamagedError

READ = ("chat", "jsonl", "parquet")


def content(name, header, episodes, **options):
    return b"".join(encoded(load_format(name).write(episodes, header, **options)))


def prove(path):
    """What `textmaze verify` does."""
    found, header, episodes = read(path)
    return header, list(verified(header, episodes, found.prove or replay.prove))


def test_formats_are_the_files_of_the_folder():
    assert {"cast", "chat", "jsonl", "markdown", "parquet"} <= set(format_names())
    assert all(isinstance(load_format(name), Format) for name in format_names())
    with pytest.raises(UnknownNameError, match="did you mean 'markdown'"):
        load_format("markdwn")


@pytest.mark.parametrize(("name", "kind"), [
    ("a.jsonl", "jsonl"), ("a.jsonl.gz", "jsonl"), ("a.chat.jsonl", "chat"), ("a.chat.jsonl.gz", "chat"),
    ("a.md", "markdown"), ("b.parquet", "parquet"), ("c.cast", "cast"),
])
def test_a_name_says_its_format(tmp_path, name, kind):
    assert named_format(tmp_path / name).name == kind


def test_a_name_that_says_none_is_refused_with_those_that_do(tmp_path):
    with pytest.raises(TextmazeError, match=r"it should end with one of .*\.jsonl"):
        named_format(tmp_path / "a.txt")


@pytest.mark.parametrize(("name", "zipped"), [*((name, False) for name in READ), ("chat", True), ("jsonl", True)])
@pytest.mark.parametrize(("spec", "of"), [("corridor", list), ("labyrinth", weighed), ("keys", list)])
def test_what_is_written_is_read_back_whatever_the_file_is_called(tmp_path, name, spec, of, zipped):
    header, episodes = played(spec, "explorer")
    episodes = of(episodes)
    data = content(name, header, episodes)
    path = tmp_path / "called.whatever"
    path.write_bytes(b"".join(compressed([data])) if zipped else data)
    assert prove(path) == (header, episodes)
    assert content(name, header, episodes) == data


@pytest.mark.parametrize("name", READ)
def test_a_mixture_of_games_keeps_which_is_which(tmp_path, name):
    header, episodes = played("ladder", "walkthrough", seeds=range(5, 20))
    path = tmp_path / "t"
    path.write_bytes(content(name, header, episodes[::2]))
    assert prove(path) == (header, episodes[::2])


@pytest.mark.parametrize("name", ["cast", "markdown"])
def test_what_does_not_carry_enough_says_what_is_lost_and_is_not_read(tmp_path, name):
    found = load_format(name)
    assert found.read is None
    assert found.lost.endswith(".")
    path = tmp_path / f"t{found.suffixes[0]}"
    path.write_bytes(content(name, *played()))
    with pytest.raises(TextmazeError):
        read(path)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """One small transcript in each format that is text, with values, and a file to change it in."""
    header, episodes = played(rooms=4, seeds=range(2))
    options = {"chat": {"admissible": True, "reasoning": True}}
    texts = {name: content(name, header, weighed(episodes), **options.get(name, {})) for name in ("chat", "jsonl")}
    return texts, tmp_path_factory.mktemp("changed") / "t"


@pytest.mark.parametrize("name", ["chat", "jsonl"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=some.data())
def test_a_changed_character_anywhere_is_found(written, name, data):
    texts, path = written
    text = texts[name]
    place = data.draw(some.integers(0, len(text) - 1))
    other = data.draw(some.integers(0, 255).filter(lambda byte: byte != text[place]))
    path.write_bytes(text[:place] + bytes([other]) + text[place + 1 :])
    with pytest.raises(TextmazeError) as caught:
        prove(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", READ)
@settings(max_examples=60, deadline=None)
@given(data=some.data())
def test_a_file_that_was_cut_off_or_lengthened_is_refused(written, tmp_path_factory, name, data):
    header, episodes = played(rooms=4, seeds=range(2))
    whole = content(name, header, episodes)
    path = tmp_path_factory.mktemp("cut") / "t"
    end = data.draw(some.integers(0, len(whole) - 1))
    if name == "chat" and whole[:end].endswith(b"\n"):
        return  # each line of it stands for itself
    for changed in (whole[:end], whole + b"x"):
        path.write_bytes(changed)
        with pytest.raises(TextmazeError):
            prove(path)


@pytest.mark.parametrize("content", [
    b"", b"\n", b"[]\n", b"null", b"[" * 100_000, b'{"messages": []}\n', b'{"messages"', b'{"format": 3}\n', b"PAR1",
    b"PAR1" * 9, b"\xff\xfe", b"\x1f\x8b", gzip.compress(b""), gzip.compress(b"{}")[:-9],
    b'{"format": "textmaze-transcript-2"}\n', b'{"a": ' * 100_000, b'{"format": 1e999}', b'{"format": NaN}',
], ids=range(18))
@pytest.mark.parametrize("name", ["t.jsonl", "t.chat.jsonl", "t.parquet"])
def test_a_file_that_is_something_else_is_refused_in_one_sentence(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(TextmazeError) as caught:
        prove(path)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_file_that_is_not_there_is_refused_with_its_name(tmp_path):
    with pytest.raises(TextmazeError, match=r"gone\.jsonl cannot be read: No such file"):
        read(tmp_path / "gone.jsonl")
    with pytest.raises(TextmazeError, match="cannot be read"):
        read(tmp_path)


def test_compressing_has_the_same_bytes_each_time_and_gzip_reads_them():
    parts = ["one ", b"two ", "three"] * 1000
    data = b"".join(compressed(parts))
    assert data == b"".join(compressed(parts))
    assert gzip.decompress(data) == b"one two three" * 1000


def test_a_damaged_gzip_is_damage(tmp_path):
    path = tmp_path / "t.jsonl.gz"
    data = bytearray(b"".join(compressed([content("jsonl", *played())])))
    path.write_bytes(data)
    assert proved(path) == played()
    for place in (len(data) // 2, len(data) - 1):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(DamagedError):
            proved(path)
