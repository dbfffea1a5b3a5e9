package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/conductor-sdk/conductor-go/sdk/model"
	"github.com/conductor-sdk/conductor-go/sdk/workflow"
)

// Workflows made with the builders, each run to its end by the server and, where one is needed, by the check as a worker.
var builderChecks = []check{
	{"built switch by value", switchedByValue},
	{"built switch by script", switchedByScript},
	{"built fork and join", forked},
	{"built join of some branches", joinedSome},
	{"built fork without a join waits at its end", forkedOnly},
	{"built loop", looped},
	{"built loop with a condition", loopedWhile},
	{"built loop with a count does one round, as its condition says", loopedOnce},
	{"built dynamic fork", forkedDynamically},
	{"built dynamic task", dynamic},
	{"built sub workflow", child},
	{"built sub workflow with its definition", childInline},
	{"built start of a workflow", started},
	{"built scripts", scripted},
	{"built jq", transformed},
	{"built variables", variable},
	{"built wait for a duration", waitedFor},
	{"built wait until a time", waitedUntil},
	{"built human task", human},
	{"built termination", terminatedByTask},
	{"built http call", called},
	{"built optional task", optionalTask},
	{"built settings of a task", taskSettings},
}

func (t *trial) completed(built *workflow.ConductorWorkflow, input object) *model.Workflow {
	return t.reached(t.begin(built, input), model.CompletedWorkflow)
}

func script(reference, code string) *workflow.InlineTask {
	return workflow.NewInlineTask(reference, code)
}

func switchedByValue(t *trial) {
	built := t.build(workflow.NewSwitchTask("way", "${workflow.input.way}").
		SwitchCase("a", workflow.NewSetVariableTask("in_a").Input("seen", "a")).
		DefaultCase(workflow.NewSetVariableTask("in_none").Input("seen", "none")))
	t.equal([]string{"way", "in_a"}, references(t.completed(built, object{"way": "a"})), "way of a")
	t.equal([]string{"way", "in_none"}, references(t.completed(built, object{"way": "x"})), "way of x")
}

func switchedByScript(t *trial) {
	built := t.build(workflow.NewSwitchTask("way", "$.n > 5 ? 'big' : 'small'").UseJavascript(true).Input("n", "${workflow.input.n}").
		SwitchCase("big", workflow.NewSetVariableTask("in_big").Input("seen", true)))
	t.equal([]string{"way", "in_big"}, references(t.completed(built, object{"n": 6})), "way of 6")
	t.equal([]string{"way"}, references(t.completed(built, object{"n": 5})), "way of 5")
}

func forked(t *trial) {
	left := []workflow.TaskInterface{script("a", "1"), script("a2", "2")}
	right := []workflow.TaskInterface{script("b", "3")}
	built := t.build(workflow.NewForkTaskWithJoin("fork", workflow.NewJoinTask("join", "a2", "b"), left, right)).
		OutputParameters(object{"a": "${join.output.a2.result}", "b": "${join.output.b.result}"})
	done := t.completed(built, nil)
	t.equal(5, len(done.Tasks), "number of tasks")
	t.equal(object{"a": 2, "b": 3}, done.Output, "output")
}

func joinedSome(t *trial) {
	join := workflow.NewJoinTask("join", "a")
	built := t.build(workflow.NewForkTaskWithJoin("fork", join,
		[]workflow.TaskInterface{script("a", "1")},
		[]workflow.TaskInterface{workflow.NewHumanTask("b")},
	), workflow.NewHumanTask("last"))
	id := t.begin(built, nil)
	t.eventually("the step after the join is there", func() bool { return len(t.execution(id).Tasks) == 5 })
	t.equal("IN_PROGRESS", t.task(t.execution(id), "b").Status, "status of the branch that nobody waits for")
}

func forkedOnly(t *trial) {
	branch := []workflow.TaskInterface{workflow.NewHumanTask("a")}
	id := t.begin(t.build(workflow.NewForkTask("fork", branch)), nil)
	t.eventually("the join, which lists nothing, has ended", func() bool { return len(t.execution(id).Tasks) == 3 })
	t.equal("RUNNING", t.execution(id).Status, "status")
	t.noError(t.executor.UpdateTaskByRefName("a", id, model.CompletedTask, object{}))
	t.reached(id, model.CompletedWorkflow)
}

