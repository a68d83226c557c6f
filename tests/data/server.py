"""A web server on this machine that can misbehave, for the tests of downloads."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server:
    """`content` at any path. `asked` lists the Range header, or None, of each request."""

    def __init__(self, content: bytes):
        self.content = content
        self.asked: list[str | None] = []
        self.cut_after: int | None = None  # bytes of one answer before the connection is closed
        self.ranges = True
        self.status = 200
        self.pause = 0.0  # seconds after each 16 kB
        self.address = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        asked = handler.headers.get("Range")
        self.asked.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.ranges else 0
        handler.send_response(self.status if self.status != 200 else 206 if start else 200)
        body = self.content[start:] if self.status == 200 else b""
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        for place in range(0, len(body[: self.cut_after]), 16_384):
            handler.wfile.write(body[: self.cut_after][place : place + 16_384])
            time.sleep(self.pause)


@contextmanager
def serving(content: bytes) -> Iterator[Server]:
    server = Server(content)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                server.answer(self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        server.address = f"http://127.0.0.1:{http.server_port}"
        yield server
        http.shutdown()
        thread.join()
