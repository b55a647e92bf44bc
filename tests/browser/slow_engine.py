"""An engine that takes its time: a proxy before DynamoDB Local, so that a test can click while work is under way."""

from __future__ import annotations

import http.client
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator


class SlowEngine:
    """`url` answers as the engine does, `seconds` later for each operation of `operations`."""

    def __init__(self, url: str, port: int) -> None:
        self.url = url
        self.seconds = 0.0
        self.operations: frozenset[str] = frozenset()
        self.port = port

    def wait(self, target: str) -> None:
        if target.rpartition(".")[2] in self.operations:
            time.sleep(self.seconds)


@contextmanager
def slow_engine(engine_url: str) -> Iterator[SlowEngine]:
    """Runs the proxy on a free port for as long as the block."""
    behind = urlsplit(engine_url)

    class Forward(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            engine.wait(self.headers.get("X-Amz-Target", ""))
            body = self.rfile.read(int(self.headers["Content-Length"]))
            connection = http.client.HTTPConnection(behind.hostname or "", behind.port, timeout=30)
            connection.request("POST", "/", body, dict(self.headers))
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in {"transfer-encoding", "content-length", "connection"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Forward)
    server.daemon_threads = True
    port = server.server_address[1]
    engine = SlowEngine(f"http://127.0.0.1:{port}", port)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield engine
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
