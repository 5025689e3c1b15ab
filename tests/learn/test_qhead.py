"""The Q-head: what a value depends on, and what it must not."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fakes import WordBag, tiny_bert
from hypothesis import given, settings
from hypothesis import strategies as st

from textmaze.learn.belief import Clues
from textmaze.learn.encoder import Bert, Library, TokenLibrary
from textmaze.learn.qhead import (
    PARTS,
    PLAN_COLUMNS,
    PLAN_PARTS,
    STATE_PARTS,
    TOLD,
    Attention,
    QHead,
    States,
    command_values,
    plan_values,
)
from textmaze.learn.reading import Reader
from textmaze.learn.recurrence import Past

WIDTH, SETS = 12, 30
TOLD_COLUMNS = [PLAN_PARTS.index(part) for part in TOLD]


def head(dropout=0.0, **more):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return QHead(WIDTH, hidden=16, dropout=dropout, told=6, **more).eval()


def reader():
    """A reader of some texts of none to three sentences."""
    found = Reader(Library(WordBag(WIDTH)), Library(WordBag(WIDTH)))
    for texts in (found.texts, found.told):
        texts.add([tuple(f"word{number * k}" for k in range(1, 1 + number % 4)) + (f"own{number}",) * (number > 2)
                   for number in range(1, SETS)])
    return found


READER = reader()


def states(rows=6, widest=5, seed=0, expected=False, memory=0):
    """Random states, each with at least one plan."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, widest + 1, rows)
    counts[0] = 1
    total = counts.sum()
    sets = len(READER.texts.known)
    past = None
    if memory:
        descriptions = rng.integers(-1, sets, (3, rows))
        past = Past(descriptions, np.where(descriptions < 0, -1, 1), torch.randn(rows, memory))
    return States(
        rng.integers(sets, size=(rows, len(STATE_PARTS))), rng.integers(sets, size=(total, len(PLAN_COLUMNS))),
        np.concatenate([rng.permutation(count) for count in counts]), np.repeat(np.arange(rows), counts),
        rng.standard_normal(total).astype(np.float32) if expected else None, past,
    )


def of_row(batch, row):
    """One state on its own."""
    kept = batch.owner == row
    past = batch.past and Past(batch.past.descriptions[:, [row]], batch.past.commands[:, [row]],
                               batch.past.before[[row]])
    return States(batch.state[[row]], batch.plans[kept], batch.first[kept], batch.owner[kept] - row,
                  None if batch.expected is None else batch.expected[kept], past)


@given(st.integers(0, 10**6), st.booleans(), st.sampled_from([0, 4]))
@settings(max_examples=20, deadline=None)
def test_the_plans_of_a_state_do_not_depend_on_the_others_in_the_batch(seed, expected, memory):
    batch, net = states(seed=seed, expected=expected, memory=memory), head(memory=memory)
    together = net(batch, READER)
    for row in range(len(batch.state)):
        torch.testing.assert_close(net(of_row(batch, row), READER), together[batch.owner == row])


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_the_order_of_plans_does_not_matter(seed):
    batch, net = states(seed=seed, expected=True), head()
    rng = np.random.default_rng(seed)
    order = np.concatenate([rng.permutation(np.flatnonzero(batch.owner == row)) for row in range(len(batch.state))])
    turned = States(batch.state, batch.plans[order], batch.first[order], batch.owner[order], batch.expected[order])
    torch.testing.assert_close(net(turned, READER), net(batch, READER)[order])
    torch.testing.assert_close(command_values(net(turned, READER), turned), command_values(net(batch, READER), batch))


def test_some_of_the_plans_have_the_values_that_they_have_among_all():
    batch, net = states(rows=20, expected=True, memory=4), head(memory=4)
    kept = np.random.default_rng(1).random(len(batch.plans)) < 0.5
    torch.testing.assert_close(net(batch.only(kept), READER), net(batch, READER)[kept])


def test_every_part_of_a_state_and_of_a_plan_counts():
    batch, net = states(), head()
    before, sets = net(batch, READER), len(READER.texts.known)
    for column in range(len(STATE_PARTS)):
        changed = batch.state.copy()
        changed[:, column] = (changed[:, column] + 1) % sets
        assert not torch.allclose(before, net(replace(batch, state=changed), READER))
    for column in range(len(PLAN_PARTS)):
        changed = batch.plans.copy()
        changed[:, column] = (changed[:, column] + 1) % sets
        assert not torch.allclose(before, net(replace(batch, plans=changed), READER))


