package main

// s6: many workflows that wait, what each costs at rest, and s1 on top of them.

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type idleResult struct {
	Kind             string            `json:"kind"`
	Wanted           int               `json:"wanted"`
	Started          int               `json:"started"`
	Seconds          float64           `json:"seconds"`
	StartsPerS       float64           `json:"starts_per_s"`
	StartMS          pct               `json:"start_call_ms"`
	CPUPerStartMS    float64           `json:"server_cpu_ms_per_start"`
	RSSBeforeMB      float64           `json:"rss_before_mb"`
	RSSAfterMB       float64           `json:"rss_after_mb"`
	RSSPeakMB        float64           `json:"rss_peak_mb"`
	DiskBeforeMB     float64           `json:"disk_before_mb"`
	DiskAfterMB      float64           `json:"disk_after_mb"`
	DiskPerWfBytes   float64           `json:"disk_bytes_per_workflow"`
	RSSPerWfBytes    float64           `json:"rss_bytes_per_workflow"`
	IdleCoresBefore  float64           `json:"idle_cores_before"`
	IdleCoresAfter   float64           `json:"idle_cores_after"`
	SampleRunning    string            `json:"sample_running"`
	SampleFinished   string            `json:"sample_finished_by_call"`
	Errors           map[string]int    `json:"errors,omitempty"`
	ErrorSample      map[string]string `json:"error_sample,omitempty"`
	FirstTenthPerS   float64           `json:"first_tenth_starts_per_s"`
	LastTenthPerS    float64           `json:"last_tenth_starts_per_s"`
	S1OnTop          *result           `json:"s1_on_top,omitempty"`
	S1OnTopUnloaded  *result           `json:"s1_on_top_unloaded,omitempty"`
	IdleWatchSeconds float64           `json:"idle_watch_seconds"`
}

func idleCores(o *opts, d time.Duration) float64 {
	if len(o.pids) == 0 {
		return 0
	}
	c0, t0 := cpuSeconds(o.pids), time.Now()
	time.Sleep(d)
	return round((cpuSeconds(o.pids) - c0) / time.Since(t0).Seconds())
}

func idleRun(o *opts, sc, s1 *scenario, n, starters int, limit, watch time.Duration, s1n, s1u int) *idleResult {
	res := &idleResult{Kind: sc.key, Wanted: n, IdleWatchSeconds: watch.Seconds()}
	res.IdleCoresBefore = idleCores(o, watch)
	res.RSSBeforeMB, res.DiskBeforeMB = round(rssMB(o.pids)), round(diskBytes(o.disk)/1e6)
	var errs errCounter
	var next atomic.Int64
	var mu sync.Mutex
	var lat []float64
	var ends []time.Time
	var sample []string
	rss := watchRSS(o.pids)
	cpu0, t0 := cpuSeconds(o.pids), time.Now()
	var wg sync.WaitGroup
	name := sc.wfName(o)
	for k := 0; k < starters; k++ {
		wg.Add(1)
		go func(k int) {
			defer wg.Done()
			c := newClient(o, k)
			defer c.close()
			for {
				i := int(next.Add(1)) - 1
				if i >= n || time.Since(t0) > limit {
					return
				}
				body, _ := json.Marshal(obj{"name": name, "version": 1, "input": sc.input(i, "")})
				a := time.Now()
				st, b, err := c.do("POST", o.api+"/workflow", body)
				e := time.Now()
				if err != nil || st >= 300 {
					errs.add(fmt.Sprintf("start:%d", st), fmt.Sprint(cut(b), err))
					continue
				}
				mu.Lock()
				lat = append(lat, float64(e.Sub(a).Microseconds())/1000)
				ends = append(ends, e)
				if len(ends)%(n/200+1) == 1 {
					sample = append(sample, strings.Trim(string(b), "\" \r\n"))
				}
				mu.Unlock()
			}
		}(k)
	}
	wg.Wait()
	res.Started = len(ends)
	res.Seconds = round(time.Since(t0).Seconds())
	res.StartMS = pcts(lat)
	if res.Started > 0 {
		res.StartsPerS = round(float64(res.Started) / res.Seconds)
		res.CPUPerStartMS = round((cpuSeconds(o.pids) - cpu0) * 1000 / float64(res.Started))
	}
	if k := len(ends) / 10; k > 1 {
		res.FirstTenthPerS = round(float64(k) / ends[k].Sub(ends[0]).Seconds())
		res.LastTenthPerS = round(float64(k) / ends[len(ends)-1].Sub(ends[len(ends)-1-k]).Seconds())
	}
	time.Sleep(3 * time.Second)
	res.IdleCoresAfter = idleCores(o, watch)
	res.RSSPeakMB = round(rss.end())
	res.RSSAfterMB, res.DiskAfterMB = round(rssMB(o.pids)), round(diskBytes(o.disk)/1e6)
	if res.Started > 0 {
		res.DiskPerWfBytes = round((res.DiskAfterMB - res.DiskBeforeMB) * 1e6 / float64(res.Started))
		res.RSSPerWfBytes = round((res.RSSAfterMB - res.RSSBeforeMB) * 1048576 / float64(res.Started))
	}
	c := newClient(o, 0)
	defer c.close()
	running := 0
	for _, id := range sample {
		if v, _, err := getWf(c, o, id); err == nil && v.Status == "RUNNING" {
			running++
		}
	}
	res.SampleRunning = fmt.Sprintf("%d/%d", running, len(sample))
	if s1 != nil {
		execute(o, s1, "load", s1n/4, o.window, 10*time.Second)
		res.S1OnTop = execute(o, s1, "load", s1n, o.window, o.maxSeconds)
		res.S1OnTopUnloaded = execute(o, s1, "unloaded", s1u, 1, o.maxSeconds)
	}
	fin, tried := 0, 0
	for i, id := range sample {
		if i >= 20 {
			break
		}
		tried++
		st, b, err := c.do("POST", o.api+"/tasks/"+id+"/hold/COMPLETED", []byte("{}"))
		if err != nil || st >= 300 {
			errs.add(fmt.Sprintf("finish:%d", st), fmt.Sprint(cut(b), err))
			continue
		}
		for j := 0; j < 100; j++ {
			if v, _, err := getWf(c, o, id); err == nil && v.Status == "COMPLETED" {
				fin++
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	res.SampleFinished = fmt.Sprintf("%d/%d", fin, tried)
	res.Errors, res.ErrorSample = errs.counts, errs.sample
	return res
}
