package main

import (
	"github.com/antihax/optional"
	"github.com/conductor-sdk/conductor-go/sdk/client"
	"github.com/conductor-sdk/conductor-go/sdk/model"
	"github.com/conductor-sdk/conductor-go/sdk/workflow"
)

// Definitions of tasks and workflows, and what hangs on them.
var metadataChecks = []check{
	{"task definitions are registered and read", taskDefsRegistered},
	{"task definition is updated", taskDefUpdated},
	{"task definition is unregistered", taskDefRemoved},
	{"workflow definition is registered once", workflowDefOnce},
	{"workflow definitions have versions", workflowDefVersions},
	{"workflow definitions are updated in bulk", workflowDefsUpdated},
	{"workflow definition is unregistered", workflowDefRemoved},
	{"invalid workflow definition is refused", workflowDefInvalid},
	{"a built definition comes back as it was sent", workflowDefReadBack},
	{"definitions are tagged", definitionsTagged},
	{"definitions bring their tags", definitionsRegisteredWithTags},
	{"secrets are kept", secretsKept},
	{"environment variables are kept", variablesKept},
}

func taskDefsRegistered(t *trial) {
	first := taskDef(t.name + "_a")
	first.Description, first.RetryLogic, first.InputKeys = "charges a card", "LINEAR_BACKOFF", []string{"amount"}
	first.RetryCount, first.RetryDelaySeconds, first.BackoffScaleFactor = 4, 5, 2
	first.InputTemplate = object{"currency": "CHF"}
	t.define(first, taskDef(t.name+"_b"))
	found, _, err := t.metadata.GetTaskDef(t.ctx, first.Name)
	t.noError(err)
	t.equal([]interface{}{first.Description, first.RetryLogic, first.RetryCount, first.RetryDelaySeconds, first.BackoffScaleFactor},
		[]interface{}{found.Description, found.RetryLogic, found.RetryCount, found.RetryDelaySeconds, found.BackoffScaleFactor}, "what was set")
	t.equal(object{"currency": "CHF"}, found.InputTemplate, "input template")
	t.that(found.CreateTime > 0, "it has a time")
	all, _, err := t.metadata.GetTaskDefs(t.ctx)
	t.noError(err)
	seen := 0
	for _, each := range all {
		if each.Name == t.name+"_a" || each.Name == t.name+"_b" {
			seen++
		}
	}
	t.equal(2, seen, "definitions among all")
}

func taskDefUpdated(t *trial) {
	t.define(taskDef(t.name))
	changed := taskDef(t.name)
	changed.RetryCount = 9
	_, err := t.metadata.UpdateTaskDef(t.ctx, changed)
	t.noError(err)
	found, _, err := t.metadata.GetTaskDef(t.ctx, t.name)
	t.noError(err)
	t.equal(9, found.RetryCount, "retries")
	_, err = t.metadata.UpdateTaskDef(t.ctx, taskDef(t.name+"_unknown"))
	t.refused(err, 404, "_unknown")
}

func taskDefRemoved(t *trial) {
	t.define(taskDef(t.name))
	_, err := t.metadata.UnregisterTaskDef(t.ctx, t.name)
	t.noError(err)
	_, _, err = t.metadata.GetTaskDef(t.ctx, t.name)
	t.refused(err, 404, t.name)
}

func workflowDefOnce(t *trial) {
	built := t.build(workflow.NewSimpleTask("t", "t"))
	t.noError(built.Register(false))
	t.refused(built.Register(false), 409, t.name)
	t.noError(built.Description("second").Register(true))
	found, _, err := t.metadata.Get(t.ctx, t.name, nil)
	t.noError(err)
	t.equal("second", found.Description, "description")
}

func workflowDefVersions(t *trial) {
	for version := int32(1); version <= 3; version++ {
		t.noError(t.build(workflow.NewSimpleTask("t", "t")).Version(version).Register(true))
	}
	latest, _, err := t.metadata.Get(t.ctx, t.name, nil)
	t.noError(err)
	t.equal(3, latest.Version, "latest version")
	second, _, err := t.metadata.Get(t.ctx, t.name, &client.MetadataResourceApiGetOpts{Version: optional.NewInt32(2)})
	t.noError(err)
	t.equal(2, second.Version, "version asked for")
	all, _, err := t.metadata.GetAll(t.ctx)
	t.noError(err)
	seen := 0
	for _, each := range all {
		if each.Name == t.name {
			seen++
		}
	}
	t.equal(3, seen, "versions among all")
}

func workflowDefsUpdated(t *trial) {
	other := *t.build(workflow.NewSimpleTask("t", "t")).Name(t.name + "_other").ToWorkflowDef()
	one := *t.build(workflow.NewSimpleTask("t", "t")).Description("one").ToWorkflowDef()
	_, err := t.metadata.Update(t.ctx, []model.WorkflowDef{one, other})
	t.noError(err)
	found, _, err := t.metadata.Get(t.ctx, t.name, nil)
	t.noError(err)
	t.equal("one", found.Description, "description")
}

func workflowDefRemoved(t *trial) {
	built := t.build(workflow.NewSimpleTask("t", "t"))
	t.noError(built.Register(true))
	t.noError(built.UnRegister())
	_, _, err := t.metadata.Get(t.ctx, t.name, nil)
	t.refused(err, 404, t.name)
}

