// Definitions of tasks and workflows, their tags, limits and schemas.
import assert from "node:assert/strict";
import {
  ConductorWorkflow,
  jsonSchema,
  setVariableTask,
  simpleTask,
  taskDefinition,
  workflow,
} from "@io-orkes/conductor-javascript";
import { group, refused } from "./checks.js";

function step(name) {
  return simpleTask("step", name, { who: "${workflow.input.who}" });
}

group("metadata", {
  "a task definition is registered, read, updated and removed": async (clients, name) => {
    const metadata = clients.getMetadataClient();
    await metadata.registerTask(taskDefinition({ name, retryCount: 2, timeoutSeconds: 30, responseTimeoutSeconds: 20 }));
    const registered = await metadata.getTask(name);
    assert.equal(registered.retryCount, 2);
    assert.equal(registered.responseTimeoutSeconds, 20);

    await metadata.updateTask({ ...registered, retryCount: 5 });
    assert.equal((await metadata.getTask(name)).retryCount, 5);

    await metadata.unregisterTask(name);
    await refused(() => metadata.getTask(name), /No such taskType/i);
  },

  "several task definitions are registered at once": async (clients, name) => {
    const metadata = clients.getMetadataClient();
    await metadata.registerTasks([taskDefinition({ name: `${name}_a` }), taskDefinition({ name: `${name}_b` })]);
    const names = (await metadata.getAllTaskDefs()).map((found) => found.name);
    assert.ok(names.includes(`${name}_a`) && names.includes(`${name}_b`));
  },

  "a definition that is not valid is refused with the reason": async (clients, name) => {
    const metadata = clients.getMetadataClient();
    const twice = workflow(name, [step(name), step(name)]);
    await refused(() => metadata.registerWorkflowDef(twice), /Validation failed/);
    await refused(() => metadata.registerTask({ name: "" }), /Validation failed/);
  },

  "a workflow definition comes back as it was built": async (clients, name) => {
    const metadata = clients.getMetadataClient();
    const built = new ConductorWorkflow(clients.getWorkflowClient(), name, 3, "what it is for")
      .add(step(name))
      .fork([[simpleTask("left", name, {})], [simpleTask("right", name, {})]])
      .ownerEmail("ann@example.com")
      .timeoutPolicy("ALERT_ONLY")
      .timeoutSeconds(77)
      .variables({ count: 0 })
      .inputTemplate({ who: "nobody" })
      .outputParameter("who", "${step.output.who}");
    await built.register();

    const found = await metadata.getWorkflowDef(name, 3);
    for (const [key, value] of Object.entries(built.toWorkflowDef())) {
      if (key !== "tasks") assert.deepEqual(found[key], value, key);
    }
    assert.deepEqual(
      found.tasks.map((task) => [task.type, task.taskReferenceName]),
      [["SIMPLE", "step"], ["FORK_JOIN", "__fork_1"], ["JOIN", "__join_1"]],
    );
    assert.deepEqual(found.tasks[2].joinOn, ["left", "right"]);
    assert.deepEqual(found.tasks[1].forkTasks.map(([task]) => task.taskReferenceName), ["left", "right"]);
  },

  "the newest version is found without a number": async (clients, name) => {
    const metadata = clients.getMetadataClient();
    for (const version of [1, 2]) {
      await new ConductorWorkflow(clients.getWorkflowClient(), name, version).add(step(name)).register();
    }
    assert.equal((await metadata.getWorkflowDef(name)).version, 2);
    assert.equal((await metadata.getAllWorkflowDefs()).filter((found) => found.name === name).length, 2);

    await metadata.unregisterWorkflow(name, 2);
    assert.equal((await metadata.getWorkflowDef(name)).version, 1);
    await metadata.unregisterWorkflow(name, 1);
    await refused(() => metadata.getWorkflowDef(name), /No such workflow/i);
  },

  "a definition is not overwritten unasked": async (clients, name) => {
    const metadata = clients.getMetadataClient();
    const built = workflow(name, [setVariableTask("set", { a: 1 })]);
    await metadata.registerWorkflowDef(built);
    await refused(() => metadata.registerWorkflowDef(built, false), /already exists/);
    await metadata.registerWorkflowDef({ ...built, description: "changed" }, true);
    assert.equal((await metadata.getWorkflowDef(name, 1)).description, "changed");
  },

  "tags of workflows and tasks are added, replaced and removed": async (clients, name) => {
    const metadata = clients.getMetadataClient();
    await metadata.registerWorkflowDef(workflow(name, [step(name)]));
    await metadata.registerTask(taskDefinition({ name }));
    const [team, stage] = [{ key: "team", value: "blue" }, { key: "stage", value: "test" }];
    const pairs = (tags) => tags.map(({ key, value }) => `${key}=${value}`).sort();

    await metadata.addWorkflowTag(team, name);
    await metadata.addWorkflowTag(stage, name);
    assert.deepEqual(pairs(await metadata.getWorkflowTags(name)), ["stage=test", "team=blue"]);
    await metadata.deleteWorkflowTag(team, name);
    assert.deepEqual(pairs(await metadata.getWorkflowTags(name)), ["stage=test"]);

    await metadata.setTaskTags([team, stage], name);
    await metadata.setTaskTags([team], name);
    await metadata.addTaskTag(stage, name);
    await metadata.deleteTaskTag(team, name);
    assert.deepEqual(pairs(await metadata.getTaskTags(name)), ["stage=test"]);
  },

  "a rate limit of a workflow is set, read and removed": async (clients, name) => {
    const metadata = clients.getMetadataClient();
    await metadata.registerWorkflowDef(workflow(name, [step(name)]));
    await metadata.setWorkflowRateLimit({ rateLimitKey: "${workflow.input.who}", concurrentExecLimit: 3 }, name);
    assert.equal((await metadata.getWorkflowRateLimit(name)).concurrentExecLimit, 3);
    await metadata.removeWorkflowRateLimit(name);
    assert.equal((await metadata.getWorkflowRateLimit(name))?.concurrentExecLimit, undefined);
  },

  "a schema is registered, read and removed": async (clients, name) => {
    const schemas = clients.getSchemaClient();
    const data = jsonSchema({ who: { type: "string", required: true } });
    await schemas.registerSchema([{ name, version: 1, type: "JSON", data }]);
    assert.deepEqual((await schemas.getSchema(name, 1)).data, data);
    assert.ok((await schemas.getAllSchemas()).some((found) => found.name === name));
    await schemas.deleteSchemaByName(name);
    await refused(() => schemas.getSchema(name, 1), /schema/i);
  },

  "a secret is put, read, listed and removed": async (clients, name) => {
    const secrets = clients.getSecretClient();
    await secrets.putSecret(name, "hidden");
    // the SDK sends JSON where Conductor keeps the bytes as they are, so the quotes stay
    assert.equal(JSON.parse(await secrets.getSecret(name)), "hidden");
    assert.equal(await secrets.secretExists(name), true);
    assert.ok((await secrets.listAllSecretNames()).includes(name));
    await secrets.deleteSecret(name);
    assert.ok(!(await secrets.listAllSecretNames()).includes(name));
    await refused(() => secrets.getSecret(name), /./);
  },
});
