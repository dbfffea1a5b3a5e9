package main

import (
	"time"

	"github.com/antihax/optional"
	"github.com/conductor-sdk/conductor-go/sdk/client"
	"github.com/conductor-sdk/conductor-go/sdk/model"
)

// The scheduler's client.
var scheduleChecks = []check{
	{"schedule is saved and read", scheduleSaved},
	{"schedule is paused and resumed", schedulePaused},
	{"next times of a schedule", scheduleNext},
	{"schedule starts workflows", scheduleStarts},
	{"schedule is tagged", scheduleTagged},
	{"schedule is deleted", scheduleDeleted},
}

// schedule saves a schedule with the name of the check.
func (t *trial) schedule(cron string) {
	t.noError(t.build(script("s", "1")).Register(true))
	start := model.NewStartWorkflowRequest(t.name, 1, "scheduled", object{"n": 7})
	_, _, err := t.schedules.SaveSchedule(t.ctx, model.SaveScheduleRequest{Name: t.name, CronExpression: cron, StartWorkflowRequest: start})
	t.noError(err)
}

const yearly = "0 0 12 1 1 ?"

func scheduleSaved(t *trial) {
	t.schedule(yearly)
	found, _, err := t.schedules.GetSchedule(t.ctx, t.name)
	t.noError(err)
	t.equal([]interface{}{yearly, t.name, object{"n": 7}, false},
		[]interface{}{found.CronExpression, found.StartWorkflowRequest.Name, found.StartWorkflowRequest.Input, found.Paused}, "schedule")
	all, _, err := t.schedules.GetAllSchedules(t.ctx, &client.SchedulerResourceApiGetAllSchedulesOpts{WorkflowName: optional.NewString(t.name)})
	t.noError(err)
	t.equal(1, len(all), "schedules of the workflow")
	start := model.NewStartWorkflowRequest(t.name, 1, "", nil)
	_, _, err = t.schedules.SaveSchedule(t.ctx, model.SaveScheduleRequest{Name: t.name + "_bad", CronExpression: "often", StartWorkflowRequest: start})
	t.refused(err, 400, "often")
}

func schedulePaused(t *trial) {
	t.schedule(yearly)
	_, _, err := t.schedules.PauseSchedule(t.ctx, t.name)
	t.noError(err)
	found, _, err := t.schedules.GetSchedule(t.ctx, t.name)
	t.noError(err)
	t.equal(true, found.Paused, "paused")
	_, _, err = t.schedules.ResumeSchedule(t.ctx, t.name)
	t.noError(err)
	found, _, err = t.schedules.GetSchedule(t.ctx, t.name)
	t.noError(err)
	t.equal(false, found.Paused, "paused after resuming")
}

func scheduleNext(t *trial) {
	times, _, err := t.schedules.GetNextFewSchedules(t.ctx, "0 0 * * * ?", &client.SchedulerResourceApiGetNextFewSchedulesOpts{Limit: optional.NewInt32(3)})
	t.noError(err)
	t.equal([]interface{}{3, time.Hour.Milliseconds()}, []interface{}{len(times), times[1] - times[0]}, "number of times, and the time between them")
}

func scheduleStarts(t *trial) {
	t.schedule("* * * * * ?")
	t.eventually("a workflow is started", func() bool {
		found, err := t.executor.Search(0, 1, "workflowType='"+t.name+"' AND correlationId='scheduled'", "*")
		t.noError(err)
		return len(found) == 1
	})
	_, _, err := t.schedules.PauseSchedule(t.ctx, t.name)
	t.noError(err)
	options := &client.SchedulerSearchOpts{Query: optional.NewString("scheduleName IN (" + t.name + ")"), Size: optional.NewInt32(5)}
	t.eventually("a run of the schedule is found", func() bool {
		found, _, err := t.schedules.SearchV2(t.ctx, options)
		t.noError(err)
		return len(found.Results) > 0 && found.Results[0].State == "EXECUTED" && found.Results[0].WorkflowId != ""
	})
}

func scheduleTagged(t *trial) {
	t.schedule(yearly)
	tag := []model.Tag{{Key: "team", Type_: "METADATA", Value: "blue"}}
	_, err := t.schedules.PutTagForSchedule(t.ctx, tag, t.name)
	t.noError(err)
	found, _, err := t.schedules.GetTagsForSchedule(t.ctx, t.name)
	t.noError(err)
	t.equal("blue", found[0].Value, "tag")
	_, err = t.schedules.DeleteTagForSchedule(t.ctx, tag, t.name)
	t.noError(err)
	found, _, err = t.schedules.GetTagsForSchedule(t.ctx, t.name)
	t.noError(err)
	t.equal(0, len(found), "tags after deletion")
}

func scheduleDeleted(t *trial) {
	t.schedule(yearly)
	_, _, err := t.schedules.DeleteSchedule(t.ctx, t.name)
	t.noError(err)
	all, _, err := t.schedules.GetAllSchedules(t.ctx, &client.SchedulerResourceApiGetAllSchedulesOpts{WorkflowName: optional.NewString(t.name)})
	t.noError(err)
	t.equal(0, len(all), "schedules of the workflow")
}