def test_the_worth_of_a_state_cannot_change_which_plan_is_best():
    batch, net = states(rows=50), head()
    with torch.no_grad():
        before = net(batch, READER)
        for parameter in net.worth.parameters():
            parameter.normal_(0, 2, generator=torch.Generator().manual_seed(2))
        shift = net(batch, READER) - before
    of_state = torch.stack([shift[batch.owner == row][0] for row in range(50)])
    torch.testing.assert_close(shift, of_state[torch.from_numpy(batch.owner)], atol=1e-4, rtol=1e-4)
    assert of_state.std() > 0.1  # it is a different shift for every state


def test_without_dueling_a_value_is_the_advantage_alone():
    batch, net, plain = states(), head(), head(dueling=False)
    plain.load_state_dict({name: tensor for name, tensor in net.state_dict().items() if "worth" not in name})
    apart = (net(batch, READER) - plain(batch, READER)).detach()
    for row in range(len(batch.state)):
        own = apart[batch.owner == row]
        torch.testing.assert_close(own, own[0].expand_as(own), atol=1e-5, rtol=1e-4)


def test_what_is_expected_is_added_to_the_value_of_each_plan():
    batch, net = states(expected=True), head()
    apart = net(batch, READER) - net(replace(batch, expected=None), READER)
    torch.testing.assert_close(apart, torch.from_numpy(batch.expected), atol=1e-5, rtol=1e-4)


@given(st.integers(0, 10**6), st.floats(-100, 0))
@settings(max_examples=30, deadline=None)
def test_the_value_of_a_command_is_that_of_the_best_plan_that_begins_with_it(seed, lift):
    rng = np.random.default_rng(seed)
    batch = states(seed=seed)
    batch = replace(batch, first=rng.integers(4, size=len(batch.first)))
    values = torch.randn(len(batch.first), generator=torch.Generator().manual_seed(seed)) + lift
    found = command_values(values, batch)
    assert found.shape == (len(batch.state), batch.first.max() + 1)
    for row, column in np.ndindex(*found.shape):
        own = values[(batch.owner == row) & (batch.first == column)]
        assert found[row, column] == (own.max() if len(own) else -torch.inf)


@pytest.mark.parametrize("blur_told", [True, False])
def test_in_training_vectors_are_blurred_and_those_of_what_is_told_only_if_they_are_to_be(blur_told):
    net = head(blur=1.0, blur_told=blur_told)
    told, words = READER.told.library.vectors[:4], READER.texts.library.vectors[:4]
    net.train()
    assert torch.equal(net.meaning(told), net.meaning(told)) != blur_told
    layer = net.project["note"]
    assert not torch.equal(net._standard(layer, "note", words), net._standard(layer, "note", words))
    net.eval()
    assert torch.equal(net.meaning(told), net.meaning(told))
    assert torch.equal(net._standard(layer, "note", words), net._standard(layer, "note", words))


