"""NATS JetStream as a broker: messages lie in streams, and a durable consumer brings them to one node of all.

The connection is made anew when it is lost, after pauses that double. What was not acknowledged comes again then.
"""

import asyncio
import contextlib
import hashlib
import logging
import random
import re
from collections.abc import Sequence

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import BadSubjectError, Error, MaxPayloadError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, Header, StorageType, StreamConfig
from nats.js.client import JetStreamContext
from nats.js.errors import APIError, BadRequestError, NotFoundError

from podium.events import Delivery, Receive
from podium.model.errors import InvalidRequest, QueueUnavailable

ANSWER_S = 5.0
PAUSE_S, PAUSE_S_MAX = 0.1, 10.0
PING_S = 5
ACK_WAIT_S = 30.0
GIVEN_BACK_S_MAX = 60.0
IN_FLIGHT_MAX = 32  # of one consumer, on all nodes together
PUBLISHING_MAX = 256
LOOK_S = 30.0  # whether somebody has deleted the consumer
STREAM_S = 7 * 24 * 3_600.0  # for which a stream that podium makes keeps messages
SAME_ID_S = 600.0  # for which it knows ids again
GROUP = "podium"
ID_CHARS_MAX = 200
NAME_CHARS_MAX = 200

log = logging.getLogger(__name__)

Broken = (Error, OSError, TimeoutError)


class JetStream:
    """Streams of a NATS server, or of the cluster that *servers* belong to."""

    def __init__(self, servers: Sequence[str]) -> None:
        self._servers = [server.strip() for server in servers]
        self._client = Client()
        self._connecting: asyncio.Task[None] | None = None
        self._closed = asyncio.Event()
        self._streams: dict[str, str] = {}
        self._publishing = asyncio.Semaphore(PUBLISHING_MAX)

    # ---- the connection

    async def ready(self) -> None:
        """Return when there is a connection."""
        if self._client.is_connected:
            return
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._connect())
        await asyncio.shield(self._connecting)

    async def _connect(self) -> None:
        pause_s = PAUSE_S
        while True:
            client, closed = Client(), asyncio.Event()

            async def note_end(closed: asyncio.Event = closed) -> None:
                closed.set()

            try:
                await client.connect(
                    self._servers,
                    name="podium",
                    allow_reconnect=False,
                    connect_timeout=int(ANSWER_S),
                    ping_interval=PING_S,
                    max_outstanding_pings=2,
                    error_cb=_note_error,
                    closed_cb=note_end,
                )
            except Broken as error:
                log.warning("the NATS server can't be reached: %s", error or type(error).__name__)
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311
                pause_s = min(2 * pause_s, PAUSE_S_MAX)
                continue
            self._client, self._closed = client, closed
            self._streams.clear()
            return

    async def close(self) -> None:
        """Release the connection."""
        if self._connecting is not None:
            self._connecting.cancel()
        if self._client.is_connected:
            with contextlib.suppress(*Broken):
                await self._client.close()

    def _context(self) -> JetStreamContext:
        if not self._client.is_connected:
            raise QueueUnavailable("The NATS server can't be reached")
        return self._client.jetstream(timeout=ANSWER_S)

    async def _stream_of(self, subject: str) -> str:
        """Return the stream that keeps *subject*, which is made when there is none."""
        if subject not in self._streams:
            context = self._context()
            try:
                found = await context.find_stream_name_by_subject(subject)
            except NotFoundError:
                found = stream_name(subject)
                config = StreamConfig(
                    name=found,
                    subjects=[subject],
                    storage=StorageType.FILE,
                    max_age=STREAM_S,
                    duplicate_window=SAME_ID_S,
                )
                with contextlib.suppress(BadRequestError):  # somebody else makes it at this moment
                    await context.add_stream(config)
                found = await context.find_stream_name_by_subject(subject)
            self._streams[subject] = found
        return self._streams[subject]

    # ---- sending

    async def publish(self, address: str, message_id: str, body: bytes) -> None:
        """Return when a stream has the message; it knows the id again for some minutes."""
        subject = address.partition(":")[0]
        async with self._publishing:
            context = self._context()
            try:
                await self._stream_of(subject)
                await context.publish(subject, body, timeout=ANSWER_S, headers={Header.MSG_ID: message_id})
            except (BadSubjectError, MaxPayloadError, BadRequestError, ValueError) as error:
                raise InvalidRequest(f"NATS takes no such message for {subject[:100]}: {_told(error)}") from error
            except Broken as error:
                self._streams.pop(subject, None)  # it may have been deleted
                raise QueueUnavailable(f"NATS did not take a message for {subject[:100]}: {_told(error)}") from error

    # ---- receiving

    async def listen(self, address: str, receive: Receive) -> None:
        """Take messages of a subject by the durable consumer of its group, for ever."""
        subject, _, group = address.partition(":")
        pause_s = PAUSE_S
        while True:
            await self.ready()
            begun_s = asyncio.get_running_loop().time()
            try:
                await self._consume(subject, group or GROUP, receive)
            except (*Broken, QueueUnavailable, ValueError) as error:
                log.warning("listening to nats:%s was interrupted: %s", address, _told(error))
            if asyncio.get_running_loop().time() - begun_s > LOOK_S:
                pause_s = PAUSE_S
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311
            pause_s = min(2 * pause_s, PAUSE_S_MAX)

    async def _consumer_of(self, stream: str, name: str, subject: str, group: str) -> ConsumerConfig:
        """Return the durable consumer of a group, which is made when there is none: from then on nothing is missed."""
        context = self._context()
        with contextlib.suppress(NotFoundError):
            known: ConsumerConfig = (await context.consumer_info(stream, name)).config
            return known
        config = ConsumerConfig(
            name=name,
            durable_name=name,
            filter_subject=subject,
            deliver_subject=self._client.new_inbox(),
            deliver_group=group,
            deliver_policy=DeliverPolicy.NEW,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_S,
            max_ack_pending=IN_FLIGHT_MAX,
        )
        with contextlib.suppress(BadRequestError):  # somebody else has made it at this moment
            await context.add_consumer(stream, config)
        made: ConsumerConfig = (await context.consumer_info(stream, name)).config
        return made

    async def _consume(self, subject: str, group: str, receive: Receive) -> None:
        """Take messages until the connection or the consumer is gone."""
        context, closed = self._context(), self._closed
        stream, name = await self._stream_of(subject), consumer_name(subject, group)
        config = await self._consumer_of(stream, name, subject, group)
        taken: set[asyncio.Task[None]] = set()

        async def take(message: Msg) -> None:
            task = asyncio.create_task(_take(message, receive, config.ack_wait or ACK_WAIT_S))
            taken.add(task)
            task.add_done_callback(taken.discard)

        subscription = await context.subscribe_bind(stream, config, name, cb=take, manual_ack=True)
        try:
            while not closed.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await closed.wait()
                if not closed.is_set():
                    await subscription.consumer_info()
        finally:
            for task in taken:
                task.cancel()
            await asyncio.gather(*taken, return_exceptions=True)
            with contextlib.suppress(*Broken):
                await subscription.unsubscribe()


