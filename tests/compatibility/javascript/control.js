// Changing the course of a workflow that runs or has ended.
import assert from "node:assert/strict";
import { generateWaitTask, setVariableTask, simpleTask, workflow } from "@io-orkes/conductor-javascript";
import { group, reached, refused, taskReached } from "./checks.js";

/** Start a workflow of two steps for workers; nobody works for it but the check itself. */
async function twoSteps(clients, name) {
  const executor = clients.getWorkflowClient();
  await executor.registerWorkflow(true, {
    ...workflow(name, [simpleTask("one", name, {}), simpleTask("two", name, { from: "${one.output.n}" })]),
    outputParameters: { n: "${two.output.n}" },
  });
  return executor.startWorkflow({ name, version: 1, input: {} });
}

/** A task that waits for a signal; the builders of the SDK know only waits that end by themselves. */
function waiting(reference) {
  return generateWaitTask({ name: reference, taskReferenceName: reference });
}

async function finish(clients, id, reference, n, status = "COMPLETED") {
  await taskReached(clients, id, reference, "SCHEDULED", "IN_PROGRESS");
  await clients.getWorkflowClient().updateTaskByRefName(reference, id, status, { n });
}

group("control", {
  "a paused workflow starts nothing until it is resumed": async (clients, name) => {
    const executor = clients.getWorkflowClient();
    const id = await twoSteps(clients, name);
    await executor.pause(id);
    assert.equal((await executor.getWorkflow(id, false)).status, "PAUSED");
    await finish(clients, id, "one", 1);
    assert.equal((await executor.getWorkflow(id, true)).tasks.length, 1);

    await executor.resume(id);
    await finish(clients, id, "two", 2);
    assert.deepEqual((await reached(clients, id, "COMPLETED")).output, { n: 2 });
  },

  "a failed workflow is retried from the failed task": async (clients, name) => {
    const id = await twoSteps(clients, name);
    await finish(clients, id, "one", 1);
    await finish(clients, id, "two", 0, "FAILED_WITH_TERMINAL_ERROR");
    await reached(clients, id, "FAILED");

    await clients.getWorkflowClient().retry(id, false);
    await finish(clients, id, "two", 2);
    const done = await reached(clients, id, "COMPLETED");
    assert.deepEqual(done.tasks.map((task) => task.referenceTaskName), ["one", "two", "two"]);
    assert.deepEqual(done.output, { n: 2 });
  },

  "a workflow is run again from a task": async (clients, name) => {
    const executor = clients.getWorkflowClient();
    const id = await twoSteps(clients, name);
    await finish(clients, id, "one", 1);
    await finish(clients, id, "two", 2);
    const done = await reached(clients, id, "COMPLETED");
    const second = done.tasks.find((task) => task.referenceTaskName === "two");

    assert.equal(await executor.reRun(id, { reRunFromTaskId: second.taskId, taskInput: { from: 10 } }), id);
    const again = await taskReached(clients, id, "two", "SCHEDULED");
    assert.equal(again.inputData.from, 10);
    await finish(clients, id, "two", 20);
    assert.deepEqual((await reached(clients, id, "COMPLETED")).output, { n: 20 });
  },

  "a workflow goes back to a task that the caller picks": async (clients, name) => {
    const executor = clients.getWorkflowClient();
    const id = await twoSteps(clients, name);
    await finish(clients, id, "one", 1);
    await taskReached(clients, id, "two", "SCHEDULED");
    await executor.terminate(id, "go back");
    await executor.goBackToTask(id, (task) => task.referenceTaskName === "one");
    await finish(clients, id, "one", 5);
    assert.equal((await taskReached(clients, id, "two", "SCHEDULED")).inputData.from, 5);
  },

  "an ended workflow is restarted": async (clients, name) => {
    const executor = clients.getWorkflowClient();
    const id = await twoSteps(clients, name);
    await executor.terminate(id, "enough of it");
    const ended = await executor.getWorkflow(id, true);
    assert.deepEqual([ended.status, ended.reasonForIncompletion], ["TERMINATED", "enough of it"]);
    assert.equal(ended.tasks[0].status, "CANCELED");

    await executor.restart(id, true);
    const again = await reached(clients, id, "RUNNING");
    assert.deepEqual(again.tasks.map((task) => [task.referenceTaskName, task.status]), [["one", "SCHEDULED"]]);
    await refused(() => executor.restart(id, true), /not in.*terminal|non-terminal|running|terminal/i);
  },

  "a step is skipped": async (clients, name) => {
    const executor = clients.getWorkflowClient();
    const id = await twoSteps(clients, name);
    await executor.skipTasksFromWorkflow(id, "two", { taskOutput: { n: "skipped" } });
    await finish(clients, id, "one", 1);
    const done = await reached(clients, id, "COMPLETED");
    assert.equal(done.tasks.find((task) => task.referenceTaskName === "two").status, "SKIPPED");
    assert.deepEqual(done.output, { n: "skipped" });
  },

  "a deleted workflow is gone": async (clients, name) => {
    const executor = clients.getWorkflowClient();
    const id = await twoSteps(clients, name);
    await executor.terminate(id, "delete it");
    await executor.deleteWorkflow(id, false);
    await refused(() => executor.getWorkflow(id, true), new RegExp(id));
  },

  "many workflows are paused, resumed and ended at once": async (clients, name) => {
    const client = clients.getClient();
    const ids = [await twoSteps(clients, name), await twoSteps(clients, name)];
    const bulk = async (method, what) => {
      const { data } = await client[method]({ url: `/api/workflow/bulk/${what}`, body: [...ids, "missing"], headers: { "Content-Type": "application/json" } });
      assert.deepEqual(data.bulkSuccessfulResults, ids);
      assert.deepEqual(Object.keys(data.bulkErrorResults), ["missing"]);
    };
    await bulk("put", "pause");
    await reached(clients, ids[0], "PAUSED");
    await bulk("put", "resume");
    await bulk("post", "terminate");
    await reached(clients, ids[1], "TERMINATED");
    await bulk("post", "restart");
    await reached(clients, ids[1], "RUNNING");
  },

  "a signal completes the waiting task": async (clients, name) => {
    const executor = clients.getWorkflowClient();
    await executor.registerWorkflow(
      true,
      workflow(name, [waiting("first"), waiting("second"), setVariableTask("end", { all: true })]),
    );
    const id = await executor.startWorkflow({ name, version: 1, input: {} });
    await taskReached(clients, id, "first", "IN_PROGRESS");
    const answer = await executor.signal(id, "COMPLETED", { by: "ann" }, "BLOCKING_TASK");
    assert.ok(answer.isBlockingTask(), answer.toString());
    assert.equal(answer.getBlockingTask().referenceTaskName, "second");
    assert.deepEqual((await taskReached(clients, id, "first", "COMPLETED")).outputData.taskOutput, { by: "ann" });

    await executor.signalAsync(id, "COMPLETED", { by: "bob" });
    const done = await reached(clients, id, "COMPLETED");
    assert.deepEqual(done.variables, { all: true });
    await refused(() => executor.signal(id, "COMPLETED", {}), /./);
  },

  "variables of a running workflow are changed": async (clients, name) => {
    const executor = clients.getWorkflowClient();
    const id = await twoSteps(clients, name);
    await executor.updateVariables(id, { stage: "b" });
    assert.deepEqual((await executor.getWorkflow(id, false)).variables, { stage: "b" });
  },

  "state is updated and the next step awaited": async (clients, name) => {
    const executor = clients.getWorkflowClient();
    const id = await twoSteps(clients, name);
    const run = await executor.updateState(
      id,
      { taskReferenceName: "one", taskResult: { status: "COMPLETED", outputData: { n: 4 } }, variables: { k: 1 } },
      `${name} request`,
      "two",
      5,
    );
    assert.deepEqual(run.variables, { k: 1 });
    assert.equal(run.tasks.at(-1).inputData.from, 4);
  },
});