func looped(t *trial) {
	body := script("body", "$.i * 10").Input("i", "${loop.output.iteration}")
	built := t.build(workflow.NewDoWhileTask("loop", "$.loop['iteration'] < $.times", body).Input("times", 3)).
		OutputParameters(object{"count": "${loop.output.iteration}"})
	done := t.completed(built, nil)
	t.equal(object{"count": 3}, done.Output, "output")
	t.equal([]string{"loop", "body__1", "body__2", "body__3"}, references(done), "tasks")
	t.equal(3, t.task(done, "body__3").Iteration, "iteration")
}

func loopedWhile(t *trial) {
	built := t.build(workflow.NewDoWhileTask("loop", "$.body['result'] < $.limit", script("body", "$.n * 2").Input("n", "${loop.output.iteration}")).
		Input("limit", "${workflow.input.limit}"))
	done := t.completed(built, object{"limit": 5})
	t.equal(6, t.task(done, "body__3").OutputData["result"], "result of the last iteration")
	t.equal(4, len(done.Tasks), "number of tasks")
}

func loopedOnce(t *trial) {
	loop := workflow.NewLoopTask("loop", 3, script("body", "1"))
	built := t.build(loop)
	t.that(strings.Contains(built.ToWorkflowDef().Tasks[0].LoopCondition, "$.loop_count['iteration'] < $.loop"), "the SDK has names in the wrong order")
	t.equal([]string{"loop", "body__1"}, references(t.completed(built, nil)), "tasks")
}

func forkedDynamically(t *trial) {
	prepare := script("prepare", `
		(function () {
			return {
				forkedTasks: [1, 2, 3].map(function (i) {
					return {name: "part", taskReferenceName: "part_" + i, type: "INLINE",
						inputParameters: {evaluatorType: "javascript", expression: "$.i * 2"}};
				}),
				forkedTasksInputs: {part_1: {i: 1}, part_2: {i: 2}, part_3: {i: 3}}
			};
		})();`)
	fork := workflow.NewDynamicForkTaskWithoutPrepareTask("fork").
		Input("forkedTasks", prepare.OutputRef("result.forkedTasks")).
		Input("forkedTasksInputs", prepare.OutputRef("result.forkedTasksInputs"))
	done := t.completed(t.build(prepare, fork).OutputParameters(object{"third": "${fork_join.output.part_3.result}"}), nil)
	t.equal(object{"third": 6}, done.Output, "output")
	t.equal(6, len(done.Tasks), "number of tasks")
}

func dynamic(t *trial) {
	t.define(taskDef(t.name + "_chosen"))
	id := t.begin(t.build(workflow.NewDynamicTask("any", "${workflow.input.kind}").Input("n", 3)), object{"kind": t.name + "_chosen"})
	polled := t.end("chosen", model.CompletedTask, object{"r": 1})
	t.equal(3, polled.InputData["n"], "input")
	t.equal("any", polled.ReferenceTaskName, "reference")
	t.reached(id, model.CompletedWorkflow)
}

func child(t *trial) {
	inner := t.build(script("inner", "$.n + 1").Input("n", "${workflow.input.n}")).Name(t.name + "_inner").
		OutputParameters(object{"n": "${inner.output.result}"})
	t.noError(inner.Register(true))
	outer := t.build(workflow.NewSubWorkflowTask("sub", t.name+"_inner", 1).Input("n", 4)).OutputParameters(object{"n": "${sub.output.n}"})
	done := t.completed(outer, nil)
	t.equal(object{"n": 5}, done.Output, "output")
	t.equal(done.WorkflowId, t.execution(t.task(done, "sub").SubWorkflowId).ParentWorkflowId, "parent")
}

func childInline(t *trial) {
	inner := t.build(script("inner", "9")).Name(t.name + "_inner").OutputParameters(object{"n": "${inner.output.result}"})
	done := t.completed(t.build(workflow.NewSubWorkflowInlineTask("sub", inner)).OutputParameters(object{"n": "${sub.output.n}"}), nil)
	t.equal(object{"n": 9}, done.Output, "output")
}

func started(t *trial) {
	other := t.build(script("inner", "1")).Name(t.name + "_other")
	t.noError(other.Register(true))
	version := int32(1)
	request := &model.StartWorkflowRequest{Input: object{"from": "${workflow.workflowId}"}, CorrelationId: "c-9"}
	done := t.completed(t.build(workflow.NewStartWorkflowTask("start", t.name+"_other", &version, request)), nil)
	id, _ := t.task(done, "start").OutputData["workflowId"].(string)
	begun := t.reached(id, model.CompletedWorkflow)
	t.equal([]interface{}{object{"from": done.WorkflowId}, "c-9"}, []interface{}{begun.Input, begun.CorrelationId}, "input and correlation id")
}