async def _take(message: Msg, receive: Receive, ack_wait_s: float) -> None:
    """Hand over one message; it is acknowledged when it was taken, and given back when it was not."""
    attempt = message.metadata.num_delivered or 1
    keeping = asyncio.create_task(_keep(message, ack_wait_s / 3))
    try:
        await receive(Delivery(message_id(message), message.data, attempt))
    except Exception as error:  # noqa: BLE001 (whatever it was, the message must come again)
        log.warning("a message of %s is given back: %s", message.subject, _told(error))
        with contextlib.suppress(*Broken):
            await message.nak(delay=min(2.0 ** min(attempt - 1, 10) / 10, GIVEN_BACK_S_MAX))
    else:
        with contextlib.suppress(*Broken):  # it comes again then, and is known
            await message.ack()
    finally:
        keeping.cancel()


async def _keep(message: Msg, each_s: float) -> None:
    """Tell while the message is worked on, so that it comes to nobody else."""
    while True:
        await asyncio.sleep(each_s)
        with contextlib.suppress(*Broken):
            await message.in_progress()


async def _note_error(error: Exception) -> None:
    log.info("the connection to NATS: %s", _told(error))


def _told(error: Exception) -> str:
    if isinstance(error, APIError) and error.description:
        return str(error.description)
    return str(error) or type(error).__name__


def message_id(message: Msg) -> str:
    """Return the id that the sender gave, or else the place of the message in its stream."""
    given = (message.headers or {}).get(Header.MSG_ID, "")
    if given and len(given) <= ID_CHARS_MAX:
        return given
    return f"{message.metadata.stream}-{message.metadata.sequence.stream}"


def stream_name(subject: str) -> str:
    """Return the name of the stream that is made for a subject."""
    name = subject.upper().replace(".", "_").replace("*", "ANY").replace(">", "ALL")
    return re.sub(r"[^A-Z0-9_-]", "_", name)[:NAME_CHARS_MAX]


def consumer_name(subject: str, group: str) -> str:
    """Return the name of the durable consumer of a group: readable, and its own for each subject."""
    digest = hashlib.blake2b(f"{subject}\0{group}".encode(), digest_size=4).hexdigest()
    return f"{re.sub('[^A-Za-z0-9_-]', '_', group)[:100]}_{digest}"
