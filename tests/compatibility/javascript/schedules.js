// The scheduler client.
import assert from "node:assert/strict";
import { setVariableTask, workflow } from "@io-orkes/conductor-javascript";
import { eventually, group, refused } from "./checks.js";

const EACH_SECOND = "* * * * * ?";
const EACH_YEAR = "0 0 0 1 1 ?";

async function scheduled(clients, name, cronExpression) {
  await clients.getWorkflowClient().registerWorkflow(true, workflow(name, [setVariableTask("set", { a: "${workflow.input.a}" })]));
  await clients.getSchedulerClient().saveSchedule({
    name,
    cronExpression,
    zoneId: "UTC",
    startWorkflowRequest: { name, version: 1, input: { a: 1 }, correlationId: name },
  });
}

group("schedules", {
  "a schedule starts its workflow": async (clients, name) => {
    const scheduler = clients.getSchedulerClient();
    await scheduled(clients, name, EACH_SECOND);
    const hit = await eventually(async () => {
      const found = await clients.getWorkflowClient().search(0, 5, `correlationId = '${name}'`, "*");
      return found.results[0];
    }, "a workflow started by the schedule");
    const run = await eventually(async () => {
      const found = await scheduler.search(0, 10, "", "*", `scheduleName = '${name}'`);
      return found.results.find((one) => one.workflowId === hit.workflowId);
    }, "a record of the run");
    assert.equal(run.scheduleName, name);
    await scheduler.deleteSchedule(name);
  },

  "a schedule is saved, paused, resumed and removed": async (clients, name) => {
    const scheduler = clients.getSchedulerClient();
    await scheduled(clients, name, EACH_YEAR);
    const saved = await scheduler.getSchedule(name);
    assert.deepEqual([saved.cronExpression, saved.startWorkflowRequest.input], [EACH_YEAR, { a: 1 }]);
    assert.deepEqual((await scheduler.getAllSchedules(name)).map((found) => found.name), [name]);

    await scheduler.pauseSchedule(name, "a holiday");
    const paused = await scheduler.getSchedule(name);
    assert.deepEqual([paused.paused, paused.pausedReason], [true, "a holiday"]);
    await scheduler.resumeSchedule(name);
    assert.ok(!(await scheduler.getSchedule(name)).paused);

    await scheduler.deleteSchedule(name);
    await refused(() => scheduler.getSchedule(name), new RegExp(name));
  },

  "the next times of an expression are told": async (clients) => {
    const from = Date.UTC(2030, 0, 1, 0, 0, 1);
    const times = await clients.getSchedulerClient().getNextFewSchedules("0 0 * * * ?", from, undefined, 3);
    assert.deepEqual(times, [1, 2, 3].map((hour) => Date.UTC(2030, 0, 1, hour)));
    await refused(() => clients.getSchedulerClient().getNextFewSchedules("not a cron"), /cron/i);
  },

  "tags of a schedule are set and read": async (clients, name) => {
    const scheduler = clients.getSchedulerClient();
    await scheduled(clients, name, EACH_YEAR);
    const tag = { key: "team", value: "blue" };
    await scheduler.setSchedulerTags([tag], name);
    assert.deepEqual((await scheduler.getSchedulerTags(name)).map((found) => [found.key, found.value]), [["team", "blue"]]);
    await scheduler.deleteSchedulerTags([tag], name);
    assert.deepEqual(await scheduler.getSchedulerTags(name), []);
  },

  "every schedule is paused and resumed": async (clients, name) => {
    const scheduler = clients.getSchedulerClient();
    await scheduled(clients, name, EACH_YEAR);
    await scheduler.pauseAllSchedules();
    await scheduler.requeueAllExecutionRecords();
    await scheduler.resumeAllSchedules();
    assert.ok(!(await scheduler.getSchedule(name)).paused);
  },
});
