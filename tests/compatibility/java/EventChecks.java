import com.netflix.conductor.common.metadata.events.EventHandler;
import com.netflix.conductor.common.metadata.tasks.TaskResult;
import io.orkes.conductor.client.http.OrkesEventClient;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/** Event handlers: registered, changed, removed, and set off by the event of a workflow's end. */
final class EventChecks {
    private EventChecks() {}

    static void run(Checks checks, Clients clients) throws IOException {
        checks.run("event handlers are registered and read", () -> handlers(clients));
        checks.run("event handler is updated", () -> updated(clients));
        checks.run("event handler is unregistered", () -> removed(clients));
        checks.run("event starts a workflow", () -> started(clients));
        checks.run("all event handlers are listed", () -> listed(clients));
    }

    private static EventHandler handler(String name, String event, String workflow) {
        EventHandler.StartWorkflow start = new EventHandler.StartWorkflow();
        start.setName(workflow);
        start.setVersion(1);
        start.setInput(Map.of("n", "${n}"));
        EventHandler.Action action = new EventHandler.Action();
        action.setAction(EventHandler.Action.Type.start_workflow);
        action.setStart_workflow(start);
        EventHandler handler = new EventHandler();
        handler.setName(name);
        handler.setEvent(event);
        handler.setActions(List.of(action));
        handler.setActive(true);
        return handler;
    }

    private static void handlers(Clients clients) throws Exception {
        EventHandler handler = handler("java_event_one", "conductor:java_event:one", "java_event_flow");
        handler.setCondition("$.n > 1");
        clients.events.registerEventHandler(handler);
        List<EventHandler> read = clients.events.getEventHandlers("conductor:java_event:one", true);
        Checks.equal(1, read.size(), "number of handlers of the event");
        Checks.equal("java_event_one", read.get(0).getName(), "name");
        Checks.equal("$.n > 1", read.get(0).getCondition(), "condition");
        EventHandler.StartWorkflow start = read.get(0).getActions().get(0).getStart_workflow();
        Checks.equal("java_event_flow", start.getName(), "workflow of the action");
        Checks.equal(Map.of("n", "${n}"), start.getInput(), "input of the action");
        Checks.refused(409, () -> clients.events.registerEventHandler(handler));
    }

    private static void updated(Clients clients) {
        EventHandler handler = handler("java_event_two", "conductor:java_event:two", "java_event_flow");
        clients.events.registerEventHandler(handler);
        handler.setActive(false);
        clients.events.updateEventHandler(handler);
        Checks.equal(List.of(), clients.events.getEventHandlers("conductor:java_event:two", true), "active ones");
        Checks.equal(1, clients.events.getEventHandlers("conductor:java_event:two", false).size(), "all");
    }

    private static void removed(Clients clients) throws Exception {
        clients.events.registerEventHandler(handler("java_event_three", "conductor:java_event:three", "x"));
        clients.events.unregisterEventHandler("java_event_three");
        Checks.equal(List.of(), clients.events.getEventHandlers("conductor:java_event:three", false), "handlers");
        Checks.refused(404, () -> clients.events.unregisterEventHandler("java_event_three"));
    }

    private static void started(Clients clients) throws Exception {
        clients.sequence("java_event_started", 1);
        var event = Clients.simple("java_event_tell", "tell");
        event.setType("EVENT");
        event.setSink("conductor:told");
        event.setInputParameters(Map.of("n", "${workflow.input.n}"));
        clients.register("java_event_teller", 1, List.of(event));
        clients.events.registerEventHandler(
                handler("java_event_four", "conductor:java_event_teller:told", "java_event_started"));
        String id = clients.start("java_event_teller");
        clients.expectStatus("COMPLETED", id);
        Checks.eventually(1, () -> clients.workflows.getRunningWorkflow("java_event_started", 1).size(),
                "workflows that the event started");
        var task = clients.end("java_event_started_first", TaskResult.Status.COMPLETED);
        Checks.equal(7, task.getInputData().get("n"), "input from the event");
    }

    private static void listed(Clients clients) {
        OrkesEventClient events = clients.extended.getEventClient();
        Checks.that(events.getOrkesEventHandlers().stream().anyMatch(each -> each.getName().equals("java_event_one")),
                "the handler is among all");
    }
}
