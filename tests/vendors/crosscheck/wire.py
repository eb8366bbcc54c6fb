"""A small HTTP/1.1 client: keep-alive, and it sends exactly the bytes it is given.

The clients of the libraries normalise targets, merge repeated headers and choose their order. Here that is what is tested.
"""

import socket

from .request import Request

TIMEOUT = 30.0


class Connection:
    """One connection to a loopback port, opened again when the server closed it."""

    def __init__(self, port: int, host: str):
        self.port, self.host = port, host
        self.socket: socket.socket | None = None
        self.buffer = b""

    def send(self, request: Request) -> int:
        """Sends the request and returns the status of the answer."""
        head = [f"{request.method} {request.target} HTTP/1.1", f"Host: {self.host}"]
        head += [f"{name}: {value}" for name, value in request.headers]
        if request.body or request.method == "POST":
            head.append(f"Content-Length: {len(request.body)}")
        message = "\r\n".join(head).encode() + b"\r\n\r\n" + request.body
        reused = self.socket is not None
        try:
            return self.exchange(message)
        except (ConnectionError, EOFError):
            self.close()
            # The server may close a connection that idled; a new one that breaks is a fault.
            if not reused:
                raise
            return self.exchange(message)

    def exchange(self, message: bytes) -> int:
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), TIMEOUT)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.buffer = b""
        self.socket.sendall(message)
        lines = self.until(b"\r\n\r\n").split(b"\r\n")
        status = int(lines[0].split(b" ", 2)[1])
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines[1:])
        }
        if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
            while length := int(self.until(b"\r\n").split(b";")[0], 16):
                self.take(length + 2)
            self.until(b"\r\n")
        elif status not in (204, 304):
            self.take(int(headers.get(b"content-length", b"0")))
        if headers.get(b"connection", b"").lower() == b"close":
            self.close()
        return status

    def more(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise EOFError("the server closed the connection")
        self.buffer += piece

    def until(self, end: bytes) -> bytes:
        while end not in self.buffer:
            self.more()
        found, self.buffer = self.buffer.split(end, 1)
        return found

    def take(self, count: int):
        while len(self.buffer) < count:
            self.more()
        self.buffer = self.buffer[count:]

    def close(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None
