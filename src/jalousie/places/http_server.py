"""Where a service listens, and the server that runs it: uvicorn, with a parser and, where there is one, a loop in C."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from jalousie.errors import WireError
from jalousie.places.asgi import App

_CONNECTIONS: Final = 512
"""Whoever comes when so many are connected is told to come again."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises
    ------
    WireError
        W607
    """
    listening: socket.socket | None = None
    try:
        if not 0 <= port <= 65535:
            raise OSError  # getaddrinfo would take its last 16 bits
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # with its protocol stated: else asyncio does not turn Nagle's delay off, and every answer waits 40 ms
        listening = socket.socket(family, kind, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
        return listening
    except OSError:
        if listening is not None:
            listening.close()
        raise WireError(
            "W607", "the service cannot listen there", hint="take another port, or 0 for a free one", effect=""
        ) from None


def _say_nothing(name: str) -> None:
    """The server's own words would be lines of another shape in the service's log; what matters there is told by the service."""
    logger = logging.getLogger(name)
    logger.handlers = [logging.NullHandler()]
    logger.propagate = False


def serve(app: App, listening: socket.socket, *, certificate: str = "", private_key: str = "") -> None:
    """Run until SIGTERM or SIGINT; requests that are under way are answered first."""
    import uvicorn

    _say_nothing("uvicorn.error")
    from jalousie.places.http_protocol import Bounded

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            # uvicorn would raise the signal once more at the end; a stop that was asked for is no failure
            before = {kind: signal.signal(kind, self.handle_exit) for kind in (signal.SIGINT, signal.SIGTERM)}
            try:
                yield
            finally:
                for kind, handler in before.items():
                    signal.signal(kind, handler)

    config = uvicorn.Config(
        app,
        log_config=None,
        ws="none",
        proxy_headers=False,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=30,
        timeout_keep_alive=30,
        limit_concurrency=_CONNECTIONS,
        http=Bounded,
        ssl_certfile=certificate or None,
        ssl_keyfile=private_key or None,
    )
    Server(config).run(sockets=[listening])
