"""Checkpoints: what was saved comes back, what is damaged is refused, and nothing in them is ever run."""

import json
import os
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from textmaze.catalog import make_agent
from textmaze.errors import RunError, TextmazeError
from textmaze.learn.checkpoint import FORMAT, load_model, load_state, save_model, save_state

CONFIG = {
    "agent": "bert_q",
    "settings": {"encoder": "hash", "hidden": 4},
    "game": {"spec": "labyrinth", "with": {"rooms": "9"}},
    "seed": 3,
}
WEIGHTS = {
    "weight": torch.randn(3, 4),
    "turned": torch.randn(3, 4).T,  # not contiguous
    "count": torch.tensor(7),
    "flags": torch.tensor([True, False]),
    "none": torch.empty(0, 4),
}
STATE = {"steps": 500, "learner": {"texts": ["go north", "ein Gähnen"], "rng": {"state": 2**127}}}


def test_a_model_comes_back_as_it_was_saved(tmp_path):
    save_model(tmp_path / "run", CONFIG, WEIGHTS)
    config, weights = load_model(tmp_path / "run")
    assert config.items() >= CONFIG.items()
    assert weights.keys() == WEIGHTS.keys()
    for name, tensor in WEIGHTS.items():
        assert torch.equal(weights[name], tensor)
        assert weights[name].dtype == tensor.dtype


def test_a_state_comes_back_as_it_was_saved(tmp_path):
    save_state(tmp_path, STATE, WEIGHTS)
    state, tensors = load_state(tmp_path)
    assert state == STATE
    assert tensors.keys() == WEIGHTS.keys()
    assert all(torch.equal(tensors[name], tensor) for name, tensor in WEIGHTS.items())


def test_saving_again_replaces_what_was_there_and_leaves_no_other_file(tmp_path):
    for value in (1.0, 2.0):
        save_model(tmp_path, CONFIG, {"weight": torch.tensor(value)})
        save_state(tmp_path, STATE, {"weight": torch.tensor(value)})
    assert load_model(tmp_path)[1]["weight"] == 2.0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "README.md", "config.json", "model.safetensors", "state.safetensors"
    ]


def test_a_gradient_does_not_go_to_disk(tmp_path):
    save_model(tmp_path, CONFIG, {"weight": torch.nn.Parameter(torch.ones(2))})
    assert not load_model(tmp_path)[1]["weight"].requires_grad


@pytest.mark.parametrize("json_bytes", [None, b"[]", b"{", b"\xff", b""], ids=str)
def test_a_state_without_what_is_no_tensor_is_refused(tmp_path, json_bytes):
    tensors = {"weight": torch.ones(2)}
    if json_bytes is not None:
        tensors["json"] = torch.tensor(list(json_bytes), dtype=torch.uint8)
    (tmp_path / "state.safetensors").write_bytes(save(tensors))
    with pytest.raises(RunError, match=r"state\.safetensors"):
        load_state(tmp_path)


