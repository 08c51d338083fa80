"""A server for one person on this machine: the page and its archives, under an address that no one
can guess, and nothing else."""

import secrets
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any

from pemn_compress.errors import SettingError
from pemn_compress.viewing.given import Given
from pemn_compress.viewing.page import page

LOOPBACK = "127.0.0.1"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",  # the page has the rest itself
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Server(ThreadingTCPServer):
    """Serves the page and some archives on the loopback interface; `address` is the page's.

    It is no HTTPServer, which asks for this machine's name first, and waits where nobody tells it.
    Raises SettingError where the port cannot be had.
    """

    daemon_threads = allow_reuse_address = True

    def __init__(self, given: Sequence[Given], made_by: str, port: int = 0) -> None:
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except OSError as error:
            raise SettingError(
                f"--port {port}: cannot be had: {error.strerror or error}; leave it out for a free "
                "one"
            ) from None
        self.host = f"{LOOPBACK}:{self.server_address[1]}"
        start = f"/{secrets.token_urlsafe(24)}/"
        self.address = f"http://{self.host}{start}"
        told: list[dict[str, Any]] = [
            {"name": one.name, "address": str(number), "record": one.record}
            for number, one in enumerate(given)
        ]
        connect = " ".join(f"{self.address}{number}" for number in range(len(given)))
        html = page(told, made_by, connect).encode("utf-8")
        self.files: dict[str, tuple[str, bytes]] = {start: ("text/html; charset=utf-8", html)} | {
            f"{start}{number}": ("application/octet-stream", one.content)
            for number, one in enumerate(given)
        }

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that went away."""


class _Handler(BaseHTTPRequestHandler):
    """Answers GET of a file of the server, asked for by its own name, and nothing else."""

    server: Server
    server_version, sys_version = "pemn", ""
    timeout = 30  # seconds that a request may take to arrive

    def do_GET(self) -> None:
        """Send a file; 403 for another host's name (a page elsewhere that leads here), or 404."""
        if self.headers.get_all("Host") != [self.server.host]:
            self._send(403, "text/plain", b"forbidden\n")
        elif self.path in self.server.files:
            self._send(200, *self.server.files[self.path])
        else:
            self._send(404, "text/plain", b"not found\n")

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing: the terminal is the user's."""
