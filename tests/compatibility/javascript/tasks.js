// The task client: reading and updating tasks, their logs, queues and search.
import assert from "node:assert/strict";
import { simpleTask, workflow } from "@io-orkes/conductor-javascript";
import { eventually, group, reached, refused, taskReached, working } from "./checks.js";

async function started(clients, name) {
  const executor = clients.getWorkflowClient();
  await executor.registerWorkflow(true, workflow(name, [simpleTask("step", name, { a: 1 }), simpleTask("next", name, {})]));
  const id = await executor.startWorkflow({ name, version: 1, input: {} });
  return [id, await taskReached(clients, id, "step", "SCHEDULED")];
}

group("tasks", {
  "a task is read by its id": async (clients, name) => {
    const [id, task] = await started(clients, name);
    const found = await clients.getTaskClient().getTask(task.taskId);
    assert.deepEqual(
      [found.workflowInstanceId, found.referenceTaskName, found.taskDefName, found.status, found.inputData],
      [id, "step", name, "SCHEDULED", { a: 1 }],
    );
    await refused(() => clients.getTaskClient().getTask("no-such-task"), /./);
  },

  "a task is updated by its id": async (clients, name) => {
    const [id, task] = await started(clients, name);
    await clients.getWorkflowClient().updateTask(task.taskId, id, "COMPLETED", { n: 1 });
    assert.deepEqual((await taskReached(clients, id, "step", "COMPLETED")).outputData, { n: 1 });
  },

  "a task is updated by its reference": async (clients, name) => {
    const [id, task] = await started(clients, name);
    assert.equal(await clients.getTaskClient().updateTaskResult(id, "step", "COMPLETED", { n: 2 }), task.taskId);
    // this method of the SDK wraps the output once more
    assert.deepEqual((await taskReached(clients, id, "step", "COMPLETED")).outputData, { outputData: { n: 2 } });
  },

  "an update by reference returns the workflow": async (clients, name) => {
    const [id] = await started(clients, name);
    const found = await clients.getTaskClient().updateTaskSync(id, "step", "COMPLETED", { n: 3 }, "me");
    assert.deepEqual([found.workflowId, found.tasks[0].outputData, found.tasks[0].workerId], [id, { n: 3 }, "me"]);
    assert.equal(found.tasks[1].referenceTaskName, "next");
    const ended = await clients.getWorkflowClient().updateTaskSync("next", id, "COMPLETED", { n: 4 });
    assert.equal(ended.status, "COMPLETED");
  },

  "a failed task fails the workflow with its reason": async (clients, name) => {
    const [id, task] = await started(clients, name);
    await clients.getWorkflowClient().updateTask(task.taskId, id, "FAILED_WITH_TERMINAL_ERROR", {});
    assert.match((await reached(clients, id, "FAILED")).reasonForIncompletion, new RegExp(task.taskId));
  },

  "logs of a task are added and read": async (clients, name) => {
    const client = clients.getTaskClient();
    const [, task] = await started(clients, name);
    for (const line of ["first line", 'a "second" line, ünï']) await client.addTaskLog(task.taskId, line);
    const logs = await client.getTaskLogs(task.taskId);
    // the SDK sends JSON where Conductor keeps the bytes as they are, so the quotes stay
    assert.deepEqual(logs.map((entry) => JSON.parse(entry.log)).sort(), ['a "second" line, ünï', "first line"]);
    assert.ok(logs.every((entry) => entry.taskId === task.taskId));
    assert.ok(logs.every((entry) => entry.createdTime > 1e12));
  },

  "queues tell their sizes": async (clients, name) => {
    await started(clients, name);
    await started(clients, name);
    assert.equal((await clients.getTaskClient().getQueueSizeForTask([name]))[name], 2);
  },

  "polls leave their data": async (clients, name) => {
    const client = clients.getTaskClient();
    const idle = { taskDefName: name, domain: "d1", execute: async () => ({ status: "COMPLETED" }) };
    await working(clients, [idle], () =>
      eventually(async () => (await client.getTaskPollData(name)).find((one) => one.domain === "d1"), "poll data"),
    );
    const [found] = await client.getTaskPollData(name);
    assert.equal(found.queueName, name);
    assert.ok(found.lastPollTime > 1e12 && found.workerId);
  },

  "a search finds tasks": async (clients, name) => {
    const [id, task] = await started(clients, name);
    const found = await eventually(async () => {
      const page = await clients.getTaskClient().search(0, 10, undefined, "*", `workflowId = '${id}'`);
      return page.totalHits === 1 && page;
    }, "one hit");
    assert.deepEqual([found.results[0].taskId, found.results[0].status], [task.taskId, "SCHEDULED"]);
  },
});
