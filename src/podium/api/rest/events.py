"""Routes of event handlers."""

from podium.api.rest.parameter import Parameter
from podium.api.rest.route import EMPTY, JSON, Route, json_of
from podium.model.event import EventHandler
from podium.service import Services

AT = "/api/event"


def routes(services: Services) -> list[Route]:
    """Return the routes of /api/event."""
    events, handler = services.events, json_of(EventHandler)
    active = (Parameter("activeOnly", "boolean", True),)
    listed = list[EventHandler]
    return [
        Route("POST", AT, events.add, EMPTY, "Register an event handler", body=handler),
        Route("PUT", AT, events.update, EMPTY, "Replace an event handler", body=handler),
        Route("DELETE", f"{AT}/{{name}}", events.remove, EMPTY, "Remove an event handler"),
        Route("GET", AT, events.handlers, JSON, "Return all event handlers", returns=listed),
        Route("GET", f"{AT}/{{event}}", events.handlers_of, JSON, "Return an event's handlers", active, returns=listed),
    ]
