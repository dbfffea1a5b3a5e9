package main

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/conductor-sdk/conductor-go/sdk/model"
	"github.com/conductor-sdk/conductor-go/sdk/worker"
	"github.com/conductor-sdk/conductor-go/sdk/workflow"
)

const interval = 20 * time.Millisecond

// Workers of the SDK's task runner.
var workerChecks = []check{
	{"runner does many tasks", workedMany},
	{"error of a worker is retried", workedError},
	{"error without retries ends the workflow", workedTerminal},
	{"result of a worker's own making", workedResult},
	{"worker that panics lets its task time out", workedPanic},
	{"long task is kept by updates of its own", workedLong},
	{"runner polls in a domain", workedDomain},
	{"paused runner takes nothing", workedPaused},
	{"batch size is changed while it runs", workedBatch},
	{"struct of a worker becomes the output", workedStruct},
}

// working runs a worker for the type of a step for as long as the body takes.
func (t *trial) working(reference string, batch int, do model.ExecuteTaskFunction, body func(*worker.TaskRunner)) {
	runner := worker.NewTaskRunnerWithApiClient(t.api)
	kind := t.name + "_" + reference
	t.noError(runner.StartWorker(kind, do, batch, interval))
	defer runner.Shutdown(kind)
	body(runner)
}

func echo(task *model.Task) (interface{}, error) {
	return object{"r": task.InputData["n"]}, nil
}

func workedMany(t *trial) {
	ids := []string{}
	for each := 0; each < 30; each++ {
		ids = append(ids, t.steps("first"))
	}
	t.working("first", 10, echo, func(*worker.TaskRunner) {
		for _, id := range ids {
			t.equal(object{"last": 7}, t.reached(id, model.CompletedWorkflow).Output, "output")
		}
	})
	t.that(t.execution(ids[0]).Tasks[0].WorkerId != "", "the worker has a name")
}

// retrying starts a workflow of one step that is tried three times.
func (t *trial) retrying() string {
	def := taskDef(t.name + "_first")
	def.RetryCount, def.RetryDelaySeconds, def.ResponseTimeoutSeconds = 2, 1, 1 // no delay at all can't be said
	t.define(def)
	return t.begin(t.build(workflow.NewSimpleTask(def.Name, "first")), nil)
}

func workedError(t *trial) {
	id := t.retrying()
	var tries int32
	fails := func(task *model.Task) (interface{}, error) {
		if atomic.AddInt32(&tries, 1) < 3 {
			return nil, errors.New("not yet")
		}
		return object{"try": task.RetryCount}, nil
	}
	t.working("first", 1, fails, func(*worker.TaskRunner) { t.reached(id, model.CompletedWorkflow) })
	done := t.execution(id)
	t.equal([]interface{}{3, "FAILED", "not yet", object{"try": 2}},
		[]interface{}{len(done.Tasks), done.Tasks[0].Status, done.Tasks[0].ReasonForIncompletion, done.Tasks[2].OutputData}, "tasks")
}

func workedTerminal(t *trial) {
	id := t.retrying()
	refuses := func(*model.Task) (interface{}, error) { return nil, model.NewNonRetryableError(errors.New("never")) }
	t.working("first", 1, refuses, func(*worker.TaskRunner) { t.reached(id, model.FailedWorkflow) })
	ended := t.execution(id)
	t.equal([]interface{}{1, "FAILED_WITH_TERMINAL_ERROR", "never"},
		[]interface{}{len(ended.Tasks), ended.Tasks[0].Status, ended.Tasks[0].ReasonForIncompletion}, "tasks")
}

func workedResult(t *trial) {
	id := t.steps("first")
	var polls int32
	twice := func(task *model.Task) (interface{}, error) {
		result := model.NewTaskResultFromTask(task)
		result.Status, result.CallbackAfterSeconds = model.InProgressTask, 1
		if atomic.AddInt32(&polls, 1) == 2 {
			result.Status, result.OutputData = model.CompletedTask, object{"r": task.PollCount}
			result.Logs = []model.TaskExecLog{{Log: "done", TaskId: task.TaskId}}
		}
		return result, nil
	}
	t.working("first", 1, twice, func(*worker.TaskRunner) { t.reached(id, model.CompletedWorkflow) })
	done := t.execution(id)
	t.equal(object{"last": 2}, done.Output, "output")
	t.that(done.Tasks[0].EndTime-done.Tasks[0].StartTime >= 1000, "it was called back after a second")
}

