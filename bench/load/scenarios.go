package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

type obj = map[string]any
type arr = []any

type scenario struct {
	key      string
	title    string
	worker   int // SIMPLE tasks per workflow, each completed by this program
	tasks    int // every task of the workflow, system tasks included
	growth   bool
	window   int // 0: the --window option
	loadN    int
	soloN    int
	tasksDef func(tt string) []any // the workflow's task list
	input    func(i int, tt string) any
}

func simple(tt, ref string) obj {
	return obj{"name": tt, "taskReferenceName": ref, "type": "SIMPLE",
		"inputParameters": obj{"k": "${workflow.input.k}"}}
}

func smallInput(i int, tt string) any { return obj{"k": fmt.Sprintf("value-%d", i)} }

func setVar(i int) obj {
	return obj{"name": "set", "taskReferenceName": fmt.Sprintf("set_%d", i), "type": "SET_VARIABLE",
		"inputParameters": obj{fmt.Sprintf("v%d", i%4): "${workflow.input.k}"}}
}

func inline(i int) obj {
	return obj{"name": "inl", "taskReferenceName": fmt.Sprintf("inl_%d", i), "type": "INLINE",
		"inputParameters": obj{"evaluatorType": "javascript", "a": i,
			"expression": "(function () { return $.a * 2; })();"}}
}

func switchTask(i int) obj {
	return obj{"name": "sw", "taskReferenceName": fmt.Sprintf("sw_%d", i), "type": "SWITCH",
		"evaluatorType": "value-param", "expression": "x",
		"inputParameters": obj{"x": "${workflow.input.k}"},
		"decisionCases":   obj{"never": arr{setVar(1000 + i)}}, "defaultCase": arr{}}
}

func scenarios(o *opts) []*scenario {
	loopN, fanN, seqN := o.loop, o.fan, o.seq
	return []*scenario{
		{key: "s1", title: "1 SIMPLE task", worker: 1, tasks: 1, loadN: 3000, soloN: 100,
			tasksDef: func(tt string) []any { return arr{simple(tt, "t1")} }, input: smallInput},
		{key: "s2", title: "sequence of 10 SIMPLE", worker: 10, tasks: 10, loadN: 500, soloN: 20,
			tasksDef: func(tt string) []any {
				var l arr
				for i := 0; i < 10; i++ {
					l = append(l, simple(tt, fmt.Sprintf("t%d", i)))
				}
				return l
			}, input: smallInput},
		{key: "s3", title: "FORK_JOIN of 10", worker: 10, tasks: 12, loadN: 500, soloN: 30,
			tasksDef: func(tt string) []any {
				var br arr
				var on []string
				for i := 0; i < 10; i++ {
					br = append(br, arr{simple(tt, fmt.Sprintf("b%d", i))})
					on = append(on, fmt.Sprintf("b%d", i))
				}
				return arr{
					obj{"name": "fork", "taskReferenceName": "fork", "type": "FORK_JOIN", "forkTasks": br},
					obj{"name": "join", "taskReferenceName": "join", "type": "JOIN", "joinOn": on}}
			}, input: smallInput},
		{key: "s4", title: "20 system tasks (7 SET_VARIABLE, 6 INLINE js, 7 SWITCH)", tasks: 20, loadN: 1000, soloN: 50,
			tasksDef: func(tt string) []any {
				var l arr
				for i := 0; i < 20; i++ {
					switch i % 3 {
					case 0:
						l = append(l, setVar(i))
					case 1:
						l = append(l, switchTask(i))
					default:
						l = append(l, inline(i))
					}
				}
				return l
			}, input: smallInput},
		{key: "s4n", title: "20 system tasks, no script (10 SET_VARIABLE, 10 SWITCH)", tasks: 20, loadN: 1000, soloN: 50,
			tasksDef: func(tt string) []any {
				var l arr
				for i := 0; i < 20; i++ {
					if i%2 == 0 {
						l = append(l, setVar(i))
					} else {
						l = append(l, switchTask(i))
					}
				}
				return l
			}, input: smallInput},
		{key: "s5a", title: fmt.Sprintf("DO_WHILE, %d iterations of 1 SIMPLE", loopN), worker: loopN, tasks: loopN + 1,
			growth: true, window: 4, loadN: 8, soloN: 2,
			tasksDef: func(tt string) []any {
				return arr{obj{"name": "loop", "taskReferenceName": "loop", "type": "DO_WHILE",
					"inputParameters": obj{"n": loopN},
					"loopCondition":   "if ($.loop['iteration'] < $.n) { true; } else { false; }",
					"loopOver":        arr{simple(tt, "body")}}}
			}, input: smallInput},
		{key: "s5b", title: fmt.Sprintf("FORK_JOIN_DYNAMIC of %d", fanN), worker: fanN, tasks: fanN + 2,
			growth: true, window: 4, loadN: 8, soloN: 2,
			tasksDef: func(tt string) []any {
				return arr{
					obj{"name": "fan", "taskReferenceName": "fan", "type": "FORK_JOIN_DYNAMIC",
						"inputParameters":       obj{"tasks": "${workflow.input.tasks}", "inputs": "${workflow.input.inputs}"},
						"dynamicForkTasksParam": "tasks", "dynamicForkTasksInputParamName": "inputs"},
					obj{"name": "join", "taskReferenceName": "join", "type": "JOIN"}}
			},
			input: func(i int, tt string) any {
				var ts arr
				ins := obj{}
				for j := 0; j < fanN; j++ {
					ref := fmt.Sprintf("d%d", j)
					ts = append(ts, obj{"name": tt, "taskReferenceName": ref, "type": "SIMPLE"})
					ins[ref] = obj{"k": j}
				}
				return obj{"k": "x", "tasks": ts, "inputs": ins}
			}},
		{key: "seq", title: fmt.Sprintf("sequence of %d SIMPLE", seqN), worker: seqN, tasks: seqN,
			growth: true, window: 4, loadN: 8, soloN: 2,
			tasksDef: func(tt string) []any {
				var l arr
				for i := 0; i < seqN; i++ {
					l = append(l, simple(tt, fmt.Sprintf("t%d", i)))
				}
				return l
			}, input: smallInput},
		{key: "idle-human", title: "1 HUMAN task, never finished", tasks: 1,
			tasksDef: func(tt string) []any {
				return arr{obj{"name": "hold", "taskReferenceName": "hold", "type": "HUMAN", "inputParameters": obj{"k": "${workflow.input.k}"}}}
			}, input: smallInput},
		{key: "idle-wait", title: "1 WAIT task of 2 days", tasks: 1,
			tasksDef: func(tt string) []any {
				return arr{obj{"name": "hold", "taskReferenceName": "hold", "type": "WAIT", "inputParameters": obj{"duration": "2 days"}}}
			}, input: smallInput},
	}
}

