"""A NATS server of our own for tests: on a free port, with JetStream over a temporary directory."""

import asyncio
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from nats.js import JetStreamContext

import nats
from tests.process import free_port

READY_S = 20.0
T = TypeVar("T")


class Nats:
    """One server; `start` may follow `kill`, and finds what was stored."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="podium-nats-"))
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run the server and wait until it answers; scripts/system-packages installs it."""
        program = shutil.which("nats-server", path="/usr/sbin:/usr/bin:/usr/local/bin")
        assert program, "there is no NATS server: run scripts/system-packages"
        command = [program, "-js", "-a", "127.0.0.1", "-p", str(self.port), "-sd", str(self.folder)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + READY_S
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1.0):
                    return
            except OSError:
                assert time.monotonic() < until, "the NATS server does not start"
                time.sleep(0.02)

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        """End the server and delete its files."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- another program that uses the server

    def ask(self, question: Callable[[JetStreamContext], Awaitable[T]]) -> T:
        """Return what a client of the server finds."""

        async def asked() -> T:
            client = await nats.connect(self.url)
            try:
                return await question(client.jetstream())
            finally:
                await client.close()

        return asyncio.run(asked())

    def publish(self, subject: str, payload: Any, message_id: str | None = None) -> None:
        """Publish JSON into the stream of a subject."""
        headers = {"Nats-Msg-Id": message_id} if message_id else None

        async def publish(context: JetStreamContext) -> None:
            await context.publish(subject, json.dumps(payload).encode(), headers=headers)

        self.ask(publish)

    def messages(self, stream: str) -> list[tuple[str, Any]]:
        """Return ids and contents of all messages in a stream."""

        async def read(context: JetStreamContext) -> list[tuple[str, Any]]:
            count = (await context.stream_info(stream)).state.messages
            found = [await context.get_msg(stream, number) for number in range(1, count + 1)]
            return [((one.headers or {}).get("Nats-Msg-Id", ""), json.loads(one.data or b"null")) for one in found]

        return self.ask(read)

    def unacknowledged(self, stream: str) -> int:
        """Return how many messages the only consumer of a stream has still to take or to acknowledge; -1 without it."""

        async def count(context: JetStreamContext) -> int:
            consumers = await context.consumers_info(stream)
            return (consumers[0].num_pending or 0) + (consumers[0].num_ack_pending or 0) if consumers else -1

        return self.ask(count)

    def delivered(self, stream: str) -> int:
        """Return how many deliveries the only consumer of a stream has seen."""

        async def count(context: JetStreamContext) -> int:
            [consumer] = await context.consumers_info(stream)
            return consumer.delivered.consumer_seq if consumer.delivered else 0

        return self.ask(count)

    def hurry(self, stream: str) -> None:
        """Have what the only consumer of a stream does not acknowledge come again after two seconds."""

        async def hurry(context: JetStreamContext) -> None:
            [consumer] = await context.consumers_info(stream)
            consumer.config.ack_wait = 2.0
            await context.add_consumer(stream, consumer.config)

        self.ask(hurry)

    def has_consumer(self, stream: str) -> bool:
        """Whether somebody listens to a stream."""
        try:
            return self.unacknowledged(stream) >= 0
        except nats.js.errors.NotFoundError:
            return False
