"""The Q-head: what a value depends on, and what it must not."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from textmaze.learn.qhead import COMMAND_PARTS, PARTS, STATE_PARTS, QHead, States

WIDTH, TEXTS = 12, 40


def head(dropout=0.0):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return QHead(WIDTH, hidden=16, dropout=dropout).eval()


def texts():
    return torch.randn(TEXTS, WIDTH, generator=torch.Generator().manual_seed(1))


def states(rows=6, widest=5, seed=0):
    """Random states, each with at least one command."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, widest + 1, rows)
    counts[0] = 1
    return States(
        rng.integers(TEXTS, size=(rows, len(STATE_PARTS))),
        rng.integers(TEXTS, size=(rows, widest)),
        rng.integers(TEXTS, size=(rows, widest)),
        np.arange(widest) < counts[:, None],
    )


def some(batch, rows):
    return States(batch.state[rows], batch.commands[rows], batch.notes[rows], batch.admissible[rows])


@given(st.integers(0, 10**6), st.floats(-100, 100))
@settings(max_examples=30, deadline=None)
def test_padding_is_never_chosen(seed, lift):
    batch, net = states(seed=seed), head()
    with torch.no_grad():
        net.worth[-1].bias += lift  # however bad all commands look
        values = net(batch, texts())
    assert np.array_equal(values.isfinite().numpy(), batch.admissible)
    assert batch.admissible[np.arange(len(values)), values.argmax(1).numpy()].all()


def test_what_stands_in_the_padding_does_not_matter():
    batch, vectors = states(), texts()
    changed = States(
        batch.state, np.where(batch.admissible, batch.commands, 7), np.where(batch.admissible, batch.notes, 9),
        batch.admissible,
    )
    torch.testing.assert_close(head()(batch, vectors), head()(changed, vectors))


@given(st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_the_values_of_a_state_do_not_depend_on_the_others_in_the_batch(seed):
    batch, net, vectors = states(seed=seed), head(), texts()
    together = net(batch, vectors)
    for row in range(len(together)):
        torch.testing.assert_close(net(some(batch, [row]), vectors)[0], together[row])


def test_values_follow_their_commands_when_these_change_places():
    batch, net, vectors = states(), head(), texts()
    order = np.array([3, 1, 4, 0, 2])
    turned = States(batch.state, batch.commands[:, order], batch.notes[:, order], batch.admissible[:, order])
    torch.testing.assert_close(net(turned, vectors), net(batch, vectors)[:, order])


def test_every_part_of_a_state_counts():
    batch, net, vectors = states(), head(), texts()
    before = net(batch, vectors)
    for column in range(len(STATE_PARTS)):
        changed = batch.state.copy()
        changed[:, column] = (changed[:, column] + 1) % TEXTS
        after = net(States(changed, batch.commands, batch.notes, batch.admissible), vectors)
        assert not torch.allclose(before, after)
    for part in COMMAND_PARTS:
        numbers = {"command": batch.commands, "note": batch.notes}
        numbers[part] = (numbers[part] + 1) % TEXTS
        after = net(States(batch.state, numbers["command"], numbers["note"], batch.admissible), vectors)
        assert not torch.allclose(before, after)


def test_the_worth_of_a_state_cannot_change_which_command_is_best():
    batch, net, vectors = states(rows=50), head(), texts()
    with torch.no_grad():
        before = net(batch, vectors)
        for parameter in [*net.worth.parameters(), *net.worth_in.parameters()]:
            parameter.normal_(0, 2, generator=torch.Generator().manual_seed(2))
        after = net(batch, vectors)
    assert not torch.allclose(before, after)
    shift = (after - before)[torch.from_numpy(batch.admissible)]
    assert shift.std() > 0.1  # it is a different shift for every state
    assert torch.equal(before.argmax(1), after.argmax(1))


def test_dropout_works_in_training_alone():
    batch, net, vectors = states(), head(dropout=0.5), texts()
    assert torch.equal(net(batch, vectors), net(batch, vectors))
    torch.testing.assert_close(net(batch, vectors), head(dropout=0.0)(batch, vectors))
    net.train()
    assert not torch.equal(net(batch, vectors), net(batch, vectors))


def test_dropout_leaves_commands_and_notes_whole():
    """With all of the state left out, commands differ still, and states do so no more."""
    batch, net, vectors = states(rows=2), head(dropout=1.0).train(), texts()
    everywhere = np.ones_like(batch.admissible)
    values = net(States(batch.state, batch.commands[[1, 1]], batch.notes[[1, 1]], everywhere), vectors)
    torch.testing.assert_close(values[0], values[1])
    assert values[0].std() > 0.01


def test_the_gradient_reaches_every_parameter():
    batch, net = states(rows=30), head().train()
    values = net(batch, texts())
    values[torch.from_numpy(batch.admissible)].square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_standardised_vectors_have_mean_0_and_deviation_1():
    net = head()
    samples = {part: 5 * torch.randn(200, WIDTH) + 3 for part in PARTS}
    net.standardise(samples)
    for index, part in enumerate(PARTS):
        standard = (samples[part] - net.mean[index]) / net.scale[index]
        torch.testing.assert_close(standard.mean(0), torch.zeros(WIDTH), atol=1e-4, rtol=0)
        torch.testing.assert_close(standard.std(0), torch.ones(WIDTH), atol=1e-4, rtol=0)


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_standardising_by_few_samples_or_equal_ones_stays_finite(spread):
    net, vectors = head(), texts()
    net.standardise({part: spread * torch.randn(1, WIDTH) + 1 for part in PARTS})
    assert net.scale.min() >= 1e-3
    assert torch.isfinite(net.mean).all()
    values = net(states(), vectors)
    assert torch.isfinite(values[torch.from_numpy(states().admissible)]).all()


def test_a_part_with_few_texts_takes_the_scale_of_all_and_its_own_mean():
    net = head()
    samples = {part: torch.randn(100, WIDTH) for part in PARTS}
    samples["inventory"] = torch.full((2, WIDTH), 4.0) + torch.tensor([[-1e-6], [1e-6]])
    net.standardise(samples)
    index = PARTS.index("inventory")
    torch.testing.assert_close(net.mean[index], torch.full((WIDTH,), 4.0))
    assert net.scale[index].min() > 0.5


def test_the_scales_are_saved_with_the_weights():
    net, other = head(), head()
    net.standardise({part: torch.randn(50, WIDTH) for part in PARTS})
    other.load_state_dict(net.state_dict())
    assert torch.equal(net(states(), texts()), other(states(), texts()))
