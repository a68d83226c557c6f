"""A local host that sends a built book as hosts on the net do: text compressed."""

import functools
import gzip
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

COMPRESSED = {".html", ".css", ".js", ".svg", ".json"}


class Compressing(http.server.SimpleHTTPRequestHandler):
    """Sends text compressed, says nothing, and notes in `sent` how many bytes each file took."""

    sent: ClassVar[dict[str, int]] = {}

    def log_message(self, *_: object) -> None:
        """Nothing: who asks watches the browser."""

    def do_GET(self) -> None:
        """Send a file."""
        path = Path(self.translate_path(self.path))
        if path.suffix not in COMPRESSED or not path.is_file():
            self.sent[str(path)] = path.stat().st_size if path.is_file() else 0
            super().do_GET()
            return
        content = gzip.compress(path.read_bytes(), mtime=0)
        self.sent[str(path)] = len(content)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address at which `folder` is served as long as the block lasts."""
    handler = functools.partial(Compressing, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
