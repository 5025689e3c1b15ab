"""The language model that plays: it chooses admissible commands by what a player reads, and forgets between games."""

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from textmaze.catalog import agent_files, agent_settings, first_line, load_agent, load_game
from textmaze.env.rollout import Observation, rollout
from textmaze.errors import TextmazeError
from textmaze.learn.server import KEY, MODEL, URL, Answer

llm = load_agent("llm")
CORRIDOR = load_game("corridor")


class Fond:
    """A model that finds everything equally likely, but for a word that it is fond of and one that it always says."""

    def __init__(self, fond="north", always=""):
        self.fond, self.always = fond, always
        self.prompts = []

    def log_probabilities(self, prompts, continuations):
        self.prompts += prompts
        return [np.array([self._value(prompt, text) for text in these])
                for prompt, these in zip(prompts, continuations, strict=True)]

    def _value(self, prompt, text):
        said = 5.0 if self.always and self.always in text else 0.0
        return said + (1.0 if self.fond in text and "hall" in prompt else 0.0)


class Says:
    """A server that says the same of everything."""

    def __init__(self, text):
        self.text = text
        self.requests = []

    def ask(self, requests, parse, *, tokens, first=False):
        self.requests += requests
        return [parse(Answer(self.text, {})) for _ in requests]


def likeliest(model, prior=False, **settings):
    return llm.LLM(llm.Settings(**settings), llm.Likeliest(model, prior))


def asked(text):
    return llm.LLM(llm.Settings(), llm.Asked(Says(text)))


def seen(slot=0, text="text", description="a hall", admissible=("go east", "go north", "go west")):
    return Observation(slot, text, description, "nothing", "find the coin", admissible)


def test_it_is_listed_and_is_told_nothing_that_no_player_reads():
    assert first_line(agent_files()["llm"]).endswith(".")
    assert tuple(likeliest(Fond()).infos) == ()


@pytest.mark.parametrize(("prior", "command"), [(False, "go west"), (True, "go north")])
def test_it_gives_the_likeliest_command_or_with_the_prior_the_one_that_gains_most_by_what_was_read(prior, command):
    agent = likeliest(Fond("north", always="west"), prior)
    agent.begin([0, 1])
    assert agent.act([seen(0), seen(1, admissible=("go west", "go east"))]) == [command, "go west"]


def test_where_all_are_alike_it_gives_the_first_and_where_there_are_none_it_waits():
    agent = likeliest(Fond("nowhere"))
    agent.begin([0, 1])
    assert agent.act([seen(0), seen(1, admissible=())]) == ["go east", "wait"]


@pytest.mark.parametrize("make", [lambda: likeliest(Fond()), lambda: asked("go north"), lambda: asked("")])
def test_it_chooses_only_admissible_commands_in_real_games_and_the_same_ones_every_time(make):
    def commands():
        rounds = rollout(CORRIDOR, make(), range(6), split="test", slots=4)
        return [(r.episode, r.command, r.command in r.before.admissible) for records in rounds for r in records]

    found = commands()
    assert all(admissible for _, _, admissible in found)
    assert found == commands()


def test_the_prompt_holds_what_a_player_reads_and_the_last_steps():
    model = Fond()
    agent = likeliest(model, history=1)
    agent.begin([0])
    agent.act([seen(text="welcome", description="a hall")])
    agent.act([seen(text="you go to a den", description="a den")])
    model.prompts.clear()
    agent.act([seen(text="you go to an inn", description="an inn")])
    prompt = model.prompts[0]
    for part in ("find the coin", "an inn", "nothing", "go east, go north, go west", "> go east", "you go to an inn"):
        assert part in prompt
    assert "den" not in prompt


@pytest.mark.parametrize("history", [0, 3])
def test_as_many_of_the_last_steps_are_shown_as_set(history):
    model = Fond()
    agent = likeliest(model, history=history, notes="none")
    agent.begin([0])
    for number in range(6):
        model.prompts.clear()
        agent.act([seen(text=f"answer {number}")])
    shown = [number for number in range(6) if f"answer {number}" in model.prompts[0]]
    assert shown == list(range(6 - history, 6))


