"""Texts to vectors: each text once, and the same vector whatever stands beside it."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from fakes import WordBag, tiny_bert

from textmaze.learn.encoder import TOKENS, Bert, Hash, Library, TokenLibrary, load_model


def test_a_library_encodes_each_distinct_text_once():
    model = WordBag()
    library = Library(model)
    library.read(["a", "b", "a"])
    library.read(["b", "c", "c", "a"])
    library.read(["a", "d", "d"])
    library.read(["d"])
    assert model.asked == [["a", "b"], ["c"], ["d"]]
    assert library.texts == ["a", "b", "c", "d"]


def test_texts_are_encoded_when_vectors_are_asked_for_and_all_that_are_new_together():
    model = WordBag()
    library = Library(model)
    library.numbers(["a", "b"])
    library.numbers(["c", "a"])
    assert model.asked == []
    assert library.vectors.shape == (3, model.width)
    library.numbers(["d", "b"])
    assert torch.equal(library.vectors, model.encode(["a", "b", "c", "d"]))
    assert model.asked[:2] == [["a", "b", "c"], ["d"]]


def test_vectors_that_were_first_asked_for_in_inference_can_take_part_in_a_gradient():
    model = Growing()
    library = Library(model)
    with torch.inference_mode():
        library.read(["a", "b"])
        model.version = 2
        library.read(["a"])
    weight = torch.ones(library.model.width, requires_grad=True)
    (library.read(["a", "c"]) @ weight).sum().backward()
    assert weight.grad is not None


def test_numbers_are_given_in_the_order_of_first_use_and_stay():
    library = Library(WordBag())
    assert library.numbers(["x", "y", "x"]).tolist() == [0, 1, 0]
    assert library.numbers(["z", "y", "x"]).tolist() == [2, 1, 0]


def test_a_library_grows_past_its_first_size_and_keeps_every_vector():
    model = WordBag(width=4)
    library = Library(model)
    texts = [f"room {number}" for number in range(5000)]
    early = library.read(texts[:10]).clone()
    library.numbers(texts[:1000])
    library.numbers(texts)
    assert library.vectors.shape == (5000, 4)
    assert torch.equal(library.read(texts[:10]), early)
    assert torch.equal(library.vectors, model.encode(texts))


def test_no_texts_have_no_vectors():
    model = WordBag()
    library = Library(model)
    assert library.numbers([]).tolist() == []
    assert library.numbers([]).dtype == np.int64
    assert library.read([]).shape == (0, model.width)
    assert model.asked == []


def test_a_text_that_could_not_be_encoded_is_encoded_the_next_time():
    model = Growing()
    library = Library(model)
    model.broken = True
    with pytest.raises(MemoryError):
        library.read(["a"])
    model.broken = False
    assert torch.equal(library.read(["b", "a"]), model.encode(["b", "a"]))


def test_hash_vectors_are_decided_by_the_text_alone():
    texts = ["go north", "go south", "go north"]
    vectors = Hash().encode(texts)
    assert vectors.shape == (3, Hash.width)
    assert vectors.dtype == torch.float32
    assert torch.equal(vectors, Hash().encode(texts))
    assert torch.equal(vectors[0], vectors[2])
    assert abs(torch.cosine_similarity(vectors[0], vectors[1], dim=0)) < 0.2
    assert Hash().encode([]).shape == (0, Hash.width)


def test_hash_vectors_are_the_same_in_another_process():
    code = "from textmaze.learn.encoder import Hash; print(Hash().encode(['go north'])[0, :3].tolist())"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(printed) == Hash().encode(["go north"])[0, :3].tolist()


def test_load_model_knows_hash_by_name():
    assert isinstance(load_model("hash"), Hash)


class Growing(WordBag):
    """A text model whose vectors are multiplied by its version, and that may break."""

    version = 1
    broken = False

    def encode(self, texts):
        if self.broken:
            raise MemoryError
        return super().encode(texts) * self.version


def test_a_library_encodes_anew_what_a_changed_model_would_say_otherwise():
    model = Growing()
    library = Library(model)
    texts = [f"room {number}" for number in range(1500)]
    library.numbers(texts)
    old = library.vectors
    before = old.clone()
    model.version = 2
    assert torch.equal(library.read(texts), 2 * before)
    assert library.numbers(texts[:3]).tolist() == [0, 1, 2]
    assert torch.equal(old, before)  # a gradient may still need them
    library.read(["one more"])
    assert library.vectors.shape == (1501, model.width)


def test_a_library_whose_model_has_not_changed_encodes_nothing_anew():
    for model in (WordBag(), Growing()):
        library = Library(model)
        library.read(["a", "b"])
        library.read(["b", "a"])
        assert model.asked == [["a", "b"]]


def test_a_library_that_could_not_encode_anew_does_so_the_next_time():
    model = Growing()
    library = Library(model)
    before = library.read(["a"]).clone()
    model.version, model.broken = 2, True
    with pytest.raises(MemoryError):
        library.read(["a"])
    model.broken = False
    assert torch.equal(library.read(["a"]), 2 * before)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return Bert(tiny_bert(tmp_path_factory.mktemp("bert")))


def test_a_library_of_tokens_keeps_those_of_each_text_beside_one_another(small):
    library = TokenLibrary(small)
    texts = ["north", "a way leads north", "word " * 100]
    numbers = library.numbers(texts)
    tokens, mask = library.tokens(numbers[[1, 0, 1]])
    assert tokens.shape == (3, 6, small.hidden)
    assert mask.sum(1).tolist() == [6, 3, 6]  # with CLS and SEP
    torch.testing.assert_close(tokens[0], small.tokens([texts[1]])[0].float())
    assert torch.equal(tokens[0], tokens[2])
    assert library.tokens(numbers)[0].shape == (3, TOKENS, small.hidden)
    more = library.numbers(["a later text"])
    assert library.tokens(more)[0].shape[1] == 5