@given(st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_the_plans_of_each_state_stand_side_by_side(seed):
    batch = states(seed=seed)
    values = torch.randn(len(batch.first), generator=torch.Generator().manual_seed(seed))
    for row, found in enumerate(plan_values(values, batch)):
        assert found[found.isfinite()].tolist() == values[torch.from_numpy(batch.owner == row)].tolist()


def test_a_plan_after_a_walk_is_worth_what_it_is_worth_there_and_the_delay():
    net, batch = head(gamma=0.5), states()
    there = batch.plans.copy()
    there[:, PLAN_COLUMNS.index("steps")] = 0
    near = net(States(batch.state, there, batch.first, batch.owner), READER)
    far = net(States(batch.state, batch.plans, batch.first, batch.owner), READER)
    assert torch.allclose(far, near * 0.5 ** torch.from_numpy(batch.plans[:, PLAN_COLUMNS.index("steps")]))
    assert not torch.allclose(far, near)


def test_a_text_that_says_the_same_twice_is_the_same_but_what_is_told_twice_weighs_more():
    own = Reader(Library(WordBag(WIDTH)))
    for texts in (own.texts, own.told):
        texts.add([("a way",), ("a way", "a way")])
    net, none = head(), np.zeros((3, len(STATE_PARTS)), dtype=np.int64)
    for part in PLAN_PARTS:
        plans = np.zeros((3, len(PLAN_COLUMNS)), dtype=np.int64)
        plans[:, PLAN_PARTS.index(part)] = (0, 1, 2)
        values = net(States(none, plans, np.zeros(3, dtype=np.int64), np.arange(3)), own)
        assert not torch.isclose(values[0], values[1])
        assert torch.isclose(values[1], values[2]) == (part not in TOLD)


def test_what_is_foretold_is_the_sum_over_sentences_and_one_number_for_each_told_text():
    net, numbers = head(), np.array([3, 5, 3, 0])
    found = net.foretold(numbers, READER)
    assert found.shape == (4,)
    assert found[0] == found[2] != found[1]
    assert found[3] == net.nearer.bias  # nothing was told
    items, _ = READER.told.items(np.array([3]))
    meaning = net.meaning(READER.told.library.vectors[torch.from_numpy(items)]).sum(0)
    torch.testing.assert_close(found[0], net.nearer(meaning).squeeze())


def test_forgetting_what_was_read_is_seeded_and_touches_the_reading_layers_alone():
    net, same, other = head(), head(), head()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    for one, seed in ((net, 1), (same, 1), (other, 2)):
        one.forget_reading(torch.Generator().manual_seed(seed))
    after = net.state_dict()
    moved = {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    assert moved == {name for name in before if name.startswith(("sentence.", "sentence_in."))}
    own = {id(parameter) for parameter in net.reading_parameters()}
    assert {name for name, parameter in net.named_parameters() if id(parameter) in own} == moved
    assert all(torch.equal(after[name], tensor) for name, tensor in same.state_dict().items())
    assert any(not torch.equal(after[name], tensor) for name, tensor in other.state_dict().items())


def test_dropout_works_in_training_alone_and_on_the_state_alone():
    """With all of the state left out states differ no more, and plans do."""
    batch, net = states(rows=2), head(dropout=1.0)
    torch.testing.assert_close(net(batch, READER), head(dropout=0.0)(batch, READER))
    net.train()
    plans = np.array([[1, 2, 3, 4, 5, 6, 0], [6, 5, 4, 3, 2, 1, 0]] * 2)
    both = States(batch.state, plans, np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1]))
    values = net(both, READER)
    torch.testing.assert_close(values[:2], values[2:])
    assert (values[0] - values[1]).abs() > 1e-4


@pytest.mark.parametrize("memory", [0, 4])
def test_the_gradient_reaches_every_parameter(memory):
    batch, net = states(rows=30, memory=memory), head(memory=memory).train()
    (net(batch, READER).square().sum() + net.foretold(np.arange(5), READER).square().sum()).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_a_head_with_a_memory_remembers_what_was_read_and_done_step_by_step():
    net = head(memory=4)
    descriptions, commands = np.array([[1], [2], [3]]), np.array([[4], [5], [6]])
    whole = net.recall(Past(descriptions, commands, torch.zeros(1, 4)), READER)
    state = torch.zeros(1, 4)
    for description, command in zip(descriptions, commands, strict=True):
        state = net.recall(Past(description[None], command[None], state), READER)
    torch.testing.assert_close(whole, state)
    padded = Past(np.vstack([[[-1]], descriptions]), np.vstack([[[-1]], commands]), torch.zeros(1, 4))
    torch.testing.assert_close(net.recall(padded, READER), whole)
    other = net.recall(Past(descriptions, commands[::-1].copy(), torch.zeros(1, 4)), READER)
    assert not torch.allclose(other, whole)


def test_standardised_vectors_have_mean_0_and_deviation_1():
    net = head()
    samples = {part: 5 * torch.randn(200, WIDTH) + 3 for part in PARTS}
    net.standardise(samples)
    for part in PARTS:
        mean, scale = net.standard(part)
        standard = (samples[part] - mean) / scale
        torch.testing.assert_close(standard.mean(0), torch.zeros(WIDTH), atol=1e-4, rtol=0)
        torch.testing.assert_close(standard.std(0), torch.ones(WIDTH), atol=1e-4, rtol=0)


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_standardising_by_few_samples_or_equal_ones_stays_finite(spread):
    net = head()
    net.standardise({part: spread * torch.randn(1, WIDTH) + 1 for part in PARTS})
    for part in PARTS:
        mean, scale = net.standard(part)
        assert scale.min() >= 1e-3
        assert torch.isfinite(mean).all()
    assert torch.isfinite(net(states(), READER)).all()


