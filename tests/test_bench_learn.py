"""The benchmark of encoders and learners runs and says what it measured; how fast anything is, no test asserts."""

import cProfile
import math
from math import nan

import pytest
import torch

from textmaze import bench_learn
from textmaze.bench_learn import Encoding, Learning
from textmaze.catalog import load_game
from textmaze.learn.notes import every_note

GAME = load_game("corridor", {"rooms": 4})


def test_the_texts_are_descriptions_each_once_and_those_of_a_rollout_as_they_come():
    texts = bench_learn._descriptions(GAME, 9)
    table = GAME.table("train", 0)
    assert len(texts) == len(set(texts)) == 9
    assert texts[0] in {table.texts[number] for number in table.description}
    rounds = bench_learn._rounds(GAME, 5)
    assert [len(texts) for texts in rounds] == [bench_learn.SLOTS] * 5
    every = [text for texts in rounds for text in texts]
    assert len(set(every)) < len(every)


def test_drift_is_none_where_nothing_differs_and_the_worst_where_something_does():
    exact = torch.tensor([[1.0, 0.0, 0.0], [0.9, 0.1, 0.0], [0.0, 1.0, 0.0], [0.0, 0.9, 0.1]])
    assert bench_learn._drift(exact, exact) == pytest.approx((1.0, 0.0))
    turned = exact.clone()
    turned[0] = torch.tensor([0.0, 0.0, 1.0])
    assert bench_learn._drift(turned, exact) == pytest.approx((0.0, 0.5))


def test_shares_are_those_of_the_files_and_sum_to_one():
    profile = cProfile.Profile()
    with profile:
        for _ in range(200):
            every_note()
    shares = bench_learn._shares(profile)
    assert shares["notes"] > 0.5
    assert shares["env"] == 0.0
    assert sum(shares.values()) == pytest.approx(1.0)


def test_the_best_of_each_is_told_and_torchs_threads_are_left_as_they_were(monkeypatch):
    times = iter([3.0, 9.0, 2.0, 5.0])
    monkeypatch.setattr(bench_learn, "_seconds", lambda read: nan if read is None else next(times))
    monkeypatch.setattr(bench_learn, "PARTS", 2)
    monkeypatch.setattr(bench_learn.os, "cpu_count", lambda: 1)
    before = torch.get_num_threads()
    assert bench_learn._best({"one": (list, list)}) == {"one": [2.0, 5.0]}
    assert all(map(math.isnan, bench_learn._best({"one": (None, None)})["one"]))
    assert torch.get_num_threads() == before


@pytest.mark.slow
def test_encoders_are_measured_beside_each_other_on_the_same_texts(monkeypatch):
    monkeypatch.setattr(bench_learn, "PARTS", 1)
    monkeypatch.setattr(bench_learn.os, "cpu_count", lambda: 1)
    monkeypatch.setenv("TEXTMAZE_CACHE", "")
    monkeypatch.setenv(bench_learn.vector_cache.OFF, "")
    texts = bench_learn._descriptions(GAME, 6)
    rows = {row.what: row for row in bench_learn._encoders(texts, [texts[:2], texts[:2]])}
    assert all(row.distinct > 0 for row in rows.values())
    exact, rounded = rows["textmaze, float32"], rows["textmaze, bfloat16"]
    assert (exact.cosine, exact.neighbours) == (pytest.approx(1.0), 0.0)
    assert 0.999 < rounded.cosine < 1.0
    assert {"textmaze, float32, cold disk", "textmaze, float32, warm disk"} <= set(rows)
    peers = [row for name, row in rows.items() if name.startswith(bench_learn.PEER)]
    assert [math.isnan(row.rollout) for row in peers] in ([], [False, True, True])


@pytest.mark.slow
def test_a_learner_is_measured_once_it_has_begun_to_learn(monkeypatch, tmp_path):
    monkeypatch.setenv("TEXTMAZE_CACHE", "")
    threads = torch.get_num_threads()
    row = bench_learn._learner("bert_q", GAME, {"encoder": "hash", "warmup": 64}, 0.2, str(tmp_path))
    torch.set_num_threads(threads)
    assert min(row.ready, row.steps, row.updates) > 0
    assert set(row.shares) == {*bench_learn.SHARES, "rest"}
    assert row.shares["head"] > 0


def shown(table, capsys):
    from rich.console import Console

    Console(width=100).print(table)
    return capsys.readouterr().out.splitlines()


def test_the_tables_tell_ratios_to_the_best_of_the_peer_and_fit_a_hundred_columns(capsys):
    name = f"{bench_learn.PEER}, batches of "
    rows = [Encoding(f"{name}32", 50.0, 40.0), Encoding(f"{name}128", 80.0, nan),
            Encoding("textmaze, bfloat16", 160.0, 1000.0, 0.99997, 0.0025)]
    lines = shown(bench_learn.encoding_table(rows, "texts"), capsys)
    assert lines[-2].split() == ["textmaze,", "bfloat16", "160", "1,000", "2.00", "25.00", "0.99997", "0.2%"]
    assert lines[-3].split()[-6:] == ["80", "-", "1.00", "-", "-", "-"]
    lines = shown(bench_learn.encoding_table(rows[2:], "texts"), capsys)
    assert lines[-2].split()[2:6] == ["160", "1,000", "-", "-"]
    row = Learning("bert_q", 9.96, 1234.5, 77.25, {"env": 0.25, "rest": 0.75})
    assert shown(bench_learn.learning_table([row], "agents"), capsys)[-2].split() == [
        "bert_q", "10.0", "1,234", "77.2", "25%", "75%"]
