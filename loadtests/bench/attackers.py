"""Connections that take up room and send next to nothing: slow bodies and slow headers."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx

NUM_ATTACKERS = 350
# All at once they would need many reports' time for their verification alone.
_RAMP_S = 5.0
_DRIP_S = 1.0
_HEAD = "POST /v1/reports HTTP/1.1\r\nHost: clara\r\n"
_FORM = "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n--b\r\n"


@dataclass
class Attackers:
    """Connections that never end: half of them drip a body, with a valid key, the others a header."""

    url: httpx.URL
    key: str
    ends: Counter[str] = field(default_factory=Counter)

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Keep all connections open meanwhile; one that the platform closes is opened again."""
        body = f"{_HEAD}Authorization: Bearer {self.key}\r\n{_FORM}"
        tasks = [
            asyncio.create_task(
                self._stall("header", _HEAD, "X-A: b\r\n") if number % 2 else self._stall("body", body, "-")
            )
            for number in range(NUM_ATTACKERS)
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _stall(self, name: str, head: str, drip: str) -> None:
        await asyncio.sleep(random.uniform(0, _RAMP_S))
        while True:
            reader, writer = await asyncio.open_connection(self.url.host, self.url.port)
            try:
                status = await _dripped(reader, writer, head, drip)
            finally:
                writer.close()
            self.ends[f"{name} {status}"] += 1


async def _dripped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str, drip: str) -> str:
    """Send a little at a time until there is an answer or an end; return the answer's status."""
    writer.write(head.encode())
    answer = asyncio.create_task(reader.readline())
    try:
        while not answer.done():
            await asyncio.wait({answer}, timeout=_DRIP_S)
            writer.write(drip.encode())
        line = answer.result().split(b" ")
        return line[1].decode() if len(line) > 1 else "closed"
    except ConnectionError:
        return "closed"
    finally:
        answer.cancel()
