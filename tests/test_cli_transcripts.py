"""The commands that write, prove and convert transcripts, as whoever types them sees them."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from transcripts import read_text

from textmaze.catalog import load_game
from textmaze.cli import main

TEXTMAZE = [sys.executable, "-m", "textmaze.cli"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTMAZE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def call(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


def run(*arguments):
    done = call(*arguments)
    assert done.exit_code == 0, done.output
    return done


def refused(*arguments):
    done = call(*arguments)
    assert done.exit_code == 2, done.output
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_a_transcript_is_written_proved_and_converted_without_loss(here):
    written = run("transcript", "explorer", "labyrinth", "--episodes", 3, "--split", "valid", "--out", "a.jsonl")
    assert written.stderr.startswith("Wrote a.jsonl: 3 episodes, ")
    assert run("verify", "a.jsonl").stdout.endswith(" steps, all as they were played.\n")
    for source, target in (("a.jsonl", "b.chat.jsonl"), ("b.chat.jsonl", "c.parquet"), ("c.parquet", "d.jsonl.gz")):
        run("convert", source, target)
        run("verify", target)
    assert gzip.decompress((here / "d.jsonl.gz").read_bytes()) == (here / "a.jsonl").read_bytes()


def test_what_a_format_does_not_carry_is_said():
    run("transcript", "explorer", "corridor", "--out", "a.jsonl")
    done = run("convert", "a.jsonl", "a.cast")
    assert "but not what else could be done" in done.stderr
    assert Path("a.cast").read_text().startswith('{"version": 2')
    run("convert", "a.jsonl", "a.md")
    assert Path("a.md").read_text() == run("transcript", "explorer", "corridor", "--format", "markdown").stdout
    assert "no transcript that can be read back" in refused("convert", "a.md", "b.jsonl")


def test_a_difference_is_told_with_exit_code_1_and_what_is_no_transcript_with_2(here):
    for name in ("a.jsonl", "a.chat.jsonl"):
        run("transcript", "walkthrough", "ladder-train.toml", "--episodes", 13, "--out", name)
        text = (here / name).read_text()
        place = text.index("You ", len(text) // 2)
        (here / name).write_text(f"{text[:place]}Yoo {text[place + 4:]}")
        done = call("verify", name)
        assert done.exit_code == 1
        assert done.stderr.startswith("Error: Episode ")
        assert ", step " in done.stderr
    for name in ("no.jsonl", "no.chat.jsonl", "no.parquet", "empty.jsonl"):
        Path(name).write_text("" if name == "empty.jsonl" else "no\n")
        assert f"{name} is no transcript" in refused("verify", name)
    assert "No such file" in refused("verify", "gone.jsonl")


@pytest.mark.parametrize("kind", ["jsonl", "chat.jsonl"])
def test_a_game_in_a_file_is_opened_where_the_user_names_it_and_not_where_a_transcript_does(here, kind):
    game = here / "pantry.json"
    game.write_text(load_game("corridor").maze("train", 3).to_json())
    run("transcript", "walkthrough", game, "--out", f"t.{kind}")
    told = refused("verify", f"t.{kind}")
    assert told == ("Error: It was played in a file called 'pantry.json', and no file is opened because a transcript "
                    "names it: give the game by --game FILE.\n")
    other = here / "elsewhere"
    other.mkdir()
    game.rename(other / "pantry.json")
    run("verify", f"t.{kind}", "--game", "elsewhere/pantry.json", "--jobs", 1)
    run("convert", f"t.{kind}", "u.chat.jsonl", "--game", "elsewhere/pantry.json")
    run("verify", "u.chat.jsonl", "--game", "elsewhere/pantry.json")
    assert "Nothing in the transcript was played in a file called 'no.z8'" in refused(
        "verify", f"t.{kind}", "--game", "no.z8")


def test_a_chat_can_be_asked_for_what_can_be_done():
    run("transcript", "walkthrough", "corridor", "--format", "chat", "--admissible", "--out", "t.jsonl")
    assert "\\n\\nYou can: " in Path("t.jsonl").read_text()
    run("verify", "t.jsonl")
    run("convert", "t.jsonl", "plain.chat.jsonl")
    assert "You can: " not in Path("plain.chat.jsonl").read_text()
    assert "is for the format chat, not for jsonl" in refused("transcript", "wander", "corridor", "--admissible")


def test_an_agent_with_values_reasons_in_a_chat():
    run("transcript", "ladder", "corridor", "--out", "t.jsonl")
    run("convert", "t.jsonl", "t.chat.jsonl", "--reasoning")
    message = json.loads(Path("t.chat.jsonl").read_text())["messages"][2]["content"]
    assert message.startswith("Worth: ")
    run("verify", "t.chat.jsonl")


def test_a_mixture_plays_all_that_it_names():
    run("transcript", "experts.toml", "--episodes", 20, "--only", "won", "--out", "t.jsonl.gz")
    header, episodes = read_text(gzip.decompress(Path("t.jsonl.gz").read_bytes()).decode())
    assert [(play.agent, play.game) for play in header.plays] == [
        ("walkthrough", "ladder-train"), ("explorer", "labyrinth"), ("explorer", "signposts")]
    assert len(episodes) == 20
    assert "leave out GAME" in refused("transcript", "experts.toml", "corridor")
    assert "leave out GAME" in refused("transcript", "experts.toml", "--with", "rooms=4")
    assert "gone.toml cannot be read" in refused("transcript", "gone.toml")


def test_how_many_were_kept_is_said():
    done = run("transcript", "wander", "corridor", "--episodes", 9, "--only", "lost", "--out", "t.jsonl")
    assert done.stderr.startswith("Wrote t.jsonl: ")
    assert " of 9 episodes, " in done.stderr
    assert "has no regret" in refused("transcript", "wander", "corridor", "--only", "lost", "--max-regret", 1)


def test_a_name_that_says_no_format_is_refused_before_anything_is_played(here):
    assert "says no format" in refused("transcript", "wander", "corridor", "--out", "t.txt")
    run("transcript", "wander", "corridor", "--out", "t.txt", "--format", "jsonl")
    assert os.listdir(here) == ["t.txt"]
    assert "says no format" in refused("convert", "t.txt", "u.txt")


def test_nothing_is_half_written(here):
    run("transcript", "wander", "corridor", "--episodes", 2, "--out", "t.jsonl")
    text = Path("t.jsonl").read_text()
    Path("cut.jsonl").write_text(text[:-30])
    Path("out.chat.jsonl").write_text("old")
    assert call("convert", "cut.jsonl", "out.chat.jsonl").exit_code == 2
    assert Path("out.chat.jsonl").read_text() == "old"
    assert sorted(os.listdir(here)) == ["cut.jsonl", "out.chat.jsonl", "t.jsonl"]


@pytest.mark.slow
def test_an_interrupted_transcript_goes_on_to_the_same_bytes(here):
    command = ["transcript", "experts.toml", "--episodes", "400", "--jobs", "2", "--out"]
    parts = here / "t.jsonl.parts"
    with subprocess.Popen([*TEXTMAZE, *command, "t.jsonl"], start_new_session=True, stderr=subprocess.PIPE,
                          text=True) as process:
        while not any(parts.glob("0*.gz")):
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does
        told = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert told == "Stopped. What was played is kept in t.jsonl.parts; the same command goes on from there.\n"
    assert not (here / "t.jsonl").exists()
    assert "another transcript" in refused("transcript", "experts.toml", "--episodes", "399", "--out", "t.jsonl")
    run(*command, "t.jsonl")
    run(*command[:-3], "--jobs", "1", "--out", "u.jsonl")
    assert (here / "t.jsonl").read_bytes() == (here / "u.jsonl").read_bytes()
    assert sorted(os.listdir(here)) == ["t.jsonl", "u.jsonl"]


def test_the_speed_of_transcripts_is_printed():
    done = run("bench", "transcript", "--episodes", 4, "--jobs", 1)
    assert done.stdout.startswith("walkthrough in ladder-train, as chat, processes: 1. ")
    assert " steps a minute: 4 episodes, " in done.stdout


@pytest.mark.slow
def test_trl_takes_an_optimiser_step_on_a_chat(here):
    pytest.importorskip("trl", reason="needs TRL: pip install trl")
    run("transcript", "walkthrough", "ladder-train.toml", "--episodes", 24, "--format", "chat", "--out", "t.jsonl")
    # In a process of its own, as these libraries warn on import and keep state.
    done = subprocess.run([sys.executable, "-c", FINE_TUNING], capture_output=True, text=True, timeout=300,
                          env={**os.environ, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""})
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "learned"


FINE_TUNING = """
from datasets import load_dataset
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import SFTConfig, SFTTrainer

rows = load_dataset("json", data_files="t.jsonl", split="train", cache_dir="cache")
words = Tokenizer(models.WordLevel(unk_token="<unk>"))
words.pre_tokenizer = pre_tokenizers.Whitespace()
words.train_from_iterator((message["content"] for row in rows for message in row["messages"]),
                          trainers.WordLevelTrainer(vocab_size=500, special_tokens=["<unk>", "<pad>", "<end>"]))
tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="<unk>", pad_token="<pad>", eos_token="<end>")
tokenizer.chat_template = "{% for m in messages %}{{ m.role }} {{ m.content }} <end> {% endfor %}"
model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32,
                                     num_hidden_layers=1, num_attention_heads=2))
before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
settings = SFTConfig(output_dir="sft", max_steps=1, per_device_train_batch_size=2, max_length=256, bf16=False,
                     use_cpu=True, report_to="none", save_strategy="no")
SFTTrainer(model=model, args=settings, train_dataset=rows, processing_class=tokenizer).train()
assert any((before[name] != tensor).any() for name, tensor in model.state_dict().items())
print("learned")
"""
