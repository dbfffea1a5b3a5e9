// Starting, executing, finding and answering: what a caller of workflows does, and the system tasks in them.
import assert from "node:assert/strict";
import {
  ConductorWorkflow,
  doWhileTask,
  dynamicForkTask,
  dynamicTask,
  forkTaskJoin,
  generateWaitTask,
  inlineTask,
  joinTask,
  jsonJqTask,
  setVariableTask,
  simpleTask,
  startWorkflowTask,
  subWorkflowTask,
  switchTask,
  terminateTask,
  waitTaskDuration,
  workflow,
} from "@io-orkes/conductor-javascript";
import { eventually, group, reached, refused, taskReached, working } from "./checks.js";

/** A workflow of a step for a worker, named like it. */
async function oneStep(clients, name) {
  const built = new ConductorWorkflow(clients.getWorkflowClient(), name)
    .add(simpleTask("step", name, { x: "${workflow.input.x}" }))
    .outputParameter("out", "${step.output}");
  await built.register();
  return built;
}

async function setting(clients, name) {
  const built = new ConductorWorkflow(clients.getWorkflowClient(), name)
    .add(setVariableTask("set", { seen: "${workflow.input.x}" }))
    .outputParameter("seen", "${workflow.variables.seen}");
  await built.register();
  return built;
}

async function executed(clients, name, input, ...tasks) {
  const executor = clients.getWorkflowClient();
  await executor.registerWorkflow(true, workflow(name, tasks));
  return executor.executeWorkflow({ name, version: 1, input }, name, 1, `${name} request`, "", 15, "SYNCHRONOUS", "TARGET_WORKFLOW");
}

function outputOf(done, reference) {
  return done.tasks.find((task) => task.referenceTaskName === reference).outputData;
}