func workflowDefInvalid(t *trial) {
	twice := t.build(workflow.NewSimpleTask("t", "same"), workflow.NewSimpleTask("t", "same"))
	t.refused(twice.Register(true), 400, "")
	_, _, err := t.metadata.Get(t.ctx, t.name, nil)
	t.refused(err, 404, t.name)
}

func workflowDefReadBack(t *trial) {
	built := t.build(
		workflow.NewSwitchTask("way", "${workflow.input.way}").
			SwitchCase("a", workflow.NewSimpleTask("t", "a").Optional(true)).
			DefaultCase(workflow.NewTerminateTask("stop", model.FailedWorkflow, "no way")),
		workflow.NewForkTask("fork", []workflow.TaskInterface{workflow.NewSimpleTask("t", "b")}, []workflow.TaskInterface{workflow.NewSimpleTask("t", "c")}),
		workflow.NewLoopTask("loop", 3, workflow.NewSimpleTask("t", "d").RetryPolicy(3, workflow.FixedRetry, 1, 1)),
		workflow.NewSubWorkflowTask("child", "some_child", 2).TaskToDomain(map[string]string{"*": "green"}),
	).Description("all of it").OwnerEmail("ada@example.com").TimeoutPolicy(workflow.TimeOutWorkflow, 60).
		FailureWorkflow("mend").Restartable(true).InputParameters("way").InputTemplate(object{"way": "a"}).Variables(object{"v": 1})
	t.noError(built.Register(true))
	sent := *built.ToWorkflowDef()
	found, _, err := t.metadata.Get(t.ctx, t.name, nil)
	t.noError(err)
	sent.CreateTime, sent.UpdateTime, sent.OverwriteTags = found.CreateTime, found.UpdateTime, found.OverwriteTags
	for _, definition := range []*model.WorkflowDef{&sent, &found} {
		definition.Tasks[3].LoopOver[0].TaskDefinition = nil // filled with defaults by the server
	}
	t.equal(sent, found, "definition")
}

func definitionsTagged(t *trial) {
	built := t.build(workflow.NewSimpleTask("t", "t"))
	t.noError(built.Register(true))
	t.noError(t.executor.AddWorkflowTags(t.name, map[string]string{"team": "blue"}))
	tags, err := t.executor.GetWorkflowTags(t.name)
	t.noError(err)
	t.equal(map[string]string{"team": "blue"}, tags, "tags")
	t.noError(t.executor.UpdateWorkflowTags(t.name, map[string]string{"stage": "test"}))
	tags, err = t.executor.GetWorkflowTags(t.name)
	t.noError(err)
	t.equal(map[string]string{"stage": "test"}, tags, "tags after an update")
	t.noError(t.executor.DeleteWorkflowTags(t.name, map[string]string{"stage": "test"}))
	tags, err = t.executor.GetWorkflowTags(t.name)
	t.noError(err)
	t.equal(0, len(tags), "number of tags after deletion")
}

func definitionsRegisteredWithTags(t *trial) {
	blue, red := model.MetadataTag{Key: "team", Value: "blue"}, model.MetadataTag{Key: "team", Value: "red"}
	definition := *t.build(workflow.NewSimpleTask("t", "t")).ToWorkflowDef()
	_, err := t.metadata.RegisterWorkflowDefWithTags(t.ctx, true, definition, []model.MetadataTag{blue})
	t.noError(err)
	_, err = t.metadata.UpdateWorkflowDefWithTags(t.ctx, definition, []model.MetadataTag{red}, true)
	t.noError(err)
	found, err := t.metadata.GetTagsForWorkflowDef(t.ctx, t.name)
	t.noError(err)
	t.equal([]model.MetadataTag{red}, found, "tags of the workflow definition")

	task := model.TaskDef{Name: t.name, ResponseTimeoutSeconds: 60}
	_, err = t.metadata.RegisterTaskDefWithTags(t.ctx, task, []model.MetadataTag{blue})
	t.noError(err)
	found, err = t.metadata.GetTagsForTaskDef(t.ctx, t.name)
	t.noError(err)
	t.equal([]model.MetadataTag{blue}, found, "tags of the task definition")
}

func secretsKept(t *trial) {
	secrets := client.NewSecretsClient(t.api)
	_, _, err := secrets.PutSecret(t.ctx, "hush", "go_secret")
	t.noError(err)
	value, _, err := secrets.GetSecret(t.ctx, "go_secret")
	t.noError(err)
	t.equal("hush", value, "secret")
	names, _, err := secrets.ListAllSecretNames(t.ctx)
	t.noError(err)
	t.that(contains(names, "go_secret"), "it is among all names")
	_, _, err = secrets.DeleteSecret(t.ctx, "go_secret")
	t.noError(err)
	names, _, err = secrets.ListAllSecretNames(t.ctx)
	t.noError(err)
	t.that(!contains(names, "go_secret"), "it is gone")
}

func variablesKept(t *trial) {
	variables := client.NewEnvironmentClient(t.api)
	_, err := variables.CreateOrUpdateEnvVariable(t.ctx, "v1", "go_variable")
	t.noError(err)
	value, _, err := variables.Get(t.ctx, "go_variable")
	t.noError(err)
	t.equal("v1", value, "value")
	all, _, err := variables.GetAll(t.ctx)
	t.noError(err)
	t.that(len(all) > 0, "there are variables")
	_, _, err = variables.DeleteEnvVariable(t.ctx, "go_variable")
	t.noError(err)
}

func contains(names []string, name string) bool {
	for _, each := range names {
		if each == name {
			return true
		}
	}
	return false
}
