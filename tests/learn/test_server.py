"""A model on a server: what may pass is tried again, what will not is one sentence, and the key is shown nowhere."""

import json
import threading
from contextlib import contextmanager, suppress
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import time
from types import SimpleNamespace

import numpy as np
import pytest

from textmaze.errors import TextmazeError
from textmaze.learn import server as module
from textmaze.learn.lm_scorers import Judge, number, yes_or_no
from textmaze.learn.score_cache import Cached, ScoreCache
from textmaze.learn.scorers import make_scorer
from textmaze.learn.server import Answer, Endpoint, MalformedError, Server, ServerError, endpoint

KEY = "sk-very-secret"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in (module.URL, module.MODEL, module.KEY, "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def said(text, tokens=None):
    """The content of a chat completion; `tokens` are the likeliest first ones with their log probabilities."""
    choice = {"message": {"role": "assistant", "content": text}}
    if tokens is not None:
        listed = [{"token": token, "logprob": value} for token, value in tokens.items()]
        choice["logprobs"] = {"content": [{"token": text, "logprob": 0.0, "top_logprobs": listed}]}
    return json.dumps({"choices": [choice]})


@contextmanager
def serving(answer):
    """A server on this machine. `answer(body)` gives the content, or (status, headers, content)."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(SimpleNamespace(path=self.path, headers=dict(self.headers), body=body))
            found = answer(body)
            status, headers, content = found if isinstance(found, tuple) else (200, {}, found)
            content = content.encode() if isinstance(content, str) else content
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):  # the client may have hung up
                self.wfile.write(content)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield SimpleNamespace(url=f"http://127.0.0.1:{http.server_port}/v1", asked=asked)
        finally:
            http.shutdown()
            thread.join()


def scripted(*answers):
    """Gives one answer after the other, and the last one from then on."""
    left = list(answers)
    return lambda body: left.pop(0) if len(left) > 1 else left[0]


def client(url, waits=None, timeout=5.0):
    """One that waits in no time, and notes down how long it would have waited."""
    return Server(Endpoint(url, "tiny", KEY), timeout, sleep=([] if waits is None else waits).append)


def text_of(answer):
    return answer.text


def content(body):
    return body["messages"][0]["content"]


def test_answers_come_in_the_order_of_the_requests_and_each_is_asked_once():
    with serving(lambda body: said(content(body).upper())) as http:
        requests = [f"request {number}" for number in range(30)]
        assert client(http.url).ask(requests, text_of, tokens=3) == [request.upper() for request in requests]
    assert sorted(content(one.body) for one in http.asked) == sorted(requests)
    one = http.asked[0]
    assert (one.path, one.headers["Authorization"]) == ("/v1/chat/completions", f"Bearer {KEY}")
    assert (one.body["model"], one.body["max_tokens"], one.body["temperature"]) == ("tiny", 3, 0)
    assert "logprobs" not in one.body


def test_nothing_is_asked_where_there_are_no_requests():
    assert client("http://127.0.0.1:9/v1").ask([], text_of, tokens=1) == []


def test_no_more_requests_than_allowed_are_under_way_at_once():
    under_way, most, lock = 0, 0, threading.Lock()
    full = threading.Event()

    def answer(body):
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
            if under_way == module.AT_ONCE:
                full.set()
        full.wait(5)  # so that all that may come have come
        with lock:
            under_way -= 1
        return said("yes")

    with serving(answer) as http:
        client(http.url).ask(["?"] * 20, text_of, tokens=1)
    assert most == module.AT_ONCE


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again_with_longer_and_longer_waits(status):
    waits = []
    with serving(scripted((status, {}, "busy"), (status, {}, ""), said("yes"))) as http:
        assert client(http.url, waits).ask(["?"], text_of, tokens=1) == ["yes"]
    assert waits == [1, 2]


def test_a_server_that_says_how_long_to_wait_is_waited_for_but_not_for_ever():
    waits = []
    with serving(scripted(
        (429, {"Retry-After": "7"}, ""), (429, {"Retry-After": "100000"}, ""), (429, {"Retry-After": "-3"}, ""),
        (429, {"Retry-After": "soon"}, ""), said("yes"),
    )) as http:
        client(http.url, waits).ask(["?"], text_of, tokens=1)
    assert waits == [7, module.LONGEST_WAIT, 4, 8]


def test_a_date_to_wait_for_is_understood():
    assert 25 <= module._retry_after(formatdate(time() + 30, usegmt=True)) <= 31
    assert [module._retry_after(text) for text in ("", "nan", "inf", "1e999", "Mon, 99 Foo")] == [0.0] * 5


def test_a_server_that_stays_busy_is_one_sentence_after_all_attempts():
    with serving(lambda body: (503, {}, "")) as http, pytest.raises(TextmazeError, match=r"in 5 attempts: .* 503\.$"):
        client(http.url).ask(["?"], text_of, tokens=1)
    assert len(http.asked) == module.ATTEMPTS


@pytest.mark.parametrize("status", [300, 302, 400, 401, 403, 404, 422])
def test_a_refusal_is_one_sentence_at_once_and_does_not_tell_the_key(status):
    message = json.dumps({"error": {"message": f"The key {KEY}\nis not known."}})
    with (
        serving(lambda body: (status, {"Location": "http://127.0.0.1:9/"}, message)) as http,
        pytest.raises(ServerError, match=rf"refuses with status {status}: The key ... is not known\.$") as caught,
    ):
        client(http.url).ask(["?"], text_of, tokens=1)
    assert caught.value.status == status
    assert len(http.asked) == 1


@pytest.mark.parametrize("message", ["", "[]", "{}", '{"error": 3}', "\xff", '{"error": {}}', "[" * 10_000])
def test_a_refusal_in_any_form_is_one_sentence(message):
    with serving(lambda body: (403, {}, message)) as http, pytest.raises(ServerError, match="refuses with status 403"):
        client(http.url).ask(["?"], text_of, tokens=1)


MALFORMED = {
    "empty": "",
    "no json": "<html>Bad gateway</html>",
    "no object": "[]",
    "no choices": "{}",
    "choices that are none": '{"choices": []}',
    "choices of another form": '{"choices": {"0": 3}}',
    "no message": '{"choices": [{}]}',
    "no text": '{"choices": [{"message": {"content": null}}]}',
    "text of another form": '{"choices": [{"message": {"content": ["yes"]}}]}',
    "too deep": "[" * 200_000,
    "no utf-8": b"\xff\xfe\xff",
    "huge": "x" * (module.MAX_ANSWER_BYTES + 1),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_answer_is_asked_for_again_and_at_last_one_sentence(name):
    with serving(scripted(MALFORMED[name], said("yes"))) as http:
        assert client(http.url).ask(["?"], text_of, tokens=1) == ["yes"]
    with serving(lambda body: MALFORMED[name]) as http, pytest.raises(ServerError, match="no usable answer") as caught:
        client(http.url).ask(["?"], text_of, tokens=1)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_an_answer_without_an_end_is_cut_off():
    """The server says nothing of the length and never stops."""
    stop = threading.Event()

    class Endless(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            try:
                while not stop.is_set():
                    self.wfile.write(b" " * 65_536)
            except OSError:
                pass

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Endless) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            with pytest.raises(ServerError, match="longer than 1,000,000 bytes"):
                client(f"http://127.0.0.1:{http.server_port}").ask(["?"], text_of, tokens=1)
        finally:
            stop.set()
            http.shutdown()
            thread.join()


def test_a_server_that_does_not_answer_is_given_up():
    over = threading.Event()
    with serving(lambda body: over.wait(5) and "") as http:
        try:
            with pytest.raises(ServerError, match=r"nothing came for 0\.05 seconds"):
                client(http.url, timeout=0.05).ask(["?"], text_of, tokens=1)
        finally:
            over.set()


def test_a_server_that_is_not_there_is_one_sentence_at_once():
    with serving(lambda body: "") as http:
        pass
    waits = []
    with pytest.raises(ServerError, match="cannot be reached"):
        client(http.url, waits).ask(["?"], text_of, tokens=1)
    assert waits == []


def test_after_a_failure_no_more_is_asked():
    with serving(lambda body: (401, {}, "")) as http, pytest.raises(ServerError):
        client(http.url).ask(["?"] * 500, text_of, tokens=1)
    assert len(http.asked) < 500


def test_the_environment_names_the_server(monkeypatch):
    with pytest.raises(ServerError, match=f"set {module.URL}"):
        endpoint()
    monkeypatch.setenv(module.URL, "http://localhost:8000/v1/")
    with pytest.raises(ServerError, match=f"set {module.MODEL}"):
        endpoint()
    assert endpoint("small").model == "small"
    monkeypatch.setenv(module.MODEL, "big")
    monkeypatch.setenv(module.KEY, KEY)
    found = endpoint()
    assert (found.url, found.model, found.key) == ("http://localhost:8000/v1", "big", KEY)
    assert KEY not in repr(found)
    for key in ("sk\nX: y", "schlüssel", "a\0b"):
        monkeypatch.setattr("os.environ", {**{module.URL: "http://x", module.MODEL: "m"}, module.KEY: key})
        with pytest.raises(ServerError, match="characters that no key has") as caught:
            endpoint()
        assert key not in str(caught.value)


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x", "http://", "file:///etc/passwd", "http://[", "http://x:99999"])
def test_an_address_that_is_none_is_refused(monkeypatch, url):
    monkeypatch.setenv(module.URL, url)
    with pytest.raises(ServerError, match="no address"):
        endpoint("model")


def test_a_password_in_the_address_is_not_shown():
    assert Endpoint("https://user:pass@host:1234/v1", "model").shown == "https://host:1234/v1"


# -- what is made of answers ---------------------------------------------------------------------------------------


def test_yes_and_no_are_weighed_however_they_are_written():
    answer = Answer("Yes", {"Yes": np.log(0.3), " yes": np.log(0.2), "No": np.log(0.25), "Maybe": np.log(0.1)})
    assert yes_or_no(answer) == pytest.approx(np.log(2))


def test_a_word_that_is_not_among_the_likeliest_counts_as_no_more_than_they_leave_over():
    assert yes_or_no(Answer("No", {"No": np.log(0.9)})) == pytest.approx(np.log(0.1 / 0.9))
    listed = {"Yes": np.log(0.5), "It": np.log(0.01)}
    assert yes_or_no(Answer("Yes", listed)) == pytest.approx(np.log(0.5 / 0.01))


@pytest.mark.parametrize("first", [{}, {"Maybe": -0.1}])
def test_an_answer_that_says_neither_is_malformed(first):
    with pytest.raises(MalformedError):
        yes_or_no(Answer("Maybe", first))


@pytest.mark.parametrize(("text", "value"), [("7", 7), (" 10.\n", 10), ("0", 0)])
def test_a_number_is_read(text, value):
    assert number(Answer(text, {})) == value


@pytest.mark.parametrize("text", ["", "11", "-1", "7.5", "7/10", "seven", "It is a 7", "1 0", "٣", "1e1"])
def test_what_is_no_plain_number_from_0_to_10_is_malformed(text):
    with pytest.raises(MalformedError):
        number(Answer(text, {}))


@pytest.mark.parametrize("logprobs", [
    3, [], {"content": None}, {"content": []}, {"content": [{"top_logprobs": None}]},
    {"content": [{"top_logprobs": [{"token": 3, "logprob": -1}, {"token": "a", "logprob": "x"}]}]},
    {"content": [{"top_logprobs": [{"token": "a", "logprob": float("nan")}]}]},
])
def test_probabilities_of_another_form_are_none(logprobs):
    body = json.dumps({"choices": [{"message": {"content": "yes"}, "logprobs": logprobs}]})
    assert module._answer(body.encode()).first == {}


def judged(body):
    """A model to which what shines reads well."""
    return 0.8 if "shines" in content(body) else 0.2


def with_odds(body):
    chance = judged(body)
    return said("Yes", {"Yes": np.log(chance), "No": np.log(1 - chance)})


def in_numbers(body):
    return said(f"{10 * judged(body):.0f}")


def refusing_odds(body):
    return (400, {}, '{"error": {"message": "no logprobs"}}') if "logprobs" in body else in_numbers(body)


TEXTS = ["The sun shines.", "It is dark."]


@pytest.mark.parametrize(("answer", "scores"), [
    (with_odds, [np.log(4), -np.log(4)]), (in_numbers, [8, 2]), (refusing_odds, [8, 2]),
])
def test_a_consequence_is_judged_by_odds_or_else_by_a_number(answer, scores):
    with serving(answer) as http:
        judge = Judge(client(http.url))
        np.testing.assert_allclose(judge.score(TEXTS, "Win."), scores)
        assert judge.score([], "Win.").shape == (0,)


def test_scores_of_one_judge_are_all_of_one_kind():
    """A server that stops telling odds is an error, and not a change of scale."""
    answers = scripted(said("Yes", {"Yes": -0.1}), said("7"))
    with serving(answers) as http, pytest.raises(ServerError, match="neither says yes nor no"):
        Judge(client(http.url)).score(["text"], "Win.")


def test_a_judge_who_refuses_for_other_reasons_is_not_asked_for_a_number():
    with serving(lambda body: (401, {}, "")) as http, pytest.raises(ServerError, match="401"):
        Judge(client(http.url)).score(TEXTS, "Win.")
    assert len(http.asked) == 1


def test_what_a_judge_has_said_is_kept_without_the_key(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTMAZE_CACHE", str(tmp_path))
    with serving(with_odds) as http:
        monkeypatch.setenv(module.URL, http.url)
        monkeypatch.setenv(module.KEY, KEY)
        scores = make_scorer("server", None, model="tiny").score(TEXTS, "Win.")
        asked = len(http.asked)
        np.testing.assert_array_equal(make_scorer("server", None, model="tiny").score(TEXTS, "Win."), scores)
        assert len(http.asked) == asked + 1  # whether odds are told
        cached = Cached(Judge(Server(Endpoint(http.url, "other"))), ScoreCache())
        cached.score(TEXTS, "Win.")
        assert len(http.asked) == asked + 1 + 3  # another model is asked anew
    assert all(KEY.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
