package main

import (
	"time"

	"github.com/antihax/optional"
	"github.com/conductor-sdk/conductor-go/sdk/client"
	"github.com/conductor-sdk/conductor-go/sdk/model"
	"github.com/conductor-sdk/conductor-go/sdk/workflow"
	"github.com/conductor-sdk/conductor-go/sdk/workflow/executor"
)

// Starting workflows, waiting for them, finding them.
var workflowChecks = []check{
	{"workflow is started and completes", startedAndCompleted},
	{"workflow is started by name", startedByName},
	{"workflow is started with correlation id and priority", startedCorrelated},
	{"workflow is started with its definition", startedInline},
	{"idempotency key gives the same workflow", startedOnce},
	{"unknown workflows are refused", unknownRefused},
	{"workflow is executed synchronously", executed},
	{"workflow is executed until a task", executedUntil},
	{"end of a workflow is awaited", monitored},
	{"many workflows are started and awaited", manyMonitored},
	{"status of a workflow is read", statusRead},
	{"running workflows are listed", runningListed},
	{"workflows are searched", searched},
	{"workflows are searched by their tasks", searchedByTasks},
	{"workflow is removed", removed},
}

func startedAndCompleted(t *trial) {
	id := t.steps("first", "second")
	t.equal(7, t.end("first", model.CompletedTask, object{"r": 1}).InputData["n"], "input of the first task")
	t.end("second", model.CompletedTask, object{"r": 2})
	done := t.reached(id, model.CompletedWorkflow)
	t.equal([]interface{}{object{"last": 2}, object{"n": 7}, t.name, 1},
		[]interface{}{done.Output, done.Input, done.WorkflowName, done.WorkflowVersion}, "output, input, name, version")
	t.equal(t.name, done.WorkflowDefinition.Name, "definition in the workflow")
	t.that(done.EndTime >= done.StartTime && done.StartTime > 0, "it has times")
}

func startedByName(t *trial) {
	t.noError(t.build(script("s", "1")).Register(true))
	options := &client.WorkflowResourceApiStartWorkflowOpts{CorrelationId: optional.NewString("c-1"), Version: optional.NewInt32(1)}
	id, _, err := t.workflows.StartWorkflow(t.ctx, object{"n": 1}, t.name, options)
	t.noError(err)
	done := t.reached(id, model.CompletedWorkflow)
	t.equal([]interface{}{"c-1", object{"n": 1}}, []interface{}{done.CorrelationId, done.Input}, "correlation id and input")
}

func startedCorrelated(t *trial) {
	t.noError(t.build(workflow.NewHumanTask("wait")).Register(true))
	request := model.NewStartWorkflowRequest(t.name, 1, "order-5", nil)
	request.Priority = 9
	id := t.start(request)
	t.equal(9, t.execution(id).Priority, "priority")
	found, err := t.executor.GetByCorrelationIds(t.name, true, true, "order-5", "order-6")
	t.noError(err)
	t.equal(id, found["order-5"][0].WorkflowId, "workflow of the correlation id")
	t.equal(0, len(found["order-6"]), "workflows of another one")
	both, err := t.executor.GetByCorrelationIdsAndNames(true, false, []string{"order-5"}, []string{t.name})
	t.noError(err)
	t.equal(id, both["order-5"][0].WorkflowId, "workflow of the correlation id and name")
	one, _, err := t.workflows.GetWorkflowsByCorrelationId(t.ctx, t.name, "order-5", nil)
	t.noError(err)
	t.equal(1, len(one), "number of workflows")
}

func startedInline(t *trial) {
	built := t.build(script("s", "8")).OutputParameters(object{"n": "${s.output.result}"})
	id, err := built.StartWorkflowWithInput(struct{ Name string }{"ada"})
	t.noError(err)
	done := t.reached(id, model.CompletedWorkflow)
	t.equal([]interface{}{object{"n": 8}, object{"Name": "ada"}}, []interface{}{done.Output, done.Input}, "output and input")
	_, _, err = t.metadata.Get(t.ctx, t.name, nil)
	t.refused(err, 404, t.name)
}

func startedOnce(t *trial) {
	t.noError(t.build(workflow.NewHumanTask("wait")).Register(true))
	request := model.NewIdempotentStartWorkflowRequest(t.name, 1, "", t.name+"_key", model.ReturnExisting, nil)
	id := t.start(request)
	t.equal(id, t.start(request), "id of a second start")
	_, err := t.executor.StartWorkflow(model.NewIdempotentStartWorkflowRequest(t.name, 1, "", t.name+"_key", model.FailOnConflict, nil))
	t.refused(err, 409, id)
}

func unknownRefused(t *trial) {
	_, err := t.executor.StartWorkflow(model.NewStartWorkflowRequest("go_no_such", 1, "", nil))
	t.refused(err, 404, "go_no_such")
	_, err = t.executor.GetWorkflow("no-such-id", true)
	t.that(err != nil && err.Error() == "no such workflow by Id no-such-id", "an unknown workflow is an error of the SDK's own")
	t.refused(t.executor.Pause("no-such-id"), 404, "no-such-id")
}

