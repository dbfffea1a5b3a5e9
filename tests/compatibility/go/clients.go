package main

import (
	"context"

	"github.com/antihax/optional"
	"github.com/conductor-sdk/conductor-go/sdk/client"
	"github.com/conductor-sdk/conductor-go/sdk/model"
	"github.com/conductor-sdk/conductor-go/sdk/settings"
	"github.com/conductor-sdk/conductor-go/sdk/workflow"
	"github.com/conductor-sdk/conductor-go/sdk/workflow/executor"
)

type object = map[string]interface{}

// The clients of the SDK, all on one connection pool.
type clients struct {
	ctx       context.Context
	api       *client.APIClient
	metadata  client.MetadataClient
	workflows client.WorkflowClient
	bulk      client.WorkflowBulkClient
	tasks     client.TaskClient
	events    client.EventHandlerClient
	schedules client.SchedulerClient
	executor  *executor.WorkflowExecutor
}

func connect(url string) *clients {
	api := client.NewAPIClient(nil, settings.NewHttpSettings(url))
	return &clients{
		ctx:       context.Background(),
		api:       api,
		metadata:  client.NewMetadataClient(api),
		workflows: client.NewWorkflowClient(api),
		bulk:      client.NewWorkflowBulkClient(api),
		tasks:     client.NewTaskClient(api),
		events:    client.NewEventHandlerClient(api),
		schedules: client.NewSchedulerClient(api),
		executor:  executor.NewWorkflowExecutor(api),
	}
}

// taskDef is a definition without retries, for which the SDK has no builder.
func taskDef(name string) model.TaskDef {
	return model.TaskDef{Name: name, RetryCount: 0, TimeoutSeconds: 0, ResponseTimeoutSeconds: 60, OverwriteTags: true}
}

// define registers definitions of tasks.
func (t *trial) define(definitions ...model.TaskDef) {
	_, err := t.metadata.RegisterTaskDef(t.ctx, definitions)
	t.noError(err)
}

// build begins a workflow with the name of the check.
func (t *trial) build(tasks ...workflow.TaskInterface) *workflow.ConductorWorkflow {
	built := workflow.NewConductorWorkflow(t.executor).Name(t.name).Version(1)
	for _, each := range tasks {
		built.Add(each)
	}
	return built
}

// request asks for a start of the workflow with the name of the check; a map that is nil would be sent as null, which servers refuse.
func (t *trial) request(correlationId string, input object) *model.StartWorkflowRequest {
	if input == nil {
		input = object{}
	}
	return model.NewStartWorkflowRequest(t.name, 1, correlationId, input)
}

// begin registers the workflow and starts it.
func (t *trial) begin(built *workflow.ConductorWorkflow, input object) string {
	t.noError(built.Register(true))
	return t.start(t.request("", input))
}

func (t *trial) start(request *model.StartWorkflowRequest) string {
	id, err := t.executor.StartWorkflow(request)
	t.noError(err)
	t.that(id != "", "a start gives an id")
	return id
}

// steps registers and starts a workflow of simple tasks, each of a type of its own with its reference in it.
func (t *trial) steps(references ...string) string {
	built := t.build()
	for _, each := range references {
		t.define(taskDef(t.name + "_" + each))
		built.Add(workflow.NewSimpleTask(t.name+"_"+each, each).Input("n", "${workflow.input.n}"))
	}
	built.OutputParameters(object{"last": "${" + references[len(references)-1] + ".output.r}"})
	return t.begin(built, object{"n": 7})
}

func (t *trial) execution(id string) *model.Workflow {
	found, err := t.executor.GetWorkflow(id, true)
	t.noError(err)
	return found
}

// reached waits until a workflow has the status, and returns it.
func (t *trial) reached(id string, status model.WorkflowStatus) (found *model.Workflow) {
	t.eventually(string("workflow is "+status), func() bool {
		found = t.execution(id)
		return found.Status == status
	})
	return found
}

// task returns the newest task of a reference name, or fails.
func (t *trial) task(found *model.Workflow, reference string) model.Task {
	for index := len(found.Tasks) - 1; index >= 0; index-- {
		if found.Tasks[index].ReferenceTaskName == reference {
			return found.Tasks[index]
		}
	}
	t.fail("no task %s in %s", reference, text(references(found)))
	return model.Task{}
}

func references(found *model.Workflow) []string {
	names := []string{}
	for _, each := range found.Tasks {
		names = append(names, each.ReferenceTaskName)
	}
	return names
}

// poll takes the only task that waits for a worker of the type.
func (t *trial) poll(kind string) model.Task {
	polled := t.batch(kind, 5, 2000)
	t.equal(1, len(polled), "polled tasks of "+kind)
	return polled[0]
}

func (t *trial) batch(kind string, count, timeoutMs int32) []model.Task {
	options := &client.TaskResourceApiBatchPollOpts{
		Workerid: optional.NewString("checker"), Count: optional.NewInt32(count), Timeout: optional.NewInt32(timeoutMs),
	}
	polled, _, err := t.tasks.BatchPoll(t.ctx, kind, options)
	t.noError(err)
	return polled
}

// end polls the task of a step and gives it this end.
func (t *trial) end(reference string, status model.TaskResultStatus, output object) model.Task {
	task := t.poll(t.name + "_" + reference)
	result := model.NewTaskResultFromTask(&task)
	result.Status, result.OutputData = status, output
	if status != model.CompletedTask {
		result.ReasonForIncompletion = "refused by a check"
	}
	_, _, err := t.tasks.UpdateTask(t.ctx, result)
	t.noError(err)
	return task
}