func workedPanic(t *trial) {
	id := t.retrying()
	var tries int32
	panics := func(*model.Task) (interface{}, error) {
		if atomic.AddInt32(&tries, 1) == 1 {
			panic("a worker's mistake")
		}
		return object{}, nil
	}
	t.working("first", 1, panics, func(*worker.TaskRunner) { t.reached(id, model.CompletedWorkflow) })
	t.equal("TIMED_OUT", t.execution(id).Tasks[0].Status, "status of the first try")
}

func workedLong(t *trial) {
	id := t.retrying()
	long := func(task *model.Task) (interface{}, error) {
		for each := 0; each < 5; each++ {
			time.Sleep(400 * time.Millisecond)
			still := model.NewTaskResultFromTask(task)
			still.Status, still.CallbackAfterSeconds = model.InProgressTask, 60
			if _, _, err := t.tasks.UpdateTask(t.ctx, still); err != nil {
				return nil, err
			}
		}
		return object{"long": true}, nil
	}
	t.working("first", 2, long, func(*worker.TaskRunner) { t.reached(id, model.CompletedWorkflow) })
	t.equal(1, len(t.execution(id).Tasks), "number of tries")
}

func workedDomain(t *trial) {
	kind := t.name + "_first"
	t.define(taskDef(kind))
	t.noError(t.build(workflow.NewSimpleTask(kind, "first")).Register(true))
	request := model.NewStartWorkflowRequest(t.name, 1, "", nil)
	request.TaskToDomain = map[string]string{"*": "green"}
	id := t.start(request)
	runner := worker.NewTaskRunnerWithApiClient(t.api)
	where := func(task *model.Task) (interface{}, error) { return object{"domain": task.Domain}, nil }
	t.noError(runner.StartWorkerWithDomain(kind, where, 1, interval, "green"))
	defer runner.Shutdown(kind)
	t.equal(object{"domain": "green"}, t.reached(id, model.CompletedWorkflow).Tasks[0].OutputData, "output")
}

func workedPaused(t *trial) {
	t.working("first", 1, echo, func(runner *worker.TaskRunner) {
		kind := t.name + "_first"
		t.eventually("the runner polls", func() bool { return len(t.polls(kind)) > 0 })
		runner.Pause(kind)
		t.eventually("the last poll is over", func() bool { return t.idle(kind) })
		id := t.steps("first")
		t.equal("SCHEDULED", t.execution(id).Tasks[0].Status, "status while it is paused")
		runner.Resume(kind)
		t.reached(id, model.CompletedWorkflow)
	})
}

// idle says whether nobody has polled for longer than a poll and its pause can take.
func (t *trial) idle(kind string) bool {
	return time.Now().UnixMilli()-t.polls(kind)[0].LastPollTime > 1000
}

func (t *trial) polls(kind string) []model.PollData {
	polls, _, err := t.tasks.GetPollData(t.ctx, kind)
	t.noError(err)
	return polls
}

func workedBatch(t *trial) {
	t.working("first", 1, echo, func(runner *worker.TaskRunner) {
		kind := t.name + "_first"
		t.noError(runner.IncreaseBatchSize(kind, 4))
		t.equal(5, runner.GetBatchSizeForTask(kind), "batch size")
		t.noError(runner.SetPollIntervalForTask(kind, time.Millisecond))
		ids := []string{t.steps("first"), t.steps("first"), t.steps("first")}
		for _, id := range ids {
			t.reached(id, model.CompletedWorkflow)
		}
	})
}

func workedStruct(t *trial) {
	type answer struct {
		R    int      `json:"r"`
		Kind []string `json:"kind"`
	}
	id := t.steps("first")
	gives := func(*model.Task) (interface{}, error) { return answer{5, []string{"a"}}, nil }
	t.working("first", 1, gives, func(*worker.TaskRunner) { t.reached(id, model.CompletedWorkflow) })
	t.equal(object{"r": 5, "kind": []string{"a"}}, t.execution(id).Tasks[0].OutputData, "output")
}
