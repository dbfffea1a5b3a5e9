package main

import (
	"github.com/antihax/optional"
	"github.com/conductor-sdk/conductor-go/sdk/client"
	"github.com/conductor-sdk/conductor-go/sdk/model"
	"github.com/conductor-sdk/conductor-go/sdk/workflow"
)

// Event handlers, and EVENT steps that they act on.
var eventChecks = []check{
	{"event handlers are registered, changed and removed", handlersManaged},
	{"event starts a workflow", eventStarts},
	{"event completes a task", eventCompletes},
	{"event that a condition refuses does nothing", eventRefused},
}

func (t *trial) handle(handler model.EventHandler) {
	handler.Name, handler.Active = t.name, true
	_, err := t.events.AddEventHandler(t.ctx, handler)
	t.noError(err)
}

func handlersManaged(t *trial) {
	event := "conductor:" + t.name
	start := model.Action{Action: "start_workflow", StartWorkflow: &model.StartWorkflow{Name: "any", Version: 1}}
	handler := model.EventHandler{Name: t.name, Event: event, Actions: []model.Action{start}}
	t.handle(handler)
	_, err := t.events.AddEventHandler(t.ctx, handler)
	t.refused(err, 409, t.name)
	active := &client.EventResourceApiGetEventHandlersForEventOpts{ActiveOnly: optional.NewBool(true)}
	found, _, err := t.events.GetEventHandlersForEvent(t.ctx, event, active)
	t.noError(err)
	t.equal("any", found[0].Actions[0].StartWorkflow.Name, "workflow that it starts")
	handler.Condition = "$.n > 1"
	_, err = t.events.UpdateEventHandler(t.ctx, handler)
	t.noError(err)
	found, _, err = t.events.GetEventHandlersForEvent(t.ctx, event, active)
	t.noError(err)
	t.equal(0, len(found), "active handlers after an update that leaves the flag out")
	_, err = t.events.RemoveEventHandler(t.ctx, t.name)
	t.noError(err)
	all, _, err := t.events.GetEventHandlers(t.ctx)
	t.noError(err)
	for _, each := range all {
		t.that(each.Name != t.name, "it is gone")
	}
}

// publish registers and starts a workflow whose only step publishes its input as an event, which handlers wait for.
func (t *trial) publish(event string, input object) {
	publisher := t.name + "_publisher"
	step := model.WorkflowTask{Name: "tell", TaskReferenceName: "tell", Type_: "EVENT", Sink: "conductor:" + event, InputParameters: input}
	definition := model.WorkflowDef{Name: publisher, Version: 1, SchemaVersion: 2, OwnerEmail: "a@example.com", Tasks: []model.WorkflowTask{step}}
	t.noError(t.executor.RegisterWorkflow(true, &definition))
	t.reached(t.start(model.NewStartWorkflowRequest(publisher, 1, "", nil)), model.CompletedWorkflow)
}

func eventStarts(t *trial) {
	t.noError(t.build(script("s", "1")).Register(true))
	action := model.StartWorkflow{Name: t.name, Version: 1, CorrelationId: "from an event", Input: object{"order": "${order}"}}
	t.handle(model.EventHandler{
		Event: "conductor:" + t.name + "_publisher:told", Condition: "$.order == 5", EvaluatorType: "javascript",
		Actions: []model.Action{{Action: "start_workflow", StartWorkflow: &action}},
	})
	t.publish("told", object{"order": 5})
	var found []model.WorkflowSummary
	t.eventually("a workflow is started", func() bool {
		var err error
		found, err = t.executor.Search(0, 5, "workflowType='"+t.name+"' AND status='COMPLETED'", "*")
		t.noError(err)
		return len(found) > 0
	})
	begun := t.execution(found[0].WorkflowId)
	t.equal([]interface{}{5, "from an event", "conductor:" + t.name + "_publisher:told"},
		[]interface{}{begun.Input["order"], begun.CorrelationId, begun.Event}, "input, correlation id, event")
}

func eventCompletes(t *trial) {
	id := t.begin(t.build(workflow.NewHumanTask("ask")), nil)
	action := model.TaskDetails{WorkflowId: "${target}", TaskRefName: "ask", Output: object{"by": "${by}"}}
	t.handle(model.EventHandler{
		Event:   "conductor:" + t.name + "_publisher:told",
		Actions: []model.Action{{Action: "complete_task", CompleteTask: &action}},
	})
	t.publish("told", object{"target": id, "by": "ada"})
	t.equal("ada", t.task(t.reached(id, model.CompletedWorkflow), "ask").OutputData["by"], "output")
}

func eventRefused(t *trial) {
	id := t.begin(t.build(workflow.NewHumanTask("ask")), nil)
	action := func(by string) []model.Action {
		details := model.TaskDetails{WorkflowId: id, TaskRefName: "ask", Output: object{"by": by}}
		return []model.Action{{Action: "complete_task", CompleteTask: &details}}
	}
	event := "conductor:" + t.name + "_publisher:told"
	t.handle(model.EventHandler{Event: event, Condition: "$.n > 1", Actions: action("refused")})
	t.publish("told", object{"n": 1})
	t.publish("told", object{"n": 2})
	done := t.task(t.reached(id, model.CompletedWorkflow), "ask")
	found, err := t.executor.Search(0, 5, "workflowType='"+t.name+"_publisher'", "*")
	t.noError(err)
	t.equal(2, len(found), "events")
	t.equal("refused", done.OutputData["by"], "what the second event gave")
}
