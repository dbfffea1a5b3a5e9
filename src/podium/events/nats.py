"""The provider of NATS: JetStream when there is a `nats_url`, with the client that the extra `nats` brings."""

from collections.abc import Mapping
from typing import Any

from podium.events import Broker
from podium.settings import BadSetting


def provider(settings: Mapping[str, Any]) -> Broker | None:
    """Return a broker for `nats_url`, None without one."""
    url = settings.get("nats_url")
    if not url:
        return None
    try:
        from podium.events.jetstream import JetStream  # its client is installed only where it is wanted
    except ImportError as error:
        raise BadSetting("nats_url needs the client of NATS: pip install 'podium[nats]'") from error
    return JetStream(str(url).split(","))
