package main

import (
	"github.com/antihax/optional"
	"github.com/conductor-sdk/conductor-go/sdk/client"
	"github.com/conductor-sdk/conductor-go/sdk/model"
	"github.com/conductor-sdk/conductor-go/sdk/workflow"
)

// Changing the course of a workflow that runs or has ended.
var operationChecks = []check{
	{"workflow is paused and resumed", paused},
	{"failed workflow is retried", retried},
	{"failed child is retried from its parent", retriedChild},
	{"workflow is run again from a task", rerun},
	{"workflow is run again with another input", rerunWhole},
	{"workflow is restarted", restarted},
	{"workflow is terminated", terminated},
	{"failure workflow follows a failure", failureFollows},
	{"task is skipped", skipped},
	{"decider and callbacks", decided},
	{"operations that do not apply are refused", misapplied},
	{"workflows are paused and resumed in bulk", bulkPaused},
	{"workflows are retried, restarted and terminated in bulk", bulkEnded},
}

func paused(t *trial) {
	id := t.steps("first", "second")
	t.noError(t.executor.Pause(id))
	t.equal("PAUSED", t.execution(id).Status, "status")
	t.end("first", model.CompletedTask, nil)
	t.equal(1, len(t.execution(id).Tasks), "number of tasks while it is paused")
	t.noError(t.executor.Resume(id))
	t.end("second", model.CompletedTask, nil)
	t.reached(id, model.CompletedWorkflow)
}

func retried(t *trial) {
	id := t.steps("first", "second")
	t.end("first", model.CompletedTask, nil)
	failed := t.end("second", model.FailedTask, nil)
	ended := t.reached(id, model.FailedWorkflow)
	t.equal([]string{"second"}, ended.FailedReferenceTaskNames, "failed tasks")
	t.that(ended.ReasonForIncompletion != "", "there is a reason")
	t.noError(t.executor.Retry(id, false))
	t.equal(failed.TaskId, t.end("second", model.CompletedTask, object{"r": 5}).RetriedTaskId, "task that is retried")
	done := t.reached(id, model.CompletedWorkflow)
	t.equal([]string{"first", "second", "second"}, references(done), "tasks")
	t.equal(object{"last": 5}, done.Output, "output")
}

func retriedChild(t *trial) {
	t.define(taskDef(t.name + "_inner"))
	inner := t.build(workflow.NewSimpleTask(t.name+"_inner", "inner")).Name(t.name + "_child")
	t.noError(inner.Register(true))
	id := t.begin(t.build(workflow.NewSubWorkflowTask("sub", t.name+"_child", 1)), nil)
	t.end("inner", model.FailedTask, nil)
	before := t.task(t.reached(id, model.FailedWorkflow), "sub").SubWorkflowId
	t.noError(t.executor.Retry(id, true))
	t.end("inner", model.CompletedTask, nil)
	done := t.reached(id, model.CompletedWorkflow)
	t.equal(before, t.task(done, "sub").SubWorkflowId, "child")
	t.equal(2, len(t.execution(before).Tasks), "tasks of the child")
}

func rerun(t *trial) {
	id := t.steps("first", "second")
	t.end("first", model.CompletedTask, nil)
	second := t.end("second", model.CompletedTask, object{"r": 1})
	t.reached(id, model.CompletedWorkflow)
	again, err := t.executor.ReRun(id, model.RerunWorkflowRequest{ReRunFromTaskId: second.TaskId, TaskInput: object{"n": 70}})
	t.noError(err)
	t.equal(id, again, "id")
	t.equal(70, t.end("second", model.CompletedTask, object{"r": 2}).InputData["n"], "input")
	t.equal(object{"last": 2}, t.reached(id, model.CompletedWorkflow).Output, "output")
}

func rerunWhole(t *trial) {
	id := t.steps("first")
	t.end("first", model.FailedTask, nil)
	t.reached(id, model.FailedWorkflow)
	_, err := t.executor.ReRun(id, model.RerunWorkflowRequest{ReRunFromWorkflowId: id, WorkflowInput: object{"n": 8}, CorrelationId: "again"})
	t.noError(err)
	t.equal(8, t.end("first", model.CompletedTask, nil).InputData["n"], "input")
	done := t.reached(id, model.CompletedWorkflow)
	t.equal([]interface{}{"again", 1}, []interface{}{done.CorrelationId, len(done.Tasks)}, "correlation id and number of tasks")
}

