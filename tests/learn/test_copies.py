"""Copies: what follows a head that learns, by its share, by the mean, or at once."""

import pytest
import torch

from textmaze.learn.copies import Copies
from textmaze.learn.qhead import QHead


def head():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return QHead(4, hidden=3, told=2).eval()


def moved(copies, values):
    """The value of one weight of the copy that plays, after the head has had each of these there."""
    found = []
    for value in values:
        with torch.no_grad():
            copies.head.nearer.bias.fill_(value)
        copies.follow()
        found.append(copies.played.nearer.bias.item())
    return found


def test_without_averaging_it_plays_by_the_head_itself():
    copies = Copies(head(), 0.1, 0.0)
    assert copies.played is copies.head
    assert moved(copies, [1.0, 5.0]) == [1.0, 5.0]


def test_the_mean_is_that_of_all_weights_at_first_and_then_of_the_last_ones():
    copies = Copies(head(), 0.1, 0.25)
    found = moved(copies, [4.0, 0.0, 2.0, 6.0, 11.0, 11.0])
    assert found[:4] == pytest.approx([4.0, 2.0, 2.0, 3.0])
    assert found[4:] == pytest.approx([0.75 * 3 + 0.25 * 11, 0.75 * 5 + 0.25 * 11])


def test_a_share_of_one_is_the_head_as_it_is():
    copies = Copies(head(), 0.1, 1.0)
    assert moved(copies, [4.0, 0.0]) == [4.0, 0.0]
    assert copies.played is not copies.head


def test_what_did_not_come_by_updates_is_caught_up_with_and_the_mean_begins_anew():
    copies = Copies(head(), 0.1, 0.25)
    moved(copies, [4.0, 0.0, 2.0, 6.0])
    with torch.no_grad():
        copies.head.nearer.bias.fill_(9.0)
        copies.head.get_buffer("told_mean").fill_(3.0)
    copies.catch_up()
    for copy in (copies.slow, copies.played):
        assert all(torch.equal(copy.state_dict()[name], tensor) for name, tensor in copies.head.state_dict().items())
    assert moved(copies, [1.0, 2.0]) == pytest.approx([1.0, 1.5])


@pytest.mark.parametrize("averaging", [0.0, 0.25])
def test_restored_copies_go_on_as_the_old_ones_would(averaging):
    old, new = Copies(head(), 0.1, averaging), Copies(head(), 0.1, averaging)
    moved(old, [4.0, 0.0])
    new.restore({name: tensor.clone() for name, tensor in old.state().items()})
    assert moved(old, [7.0, 8.0]) == moved(new, [7.0, 8.0])
    assert all(torch.equal(new.state()[name], tensor) for name, tensor in old.state().items())
    assert not any(name.startswith("mean.") for name in old.state()) or averaging