func executed(t *trial) {
	built := t.build(script("s", "$.n + 1").Input("n", "${workflow.input.n}")).OutputParameters(object{"n": "${s.output.result}"})
	t.noError(built.Register(true))
	run, err := built.ExecuteWorkflowWithInput(object{"n": 1}, "")
	t.noError(err)
	t.equal([]interface{}{"COMPLETED", object{"n": 2}, 1}, []interface{}{run.Status, run.Output, len(run.Tasks)}, "status, output, number of tasks")
}

func executedUntil(t *trial) {
	t.noError(t.build(script("s", "1"), workflow.NewHumanTask("ask"), workflow.NewHumanTask("later")).Register(true))
	run, err := t.executor.ExecuteWorkflow(model.NewStartWorkflowRequest(t.name, 1, "c-2", object{"n": 1}), "s")
	t.noError(err)
	t.equal([]interface{}{"RUNNING", "c-2"}, []interface{}{run.Status, run.CorrelationId}, "status and correlation id")
	t.equal("s", run.Tasks[0].ReferenceTaskName, "first task")
}

func monitored(t *trial) {
	channel, err := t.build(workflow.NewWaitForDurationTask("wait", time.Second)).
		StartWorkflowsAndMonitorExecution(model.NewStartWorkflowRequest(t.name, 1, "", nil))
	t.noError(err)
	done, err := executor.WaitForWorkflowCompletionUntilTimeout(channel, patience)
	t.noError(err)
	t.equal("COMPLETED", done.Status, "status")
}

func manyMonitored(t *trial) {
	t.noError(t.build(script("s", "1")).Register(true))
	requests := make([]*model.StartWorkflowRequest, 20)
	for index := range requests {
		requests[index] = model.NewStartWorkflowRequest(t.name, 1, "", object{"n": index})
	}
	running := t.executor.StartWorkflows(true, requests...)
	t.executor.WaitForRunningWorkflowsUntilTimeout(patience, running...)
	for index, each := range running {
		t.noError(each.Err)
		t.equal([]interface{}{"COMPLETED", index}, []interface{}{each.CompletedWorkflow.Status, each.CompletedWorkflow.Input["n"]}, "status and input")
	}
}

func statusRead(t *trial) {
	id := t.begin(t.build(workflow.NewSetVariableTask("set").Input("k", 1)).OutputParameters(object{"o": 2}), nil)
	t.reached(id, model.CompletedWorkflow)
	state, err := t.executor.GetWorkflowStatus(id, true, true)
	t.noError(err)
	t.equal([]interface{}{"COMPLETED", object{"o": 2}, object{"k": 1}}, []interface{}{state.Status, state.Output, state.Variables}, "state")
	bare, err := t.executor.GetWorkflowStatus(id, false, false)
	t.noError(err)
	t.equal(0, len(bare.Output)+len(bare.Variables), "output and variables that were not asked for")
}

func runningListed(t *trial) {
	id := t.begin(t.build(workflow.NewHumanTask("wait")), nil)
	found, _, err := t.workflows.GetRunningWorkflow(t.ctx, t.name, &client.WorkflowResourceApiGetRunningWorkflowOpts{Version: optional.NewInt32(1)})
	t.noError(err)
	t.equal([]string{id}, found, "running workflows")
}

func searched(t *trial) {
	t.noError(t.build(workflow.NewHumanTask("wait")).Register(true))
	ids := []string{t.start(model.NewStartWorkflowRequest(t.name, 1, "one", nil)), t.start(model.NewStartWorkflowRequest(t.name, 1, "two", nil))}
	query := "workflowType='" + t.name + "' AND status='RUNNING'"
	var found []model.WorkflowSummary
	t.eventually("both are found", func() bool {
		var err error
		found, err = t.executor.Search(0, 10, query, "*")
		t.noError(err)
		return len(found) == 2
	})
	t.that(contains(ids, found[0].WorkflowId) && found[0].StartTime != "", "it is one of them and has a time")
	page, err := t.executor.Search(1, 1, query, "*")
	t.noError(err)
	t.equal(1, len(page), "results of the second page")
	one, err := t.executor.Search(0, 10, query+" AND correlationId='two'", "*")
	t.noError(err)
	t.equal(ids[1], one[0].WorkflowId, "the one with the correlation id")
	_, err = t.executor.Search(0, 10, "nonsense='1'", "*")
	t.refused(err, 400, "nonsense")
}

func searchedByTasks(t *trial) {
	id := t.begin(t.build(workflow.NewSimpleTask(t.name+"_kind", "s")), nil)
	query := "taskType='" + t.name + "_kind'"
	options := &client.WorkflowResourceApiSearchWorkflowsByTasksOpts{Query: optional.NewString(query)}
	t.eventually("it is found", func() bool {
		found, _, err := t.workflows.SearchWorkflowsByTasks(t.ctx, options)
		t.noError(err)
		return found.TotalHits == 1 && found.Results[0].WorkflowId == id
	})
	full, _, err := t.workflows.SearchWorkflowsByTasksV2(t.ctx, &client.WorkflowResourceApiSearchWorkflowsByTasksV2Opts{Query: optional.NewString(query)})
	t.noError(err)
	t.equal(id, full.Results[0].WorkflowId, "full result")
}

func removed(t *trial) {
	id := t.begin(t.build(script("s", "1")), nil)
	t.reached(id, model.CompletedWorkflow)
	t.noError(t.executor.RemoveWorkflow(id))
	_, _, err := t.workflows.GetExecutionStatus(t.ctx, id, nil)
	t.refused(err, 404, id)
}