func restarted(t *trial) {
	id := t.steps("first")
	t.noError(t.executor.Terminate(id, "enough"))
	t.noError(t.build(script("s", "1")).Register(true))
	t.noError(t.executor.Restart(id, false))
	t.equal([]string{"first"}, references(t.execution(id)), "tasks after the old definition")
	t.noError(t.executor.Terminate(id, "enough"))
	t.noError(t.executor.Restart(id, true))
	t.equal([]string{"s"}, references(t.reached(id, model.CompletedWorkflow)), "tasks after the latest definition")
}

func terminated(t *trial) {
	id := t.steps("first")
	t.noError(t.executor.Terminate(id, "enough"))
	ended := t.execution(id)
	t.equal([]string{"TERMINATED", "enough", "CANCELED"},
		[]string{string(ended.Status), ended.ReasonForIncompletion, string(ended.Tasks[0].Status)}, "status, reason, status of the task")
	t.equal(0, len(t.batch(t.name+"_first", 1, 50)), "tasks to poll")
}

func failureFollows(t *trial) {
	t.noError(t.build(script("s", "1")).Name(t.name + "_mend").Register(true))
	id := t.begin(t.build(workflow.NewHumanTask("wait")).FailureWorkflow(t.name+"_mend"), nil)
	t.noError(t.executor.UpdateTaskByRefName("wait", id, model.FailedWithTerminalErrorTask, object{}))
	t.reached(id, model.FailedWorkflow)
	t.eventually("the failure workflow is found", func() bool {
		found, err := t.executor.Search(0, 1, "workflowType='"+t.name+"_mend' AND status='COMPLETED'", "*")
		t.noError(err)
		return len(found) == 1
	})
}

func skipped(t *trial) {
	id := t.steps("first", "second")
	t.noError(t.executor.SkipTasksFromWorkflow(id, "second", model.SkipTaskRequest{}))
	t.end("first", model.CompletedTask, nil)
	t.equal("SKIPPED", t.task(t.reached(id, model.CompletedWorkflow), "second").Status, "status")
}

func decided(t *trial) {
	id := t.steps("first")
	_, err := t.workflows.Decide(t.ctx, id)
	t.noError(err)
	_, err = t.workflows.ResetWorkflow(t.ctx, id)
	t.noError(err)
	t.end("first", model.CompletedTask, nil)
	t.reached(id, model.CompletedWorkflow)
}

func misapplied(t *trial) {
	id := t.steps("first")
	t.refused(t.executor.Retry(id, false), 404, "still running")
	t.refused(t.executor.Restart(id, false), 409, id)
	t.refused(t.executor.Resume(id), 409, "not PAUSED")
	t.end("first", model.CompletedTask, nil)
	t.reached(id, model.CompletedWorkflow)
	t.refused(t.executor.Pause(id), 409, "has ended")
	t.refused(t.executor.Terminate(id, "late"), 409, "COMPLETED")
	t.that(t.executor.Terminate(" ", "no id") != nil, "the SDK itself refuses an empty id")
}

func bulkPaused(t *trial) {
	ids := []string{t.steps("first"), t.steps("first")}
	answer, _, err := t.bulk.PauseWorkflow1(t.ctx, append(ids, "missing"))
	t.noError(err)
	t.equal(ids, answer.BulkSuccessfulResults, "paused ones")
	t.that(answer.BulkErrorResults["missing"] != "", "the missing one has a reason")
	t.equal("PAUSED", t.execution(ids[1]).Status, "status")
	answer, _, err = t.bulk.ResumeWorkflow(t.ctx, ids)
	t.noError(err)
	t.equal(ids, answer.BulkSuccessfulResults, "resumed ones")
	t.equal("RUNNING", t.execution(ids[1]).Status, "status")
}

func bulkEnded(t *trial) {
	id := t.steps("first")
	t.end("first", model.FailedTask, nil)
	t.reached(id, model.FailedWorkflow)
	ids := []string{id}
	answer, _, err := t.bulk.Retry1(t.ctx, ids)
	t.noError(err)
	t.equal(ids, answer.BulkSuccessfulResults, "retried ones")
	answer, _, err = t.bulk.Terminate(t.ctx, ids, &client.WorkflowBulkResourceApiTerminateOpts{Reason: optional.NewString("all of them")})
	t.noError(err)
	t.equal(ids, answer.BulkSuccessfulResults, "terminated ones")
	t.equal("all of them", t.execution(id).ReasonForIncompletion, "reason")
	answer, _, err = t.bulk.Restart(t.ctx, ids, nil)
	t.noError(err)
	t.equal(ids, answer.BulkSuccessfulResults, "restarted ones")
	t.equal("RUNNING", t.execution(id).Status, "status")
}
