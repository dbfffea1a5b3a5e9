package main

import (
	"net/http"

	"github.com/antihax/optional"
	"github.com/conductor-sdk/conductor-go/sdk/client"
	"github.com/conductor-sdk/conductor-go/sdk/model"
	"github.com/conductor-sdk/conductor-go/sdk/workflow"
)

// Tasks as a client without the worker framework handles them: polls, results, logs, queues.
var taskChecks = []check{
	{"task is polled alone", polledAlone},
	{"tasks are polled in a batch", polledInBatch},
	{"tasks are polled in a domain", polledInDomain},
	{"task is updated by reference", updatedByReference},
	{"task in progress is handed out again", inProgress},
	{"task logs are written and read", logged},
	{"task is read by its id", taskRead},
	{"tasks are searched", tasksSearched},
	{"queues are observed", queuesObserved},
	{"poll data is read", pollDataRead},
}

func polledAlone(t *trial) {
	kind := t.name + "_first"
	options := &client.TaskResourceApiPollOpts{Workerid: optional.NewString("ada")}
	_, answer, err := t.tasks.Poll(t.ctx, kind, options)
	t.noError(err)
	t.equal(http.StatusNoContent, answer.StatusCode, "status when there is nothing to do")
	id := t.steps("first")
	task, _, err := t.tasks.Poll(t.ctx, kind, options)
	t.noError(err)
	t.equal([]interface{}{id, "IN_PROGRESS", "ada", t.name, 1},
		[]interface{}{task.WorkflowInstanceId, task.Status, task.WorkerId, task.WorkflowType, task.PollCount}, "polled task")
}

func polledInBatch(t *trial) {
	for each := 0; each < 5; each++ {
		t.steps("first")
	}
	kind := t.name + "_first"
	t.equal(3, len(t.batch(kind, 3, 1000)), "first batch")
	t.equal(2, len(t.batch(kind, 3, 200)), "second batch")
	t.equal(0, len(t.batch(kind, 3, 50)), "third batch")
}

func polledInDomain(t *trial) {
	t.noError(t.build(workflow.NewSimpleTask(t.name+"_first", "first")).Register(true))
	request := model.NewStartWorkflowRequest(t.name, 1, "", nil)
	request.TaskToDomain = map[string]string{t.name + "_first": "blue"}
	t.start(request)
	t.equal(0, len(t.batch(t.name+"_first", 1, 50)), "tasks without the domain")
	options := &client.TaskResourceApiBatchPollOpts{Domain: optional.NewString("blue"), Timeout: optional.NewInt32(1000)}
	polled, _, err := t.tasks.BatchPoll(t.ctx, t.name+"_first", options)
	t.noError(err)
	t.equal("blue", polled[0].Domain, "domain")
}

func updatedByReference(t *trial) {
	id := t.begin(t.build(workflow.NewHumanTask("one"), workflow.NewHumanTask("two")), nil)
	_, _, err := t.tasks.UpdateTaskByRefName(t.ctx, object{"r": 1}, id, "one", "COMPLETED")
	t.noError(err)
	_, _, err = t.tasks.UpdateTaskByRefNameWithWorkerId(t.ctx, object{"r": 2}, id, "two", "COMPLETED", optional.NewString("ada"))
	t.noError(err)
	done := t.reached(id, model.CompletedWorkflow)
	t.equal([]interface{}{object{"r": 1}, object{"r": 2}, "ada"},
		[]interface{}{done.Tasks[0].OutputData, done.Tasks[1].OutputData, done.Tasks[1].WorkerId}, "outputs and worker")
}

func inProgress(t *trial) {
	t.steps("first")
	task := t.end("first", model.InProgressTask, object{"r": "so far"})
	again := t.poll(t.name + "_first")
	t.equal([]interface{}{task.TaskId, 2, "so far"}, []interface{}{again.TaskId, again.PollCount, again.OutputData["r"]}, "task, polls, output so far")
}

