"""Routes of event handlers, of the event monitor, and of event queues."""

from typing import Any

from podium.api.rest.parameter import Parameter
from podium.api.rest.route import EMPTY, JSON, RAW_TEXT, Body, Route, json_of
from podium.model.event import EventHandler
from podium.model.wire import convert, parse_json
from podium.service import Services
from podium.service.event_queues import EventExecutionView, EventMessage
from podium.service.reading import Results

AT = "/api/event"
GIVEN = json_of(dict[str, Any])


def routes(services: Services) -> list[Route]:
    """Return the routes of /api/event and /api/queue."""
    return [*_handlers(services), *_monitor(services), *_configs(services), *_admin(services)]


def _handlers(services: Services) -> list[Route]:
    events, handler = services.events, json_of(EventHandler)
    active = (Parameter("activeOnly", "boolean", True),)
    listed = list[EventHandler]
    return [
        Route("POST", AT, events.add, EMPTY, "Register an event handler, or a list of them", body=_HANDLERS),
        Route("PUT", AT, events.update, EMPTY, "Replace an event handler", body=handler),
        Route("DELETE", f"{AT}/{{name}}", events.remove, EMPTY, "Remove an event handler"),
        Route("GET", AT, events.handlers, JSON, "Return all event handlers", returns=listed),
        Route("GET", f"{AT}/handler/", events.handlers, JSON, "Return all event handlers", returns=listed),
        Route("GET", f"{AT}/handler/{{name}}", events.handler, JSON, "Return one handler", returns=EventHandler),
        Route("GET", f"{AT}/{{event}}", events.handlers_of, JSON, "Return an event's handlers", active, returns=listed),
    ]


def _monitor(services: Services) -> list[Route]:
    queues, executions, messages = services.event_queues, list[EventExecutionView], list[EventMessage]
    return [
        *(
            Route("GET", f"{AT}/{name}", queues.handled, JSON, "Return handlers with counts", returns=Results)
            for name in ("execution", "message")
        ),
        Route(
            "GET",
            f"{AT}/execution/{{eventHandlerName}}",
            queues.executions,
            JSON,
            "Return what the actions of a handler did",
            returns=executions,
        ),
        Route("GET", f"{AT}/message/{{event}}", queues.messages, JSON, "Return handled messages", returns=messages),
        Route("POST", f"{AT}/handleIncomingEvent", queues.receive, EMPTY, "Hand a message to its handlers", body=GIVEN),
    ]


def _configs(services: Services) -> list[Route]:
    queues, all_, config = services.event_queues, f"{AT}/queue/config", dict[str, Any]
    one = f"{all_}/{{queueType}}/{{queueName}}"
    return [
        Route("GET", all_, queues.configs, JSON, "Return the configurations of queues", returns=dict[str, str]),
        Route("GET", one, queues.config, JSON, "Return the configuration of a queue", returns=config),
        Route("PUT", one, queues.put_config, EMPTY, "Store the configuration of a queue", body=RAW_TEXT),
        Route("DELETE", one, queues.delete_config, EMPTY, "Delete the configuration of a queue"),
    ]


def _admin(services: Services) -> list[Route]:
    queues, at = services.event_queues, "/api/queue"
    names, sizes = dict[str, str], dict[str, int]
    update = f"{at}/update/{{workflowId}}"
    verbose = (Parameter("verbose", "boolean", False),)
    return [
        Route("GET", f"{at}/", queues.notify_queues, JSON, "Queues whose messages end tasks", returns=names),
        Route("GET", f"{at}/size", queues.notify_sizes, JSON, "How many messages wait in these", returns=sizes),
        Route(
            "POST",
            f"{update}/{{taskRefName}}/{{status}}",
            queues.notify_by_ref,
            EMPTY,
            "End the open task of a reference name",
            body=GIVEN,
        ),
        Route(
            "POST", f"{update}/task/{{taskId}}/{{status}}", queues.notify_by_id, EMPTY, "End a task by id", body=GIVEN
        ),
        Route(
            "GET",
            "/api/admin/queues",
            queues.queues,
            JSON,
            "Queues that handlers listen to",
            verbose,
            returns=dict[str, Any],
        ),
    ]


def _read(data: bytes) -> list[EventHandler]:
    """Read a handler, or a list of them as the JavaScript client sends it."""
    value = parse_json(data)
    found: list[EventHandler] = convert(list[EventHandler], value if isinstance(value, list) else [value])
    return found


_HANDLERS = Body(_read, EventHandler)
