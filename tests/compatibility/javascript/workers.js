// The worker framework of the SDK: what workers return, throw and ask for has its effect.
import assert from "node:assert/strict";
import {
  NonRetryableException,
  TaskHandler,
  TaskManager,
  clearWorkerRegistry,
  getTaskContext,
  noopLogger,
  simpleTask,
  taskDefinition,
  worker,
  workflow,
} from "@io-orkes/conductor-javascript";
import { eventually, group, reached, working } from "./checks.js";

/** Register a task and a workflow of one such step, which retries at once. */
async function defined(clients, name, limits = {}) {
  await clients.getMetadataClient().registerTask({
    ...taskDefinition({ name, retryCount: 3, timeoutSeconds: 0, responseTimeoutSeconds: 10 }),
    retryDelaySeconds: 0,
    ...limits,
  });
  await clients.getWorkflowClient().registerWorkflow(true, {
    ...workflow(name, [simpleTask("step", name, { x: "${workflow.input.x}" })]),
    outputParameters: { out: "${step.output}" },
  });
}

function start(clients, name, more = {}) {
  return clients.getWorkflowClient().startWorkflow({ name, version: 1, input: {}, ...more });
}

async function ran(clients, name, execute, status) {
  return working(clients, { [name]: execute }, async () => reached(clients, await start(clients, name), status));
}

const done = (outputData) => ({ status: "COMPLETED", outputData });