group("starting", {
  "a started workflow has its input, correlation id and priority": async (clients, name) => {
    const id = await (await oneStep(clients, name)).startWorkflow({ x: [1, { y: null }] }, "order 7", 5);
    const found = await clients.getWorkflowClient().getWorkflow(id, true);
    assert.equal(found.status, "RUNNING");
    assert.deepEqual(found.input, { x: [1, { y: null }] });
    assert.equal(found.correlationId, "order 7");
    assert.equal(found.priority, 5);
    assert.deepEqual(found.tasks[0].inputData.x, [1, { y: null }]);
  },

  "a workflow is started by its name": async (clients, name) => {
    await oneStep(clients, name);
    const id = await clients.getWorkflowClient().startWorkflowByName(name, { x: 1 }, 1, "c", 2);
    const found = await clients.getWorkflowClient().getExecution(id);
    assert.deepEqual([found.correlationId, found.priority, found.input], ["c", 2, { x: 1 }]);
  },

  "several workflows are started together": async (clients, name) => {
    await oneStep(clients, name);
    const ids = await Promise.all(
      clients.getWorkflowClient().startWorkflows([1, 2, 3].map((x) => ({ name, version: 1, input: { x } }))),
    );
    assert.equal(new Set(ids).size, 3);
  },

  "an unknown workflow is refused": async (clients, name) => {
    const executor = clients.getWorkflowClient();
    await refused(() => executor.startWorkflow({ name, version: 1 }), /No such workflow/i);
    await refused(() => executor.getWorkflow("no-such-id", true), /no-such-id/);
  },

  "an idempotency key gives the same workflow again": async (clients, name) => {
    const built = await oneStep(clients, name);
    const start = (strategy) => built.startWorkflow({}, undefined, undefined, `${name} key`, strategy);
    const first = await start("RETURN_EXISTING");
    assert.equal(await start("RETURN_EXISTING"), first);
    await refused(() => start("FAIL"), /idempoten|already|key/i);
    await refused(() => start("FAIL_ON_RUNNING"), /idempoten|already|key|running/i);

    await clients.getWorkflowClient().terminate(first, "make room");
    assert.notEqual(await start("FAIL_ON_RUNNING"), first);
  },

  "an execution returns what the workflow gave": async (clients, name) => {
    const done = await (await setting(clients, name)).execute({ x: "ünï 漢字 🙂" });
    assert.equal(done.status, "COMPLETED");
    assert.deepEqual(done.output, { seen: "ünï 漢字 🙂" });
    assert.deepEqual(done.variables, { seen: "ünï 漢字 🙂" });
  },

  "an execution waits for workers": async (clients, name) => {
    const built = await oneStep(clients, name);
    const double = async (task) => ({ status: "COMPLETED", outputData: { twice: task.inputData.x * 2 } });
    const done = await working(clients, { [name]: double }, () => built.execute({ x: 21 }));
    assert.deepEqual([done.status, done.output], ["COMPLETED", { out: { twice: 42 } }]);
  },

  "an execution returns when a named task has ended": async (clients, name) => {
    const executor = clients.getWorkflowClient();
    await executor.registerWorkflow(true, workflow(name, [setVariableTask("first", { a: 1 }), waitTaskDuration("pause", "1 hour")]));
    const run = await executor.executeWorkflow({ name, version: 1 }, name, 1, `${name} request`, "first");
    assert.deepEqual([run.status, run.requestId, run.variables], ["RUNNING", `${name} request`, { a: 1 }]);
    assert.equal(run.tasks[0].status, "COMPLETED");
  },

  "an execution returns what blocks in the way it is asked for": async (clients, name) => {
    const executor = clients.getWorkflowClient();
    await executor.registerWorkflow(
      true,
      workflow(name, [setVariableTask("first", { a: 1 }), generateWaitTask({ name: "pause", taskReferenceName: "pause" })]),
    );
    const request = { name, version: 1, input: { a: 1 } };
    const ask = (returns) => executor.executeWorkflow(request, name, 1, crypto.randomUUID(), "", 10, "SYNCHRONOUS", returns);

    const target = await ask("TARGET_WORKFLOW");
    assert.ok(target.isTargetWorkflow() && target.isRunning(), target.toString());
    assert.equal(target.getWorkflow().tasks.at(-1).referenceTaskName, "pause");

    const blocking = await ask("BLOCKING_TASK");
    assert.ok(blocking.isBlockingTask(), blocking.toString());
    assert.equal(blocking.getBlockingTask().referenceTaskName, "pause");

    const input = await ask("BLOCKING_TASK_INPUT");
    assert.deepEqual(input.getTaskInput(), {});

    const workflowOfTask = await ask("BLOCKING_WORKFLOW");
    assert.ok(workflowOfTask.isBlockingWorkflow(), workflowOfTask.toString());
  },

  "the status has output and variables when asked for": async (clients, name) => {
    const executor = clients.getWorkflowClient();
    const id = await (await setting(clients, name)).startWorkflow({ x: 3 }, "c1");
    await reached(clients, id, "COMPLETED");
    const full = await executor.getWorkflowStatus(id, true, true);
    assert.deepEqual([full.status, full.output, full.variables, full.correlationId], ["COMPLETED", { seen: 3 }, { seen: 3 }, "c1"]);
    const bare = await executor.getWorkflowStatus(id, false, false);
    assert.equal(bare.workflowId, id);
    assert.ok(!bare.output && !bare.variables, JSON.stringify(bare));
  },

  "a search finds workflows by type, correlation id and status": async (clients, name) => {
    const executor = clients.getWorkflowClient();
    const built = await setting(clients, name);
    const ids = [];
    for (const x of [1, 2, 3]) ids.push(await built.startWorkflow({ x }, `${name} ${x % 2}`));
    const search = (query, size = 10) => executor.search(0, size, query, "*", "startTime:ASC");
    const all = await eventually(async () => {
      const found = await search(`workflowType = '${name}' AND status = 'COMPLETED'`);
      return found.totalHits === 3 && found;
    }, "three hits");
    assert.deepEqual(new Set(all.results.map((one) => one.workflowId)), new Set(ids));
    assert.equal(all.results[0].workflowType, name);
    assert.equal((await search(`workflowType IN (${name})`, 2)).results.length, 2);
    assert.equal((await search(`correlationId = '${name} 1'`)).totalHits, 2);
    assert.equal((await search(`workflowType = '${name}' AND status IN (FAILED,TERMINATED)`)).totalHits, 0);
  },

  "workflows are found by their correlation ids": async (clients, name) => {
    const built = await oneStep(clients, name);
    const id = await built.startWorkflow({}, `${name} A`);
    const request = { correlationIds: [`${name} A`, `${name} B`], workflowNames: [name] };
    const found = await clients.getWorkflowClient().getByCorrelationIds(request, true, true);
    assert.deepEqual(found[`${name} A`].map((one) => one.workflowId), [id]);
    assert.deepEqual(found[`${name} B`] ?? [], []);
  },

  "a definition is tried with mocked tasks": async (clients, name) => {
    const done = await clients.getWorkflowClient().testWorkflow({
      name,
      version: 1,
      workflowDef: workflow(name, [simpleTask("step", name, {})]),
      taskRefToMockOutput: { step: [{ status: "COMPLETED", output: { made: "up" } }] },
      input: {},
    });
    assert.equal(done.status, "COMPLETED");
    assert.deepEqual(outputOf(done, "step"), { made: "up" });
  },
});