def test_notes_say_what_was_tried_in_the_place_that_is_described_so_and_in_no_other():
    model = Fond()
    agent = likeliest(model)
    agent.begin([0])
    for description in ("a hall", "a den", "a hall"):
        model.prompts.clear()
        agent.act([seen(description=description)])
    (prompt, *_) = model.prompts
    assert prompt.endswith("Not tried here yet: go east, go west.\n>")
    for _ in range(3):  # until nothing is left
        model.prompts.clear()
        agent.act([seen(admissible=("go north",))])
    assert model.prompts[0].endswith("You can: go north.\n>")


def test_without_notes_nothing_is_said_of_what_was_tried():
    model = Fond()
    agent = likeliest(model, notes="none", history=0)
    agent.begin([0])
    agent.act([seen()])
    first = model.prompts[0]
    model.prompts.clear()
    agent.act([seen()])
    assert model.prompts[0] == first
    assert "tried" not in first


def test_a_new_episode_begins_with_nothing_remembered():
    model = Fond()
    agent = likeliest(model)
    agent.begin([0])
    agent.act([seen()])
    first = model.prompts[0]
    agent.act([seen()])
    agent.begin([0])
    model.prompts.clear()
    agent.act([seen()])
    assert model.prompts[0] == first


def test_texts_of_any_length_are_cut():
    model = Fond()
    agent = likeliest(model, history=50)
    agent.begin([0])
    for _ in range(60):
        agent.act([Observation(0, "t" * 10**5, "d" * 10**5, "i" * 10**5, "o" * 10**5, tuple(map(str, range(10**4))))])
    assert max(map(len, model.prompts)) < 30_000


@pytest.mark.parametrize(("text", "command"), [
    ("go north", "go north"), ("> Go North.\n", "go north"), ("\n\n`go  west`\nbecause it smells", "go west"),
    ("go nroth", "go north"), ("I would sing to the ceiling", "go east"), ("", "go east"), ("north" * 10**5, "go east"),
    ("\ud800\0", "go east"),
])
def test_what_a_server_says_is_read_as_a_command_or_the_nearest_or_the_first(text, command):
    agent = asked(text)
    agent.begin([0])
    assert agent.act([seen()]) == [command]


def test_the_server_is_the_one_that_the_environment_names(monkeypatch):
    monkeypatch.delenv(URL, raising=False)
    monkeypatch.delenv(KEY, raising=False)
    with pytest.raises(TextmazeError, match=URL):
        llm.make(llm.Settings(model="server"))
    monkeypatch.setenv(URL, "http://127.0.0.1:9/v1")
    monkeypatch.setenv(MODEL, "tiny")
    agent = llm.make(llm.Settings(model="server"))
    agent.begin([0])
    with pytest.raises(TextmazeError, match="cannot be reached"):
        agent.act([seen()])


def test_settings_are_checked():
    with pytest.raises(TextmazeError, match="notes"):
        agent_settings(llm, {"notes": "many"}, 0, "llm")
    with pytest.raises(TextmazeError, match="cannot be loaded"):
        llm.make(llm.Settings(model="no/such-model"))


def test_it_plays_with_a_model_from_a_folder(tmp_path):
    words = ["[PAD]", "[UNK]", "go", "north", "east", "south", "west", ">", "you", "the", "room"]
    made = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(tmp_path)
    config = LlamaConfig(vocab_size=len(words), hidden_size=8, intermediate_size=8, num_hidden_layers=1,
                         num_attention_heads=1, max_position_embeddings=256)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(tmp_path)
    agent = llm.make(llm.Settings(model=str(tmp_path)))
    records = [record for records in rollout(CORRIDOR, agent, range(2), split="test") for record in records]
    assert {record.episode for record in records if record.ended} == {0, 1}
    assert all(record.command in record.before.admissible for record in records)