func logged(t *trial) {
	t.steps("first")
	task := t.poll(t.name + "_first")
	_, err := t.tasks.Log(t.ctx, "from the client", task.TaskId)
	t.noError(err)
	result := model.NewTaskResultFromTask(&task)
	result.Status = model.CompletedTask
	result.Logs = []model.TaskExecLog{{Log: "with the result", TaskId: task.TaskId, CreatedTime: 1}}
	_, _, err = t.tasks.UpdateTask(t.ctx, result)
	t.noError(err)
	lines := []string{}
	t.eventually("both lines are there", func() bool {
		found, _, err := t.tasks.GetTaskLogs(t.ctx, task.TaskId)
		t.noError(err)
		lines = lines[:0]
		for _, each := range found {
			lines = append(lines, each.Log)
		}
		return len(lines) == 2
	})
	t.that(contains(lines, "with the result") && contains(lines, "from the client"), text(lines))
}

func taskRead(t *trial) {
	id := t.steps("first")
	task, err := t.executor.GetTask(t.execution(id).Tasks[0].TaskId)
	t.noError(err)
	t.equal([]string{"first", t.name + "_first", "SCHEDULED"}, []string{task.ReferenceTaskName, task.TaskDefName, string(task.Status)}, "task")
	t.equal(t.name+"_first", task.TaskDefinition.Name, "definition in the task")
	t.noError(t.executor.UpdateTask(task.TaskId, id, model.CompletedTask, object{"r": 3}))
	t.equal(object{"last": 3}, t.reached(id, model.CompletedWorkflow).Output, "output")
	_, _, err = t.tasks.GetTask(t.ctx, "no-such-task")
	t.refused(err, 404, "no-such-task")
}

func tasksSearched(t *trial) {
	t.steps("first")
	t.steps("first")
	query := optional.NewString("taskType='" + t.name + "_first'")
	t.eventually("both are found", func() bool {
		found, _, err := t.tasks.Search(t.ctx, &client.TaskResourceApiSearch1Opts{Query: query, Size: optional.NewInt32(1), Sort: optional.NewString("startTime:ASC")})
		t.noError(err)
		return found.TotalHits == 2 && len(found.Results) == 1 && found.Results[0].WorkflowType == t.name
	})
	full, _, err := t.tasks.SearchV2(t.ctx, &client.TaskResourceApiSearchV21Opts{Query: query})
	t.noError(err)
	t.equal(7, full.Results[0].InputData["n"], "input of a full result")
}

func queuesObserved(t *trial) {
	t.steps("first")
	t.steps("first")
	kind := t.name + "_first"
	sizes, _, err := t.tasks.Size(t.ctx, &client.TaskResourceApiSizeOpts{TaskType: optional.NewInterface([]string{kind})})
	t.noError(err)
	t.equal(map[string]int{kind: 2}, sizes, "size of the queue")
	all, _, err := t.tasks.All(t.ctx)
	t.noError(err)
	t.equal(2, all[kind], "size among all queues")
	_, _, err = t.tasks.AllVerbose(t.ctx)
	t.noError(err)
	_, _, err = t.tasks.RequeuePendingTask(t.ctx, kind)
	t.noError(err)
	t.equal(2, len(t.batch(kind, 5, 1000)), "tasks after requeueing")
}

func pollDataRead(t *trial) {
	t.batch(t.name, 1, 10)
	polls, _, err := t.tasks.GetPollData(t.ctx, t.name)
	t.noError(err)
	t.equal([]string{t.name, "checker"}, []string{polls[0].QueueName, polls[0].WorkerId}, "queue and worker")
	t.that(polls[0].LastPollTime > 0, "the poll has a time")
	all, _, err := t.tasks.GetAllPollData(t.ctx)
	t.noError(err)
	t.that(len(all) > 0, "there is poll data")
}
