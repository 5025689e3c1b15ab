"""An encoder: a text has one vector, whatever stands beside it, and only what should be trained is."""

from pathlib import Path

import pytest
import torch
from fakes import tiny_bert

from textmaze.errors import RunError, TextmazeError, UnknownNameError
from textmaze.learn import bert as module
from textmaze.learn import vector_cache
from textmaze.learn.encoder import Bert, Library, load_model, packaged_model

SHORT = "A cell."
LONG = "-= Guard Room =-\nA cold room with straw on the floor. " * 8
TEXTS = [SHORT, "go north", LONG, "", "You can go east or west from here.", "take coin", LONG + SHORT]


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """No test finds vectors of another, or leaves any behind."""
    monkeypatch.setenv("TEXTMAZE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv(vector_cache.OFF, "1")
    return tmp_path / "cache" / vector_cache.FILE


@pytest.fixture(scope="module")
def bert():
    return Bert()


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A BERT of our own with random weights, as a folder."""
    return tiny_bert(tmp_path_factory.mktemp("small"), width=8, layers=3)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_text_has_the_same_vector_alone_and_beside_longer_ones(precision):
    """To the last bit, or what an agent learns would depend on what the disk remembers."""
    bert = Bert(precision=precision)
    together = bert.encode(TEXTS)
    assert together.shape == (len(TEXTS), bert.width)
    assert together.dtype == torch.float32
    for text, vector in zip(TEXTS, together, strict=True):
        assert torch.equal(bert.encode([text])[0], vector)


def test_bert_keeps_the_order_over_many_batches(bert, monkeypatch):
    whole = bert.encode(TEXTS)
    monkeypatch.setattr(module, "TOKENS_PER_BATCH", 1)  # every text on its own
    torch.testing.assert_close(bert.encode(TEXTS), whole, atol=1e-5, rtol=1e-4)
    assert bert.encode([]).shape == (0, bert.width)


def test_bert_gives_the_same_vectors_on_threads_of_python_as_on_those_of_torch(bert, monkeypatch):
    monkeypatch.setattr(module, "TOKENS_PER_BATCH", 64)
    found = []
    for threads in (1, 2):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        found.append(bert.encode(TEXTS * 5))
    torch.testing.assert_close(*found, atol=1e-5, rtol=1e-4)


def test_pooling_is_the_mean_of_the_tokens_or_the_cls_vector_or_the_one_before_the_other():
    """`Contrast` relies on it."""
    from transformers import AutoModel, AutoTokenizer

    where = packaged_model()
    tokens = AutoTokenizer.from_pretrained(where)(SHORT, return_tensors="pt")
    with torch.inference_mode():
        hidden = AutoModel.from_pretrained(where)(**tokens).last_hidden_state[0]
    for pooling, expected in (("mean_cls", torch.cat([hidden.mean(0), hidden[0]])), ("mean", hidden.mean(0)),
                              ("cls", hidden[0])):
        model = Bert(pooling=pooling)
        assert model.width == len(expected)
        torch.testing.assert_close(model.encode([SHORT])[0], expected, atol=1e-5, rtol=1e-4)


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


def test_another_encoder_can_be_named_by_its_folder(small):
    model = load_model(small)
    assert model.width == 16
    assert model.encode(TEXTS).shape == (len(TEXTS), 16)


def copy(folder, to):
    to.mkdir()
    for path in Path(folder).iterdir():
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


@pytest.mark.parametrize("wrong", [{"pooling": "max"}, {"precision": "int8"}, {"training": "some"}])
def test_what_an_encoder_cannot_do_is_refused_before_it_is_loaded(wrong):
    with pytest.raises(UnknownNameError, match="Known: "):
        Bert("nowhere", **wrong)


def test_bfloat16_changes_vectors_by_little(bert):
    rounded = Bert(precision="bfloat16").encode(TEXTS)
    assert not torch.equal(rounded, bert.encode(TEXTS))
    assert torch.cosine_similarity(rounded, bert.encode(TEXTS)).min() > 0.999


def test_precision_is_chosen_by_what_the_processor_can_multiply(small, monkeypatch):
    for able, precision in ({"avx512_bf16": True}, "bfloat16"), ({"amx_bf16": True}, "bfloat16"), ({}, "float32"):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: able, raising=False)
        assert Bert(small, precision="auto").precision == precision
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert Bert(small, precision="auto").precision == "float32"


def test_tokens_are_those_that_the_pooled_vectors_are_made_of(bert):
    found = bert.tokens([*TEXTS, SHORT])
    assert len(found) == len(TEXTS) + 1
    assert torch.equal(found[0], found[-1])
    assert bert.tokens([]) == []
    for text, tokens, vector in zip(TEXTS, found, bert.encode(TEXTS), strict=False):
        assert tokens.dtype == torch.float16
        assert tokens.shape == (len(bert._tokenizer(text)["input_ids"]), bert.hidden)
        mean = torch.cat([tokens.float().mean(0), tokens[0].float()])
        torch.testing.assert_close(mean, vector, atol=5e-3, rtol=1e-2)
    layer = torch.nn.Linear(bert.hidden, 1, dtype=torch.float16)
    layer(found[0]).sum().backward()  # tensors made in inference mode would refuse


# Parameters of the small model that are trained.
TRAINED = {"frozen": 0, "top": 2 * 16, "lora": 3 * 6 * 2, "lora_top": 2 * 6 * 2, "full": 5 + 3 * 16}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("training", TRAINED)
def test_only_what_is_trained_has_a_gradient_and_changes(small, training, precision):
    model = Bert(small, training=training, precision=precision)
    parameters = model.trainable_parameters()
    assert len(parameters) == TRAINED[training]
    everything = dict(model._model.named_parameters())
    before = {name: parameter.detach().clone() for name, parameter in everything.items()}
    vectors = model.forward(TEXTS)
    assert torch.equal(vectors.detach(), model.encode(TEXTS))
    assert vectors.requires_grad == bool(parameters)
    if not parameters:
        return
    for _ in range(2):  # half of an adapter is zero at first, which hides the other half's gradient
        optimiser = torch.optim.SGD(parameters, lr=0.1)
        optimiser.zero_grad()
        model.forward(TEXTS).square().sum().backward()
        assert all(parameter.grad is not None for parameter in parameters)
        optimiser.step()
        model.changed()
    assert not torch.equal(model.encode(TEXTS), vectors.detach())
    unused = {name for name, parameter in everything.items()
              if parameter.requires_grad and torch.equal(parameter, before[name])}
    # A key's bias moves all scores of a query alike.
    assert all("key" in name for name in unused)
    assert all(torch.equal(p, before[name]) for name, p in everything.items() if not p.requires_grad)


def test_forward_reads_each_distinct_text_once_and_keeps_the_order(small, monkeypatch):
    model = Bert(small, training="full")
    monkeypatch.setattr(module, "TOKENS_PER_BATCH", 16)
    seen, hidden = [], model._hidden
    monkeypatch.setattr(model, "_hidden", lambda batch: seen.append(len(batch["input_ids"])) or hidden(batch))
    vectors = model.forward(TEXTS + TEXTS[::-1])
    assert sum(seen) == len(TEXTS)
    assert torch.equal(vectors[: len(TEXTS)], vectors[len(TEXTS):].flip(0))
    assert model.forward([]).shape == (0, model.width)


def test_dropout_is_off_unless_a_generator_is_given_and_draws_from_nothing_else(small):
    model = Bert(small, training="full")
    state = torch.random.get_rng_state()
    plain = model.forward(TEXTS)
    drawn = [model.forward(TEXTS, dropout=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], plain)
    assert torch.equal(model.forward(TEXTS), plain)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_an_adapter_begins_where_the_frozen_encoder_is_and_is_decided_by_the_seed(small):
    state = torch.random.get_rng_state()
    first, again, other = (Bert(small, training="lora", seed=seed) for seed in (3, 3, 4))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(first.encode(TEXTS), Bert(small).encode(TEXTS))
    equal = [torch.equal(a, b) for a, b in zip(first.adapter().values(), again.adapter().values(), strict=True)]
    assert all(equal)
    assert any(not torch.equal(a, b) for a, b in zip(first.adapter().values(), other.adapter().values(), strict=True))


def test_the_default_models_adapter_is_small():
    adapter = Bert(training="lora").adapter()
    assert sum(2 * tensor.numel() for tensor in adapter.values()) < 1_500_000


@pytest.mark.parametrize("training", ["top", "lora", "lora_top", "full"])
def test_what_was_trained_can_be_taken_over_by_another(small, training):
    model, other = (Bert(small, training=training, seed=seed) for seed in (0, 1))
    with torch.no_grad():
        for parameter in model.trainable_parameters():
            parameter.add_(0.1)
    adapter = model.adapter()
    other.load_adapter(adapter)
    assert other.version == 1
    assert torch.equal(other.encode(TEXTS), model.encode(TEXTS))
    assert len(adapter) == TRAINED[training]
    with torch.no_grad():
        model.trainable_parameters()[0].add_(1.0)
    other.load_adapter(adapter)  # a copy, so it is as it was
    assert other.version == 2
    other.load_adapter({name: tensor.half() for name, tensor in adapter.items()})
    torch.testing.assert_close(other.adapter(), adapter, atol=1e-2, rtol=1e-2)
    Bert(small).load_adapter(Bert(small).adapter())


@pytest.mark.parametrize("damage", ["missing", "more", "shape", "nan", "whole numbers", "of another training"])
def test_a_wrong_adapter_is_refused_in_one_sentence_and_changes_nothing(small, damage):
    model = Bert(small, training="lora")
    weights = {name: tensor + 1.0 for name, tensor in model.adapter().items()}
    before, first = model.adapter(), next(iter(weights))
    match damage:
        case "missing":
            del weights[first]
        case "more":
            weights["more"] = torch.zeros(1)
        case "shape":
            weights[first] = weights[first][:1]
        case "nan":
            weights[first][0] = float("nan")
        case "whole numbers":
            weights[first] = weights[first].long()
        case "of another training":
            weights = Bert(small, training="top").adapter()
    with pytest.raises(RunError) as caught:
        model.load_adapter(weights)
    assert "\n" not in str(caught.value)
    assert model.version == 0
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.adapter().items())


def counted(model, monkeypatch):
    """How many texts the model itself encodes, appended call by call."""
    seen, run = [], model._run
    monkeypatch.setattr(model, "_run", lambda texts, keep: seen.append(len(texts)) or run(texts, keep))
    return seen


def test_what_was_encoded_once_is_read_from_the_disk_by_the_next(small, cache, monkeypatch):
    monkeypatch.delenv(vector_cache.OFF)
    first = Bert(small).encode(TEXTS)
    model = Bert(small)
    seen = counted(model, monkeypatch)
    assert torch.equal(model.encode([*TEXTS, TEXTS[0]]), first[[*range(len(TEXTS)), 0]])
    assert torch.equal(model.encode(["new", TEXTS[2]])[1], first[2])
    assert seen == [0, 1]
    assert cache.is_file()


@pytest.mark.parametrize("other", [{"pooling": "cls"}, {"precision": "bfloat16"}, "weights", "words"])
def test_vectors_of_another_encoder_are_not_taken_for_its_own(small, tmp_path, monkeypatch, other):
    monkeypatch.delenv(vector_cache.OFF)
    Bert(small).encode(TEXTS)
    folder, settings = copy(small, tmp_path / "other"), {}
    match other:
        case "weights":
            model = Bert(small, training="full")
            with torch.no_grad():
                model.trainable_parameters()[0].add_(1.0)
            model._model.save_pretrained(folder)
        case "words":
            path = folder / "tokenizer.json"
            path.write_text(path.read_text().replace('"cell":', '"spare":').replace('"straw":', '"cell":'))
        case _:
            settings = other
    model = Bert(str(folder), **settings)
    seen = counted(model, monkeypatch)
    found = model.encode(TEXTS)
    assert seen == [len(TEXTS)]
    monkeypatch.setenv(vector_cache.OFF, "1")
    assert torch.equal(found, model.encode(TEXTS))


def test_a_copy_of_an_encoder_shares_its_vectors(small, tmp_path, monkeypatch):
    monkeypatch.delenv(vector_cache.OFF)
    Bert(small).encode(TEXTS)
    model = Bert(str(copy(small, tmp_path / "copy")))
    seen = counted(model, monkeypatch)
    model.encode(TEXTS)
    assert seen == [0]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("training", ["lora", "lora_top"])
def test_an_adapter_that_has_learned_nothing_shares_the_vectors_of_the_frozen_encoder(
    small, monkeypatch, training, precision
):
    model = Bert(small, training=training, precision=precision, seed=5)
    untaught = model.encode(TEXTS)  # the cache is off
    monkeypatch.delenv(vector_cache.OFF)
    assert torch.equal(Bert(small, precision=precision).encode(TEXTS), untaught)
    seen = counted(model, monkeypatch)
    assert torch.equal(model.encode(TEXTS), untaught)
    assert seen == [0]


def test_an_adapter_that_has_learned_shares_no_vectors(small, monkeypatch):
    monkeypatch.delenv(vector_cache.OFF)
    model = Bert(small, training="lora")
    before = model.encode(TEXTS)
    with torch.no_grad():
        for weight in model.trainable_parameters():
            weight.add_(0.1)
    model.changed()
    seen = counted(model, monkeypatch)
    after = model.encode(TEXTS)
    assert seen == [len(TEXTS)]
    assert not torch.equal(after, before)
    assert torch.equal(Bert(small, training="lora").encode(TEXTS), before)


def test_the_disk_can_be_left_alone(small, cache):
    Bert(small).encode(TEXTS)
    assert not cache.exists()
