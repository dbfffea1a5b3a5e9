// Event handlers, incoming events and the event task.
import assert from "node:assert/strict";
import { conductorEventTask, setVariableTask, workflow } from "@io-orkes/conductor-javascript";
import { eventually, group, reached, refused } from "./checks.js";

function handler(name, event, workflowName) {
  return {
    name,
    event,
    active: true,
    actions: [{ action: "start_workflow", start_workflow: { name: workflowName, version: 1, input: { x: "${x}" } } }],
  };
}

group("events", {
  "an event handler is registered, found, changed and removed": async (clients, name) => {
    const events = clients.getEventClient();
    const event = `conductor:${name}`;
    await events.addEventHandler(handler(name, event, name));
    assert.equal((await events.getEventHandlersForEvent(event, true))[0].name, name);
    assert.equal((await events.getEventHandlerByName(name)).event, event);

    await events.updateEventHandler({ ...handler(name, event, name), active: false });
    assert.deepEqual(await events.getEventHandlersForEvent(event, true), []);
    assert.equal((await events.getEventHandlersForEvent(event, false)).length, 1);
    assert.ok((await events.getAllEventHandlers()).some((found) => found.name === name));

    await events.removeEventHandler(name);
    assert.deepEqual(await events.getEventHandlersForEvent(event, false), []);
    await refused(() => events.removeEventHandler(name), /./);
  },

  "tags of an event handler are set and read": async (clients, name) => {
    const events = clients.getEventClient();
    await events.addEventHandlers([handler(name, `conductor:${name}`, name)]);
    const tag = { key: "team", value: "blue" };
    await events.putTagForEventHandler(name, [tag]);
    assert.deepEqual((await events.getTagsForEventHandler(name)).map((found) => [found.key, found.value]), [["team", "blue"]]);
    await events.deleteTagForEventHandler(name, tag);
    assert.deepEqual(await events.getTagsForEventHandler(name), []);
  },

  "an event starts the workflow of its handler": async (clients, name) => {
    const executor = clients.getWorkflowClient();
    const [sender, receiver] = [`${name}_sender`, `${name}_receiver`];
    await executor.registerWorkflow(true, workflow(receiver, [setVariableTask("set", { got: "${workflow.input.x}" })]));
    const send = conductorEventTask("send", "told");
    send.inputParameters = { x: "${workflow.input.x}" };
    await executor.registerWorkflow(true, workflow(sender, [send]));
    await clients.getEventClient().addEventHandler(handler(name, `conductor:${sender}:told`, receiver));

    const id = await executor.startWorkflow({ name: sender, version: 1, input: { x: 42 } });
    await reached(clients, id, "COMPLETED");
    const hit = await eventually(async () => {
      const found = await executor.search(0, 5, `workflowType = '${receiver}' AND status = 'COMPLETED'`, "*");
      return found.results[0];
    }, "a started workflow");
    assert.deepEqual((await executor.getWorkflow(hit.workflowId, false)).variables, { got: 42 });
    assert.ok(await eventually(async () => (await clients.getEventClient().getEventExecutions(name)).length, "an execution"));
  },
});
