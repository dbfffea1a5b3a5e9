// Named checks and what they are made of: assertions, waiting for a condition, workers that live as long as a check.
import assert from "node:assert/strict";
import { TaskHandler, noopLogger } from "@io-orkes/conductor-javascript";

const PATIENCE_MS = 30_000;
const LOOK_EVERY_MS = 30;

const groups = new Map();

/** Add checks; those of one group run one after the other, groups run side by side. */
export function group(name, checks) {
  groups.set(name, checks);
}

/** Run every check and hand each outcome to `tell` as it is known. */
export async function runAll(clients, tell) {
  await Promise.all([...groups.values()].map((checks) => runGroup(checks, clients, tell)));
}

async function runGroup(checks, clients, tell) {
  for (const [name, body] of Object.entries(checks)) {
    let detail = "";
    try {
      await body(clients, name.replace(/\W+/g, "_"));
    } catch (error) {
      detail = describe(error);
    }
    tell({ name, ok: detail === "", detail });
  }
}

function describe(error) {
  return String(error?.stack ?? error).slice(0, 3000);
}

/** Fail unless `call` is refused with a text that matches. */
export async function refused(call, pattern) {
  await assert.rejects(call, (error) => {
    assert.match(String(error.message), pattern);
    return true;
  });
}

/** Return the first true answer of `look`; fail when there is none in time. */
export async function eventually(look, what) {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found) return found;
    assert.ok(Date.now() < until, `not within ${PATIENCE_MS} ms: ${what}; last seen: ${JSON.stringify(found)}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** Return the workflow once it has this status. */
export async function reached(clients, workflowId, status) {
  return eventually(async () => {
    const found = await clients.getWorkflowClient().getWorkflow(workflowId, true);
    return found.status === status && found;
  }, `${workflowId} is ${status}`);
}

/** Return the newest execution of a task once it has one of these statuses. */
export async function taskReached(clients, workflowId, reference, ...statuses) {
  return eventually(async () => {
    const { tasks } = await clients.getWorkflowClient().getWorkflow(workflowId, true);
    const found = tasks.findLast((task) => task.referenceTaskName === reference);
    return found && statuses.includes(found.status) && found;
  }, `${reference} of ${workflowId} is ${statuses}`);
}

/** Run `body` while the SDK's workers run: { taskDefName: execute } or complete workers of the SDK. */
export async function working(clients, workers, body) {
  const complete = Array.isArray(workers)
    ? workers
    : Object.entries(workers).map(([taskDefName, execute]) => ({ taskDefName, execute }));
  const handler = new TaskHandler({
    client: clients.getClient(),
    workers: complete.map((worker) => ({ pollInterval: 20, ...worker })),
    scanForDecorated: false,
    logger: noopLogger,
    healthMonitor: { enabled: false },
  });
  await handler.startWorkers();
  try {
    return await body(handler);
  } finally {
    await handler.stopWorkers();
  }
}
