"""The layers below those that are trained: each text goes through them once, and the others see no difference."""

import pytest
import torch
from fakes import tiny_bert

from textmaze.learn.bert import Bert

TEXTS = ["A way leads north.", "Nettles grow to the north, as high as your head, and nobody has cut them.", "A coin."]


@pytest.fixture(scope="module", params=["Bert", "MPNet"])
def folder(request, tmp_path_factory):
    return tiny_bert(tmp_path_factory.mktemp(request.param), layers=4, kind=request.param)


def layers(model):
    return next(module for module in model._model.modules() if isinstance(module, torch.nn.ModuleList))


def passages(model, number):
    """How many texts go through a layer, as a list that grows."""
    counts = []
    layers(model)[number].register_forward_hook(lambda module, given, found: counts.append(len(given[0])))
    return counts


@pytest.mark.parametrize("training", ["top", "lora_top"])
def test_vectors_and_gradients_are_what_they_are_without_remembering(folder, training):
    model = Bert(folder, training=training)
    plain = model.forward(TEXTS)
    plain.square().sum().backward()
    gradients = [weight.grad.clone() for weight in model.trainable_parameters()]
    with model.remembering_lower_layers():
        for _ in range(2):
            for weight in model.trainable_parameters():
                weight.grad = None
            found = model.forward(TEXTS)
            torch.testing.assert_close(found, plain)
            found.square().sum().backward()
            for weight, gradient in zip(model.trainable_parameters(), gradients, strict=True):
                torch.testing.assert_close(weight.grad, gradient)
    assert any(gradient.abs().sum() > 0 for gradient in gradients)


def test_each_text_goes_once_through_the_lower_layers_and_as_often_as_it_is_read_through_the_upper_ones(folder):
    model = Bert(folder, training="lora_top")
    lower, upper = passages(model, 0), passages(model, 3)
    with model.remembering_lower_layers():
        for _ in range(3):
            model.forward(TEXTS)
        assert sum(lower) == len(TEXTS)
        assert sum(upper) == 3 * len(TEXTS)
    model.forward(TEXTS)
    assert sum(lower) == 2 * len(TEXTS)


def test_the_encoder_is_whole_again_afterwards_even_after_an_error(folder):
    model = Bert(folder, training="lora_top")
    names, before = list(model.adapter()), model.encode(TEXTS)
    with model.remembering_lower_layers():
        model.forward(TEXTS)
        failing = layers(model)[3].register_forward_pre_hook(lambda module, given: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            model.forward(TEXTS)
        failing.remove()
    assert list(model.adapter()) == names
    assert torch.equal(model.encode(TEXTS), before)


def test_dropout_is_on_in_the_upper_layers_alone(folder):
    model = Bert(folder, training="lora_top")
    generator = torch.Generator().manual_seed(0)
    lower, inner = [], []
    for number, seen in ((1, lower), (2, inner)):
        layers(model)[number].register_forward_hook(
            lambda module, given, found, seen=seen: seen.append(found[0] if isinstance(found, tuple) else found))
    with model.remembering_lower_layers():
        for _ in range(2):
            model.forward(TEXTS[:1], dropout=generator)
    assert len(lower) == 1
    assert not torch.allclose(inner[0], inner[1])


@pytest.mark.parametrize("training", ["full", "lora", "frozen"])
def test_where_the_lowest_layer_is_trained_nothing_is_remembered(folder, training):
    model = Bert(folder, training=training)
    counts = passages(model, 0)
    with model.remembering_lower_layers():
        model.forward(TEXTS)
        model.forward(TEXTS)
    assert sum(counts) == 2 * len(TEXTS)


def test_an_adapter_in_the_upper_half_leaves_the_lower_half_alone(folder):
    names = list(Bert(folder, training="lora_top").adapter())
    whole = list(Bert(folder, training="lora").adapter())
    assert len(whole) > len(names) > 0
    assert {name.split("layer.")[1][0] for name in names} == {"2", "3"}
