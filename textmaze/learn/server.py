"""Language models on a server that speaks OpenAI's chat completions, as vLLM, llama.cpp, Ollama and others do.

Which one is named by the environment: TEXTMAZE_SERVER_URL (such as http://localhost:8000/v1), TEXTMAZE_SERVER_MODEL,
and TEXTMAZE_SERVER_KEY where the server wants a key, which is shown and kept nowhere.
"""

import json
import math
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from textmaze.errors import TextmazeError

if TYPE_CHECKING:
    import httpx
    from tenacity import RetryCallState

T = TypeVar("T")

URL, MODEL, KEY = "TEXTMAZE_SERVER_URL", "TEXTMAZE_SERVER_MODEL", "TEXTMAZE_SERVER_KEY"
AT_ONCE = 8  # requests under way
ATTEMPTS = 5
LONGEST_WAIT = 60.0  # seconds between two attempts, whatever the server asks for
MAX_ANSWER_BYTES = 1_000_000
ALTERNATIVES = 20  # the likeliest first tokens that are asked for


class ServerError(TextmazeError):
    """A server that cannot be asked, refuses, or gives no usable answer."""

    status = 0  # HTTP's, where the server refused


class MalformedError(ValueError):
    """An answer that is not of the form asked for; the server is asked again."""

    wait = 0.0  # seconds before the next attempt that the server asked for


