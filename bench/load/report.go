package main

// What one run reports: the JSON document and the line printed for a person.

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"sync"
)

type errCounter struct {
	mu     sync.Mutex
	counts map[string]int
	sample map[string]string
}

func (e *errCounter) add(kind string, detail string) {
	e.mu.Lock()
	if e.counts == nil {
		e.counts, e.sample = map[string]int{}, map[string]string{}
	}
	e.counts[kind]++
	if _, ok := e.sample[kind]; !ok {
		e.sample[kind] = detail
	}
	e.mu.Unlock()
}

type pct struct {
	N   int     `json:"n"`
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func pcts(v []float64) pct {
	if len(v) == 0 {
		return pct{}
	}
	s := append([]float64(nil), v...)
	sort.Float64s(s)
	at := func(q float64) float64 {
		i := int(q*float64(len(s))+0.5) - 1
		if i < 0 {
			i = 0
		}
		if i >= len(s) {
			i = len(s) - 1
		}
		return round(s[i])
	}
	return pct{len(s), at(.5), at(.95), at(.99), round(s[len(s)-1])}
}

func round(f float64) float64 {
	v, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'f', 3, 64), 64)
	return v
}

type growthInfo struct {
	StartToFirstPollMS  float64 `json:"start_to_first_poll_ms"`
	FirstDecileMSPerUpd float64 `json:"first_decile_ms_per_task"`
	LastDecileMSPerUpd  float64 `json:"last_decile_ms_per_task"`
	FirstDecileUpdLatMS float64 `json:"first_decile_update_ms"`
	LastDecileUpdLatMS  float64 `json:"last_decile_update_ms"`
	LastUpdateToDoneMS  float64 `json:"last_update_to_completed_ms"`
}

// mark is the server's CPU when every workflow of the run had, on average, so many tasks done.
type mark struct {
	Task    int     `json:"task"`
	CPUS    float64 `json:"server_cpu_s"`
	Seconds float64 `json:"seconds"`
}

type result struct {
	Scenario     string            `json:"scenario"`
	Title        string            `json:"title"`
	Mode         string            `json:"mode"`
	Window       int               `json:"window"`
	Started      int               `json:"started"`
	Completed    int               `json:"completed_verified"`
	Failed       int               `json:"failed"`
	Stuck        int               `json:"stuck"`
	LateDone     int               `json:"stuck_completed_later"`
	StuckSample  []string          `json:"stuck_sample,omitempty"`
	Errors       map[string]int    `json:"errors,omitempty"`
	ErrorSample  map[string]string `json:"error_sample,omitempty"`
	DupDelivered int               `json:"duplicate_deliveries"`
	Seconds      float64           `json:"seconds"`
	WfPerS       float64           `json:"workflows_per_s"`
	TasksPerS    float64           `json:"tasks_per_s"`
	LatencyMS    pct               `json:"latency_ms"`
	ServerMS     pct               `json:"server_reported_ms"`
	StartMS      pct               `json:"start_call_ms"`
	UpdateMS     pct               `json:"update_call_ms"`
	Polls        int               `json:"polls"`
	EmptyPolls   int               `json:"empty_polls"`
	ServerCPU    float64           `json:"server_cpu_s"`
	CPUPerWfMS   float64           `json:"server_cpu_ms_per_workflow"`
	CPUPerTaskMS float64           `json:"server_cpu_ms_per_task"`
	ServerCores  float64           `json:"server_cores_used"`
	ClientCores  float64           `json:"client_cores_used"`
	OtherCores   float64           `json:"other_cores_used"`
	WriteKBPerWf float64           `json:"server_written_kb_per_workflow"`
	RSSPeakMB    float64           `json:"rss_peak_mb"`
	PSSEndMB     float64           `json:"pss_end_mb"`
	Growth       *growthInfo       `json:"growth,omitempty"`
	Marks        []mark            `json:"marks,omitempty"`
	OverSLO      map[string]int    `json:"slower_than,omitempty"`
}

const head = "%-8s %-9s %5s %7s %6s %6s %6s %9s %9s %9s %9s %9s %9s %9s %8s %7s %7s %7s %7s"
const line = "%-8s %-9s %5d %7d %6d %6d %6d %9.1f %9.1f %9.1f %9.1f %9.1f %9.1f %9.2f %8.2f %7.2f %7.2f %7.2f %7.0f"

func row(r *result) string {
	e := 0
	for _, v := range r.Errors {
		e += v
	}
	s := fmt.Sprintf(line, r.Scenario, r.Mode, r.Window, r.Completed, r.Failed, r.Stuck, e, r.WfPerS, r.TasksPerS,
		r.LatencyMS.P50, r.LatencyMS.P95, r.LatencyMS.P99, r.ServerMS.P50, r.CPUPerWfMS, r.CPUPerTaskMS, r.ServerCores, r.ClientCores, r.OtherCores, r.RSSPeakMB)
	if g := r.Growth; g != nil {
		s += fmt.Sprintf("\n         growth: start->first poll %.0f ms; ms per task first tenth %.2f, last tenth %.2f; update call %.1f -> %.1f ms; last update->done %.0f ms",
			g.StartToFirstPollMS, g.FirstDecileMSPerUpd, g.LastDecileMSPerUpd, g.FirstDecileUpdLatMS, g.LastDecileUpdLatMS, g.LastUpdateToDoneMS)
	}
	for k, v := range r.Errors {
		s += fmt.Sprintf("\n         error %s x%d: %.160s", k, v, strings.ReplaceAll(r.ErrorSample[k], "\n", " "))
	}
	if r.DupDelivered > 0 {
		s += fmt.Sprintf("\n         %d tasks delivered twice", r.DupDelivered)
	}
	if r.Stuck > 0 {
		s += fmt.Sprintf("\n         stuck: %d later COMPLETED; %v", r.LateDone, r.StuckSample)
	}
	if r.OverSLO != nil {
		s += fmt.Sprintf("\n         slower than: %v", r.OverSLO)
	}
	return s
}
