"""Settings: what is accepted, and how everything else is refused."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textmaze.errors import SettingError, TextmazeError, UnknownNameError
from textmaze.settings import build, override, pairs, setting


@dataclass(frozen=True)
class Sample:
    rooms: int = setting(9, "how many", low=2, high=100)
    share: float = setting(0.5, "how much", low=0.0, high=1.0)
    pace: float = setting(1.0, "no limits")
    depth: int = setting(1, "only a lower limit", low=0)
    debt: int = setting(0, "only an upper limit", high=10)
    loud: bool = setting(False, "a switch")
    kind: str = setting("grid", "a choice", choices=("grid", "corridor"))


@dataclass(frozen=True)
class Needy:
    rooms: int
    share: float = 0.5


def test_defaults_hold_where_nothing_is_given():
    assert build(Sample, {}, "sample") == Sample()


@given(rooms=st.integers(2, 100), share=st.floats(0, 1), loud=st.booleans())
@settings(deadline=None, max_examples=30)
def test_a_value_within_its_limits_is_kept_whether_as_value_or_as_text(rooms, share, loud):
    expected = Sample(rooms=rooms, share=share, loud=loud)
    values = {"rooms": rooms, "share": share, "loud": loud}
    assert build(Sample, values, "sample") == expected
    assert override(Sample(), {name: str(value) for name, value in values.items()}, "sample") == expected


def test_both_ends_of_a_span_are_allowed():
    for rooms in (2, 100):
        assert build(Sample, {"rooms": rooms}, "sample").rooms == rooms


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"rooms": 1}, "rooms in sample must be from 2 to 100, not 1."),
        ({"rooms": 101}, "rooms in sample must be from 2 to 100, not 101."),
        ({"depth": -1}, "depth in sample must be at least 0, not -1."),
        ({"debt": 11}, "debt in sample must be at most 10, not 11."),
        ({"share": float("nan")}, "share in sample must be from 0.0 to 1.0, not nan."),
        ({"share": float("inf")}, "share in sample must be from 0.0 to 1.0, not inf."),
        ({"rooms": True}, "rooms in sample must be a whole number, not True."),
        ({"rooms": 3.0}, "rooms in sample must be a whole number, not 3.0."),
        ({"rooms": None}, "rooms in sample must be a whole number, not None."),
        ({"loud": 1}, "loud in sample must be true or false, not 1."),
        ({"kind": 5}, "kind in sample must be text, not 5."),
        ({"share": [1]}, "share in sample must be a number, not [1]."),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence(value, sentence):
    with pytest.raises(SettingError) as caught:
        build(Sample, value, "sample")
    assert str(caught.value) == sentence


@pytest.mark.parametrize("text", ["", "ten", "1.5", "nan", "1e3", "0x10"])
def test_text_that_spells_no_whole_number_is_refused(text):
    with pytest.raises(SettingError, match="rooms in sample must be a whole number"):
        override(Sample(), {"rooms": text}, "sample")


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("Yes", True), ("ON", True), ("0", False), ("off", False)]
)
def test_a_switch_takes_the_usual_words(text, value):
    assert override(Sample(), {"loud": text}, "sample").loud is value


def test_a_switch_refuses_other_words():
    with pytest.raises(SettingError, match=r"true or false, not 'maybe'"):
        override(Sample(), {"loud": "maybe"}, "sample")


def test_a_whole_number_will_do_for_a_number_and_becomes_one():
    share = build(Sample, {"share": 1}, "sample").share
    assert share == 1.0
    assert type(share) is float


def test_an_unknown_name_or_choice_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'rooms'"):
        build(Sample, {"room": 9}, "sample")
    with pytest.raises(UnknownNameError, match="did you mean 'rooms'"):
        override(Sample(), {"romos": "9"}, "sample")
    with pytest.raises(UnknownNameError, match="did you mean 'corridor'"):
        build(Sample, {"kind": "coridor"}, "sample")


def test_a_missing_value_is_named():
    with pytest.raises(SettingError, match="needy lacks the setting 'rooms'"):
        build(Needy, {}, "needy")


# Python cannot write such numbers in decimals, or has no float as large; nested dicts overflow `repr`.
DEEP: dict = {}
for _ in range(5000):
    DEEP = {"a": DEEP}


MONSTERS = {
    "huge": 16**10_000,
    "hugely negative": -(16**10_000),
    "no float": 10**400,
    "deep": DEEP,
    "long": "x" * 100_000,
}


@pytest.mark.parametrize("monster", MONSTERS)
@pytest.mark.parametrize("name", ["rooms", "share", "depth", "debt", "loud"])
def test_a_monstrous_value_is_refused_in_a_short_sentence(name, monster):
    if (name, monster) in [("depth", "huge"), ("depth", "no float"), ("debt", "hugely negative")]:
        assert build(Sample, {name: MONSTERS[monster]}, "sample")  # nothing limits them on that side
        return
    with pytest.raises(TextmazeError) as caught:
        build(Sample, {name: MONSTERS[monster]}, "sample")
    assert len(str(caught.value)) < 300


def test_a_number_without_limits_still_has_to_fit_a_float():
    with pytest.raises(SettingError, match="pace in sample must be a number"):
        build(Sample, {"pace": 10**400}, "sample")


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.binary(max_size=5),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@given(st.dictionaries(st.sampled_from([*Sample.__dataclass_fields__, "other"]), VALUES, max_size=3))
@settings(deadline=None, max_examples=100)
def test_any_values_give_settings_or_a_textmaze_error(values):
    for make in (lambda: build(Sample, values, "sample"), lambda: override(Sample(), values, "sample")):
        try:
            made = make()
        except TextmazeError:
            continue
        assert 2 <= made.rooms <= 100
        assert 0 <= made.share <= 1
        assert made.kind in ("grid", "corridor")


def test_pairs_split_at_the_first_equals_sign():
    assert pairs(["rooms=9", " title = a=b ", "x="]) == {"rooms": "9", "title": "a=b", "x": ""}


@pytest.mark.parametrize("text", ["rooms", "=9", "", "  =9"])
def test_what_is_no_pair_is_refused(text):
    with pytest.raises(SettingError, match="not of the form KEY=VALUE"):
        pairs([text])