def test_a_part_with_few_texts_takes_the_scale_of_all_and_its_own_mean_and_one_with_none_stays():
    net = head()
    samples = {part: torch.randn(100, WIDTH) for part in PARTS}
    samples["inventory"] = torch.full((2, WIDTH), 4.0) + torch.tensor([[-1e-6], [1e-6]])
    samples["place"] = torch.zeros(0, WIDTH)
    net.standardise(samples)
    mean, scale = net.standard("inventory")
    torch.testing.assert_close(mean, torch.full((WIDTH,), 4.0))
    assert scale.min() > 0.5
    assert net.standard("place")[1].tolist() == [1.0] * WIDTH


def test_what_is_told_may_be_read_by_another_encoder_on_a_scale_of_its_own():
    own = Reader(Library(WordBag(WIDTH)), Library(WordBag(5)))
    own.told.add([("A way leads north.", "Nettles grow to the north.")])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = QHead(WIDTH, hidden=16, told=6, told_width=5).eval()
        samples = {part: torch.randn(100, WIDTH) for part in PARTS} | {"told": 50 * torch.randn(100, 5)}
    net.standardise(samples)
    assert net.standard("told")[1].min() > 25
    plans = np.zeros((2, len(PLAN_COLUMNS)), dtype=np.int64)
    plans[:, PLAN_PARTS.index("told")] = 0, 1
    none = np.zeros((2, len(STATE_PARTS)), dtype=np.int64)
    nothing, something = net(States(none, plans, np.zeros(2, dtype=np.int64), np.arange(2)), own).tolist()
    assert nothing != something


def test_the_scales_are_saved_with_the_weights():
    net, other = head(), head()
    net.standardise({part: torch.randn(50, WIDTH) for part in PARTS})
    other.load_state_dict(net.state_dict())
    assert torch.equal(net(states(), READER), other(states(), READER))


def test_attention_sees_tokens_and_no_padding():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net, tokens = Attention(4, heads=2), torch.randn(1, 3, 4)
    alone = net(tokens, torch.ones(1, 3, dtype=torch.bool))
    padded = torch.cat([tokens, torch.full((1, 2, 4), 9.0)], 1)
    torch.testing.assert_close(net(padded, torch.tensor([[True] * 3 + [False] * 2])), alone)
    assert alone.shape == (1, 8)
    assert not torch.allclose(net(tokens[:, :2], torch.ones(1, 2, dtype=torch.bool)), alone)


def test_a_head_that_attends_reads_what_is_told_by_its_tokens(tmp_path):
    model = Bert(tiny_bert(tmp_path))
    own = Reader(Library(model), TokenLibrary(model))
    own.told.add([("go on",), ("turn back",), ("go on", "turn back")])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = QHead(model.width, hidden=16, told=6, tokens=model.hidden).eval()
    plans = np.zeros((4, len(PLAN_COLUMNS)), dtype=np.int64)
    plans[:, PLAN_PARTS.index("told")] = range(4)
    none = np.zeros((4, len(STATE_PARTS)), dtype=np.int64)
    values = net(States(none, plans, np.zeros(4, dtype=np.int64), np.arange(4)), own)
    assert len(set(values.tolist())) == 4
    values.sum().backward()
    assert net.attention.keys.weight.grad.abs().sum() > 0


def believing(rows):
    """States alike but for the clues of their plans: two each, of which the first has so many."""
    none = np.zeros((len(rows), len(STATE_PARTS)), dtype=np.int64)
    count = 2 * len(rows)
    owner = np.repeat(np.arange(len(rows)), 2)
    clues = Clues(np.concatenate([np.arange(1, 1 + row) for row in rows]), np.repeat(2 * np.arange(len(rows)), rows),
                  owner, np.arange(count))
    return States(none, np.zeros((count, len(PLAN_COLUMNS)), dtype=np.int64), np.tile([0, 1], len(rows)), owner,
                  clues=clues)


def test_what_is_told_on_the_map_changes_values_of_a_head_with_a_belief():
    net = head(belief=True)
    plain, told = net(believing([0, 5]), READER).view(2, 2)
    assert plain[0] == plain[1]
    assert (told != plain).all()  # what speaks for one plan speaks against the other
    batch = believing([0, 5])
    kept = np.array([True, False, False, True])
    assert torch.allclose(net(batch.only(kept), READER), net(batch, READER)[kept])


def test_values_are_learned_by_what_is_believed_and_do_not_change_what_is_foretold():
    net = head(belief=True)
    for training in (True, False):  # to say which words mattered, the way through the belief counts too
        net.zero_grad()
        net.train(training)
        net(believing([5]), READER).sum().backward()
        assert net.belief_in.weight.grad.abs().sum() > 0
        assert (net.nearer.weight.grad is None) == training