group("system tasks", {
  "expressions, jq and variables are evaluated": async (clients, name) => {
    const script = inlineTask("script", "(function () { return $.n * 2; })()");
    script.inputParameters.n = "${workflow.input.n}";
    const jq = jsonJqTask("jq", ".items | map(.price) | add");
    jq.inputParameters.items = [{ price: 2 }, { price: 5 }];
    const done = await executed(clients, name, { n: 21 }, script, jq, setVariableTask("set", { n: "${script.output.result}" }));
    assert.equal(done.status, "COMPLETED", done.reasonForIncompletion);
    assert.equal(outputOf(done, "script").result, 42);
    assert.equal(outputOf(done, "jq").result, 7);
    assert.deepEqual(done.variables, { n: 42 });
  },

  "a switch takes the case of its value": async (clients, name) => {
    const branch = switchTask("kind", "${workflow.input.kind}", { a: [setVariableTask("in_a", { took: "a" })] }, [
      setVariableTask("in_default", { took: "default" }),
    ]);
    assert.deepEqual((await executed(clients, `${name}_a`, { kind: "a" }, branch)).variables, { took: "a" });
    assert.deepEqual((await executed(clients, `${name}_z`, { kind: "z" }, branch)).variables, { took: "default" });
  },

  "forks run and join": async (clients, name) => {
    const fork = forkTaskJoin("fork", [setVariableTask("left", { left: 1 }), setVariableTask("right", { right: 2 })]);
    const done = await executed(clients, name, {}, ...fork);
    assert.equal(done.status, "COMPLETED", done.reasonForIncompletion);
    assert.ok(done.tasks.some((task) => task.taskType === "JOIN" && task.status === "COMPLETED"));
  },

  "a loop runs until its condition is false": async (clients, name) => {
    const loop = doWhileTask("loop", "if ($.loop['iteration'] < 3) { true; } else { false; }", [
      setVariableTask("inside", { round: "${loop.output.iteration}" }),
    ]);
    const done = await executed(clients, name, {}, loop);
    assert.equal(done.status, "COMPLETED", done.reasonForIncompletion);
    assert.equal(outputOf(done, "loop").iteration, 3);
    assert.equal(done.tasks.filter((task) => task.referenceTaskName.startsWith("inside__")).length, 3);
  },

  "a sub-workflow gives its output": async (clients, name) => {
    const child = await setting(clients, `${name}_child`);
    const byName = subWorkflowTask("named", child.getName(), 1);
    byName.inputParameters = { x: 5 };
    const inline = child.toSubWorkflowTask("inline");
    inline.inputParameters = { x: 6 };
    const done = await executed(clients, name, {}, byName, inline);
    assert.equal(done.status, "COMPLETED", done.reasonForIncompletion);
    assert.equal(outputOf(done, "named").seen, 5);
    assert.equal(outputOf(done, "inline").seen, 6);
    const [task] = done.tasks;
    assert.equal((await clients.getWorkflowClient().getWorkflow(task.subWorkflowId, false)).parentWorkflowId, done.workflowId);
  },

  "a workflow starts another one": async (clients, name) => {
    const child = await setting(clients, `${name}_child`);
    const done = await executed(clients, name, {}, startWorkflowTask("start", child.getName(), { x: 9 }, 1, "from parent"));
    const started = await reached(clients, outputOf(done, "start").workflowId, "COMPLETED");
    assert.deepEqual([started.output, started.correlationId], [{ seen: 9 }, "from parent"]);
  },

  "tasks named at run time run": async (clients, name) => {
    const chosen = dynamicTask("chosen", "${workflow.input.task}");
    const forked = dynamicForkTask("forked");
    Object.assign(forked, { dynamicForkTasksParam: "tasks", dynamicForkTasksInputParamName: "inputs" });
    forked.inputParameters = { tasks: "${workflow.input.tasks}", inputs: "${workflow.input.inputs}" };
    const echo = async (task) => ({ status: "COMPLETED", outputData: { got: task.inputData.k ?? null } });
    const done = await working(clients, { [name]: echo }, () =>
      executed(
        clients,
        name,
        { task: name, tasks: [1, 2].map((n) => simpleTask(`f${n}`, name, {})), inputs: { f1: { k: "a" }, f2: { k: "b" } } },
        chosen,
        forked,
        joinTask("join", []),
      ),
    );
    assert.equal(done.status, "COMPLETED", done.reasonForIncompletion);
    const joined = outputOf(done, "join");
    assert.deepEqual([joined.f1, joined.f2], [{ got: "a" }, { got: "b" }]);
  },

  "terminate ends a workflow with its reason": async (clients, name) => {
    const done = await executed(clients, name, {}, terminateTask("end", "FAILED", "not wanted"), simpleTask("never", name, {}));
    assert.equal(done.status, "FAILED");
    const found = await clients.getWorkflowClient().getWorkflow(done.workflowId, true);
    assert.match(found.reasonForIncompletion, /not wanted/);
    assert.equal(found.tasks.length, 1);
  },

  "a wait ends by itself": async (clients, name) => {
    const done = await executed(clients, name, {}, waitTaskDuration("wait", "1 seconds"));
    assert.equal(done.status, "COMPLETED");
    const [task] = done.tasks;
    assert.ok(task.endTime - task.startTime >= 900, `${task.endTime - task.startTime} ms`);
    await taskReached(clients, done.workflowId, "wait", "COMPLETED");
  },
});