@dataclass(frozen=True)
class Endpoint:
    """Where a model answers."""

    url: str
    model: str
    key: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        """The address without a password that may stand in it."""
        parts = urlsplit(self.url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


@dataclass(frozen=True)
class Answer:
    """What a model said."""

    text: str
    first: Mapping[str, float]  # log probabilities of the likeliest first tokens; empty where the server tells none


def endpoint(model: str = "") -> Endpoint:
    """The endpoint that the environment names; `model` takes the place of the model named there."""
    url, key = os.environ.get(URL, "").strip(), os.environ.get(KEY, "").strip()
    model = model or os.environ.get(MODEL, "").strip()
    if not url:
        raise ServerError(f"No server is named: set {URL} to the address of an OpenAI-compatible one, such as "
                          "http://localhost:8000/v1.")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and url.isprintable()
    except ValueError:
        usable = False
    if not usable:
        raise ServerError(f"{URL} is no address of a server, such as http://localhost:8000/v1.")
    if not model:
        raise ServerError(f"No model is named: set {MODEL} to the server's name for one.")
    if not (key.isascii() and key.isprintable()):
        raise ServerError(f"{KEY} holds characters that no key has.")
    return Endpoint(url.rstrip("/"), model, key)


class Server:
    """A model that is asked over HTTP.

    At most `AT_ONCE` requests are under way. What may pass (too many requests, a failure of the server's, a timeout,
    an answer of the wrong form) is tried again, `ATTEMPTS` times in all, waiting 1, 2, 4 ... seconds or as long as the
    server asks for; then, and at once for all else, one ServerError says what is wrong.

    Args:
        timeout: seconds until a server that sends nothing is given up; a whole answer may take twice as long.
        sleep: what waits between two attempts; for tests.
    """

    def __init__(
        self, endpoint: Endpoint, timeout: float = 60.0, sleep: Callable[[float], None] | None = None
    ) -> None:
        try:
            import httpx  # noqa: F401 - only to see whether they are there
            import tenacity  # noqa: F401
        except ImportError as error:
            raise ServerError(f"Asking a server needs {error.name}: pip install 'textmaze[lm]'.") from None
        self.endpoint = endpoint
        self._timeout = timeout
        self._sleep = sleep

    def ask(
        self, requests: Sequence[str], parse: Callable[[Answer], T], *, tokens: int, first: bool = False
    ) -> list[T]:
        """What `parse` makes of the answer to each request; where it raises MalformedError the server is asked again.

        Args:
            tokens: the most that an answer may have.
            first: whether the likeliest first tokens are asked for; not every server gives them.
        """
        bodies = [self._body(request, tokens, first) for request in requests]
        over = threading.Event()
        pool = ThreadPoolExecutor(AT_ONCE)
        with self._client() as client:
            try:
                return list(pool.map(lambda body: self._persist(client, body, parse, over), bodies))
            finally:  # after a failure nothing more is asked, and nobody waits on
                over.set()
                pool.shutdown(cancel_futures=True)

    def _client(self) -> "httpx.Client":
        import httpx

        headers = {"Accept-Encoding": "identity"}  # so that a small answer cannot unfold into a huge one
        if self.endpoint.key:
            headers["Authorization"] = f"Bearer {self.endpoint.key}"
        try:
            return httpx.Client(headers=headers, timeout=self._timeout)
        except (ValueError, OSError) as error:  # proxies and certificates that the environment names
            reason = self._safe(str(error))
            raise ServerError(f"The server at {self.endpoint.shown} cannot be asked: {reason}.") from None

    def _body(self, request: str, tokens: int, first: bool) -> bytes:
        body: dict[str, Any] = {
            "model": self.endpoint.model,
            "messages": [{"role": "user", "content": request}],
            "temperature": 0,
            "max_tokens": tokens,
        }
        if first:
            body |= {"logprobs": True, "top_logprobs": ALTERNATIVES}
        return json.dumps(body).encode()

    def _persist(
        self, client: "httpx.Client", body: bytes, parse: Callable[[Answer], T], over: threading.Event
    ) -> T:
        from tenacity import Retrying, retry_if_exception_type, sleep_using_event, stop_after_attempt
        from tenacity import stop_when_event_set as stop_when

        retrying = Retrying(
            retry=retry_if_exception_type(MalformedError), stop=stop_after_attempt(ATTEMPTS) | stop_when(over),
            wait=_wait, sleep=self._sleep or sleep_using_event(over), reraise=True,
        )
        try:
            return retrying(lambda: parse(_answer(self._post(client, body))))
        except MalformedError as error:
            raise ServerError(f"The server at {self.endpoint.shown} gave no usable answer in {ATTEMPTS} attempts: "
                              f"{self._safe(str(error))}.") from None

    def _post(self, client: "httpx.Client", body: bytes) -> bytes:
        """The content of a good answer. MalformedError for what may pass, ServerError for what will not."""
        import httpx

        deadline = time.monotonic() + 2 * self._timeout
        content = bytearray()
        try:
            with client.stream(
                "POST", f"{self.endpoint.url}/chat/completions", content=body,
                headers={"Content-Type": "application/json"},
            ) as response:
                for chunk in response.iter_bytes():
                    content += chunk
                    if len(content) > MAX_ANSWER_BYTES:
                        raise MalformedError(f"it is longer than {MAX_ANSWER_BYTES:,} bytes")
                    if time.monotonic() > deadline:
                        raise MalformedError("it took too long")
        except httpx.TimeoutException:
            raise MalformedError(f"nothing came for {self._timeout:g} seconds") from None
        except (httpx.ConnectError, httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.ProxyError) as error:
            raise ServerError(f"The server at {self.endpoint.shown} cannot be reached: "
                              f"{self._safe(str(error)) or type(error).__name__}.") from None
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise MalformedError(str(error) or type(error).__name__) from None
        status = response.status_code
        if status == 200:
            return bytes(content)
        if status in (408, 409, 429) or status >= 500:
            again = MalformedError(f"it answers with status {status}")
            again.wait = _retry_after(response.headers.get("retry-after", ""))
            raise again
        refusal = ServerError(f"The server at {self.endpoint.shown} refuses with status {status}: "
                              f"{self._safe(_message(bytes(content))) or 'no reason is given'}.")
        refusal.status = status
        raise refusal

    def _safe(self, text: str) -> str:
        """What a server or library says, short, on one line, and without the key."""
        text = " ".join(text.split()).rstrip(".")
        if self.endpoint.key:
            text = text.replace(self.endpoint.key, "...")
        text = "".join(letter for letter in text if letter.isprintable())
        return text if len(text) <= 200 else f"{text[:200]} ..."


def _wait(state: "RetryCallState") -> float:
    """Seconds until the next attempt: doubled every time, and never less than the server asks for."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.wait if isinstance(error, MalformedError) else 0.0
    return min(LONGEST_WAIT, max(asked, 2.0 ** (state.attempt_number - 1)))


def _retry_after(value: str) -> float:
    """The seconds that the header Retry-After asks for, as a number or as a date; 0 where it says neither."""
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError):
            return 0.0
    return max(0.0, seconds) if math.isfinite(seconds) else 0.0


def _message(content: bytes) -> str:
    """The reason in a refusal, in the form that most servers give it."""
    try:
        value = json.loads(content)
        error = value["error"]
        return str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""


def _answer(content: bytes) -> Answer:
    """A chat completion, read strictly; MalformedError where it is none."""
    try:
        choice = json.loads(content)["choices"][0]
        text = choice["message"]["content"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise MalformedError("it is no chat completion") from None
    if not isinstance(text, str):
        raise MalformedError("it holds no text")
    return Answer(text, _first_tokens(choice.get("logprobs")))


def _first_tokens(logprobs: Any) -> dict[str, float]:
    """The likeliest first tokens with their log probabilities."""
    try:
        listed = [(entry["token"], entry["logprob"]) for entry in logprobs["content"][0]["top_logprobs"]]
    except (LookupError, TypeError):
        return {}
    found: dict[str, float] = {}
    for token, value in listed:
        if isinstance(token, str) and isinstance(value, int | float) and math.isfinite(value) and value <= 1e-6:
            found[token] = float(value)
    return found
