"""An OpenAI-compatible server on this machine, whose behaviour tests choose."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any


@dataclass
class Reply:
    """What comes back; status 0 drops the connection without a word."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0


def chat_body(
    text: str | None,
    finish_reason: str = "stop",
    prompt_tokens: int = 11,
    completion_tokens: int = 7,
) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "served-model-1",
        "system_fingerprint": "fp_1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": finish_reason,
            }
        ],
        "usage": _usage(prompt_tokens, completion_tokens),
    }


def text_body(
    text: str,
    finish_reason: str = "stop",
    prompt_tokens: int = 5,
    completion_tokens: int = 1,
) -> dict[str, Any]:
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1700000000,
        "model": "served-model-1",
        "choices": [
            {
                "index": 0,
                "text": text,
                "finish_reason": finish_reason,
                "logprobs": {
                    "tokens": [text],
                    "token_logprobs": [-0.25],
                    "top_logprobs": [{text: -0.25, "?": -2.0}],
                    "text_offset": [0],
                },
            }
        ],
        "usage": _usage(prompt_tokens, completion_tokens),
    }


def _usage(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def error_body(message: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "test", "param": None, "code": code}}


def question(body: dict[str, Any]) -> str:
    """Returns the last message, or the text to complete."""
    return body["prompt"] if "prompt" in body else body["messages"][-1]["content"]


class FakeServer:
    """Counts requests and answers each with what `reply(number, body)` returns."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.times: list[float] = []
        self.latency = 0.0
        self.reply: Callable[[int, dict[str, Any]], Reply] = self._echo
        self._lock = Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Without this, Nagle's algorithm adds 40 ms to every reply.
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = json.loads(self.rfile.read(length))
                with server._lock:
                    number = len(server.bodies)
                    server.bodies.append(body)
                    server.paths.append(self.path)
                    server.headers.append(dict(self.headers))
                    server.times.append(time.monotonic())
                reply = server.reply(number, body)
                time.sleep(reply.wait or server.latency)
                if not reply.status:
                    self.close_connection = True
                    return
                data = reply.body
                if not isinstance(data, bytes):
                    data = json.dumps(data).encode()
                try:
                    self.send_response(reply.status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(data)))
                    for name, value in reply.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(data)
                except (BrokenPipeError, ConnectionResetError):
                    pass

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @staticmethod
    def _echo(number: int, body: dict[str, Any]) -> Reply:
        text = f"answer to {question(body)}"
        return Reply(body=text_body(text) if "prompt" in body else chat_body(text))