func (s *scenario) wfName(o *opts) string {
	return "bench_" + strings.ReplaceAll(s.key, "-", "_") + "_" + o.tag
}
func (s *scenario) taskType(o *opts) string {
	return "bench_task_" + strings.ReplaceAll(s.key, "-", "_") + "_" + o.tag
}

// register writes the task and workflow definitions through the metadata API.
func (s *scenario) register(o *opts) error {
	c := newClient(o, 0)
	defer c.close()
	tt := s.taskType(o)
	if s.worker > 0 {
		td, _ := json.Marshal(arr{obj{"name": tt, "retryCount": 0, "timeoutSeconds": 0, "responseTimeoutSeconds": 3600,
			"timeoutPolicy": "TIME_OUT_WF", "ownerEmail": "bench@example.com"}})
		st, b, err := c.do("POST", o.api+"/metadata/taskdefs", td)
		if err != nil || st >= 300 {
			return fmt.Errorf("task definition: %d %s %v", st, cut(b), err)
		}
	}
	wd, _ := json.Marshal(arr{obj{"name": s.wfName(o), "version": 1, "schemaVersion": 2, "ownerEmail": "bench@example.com",
		"timeoutSeconds": 0, "timeoutPolicy": "ALERT_ONLY", "restartable": true,
		"tasks": s.tasksDef(tt), "outputParameters": obj{"k": "${workflow.input.k}"}}})
	st, b, err := c.do("PUT", o.api+"/metadata/workflow", wd)
	if err != nil || st >= 300 {
		return fmt.Errorf("workflow definition: %d %s %v", st, cut(b), err)
	}
	return nil
}

func cut(b []byte) string {
	if len(b) > 300 {
		b = b[:300]
	}
	return string(b)
}