group("workers", {
  "a thrown error is retried": async (clients, name) => {
    await defined(clients, name);
    const flaky = async () => {
      const attempt = getTaskContext().getRetryCount();
      if (attempt < 2) throw new Error(`attempt ${attempt} failed`);
      return done({ attempt });
    };
    const found = await ran(clients, name, flaky, "COMPLETED");
    assert.deepEqual(found.output, { out: { attempt: 2 } });
    assert.deepEqual(found.tasks.map((task) => [task.status, task.retryCount]), [["FAILED", 0], ["FAILED", 1], ["COMPLETED", 2]]);
    assert.match(found.tasks[0].reasonForIncompletion, /attempt 0 failed/);
    assert.equal(found.tasks[1].retriedTaskId, found.tasks[0].taskId);
  },

  "retries come to an end": async (clients, name) => {
    await defined(clients, name, { retryCount: 1 });
    const broken = async () => {
      throw new Error("always");
    };
    const found = await ran(clients, name, broken, "FAILED");
    assert.deepEqual(found.tasks.map((task) => task.status), ["FAILED", "FAILED"]);
    assert.match(found.reasonForIncompletion, /always/);
  },

  "an error that must not be retried ends the workflow": async (clients, name) => {
    await defined(clients, name);
    const refuse = async () => {
      throw new NonRetryableException("no such account");
    };
    const found = await ran(clients, name, refuse, "FAILED");
    assert.deepEqual(found.tasks.map((task) => task.status), ["FAILED_WITH_TERMINAL_ERROR"]);
    assert.match(found.reasonForIncompletion, /no such account/);
  },

  "a failure that is returned counts as one": async (clients, name) => {
    await defined(clients, name, { retryCount: 0 });
    const found = await ran(clients, name, async () => ({ status: "FAILED", reasonForIncompletion: "said so", outputData: { code: 7 } }), "FAILED");
    assert.equal(found.tasks[0].reasonForIncompletion, "said so");
    assert.deepEqual(found.tasks[0].outputData, { code: 7 });
  },

  "a task in progress comes back after its delay": async (clients, name) => {
    await defined(clients, name);
    const turns = [];
    const twice = async (task) => {
      turns.push({ at: Date.now(), polls: task.pollCount, taskId: task.taskId });
      return turns.length < 2 ? { status: "IN_PROGRESS", callbackAfterSeconds: 1, outputData: { half: true } } : done({ whole: true });
    };
    const found = await ran(clients, name, twice, "COMPLETED");
    assert.equal(found.tasks.length, 1);
    assert.equal(turns[0].taskId, turns[1].taskId);
    assert.equal(turns[1].polls, 2);
    assert.ok(turns[1].at - turns[0].at >= 900, `${turns[1].at - turns[0].at} ms`);
    assert.equal(found.output.out.whole, true);
  },

  "a callback of the context is kept too": async (clients, name) => {
    await defined(clients, name);
    let turns = 0;
    const twice = async () => {
      turns += 1;
      if (turns > 1) return done({ turns });
      getTaskContext().setCallbackAfter(1);
      return { status: "IN_PROGRESS", outputData: {} };
    };
    const found = await ran(clients, name, twice, "COMPLETED");
    assert.deepEqual([found.tasks.length, found.output.out.turns], [1, 2]);
  },

  "a lease is extended while the work goes on": async (clients, name) => {
    await defined(clients, name, { responseTimeoutSeconds: 2 });
    const slow = async () => {
      await new Promise((resolve) => setTimeout(resolve, 3000));
      return done({ patient: true });
    };
    const found = await working(clients, [{ taskDefName: name, execute: slow, leaseExtendEnabled: true }], async () =>
      reached(clients, await start(clients, name), "COMPLETED"),
    );
    assert.deepEqual(found.tasks.map((task) => task.status), ["COMPLETED"]);
  },

  "work that is not extended is given to another": async (clients, name) => {
    await defined(clients, name, { responseTimeoutSeconds: 1 });
    let turns = 0;
    const stuck = async () => {
      turns += 1;
      if (turns === 1) await new Promise((resolve) => setTimeout(resolve, 1800));
      return done({ turns });
    };
    const found = await working(clients, [{ taskDefName: name, execute: stuck, concurrency: 2 }], async () =>
      reached(clients, await start(clients, name), "COMPLETED"),
    );
    assert.deepEqual(found.tasks.map((task) => task.status), ["TIMED_OUT", "COMPLETED"]);
    assert.equal(found.output.out.turns, 2);
  },

  "logs of a worker are kept": async (clients, name) => {
    await defined(clients, name);
    const talkative = async () => {
      getTaskContext().addLog("from the context");
      return { ...done({}), logs: [{ log: "from the result", createdTime: Date.now() }] };
    };
    const found = await ran(clients, name, talkative, "COMPLETED");
    const logs = await clients.getTaskClient().getTaskLogs(found.tasks[0].taskId);
    assert.deepEqual(logs.map((entry) => entry.log).sort(), ["from the context", "from the result"]);
  },

  "a batch is worked on by several at once": async (clients, name) => {
    await defined(clients, name);
    let [now, most] = [0, 0];
    const counted = async (task) => {
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setTimeout(resolve, 150));
      now -= 1;
      return done({ x: task.inputData.x });
    };
    const ids = await Promise.all([...Array(12).keys()].map((x) => start(clients, name, { input: { x } })));
    await working(clients, [{ taskDefName: name, execute: counted, concurrency: 5 }], async () => {
      const found = await Promise.all(ids.map((id) => reached(clients, id, "COMPLETED")));
      assert.deepEqual(found.map((one) => one.output.out.x), [...Array(12).keys()]);
    });
    assert.ok(most > 1 && most <= 5, `${most} at once`);
  },

  "a worker of a domain gets the tasks of its domain": async (clients, name) => {
    await defined(clients, name);
    const say = (who) => async () => done({ who });
    const both = [
      { taskDefName: name, execute: say("nobody") },
      { taskDefName: name, execute: say("blue"), domain: "blue" },
    ];
    await working(clients, both, async () => {
      const inDomain = await start(clients, name, { taskToDomain: { [name]: "blue" } });
      const anywhere = await start(clients, name);
      const found = await reached(clients, inDomain, "COMPLETED");
      assert.deepEqual([found.output.out.who, found.tasks[0].domain], ["blue", "blue"]);
      assert.equal((await reached(clients, anywhere, "COMPLETED")).output.out.who, "nobody");
    });
  },

  "the worker's name and its polls are on the task": async (clients, name) => {
    await defined(clients, name);
    const found = await ran(clients, name, async (task) => done({ type: task.taskType, polls: task.pollCount }), "COMPLETED");
    assert.deepEqual(found.output.out, { type: name, polls: 1 });
    assert.ok(found.tasks[0].workerId);
  },

  "a large result arrives as it was": async (clients, name) => {
    await defined(clients, name);
    const text = 'ünï "quoted" \\ 漢字 🙂 \u2028'.repeat(10_000);
    const found = await ran(clients, name, async () => done({ text, nothing: null, nested: { list: [1.5, true, []] } }), "COMPLETED");
    assert.deepEqual(found.output.out, { text, nothing: null, nested: { list: [1.5, true, []] } });
  },

  "a decorated worker sets the definition of its task": async (clients, name) => {
    class Greeter {
      async greet(task) {
        return done({ text: `hello ${task.inputData.x}` });
      }
    }
    const described = Object.getOwnPropertyDescriptor(Greeter.prototype, "greet");
    worker({ taskDefName: name, pollInterval: 20, registerTaskDef: true, taskDef: { retryCount: 9 } })(Greeter.prototype, "greet", described);
    await clients.getMetadataClient().registerTask(taskDefinition({ name, retryCount: 1 }));
    const handler = new TaskHandler({ client: clients.getClient(), logger: noopLogger, healthMonitor: { enabled: false } });
    clearWorkerRegistry();
    await handler.startWorkers();
    try {
      assert.equal((await clients.getMetadataClient().getTask(name)).retryCount, 9);
      await clients.getWorkflowClient().registerWorkflow(true, workflow(name, [simpleTask("step", name, { x: "Ann" })]));
      const found = await reached(clients, await start(clients, name), "COMPLETED");
      assert.deepEqual(found.tasks[0].outputData, { text: "hello Ann" });
    } finally {
      await handler.stopWorkers();
    }
  },

  "the older task manager works too": async (clients, name) => {
    await defined(clients, name);
    const manager = new TaskManager(clients.getClient(), [{ taskDefName: name, execute: async () => done({ by: "manager" }) }], {
      options: { pollInterval: 20, workerID: "old", concurrency: 2 },
      logger: noopLogger,
    });
    manager.startPolling();
    try {
      const found = await reached(clients, await start(clients, name), "COMPLETED");
      assert.deepEqual([found.output.out, found.tasks[0].workerId], [{ by: "manager" }, "old"]);
    } finally {
      await manager.stopPolling();
    }
  },

  "events of the runner tell what it did": async (clients, name) => {
    await defined(clients, name);
    const seen = new Set();
    const kinds = ["onPollStarted", "onPollCompleted", "onTaskExecutionStarted", "onTaskExecutionCompleted", "onTaskUpdateCompleted"];
    const listener = Object.fromEntries(kinds.map((kind) => [kind, () => void seen.add(kind)]));
    const handler = new TaskHandler({
      client: clients.getClient(),
      workers: [{ taskDefName: name, execute: async () => done({}), pollInterval: 20 }],
      scanForDecorated: false,
      eventListeners: [listener],
      logger: noopLogger,
      healthMonitor: { enabled: false },
    });
    await handler.startWorkers();
    try {
      await reached(clients, await start(clients, name), "COMPLETED");
      await eventually(() => seen.size === kinds.length, "every event");
    } finally {
      await handler.stopWorkers();
    }
  },
});
