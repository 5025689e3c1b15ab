"""Parquet: columns for analysis that lose nothing."""

import sys
from dataclasses import replace

import pytest
from transcripts import played, weighed

from textmaze.errors import TextmazeError
from textmaze.show.formats import parquet
from textmaze.show.replay import verified
from textmaze.show.transcript import DamagedError

pyarrow = pytest.importorskip("pyarrow", reason="needs pyarrow")


def write(path, header, episodes):
    path.write_bytes(b"".join(parquet.write(episodes, header)))


def test_other_libraries_read_a_row_for_each_opening_and_each_step(tmp_path):
    from pyarrow.parquet import read_table

    header, episodes = played("labyrinth", "explorer")
    write(tmp_path / "t.parquet", header, weighed(episodes))
    table = read_table(tmp_path / "t.parquet").to_pylist()
    steps = [row for row in table if row["step"]]
    assert len(table) == len(steps) + len(episodes)
    assert [row["command"] for row in steps] == [record.command for episode in episodes for record in episode]
    assert {(row["game"], row["agent"]) for row in table} == {("labyrinth", "explorer")}


def test_groups_of_rows_end_anywhere(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "_GROUP", 3)
    header, episodes = played()
    write(tmp_path / "t", header, weighed(episodes))
    found, read = parquet.read(tmp_path / "t")
    assert (found, list(read)) == (header, weighed(episodes))


def test_a_changed_byte_is_found(tmp_path):
    header, episodes = played(rooms=4, seeds=range(2))
    path = tmp_path / "t"
    write(path, header, episodes)
    data = path.read_bytes()
    library = data.index(b"parquet-cpp-arrow version ")  # which says whether the bytes can be told at all

    def prove():
        found, read = parquet.read(path)
        list(verified(found, read))

    prove()
    for place in range(0, len(data), 7):
        if not library <= place < library + 40:
            path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
            with pytest.raises(TextmazeError):
                prove()


def test_a_row_that_the_header_does_not_know_is_refused(tmp_path):
    header, episodes = played()
    other = played(name="explorer")[0]
    from pyarrow.parquet import read_table, write_table

    write(tmp_path / "t", header, episodes)
    write(tmp_path / "o", other, [])
    table = read_table(tmp_path / "t").replace_schema_metadata(read_table(tmp_path / "o").schema.metadata)
    write_table(table, tmp_path / "t")
    with pytest.raises(DamagedError, match=r"game and agent are not those of the header"):
        list(parquet.read(tmp_path / "t")[1])
    write_table(table.drop_columns("won"), tmp_path / "t")
    with pytest.raises(DamagedError, match="other columns"):
        parquet.read(tmp_path / "t")


@pytest.mark.parametrize("values", [{"command": "stray \udcff"}, {"distance": 10**30}], ids=["text", "number"])
def test_what_parquet_cannot_hold_is_refused_in_one_sentence(values):
    header, episodes = played()
    episodes[1][0] = replace(episodes[1][0], **values)
    if "distance" in values:
        episodes[1][0] = replace(episodes[1][0], distance_after=10**30)
    with pytest.raises(TextmazeError, match="JSONL can"):
        list(parquet.write(episodes, header))


def test_without_pyarrow_one_is_told_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(TextmazeError, match=r"pip install 'textmaze\[parquet\]'"):
        next(parquet.write([], played()[0]))
