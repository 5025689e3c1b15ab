"""Texts to vectors: each text once, and the same vector whatever stands beside it."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from fakes import WordBag

from textmaze.errors import TextmazeError
from textmaze.learn import encoder
from textmaze.learn.encoder import Bert, Hash, Library, load_model, packaged_model

SHORT = "A cell."
LONG = "-= Guard Room =-\nA cold room with straw on the floor. " * 8
TEXTS = [SHORT, "go north", LONG, "", "You can go east or west from here.", "take coin", LONG + SHORT]


@pytest.fixture(scope="module")
def bert():
    return Bert()


def test_a_library_encodes_each_distinct_text_once():
    model = WordBag()
    library = Library(model)
    library.numbers(["a", "b", "a"])
    library.numbers(["b", "c", "c", "a"])
    library.read(["a", "d", "d"])
    library.numbers(["d"])
    assert model.asked == [["a", "b"], ["c"], ["d"]]
    assert library.texts == ["a", "b", "c", "d"]


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


def test_a_text_that_could_not_be_encoded_is_not_thought_known():
    class Broken(WordBag):
        def encode(self, texts):
            if self.broken:
                raise MemoryError
            return super().encode(texts)

    model = Broken()
    library = Library(model)
    model.broken = True
    with pytest.raises(MemoryError):
        library.numbers(["a"])
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


def test_bert_gives_a_text_the_same_vector_alone_and_beside_longer_ones(bert):
    """Padding must not matter."""
    together = bert.encode(TEXTS)
    assert together.shape == (len(TEXTS), bert.width)
    for text, vector in zip(TEXTS, together, strict=True):
        torch.testing.assert_close(bert.encode([text])[0], vector, atol=1e-5, rtol=1e-4)


def test_bert_keeps_the_order_over_many_batches(bert, monkeypatch):
    whole = bert.encode(TEXTS)
    monkeypatch.setattr(encoder, "TOKENS_PER_BATCH", 1)  # every text on its own
    torch.testing.assert_close(bert.encode(TEXTS), whole, atol=1e-5, rtol=1e-4)
    assert bert.encode([]).shape == (0, bert.width)


def test_bert_gives_the_same_vectors_on_threads_of_python_as_on_those_of_torch(bert, monkeypatch):
    monkeypatch.setattr(encoder, "TOKENS_PER_BATCH", 64)
    found = []
    for threads in (1, 2):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        found.append(bert.encode(TEXTS * 5))
    torch.testing.assert_close(*found, atol=1e-5, rtol=1e-4)


def test_bert_puts_the_mean_of_the_tokens_before_the_cls_vector(bert):
    """`Contrast` relies on it."""
    from transformers import AutoModel, AutoTokenizer

    where = packaged_model()
    tokens = AutoTokenizer.from_pretrained(where)(SHORT, return_tensors="pt")
    with torch.inference_mode():
        hidden = AutoModel.from_pretrained(where)(**tokens).last_hidden_state[0]
    expected = torch.cat([hidden.mean(0), hidden[0]])
    torch.testing.assert_close(bert.encode([SHORT])[0], expected, atol=1e-5, rtol=1e-4)


def test_bert_reads_a_text_of_any_length(bert):
    assert torch.isfinite(bert.encode(["stone " * 5000])).all()


def test_bert_learns_nothing_and_needs_no_gradient(bert):
    assert not bert.encode([SHORT]).requires_grad
    assert not any(parameter.requires_grad for parameter in bert._model.parameters())
    assert not bert._model.training


def test_a_library_of_bert_can_be_trained_upon(bert):
    """Tensors made in inference mode would refuse to take part in a gradient."""
    layer = torch.nn.Linear(bert.width, 1)
    layer(Library(bert).read([SHORT])).sum().backward()
    assert layer.weight.grad is not None


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A BERT of our own with random weights, as a folder."""
    from transformers import AutoTokenizer, BertConfig, BertModel

    folder = tmp_path_factory.mktemp("small")
    tokenizer = AutoTokenizer.from_pretrained(packaged_model())
    tokenizer.save_pretrained(folder)
    BertModel(BertConfig(
        vocab_size=len(tokenizer), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )).save_pretrained(folder)
    return folder


def test_another_encoder_can_be_named_by_its_folder(small):
    model = load_model(str(small))
    assert model.width == 16
    assert model.encode(TEXTS).shape == (len(TEXTS), 16)


def copy(folder, to):
    to.mkdir()
    for path in folder.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to


def refused(model):
    with pytest.raises(TextmazeError) as caught:
        load_model(str(model))
    message = str(caught.value)
    assert message.startswith("The encoder ")
    assert "\n" not in message
    return message


def test_an_encoder_that_is_not_there_is_refused_in_one_sentence(tmp_path):
    assert "nowhere" in refused(tmp_path / "nowhere")


@pytest.mark.parametrize("damage", ["empty folder", "no weights", "cut weights", "cut config", "no tokenizer"])
def test_a_damaged_encoder_is_refused_in_one_sentence(small, tmp_path, damage):
    folder = copy(small, tmp_path / "copy")
    match damage:
        case "empty folder":
            for path in folder.iterdir():
                path.unlink()
        case "no weights":
            (folder / "model.safetensors").unlink()
        case "cut weights":
            content = (folder / "model.safetensors").read_bytes()
            (folder / "model.safetensors").write_bytes(content[: len(content) // 2])
        case "cut config":
            content = (folder / "config.json").read_bytes()
            (folder / "config.json").write_bytes(content[: len(content) // 2])
        case "no tokenizer":
            for path in folder.glob("*token*"):
                path.unlink()
    refused(folder)