func scripted(t *trial) {
	built := t.build(
		script("plain", "(function () { return {sum: $.a + $.b}; })();").InputMap(object{"a": 2, "b": 3}),
		workflow.NewInlineGraalJSTask("graal", "$.list.filter((x) => x > 1)").Input("list", []int{1, 2, 3}),
	).OutputParameters(object{"sum": "${plain.output.result.sum}", "list": "${graal.output.result}"})
	t.equal(object{"sum": 5, "list": []int{2, 3}}, t.completed(built, nil).Output, "output")
}

func transformed(t *trial) {
	built := t.build(workflow.NewJQTask("jq", ".people | map(.age) | add").Input("people", []object{{"age": 20}, {"age": 22}})).
		OutputParameters(object{"sum": "${jq.output.result}"})
	t.equal(object{"sum": 42}, t.completed(built, nil).Output, "output")
}

func variable(t *trial) {
	built := t.build(workflow.NewSetVariableTask("set").Input("stage", "${workflow.input.stage}")).Variables(object{"stage": "first", "kept": 1})
	t.equal(object{"stage": "b", "kept": 1}, t.completed(built, object{"stage": "b"}).Variables, "variables")
}

func waitedFor(t *trial) {
	done := t.completed(t.build(workflow.NewWaitForDurationTask("wait", time.Second)), nil)
	wait := t.task(done, "wait")
	t.that(wait.EndTime-wait.StartTime >= 1000, "it waited for a second")
}

func waitedUntil(t *trial) {
	t.completed(t.build(workflow.NewWaitUntilTask("wait", "2020-01-01 00:00 GMT")), nil)
}

func human(t *trial) {
	id := t.begin(t.build(workflow.NewHumanTask("ask").Input("who", "ada")), nil)
	t.eventually("the task is there", func() bool { return len(t.execution(id).Tasks) == 1 })
	t.noError(t.executor.UpdateTaskByRefName("ask", id, model.CompletedTask, object{"answer": "yes"}))
	t.equal(object{"answer": "yes"}, t.task(t.reached(id, model.CompletedWorkflow), "ask").OutputData, "output")
}

func terminatedByTask(t *trial) {
	built := t.build(workflow.NewTerminateTask("stop", model.FailedWorkflow, "enough").Input("workflowOutput", object{"k": 1}), script("never", "1"))
	ended := t.reached(t.begin(built, nil), model.FailedWorkflow)
	t.equal([]interface{}{"enough", object{"k": 1}, 1},
		[]interface{}{ended.ReasonForIncompletion, ended.Output, len(ended.Tasks)}, "reason, output and number of tasks")
}

func called(t *trial) {
	site := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		answer.Header().Set("Content-Type", "application/json")
		_, _ = answer.Write([]byte(`{"method": "` + request.Method + `", "header": "` + request.Header.Get("X-Test") + `"}`))
	}))
	defer site.Close()
	call := workflow.NewHttpTask("call", &workflow.HttpInput{
		Method: workflow.POST, Uri: site.URL, Headers: map[string][]string{"X-Test": {"seen"}}, Body: object{"k": 1},
	})
	done := t.completed(t.build(call).OutputParameters(object{"body": "${call.output.response.body}", "code": "${call.output.response.statusCode}"}), nil)
	// the SDK sends a list of values, of which servers make a text
	t.equal(object{"body": object{"method": "POST", "header": "[seen]"}, "code": 200}, done.Output, "output")
}

func optionalTask(t *trial) {
	built := t.build(script("fails", "nothing.at.all").Optional(true), script("goes_on", "1"))
	done := t.completed(built, nil)
	t.equal("COMPLETED_WITH_ERRORS", t.task(done, "fails").Status, "status")
}

func taskSettings(t *trial) {
	set := workflow.NewSimpleTask(t.name+"_set", "set").RetryPolicy(1, workflow.FixedRetry, 1, 1).
		ResponseTimeout(30).ExecutionTimeout(60).ConcurrentExecutionLimit(2).RateLimitFrequency(60, 100)
	id := t.begin(t.build(set), nil)
	first := t.end("set", model.FailedTask, nil)
	t.equal([]int64{30, 60, 100}, []int64{first.ResponseTimeoutSeconds, int64(first.RateLimitFrequencyInSeconds), int64(first.RateLimitPerFrequency)},
		"response timeout and rate limit")
	second := t.end("set", model.CompletedTask, nil)
	t.equal(first.TaskId, second.RetriedTaskId, "task that is retried")
	t.reached(id, model.CompletedWorkflow)
}
