"""Texts and words by number, and GRUs over them: each text is encoded once, and alike in any company."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from textmaze.learn.text_gru import CHUNK, Cache, Menus, TextGRUs, Texts, read_once

LINES = st.lists(st.text(max_size=40), min_size=1, max_size=12)


def grus(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return TextGRUs(("description", "command"), vocabulary=50, embedding=6, hidden=5)


def numbered(lines, longest=20):
    texts = Texts(50, longest)
    return texts, np.array([texts.number(line) for line in lines])


@settings(max_examples=30, deadline=None)
@given(LINES)
def test_a_text_keeps_its_number_and_texts_are_numbered_in_their_order(lines):
    texts, numbers = numbered(lines)
    assert [texts.number(line) for line in lines] == numbers.tolist()
    assert [list(texts.numbers)[number] for number in numbers] == lines
    assert list(texts.numbers.values()) == list(range(len(texts.words)))


@settings(max_examples=30, deadline=None)
@given(LINES)
def test_words_are_numbers_that_the_network_has_and_no_text_is_too_long_or_empty(lines):
    texts, _ = numbered(lines, longest=7)
    for words in texts.words:
        assert words[0] == 1
        assert len(words) <= 1 + 7
        assert all(2 <= word < 2 + 50 for word in words[1:])


def test_case_does_not_matter_and_words_and_signs_do():
    texts = Texts(vocabulary=100_000, longest=20)
    lines = ("Go north.", "go NORTH .", "go north", "go south.")
    first, same, short, other = (texts.words[texts.number(line)] for line in lines)
    assert first == same
    assert first[:3] == short
    assert [a == b for a, b in zip(first, other, strict=True)] == [True, True, False, True]


def test_words_have_the_same_numbers_on_every_machine():
    texts, (number,) = numbered(["go north"])
    assert texts.words[number] == [1, 26, 16]


def test_menus_are_rows_of_commands_that_end_in_minus_ones():
    menus = Menus()
    numbers = [menus.number(menu) for menu in ((3, 1), (2,), (3, 1), (1, 2, 3))]
    assert numbers == [0, 1, 0, 2]
    assert menus.commands(np.array([0, 1])).tolist() == [[3, 1], [2, -1]]
    assert menus.commands(np.array([1, 2, 1])).tolist() == [[2, -1, -1], [1, 2, 3], [2, -1, -1]]


@settings(max_examples=30, deadline=None)
@given(LINES)
def test_a_text_is_read_alike_alone_and_beside_longer_ones(lines):
    model, (texts, numbers) = grus(), numbered(lines)
    together = read_once(model, texts)("description", numbers)
    for number, vector in zip(numbers, together, strict=True):
        torch.testing.assert_close(model("description", [texts.words[number]])[0], vector)


@settings(max_examples=30, deadline=None)
@given(LINES)
def test_the_cache_reads_what_the_network_reads_in_any_shape(lines):
    model, (texts, numbers) = grus(), numbered(lines)
    cache = Cache(model, texts)
    asked = np.stack([numbers, numbers[::-1]])
    for _ in range(2):
        found = cache("command", asked)
        assert found.shape == (*asked.shape, 5)
        assert not found.requires_grad
        torch.testing.assert_close(found, read_once(model, texts)("command", asked).detach())


def test_each_part_has_a_gru_of_its_own():
    model, (texts, numbers) = grus(), numbered(["go north"])
    cache = Cache(model, texts)
    assert not torch.allclose(cache("description", numbers), cache("command", numbers))


class Counting(TextGRUs):
    """Keeps the sizes of the batches that it reads."""

    def forward(self, part, texts):
        self.sizes = [*getattr(self, "sizes", []), len(texts)]
        return super().forward(part, texts)


def test_each_distinct_text_is_encoded_once_until_it_is_forgotten():
    model = Counting(("description", "command"), 50, 6, 5)
    texts, numbers = numbered(["a", "b", "a", "c d e"])
    cache = Cache(model, texts)
    cache("description", numbers)
    cache("description", numbers[::-1])
    assert model.sizes == [3]
    cache("description", np.append(numbers, texts.number("new")))
    assert model.sizes == [3, 1]
    cache.forget()
    cache("description", numbers)
    assert model.sizes == [3, 1, 3]
    read_once(model, texts)("description", numbers)
    assert model.sizes == [3, 1, 3, 3]


def test_many_texts_are_encoded_in_parts():
    model = Counting(("description",), 50, 6, 5)
    texts, numbers = numbered([f"word {i}" for i in range(CHUNK + 10)])
    found = Cache(model, texts)("description", numbers)
    assert model.sizes == [CHUNK, 10]
    torch.testing.assert_close(found[-1], model("description", [texts.words[numbers[-1]]])[0].detach())


def test_what_was_read_is_read_anew_after_the_weights_have_changed():
    model, (texts, numbers) = grus(), numbered(["go north"])
    cache = Cache(model, texts)
    old = cache("command", numbers)
    model.load_state_dict(grus(1).state_dict())
    assert torch.equal(cache("command", numbers), old)
    cache.forget()
    assert not torch.allclose(cache("command", numbers), old)


def test_gradients_reach_the_words_that_were_read_and_no_others():
    model, (texts, numbers) = grus(), numbered(["go north", "go"])
    read_once(model, texts)("command", numbers).sum().backward()
    touched = model.words.weight.grad.abs().sum(1).nonzero().flatten().tolist()
    assert touched == sorted({word for words in texts.words for word in words})
    assert model.grus["description"].weight_hh_l0.grad is None


@pytest.mark.parametrize("count", [0, 1])
def test_no_text_and_the_empty_text_can_be_asked_for(count):
    texts, numbers = numbered([""])
    assert Cache(grus(), texts)("command", numbers[:count]).shape == (count, 5)