def test_a_state_of_numbers_that_are_no_bytes_is_refused(tmp_path):
    (tmp_path / "state.safetensors").write_bytes(save({"json": torch.tensor([123.0, 125.0])}))
    with pytest.raises(RunError, match="of this version"):
        load_state(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(tmp_path, name):
    save_model(tmp_path, CONFIG, WEIGHTS)
    (tmp_path / name).unlink()
    with pytest.raises(RunError, match=name):
        load_model(tmp_path)


def test_a_folder_in_place_of_a_file_is_refused(tmp_path):
    save_model(tmp_path, CONFIG, WEIGHTS)
    (tmp_path / "config.json").unlink()
    (tmp_path / "config.json").mkdir()
    with pytest.raises(RunError, match=r"config\.json"):
        load_model(tmp_path)


@pytest.mark.parametrize("config", [
    [], "text", 7, None, {}, {"format": "textmaze-checkpoint-0"}, {"format": FORMAT},
    {"format": FORMAT, "agent": 3, "settings": {}, "game": {}},
    {"format": FORMAT, "agent": "bert_q", "settings": [], "game": {}},
    {"format": FORMAT, "agent": "bert_q", "settings": {}, "game": "labyrinth"},
], ids=str)
def test_a_config_of_another_form_is_refused(tmp_path, config):
    save_model(tmp_path, CONFIG, WEIGHTS)
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(RunError):
        load_model(tmp_path)


def test_json_that_is_nested_without_end_is_refused(tmp_path):
    save_model(tmp_path, CONFIG, WEIGHTS)
    (tmp_path / "config.json").write_text("[" * 10**6)
    with pytest.raises(RunError):
        load_model(tmp_path)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with a model and a state, and what its files hold."""
    folder = tmp_path_factory.mktemp("saved")
    save_model(folder, CONFIG, WEIGHTS)
    save_state(folder, STATE, WEIGHTS)
    return folder, {path.name: path.read_bytes() for path in folder.iterdir()}


FILES = st.sampled_from(["config.json", "model.safetensors", "state.safetensors"])


def read_damaged(saved, name, content):
    folder, whole = saved
    (folder / name).write_bytes(content)
    load = load_model if name in ("config.json", "model.safetensors") else load_state
    refusal = None
    try:
        plain, tensors = load(folder)
        assert isinstance(plain, dict)
        assert all(isinstance(tensor, torch.Tensor) for tensor in tensors.values())
    except RunError as error:
        refusal = str(error)
    finally:
        (folder / name).write_bytes(whole[name])
    if refusal is not None:
        assert str(folder) in refusal  # which file it is
        assert "\n" not in refusal
    return refusal


@given(FILES, st.data())
@settings(max_examples=300, deadline=None)
def test_a_file_with_other_bytes_is_read_or_refused_and_nothing_else(saved, name, data):
    content = bytearray(saved[1][name])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    read_damaged(saved, name, bytes(content))


@given(FILES, st.data())
@settings(max_examples=100, deadline=None)
def test_a_cut_file_is_refused(saved, name, data):
    # Two bytes at least: the last of a .json may be the end of a line.
    assert read_damaged(saved, name, saved[1][name][: data.draw(st.integers(0, len(saved[1][name]) - 2))])


@given(FILES, st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_a_file_of_any_bytes_is_refused(saved, name, content):
    assert read_damaged(saved, name, content)


DTYPES = [
    "BOOL", "U8", "I8", "I16", "U16", "F16", "BF16", "I32", "U32", "F32", "F64", "I64", "U64", "C64", "F8_E4M3",
    "F8_E5M2", "F8_E8M0", "F4", "F6_E2M3", "X9",
]


@given(st.sampled_from(DTYPES), st.lists(st.integers(0, 8), max_size=3), st.integers(0, 64))
@settings(max_examples=150, deadline=None)
def test_tensors_of_any_kind_and_shape_are_read_or_refused(saved, kind, shape, size):
    header = json.dumps({"weight": {"dtype": kind, "shape": shape, "data_offsets": [0, size]}}).encode()
    header += b" " * (-len(header) % 8)
    read_damaged(saved, "model.safetensors", len(header).to_bytes(8, "little") + header + bytes(size))


class Trap:
    def __reduce__(self):
        return os.system, ("touch sprung",)


def test_a_pickle_is_refused_and_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_model(tmp_path, CONFIG, WEIGHTS)
    for write in (lambda path: path.write_bytes(pickle.dumps(Trap())), lambda path: torch.save(Trap(), path)):
        write(tmp_path / "model.safetensors")
        with pytest.raises(RunError):
            load_model(tmp_path)
    assert not (tmp_path / "sprung").exists()


def test_no_saved_file_is_a_pickle(saved):
    for name, content in saved[1].items():
        if name.endswith(".safetensors"):
            length = int.from_bytes(content[:8], "little")
            assert isinstance(json.loads(content[8 : 8 + length]), dict)
        else:
            content.decode("utf-8")


AGENT = """
from dataclasses import dataclass
from pathlib import Path

Path("ran").touch()


@dataclass(frozen=True)
class Settings:
    hidden: int = 3


def make(settings, weights=None):
    return settings, weights
"""


@pytest.mark.parametrize("name", ["mine.py", "./mine.py", "mine", "../agents/bert_q", "/bin/sh", ""])
def test_a_run_folder_cannot_name_code_that_is_not_shipped(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(AGENT)
    save_model(tmp_path / "run", {**CONFIG, "agent": name, "settings": {"hidden": 5}}, WEIGHTS)
    with pytest.raises(RunError, match="--code"):
        make_agent("run", {}, 0)
    assert not (tmp_path / "ran").exists()


def test_its_user_can_name_the_code_of_a_run_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(AGENT)
    save_model(tmp_path / "run", {**CONFIG, "agent": "mine.py", "settings": {"hidden": 5}}, WEIGHTS)
    name, (made, weights) = make_agent("run", {}, 0, code="mine.py")
    assert (name, made.hidden) == ("mine", 5)
    assert weights.keys() == WEIGHTS.keys()


@pytest.mark.parametrize("values", [{"hidden": "many"}, {"hidden": 0}, {"hiden": 4}, {"encoder": 5}], ids=str)
def test_settings_that_are_not_allowed_are_refused(tmp_path, values):
    save_model(tmp_path, {**CONFIG, "settings": values}, WEIGHTS)
    with pytest.raises(TextmazeError):
        make_agent(str(tmp_path), {}, 0)


@pytest.mark.parametrize("weights", [{}, {"other": torch.ones(2)}], ids=["none", "others"])
def test_weights_of_something_else_are_refused(tmp_path, weights):
    """An agent without the weights it says it has would play like one that has learned nothing."""
    save_model(tmp_path, CONFIG, weights)
    with pytest.raises(RunError, match="weights"):
        make_agent(str(tmp_path), {}, 0)


def test_the_model_card_says_what_it_is_and_how_to_measure_it(tmp_path):
    save_model(tmp_path, {**CONFIG, "validation": {"success": 0.98, "spl": 0.5, "episodes": 50}}, WEIGHTS)
    card = (tmp_path / "README.md").read_text()
    for part in ("bert_q", "0.98", "50 validation games", "labyrinth --with rooms=9", "| hidden | 4 |"):
        assert part in card


def test_the_model_card_of_an_agent_that_was_not_measured_says_so(tmp_path):
    save_model(tmp_path, CONFIG, WEIGHTS)
    assert "not measured" in (tmp_path / "README.md").read_text()


def test_a_folder_that_takes_no_files_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be written"):
        save_model(tmp_path / "file" / "run", CONFIG, WEIGHTS)
