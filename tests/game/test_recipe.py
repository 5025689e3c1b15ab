"""Recipes from TOML: what they say, and that no file, however hostile, does more than be refused."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textmaze.errors import GameError, SettingError, TextmazeError, UnknownNameError
from textmaze.game.recipe import MAX_FILE_BYTES, Challenge, CoinCollector, Recipe, read_recipe, read_toml


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("recipes")


def recipe(folder, content, overrides=None):
    path = folder / "mine.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_recipe(path, overrides)


def test_an_empty_file_is_a_recipe_of_defaults(folder):
    assert recipe(folder, "") == Recipe()


def test_the_kind_chooses_between_mazes_and_textworld(folder):
    assert recipe(folder, 'kind = "maze"\nrooms = 9') == Recipe(rooms=9)
    assert recipe(folder, 'kind = "tw-coin_collector"\nlevel = 5') == CoinCollector(level=5)


def test_a_file_may_be_written_on_any_system(folder):
    assert recipe(folder, "rooms = 9\r\nloops = 1\r\n") == Recipe(rooms=9, loops=1.0)


def test_overrides_win_over_the_file(folder):
    assert recipe(folder, "rooms = 9\nmax_steps = 5", {"rooms": "12"}) == Recipe(rooms=12, max_steps=5)


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        ("room = 9", UnknownNameError, "did you mean 'rooms'"),
        ('"" = 9', UnknownNameError, "no setting in mine.toml named ''"),
        ("[rooms]\nx = 1", SettingError, "rooms in mine.toml must be a whole number"),
        ('rooms = "9"', SettingError, "must be a whole number, not '9'"),
        ("rooms = true", SettingError, "must be a whole number, not True"),
        ("rooms = 9.0", SettingError, "must be a whole number, not 9.0"),
        ("rooms = 1979-05-27", SettingError, "must be a whole number"),
        ("rooms = 5001", SettingError, "must be from 2 to 5000, not 5001"),
        ("rooms = -1", SettingError, "must be from 2 to 5000, not -1"),
        ("loops = nan", SettingError, "must be from 0.0 to 1.0, not nan"),
        ("loops = inf", SettingError, "must be from 0.0 to 1.0, not inf"),
        ("loops = -inf", SettingError, "must be from 0.0 to 1.0, not -inf"),
        ("loops = 1e999", SettingError, "must be from 0.0 to 1.0, not inf"),
        ("loops = 1" + "0" * 400, SettingError, "loops in mine.toml must be a number"),
        ("rooms = 0x" + "f" * 9000, SettingError, "must be from 2 to 5000"),
        ("rooms = 1" + "0" * 9000, GameError, "not valid TOML"),
        ("rooms" + ".a" * 100 + " = 1", SettingError, "must be a whole number"),
        # Python's reader needs memory quadratic in the depth of a key: this would take hundreds of gigabytes.
        ("rooms" + ".a" * 450_000 + " = 1", GameError, "more than 100 dots"),
        ("x = {" + "a." * 300_000 + "a = 1}", GameError, "more than 100 dots"),
        ('topology = "gird"', UnknownNameError, "did you mean 'grid'"),
        ("topology = 1", SettingError, "must be text"),
        ('topology = "corridor"\nloops = 0.1', SettingError, "loops can be set for the topologies grid"),
        ('topology = "tree"\nfloors = 2', SettingError, "floors can be set for the topologies grid and planar only"),
        ("map = true\nrooms = 101", SettingError, "A map can show at most 100 rooms, and rooms is 101"),
        ("locks = 4", SettingError, "locks in mine.toml must be from 0 to 3, not 4"),
        ('caught = "eaten"', UnknownNameError, "choice for caught"),
        ('kind = "mazes"', GameError, "kind must be one of maze, tw-coin_collector, tw-tr"),
        ("kind = 1", GameError, "kind must be one of maze, tw-coin_collector, tw-tr"),
        ("kind = []", GameError, "kind must be one of maze, tw-coin_collector, tw-tr"),
        ("[kind]", GameError, "kind must be one of maze, tw-coin_collector, tw-tr"),
        ("rooms = ", GameError, "not valid TOML"),
        ("rooms = 1\nrooms = 2", GameError, "not valid TOML"),
        ("rooms = 9\0", GameError, "not valid TOML"),
        ('title = "a\0b"', GameError, "not valid TOML"),
        ("\0", GameError, "not valid TOML"),
        ("x = " + "[" * 100_000, GameError, "not valid TOML"),
        (b"\xff\xfer\0o\0", GameError, "not UTF-8"),
        (b'title = "caf\xe9"', GameError, "not UTF-8"),
        (b"#" * (MAX_FILE_BYTES + 1), GameError, "larger than 1,000,000 bytes"),
    ],
)
def test_a_wrong_recipe_is_refused_in_one_short_sentence(folder, content, error, words):
    with pytest.raises(error) as caught:
        recipe(folder, content)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_file_of_the_largest_size_is_read(folder):
    assert recipe(folder, b"#" * MAX_FILE_BYTES) == Recipe()


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(GameError, match="cannot be read"):
            read_toml(path)


NAMES = st.sampled_from([*Recipe.__dataclass_fields__, "level", "kind", "room", "a.b", '""'])
LITERALS = st.one_of(
    st.sampled_from(
        [
            "nan",
            "-inf",
            "inf",
            "1e999",
            "true",
            "[]",
            "{}",
            "[[]]",
            "{a = 1}",
            "07:32:00",
            "1979-05-27",
            '""',
            "''",
            '"grid"',
            '"corridor"',
            '"test"',
            '"exit"',
            "0x" + "f" * 5000,
            "9" * 5000,
            '"""',
            "'",
            "[",
            "{",
            "=",
            "",
        ]
    ),
    st.integers().map(str),
    st.floats().map(str),
    st.text(max_size=10).map(lambda text: f"'{text}'"),
)


@given(st.lists(st.tuples(NAMES, LITERALS), max_size=4))
@settings(deadline=None, max_examples=150)
def test_any_settings_give_a_playable_recipe_or_a_textmaze_error(folder, lines):
    content = "\n".join(f"{name} = {value}" for name, value in lines)
    try:
        found = recipe(folder, content.encode("utf-8", "surrogatepass"))
    except TextmazeError:
        return
    if isinstance(found, Recipe):
        assert 2 <= found.rooms <= 5000
        assert 0 <= found.loops <= 1
    assert found.max_steps >= 1


@given(st.binary(max_size=200))
@settings(deadline=None, max_examples=100)
def test_any_bytes_give_a_recipe_or_a_textmaze_error(folder, content):
    with contextlib.suppress(TextmazeError):
        assert isinstance(recipe(folder, content), Recipe | Challenge)
