package main

// One run of one scenario: how many workflows, how many at a time, and the server's CPU meanwhile.

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

func growth(s *wstate, t0, end time.Time) growthInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := growthInfo{}
	n := len(s.times)
	k := n / 10
	if k == 0 {
		return g
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	mean := func(v []float64) float64 {
		t := 0.0
		for _, x := range v {
			t += x
		}
		return t / float64(len(v))
	}
	g.StartToFirstPollMS = ms(s.first.Sub(t0))
	g.FirstDecileMSPerUpd = ms(s.times[k].Sub(s.times[0])) / float64(k)
	g.LastDecileMSPerUpd = ms(s.times[n-1].Sub(s.times[n-1-k])) / float64(k)
	g.FirstDecileUpdLatMS = mean(s.lat[:k])
	g.LastDecileUpdLatMS = mean(s.lat[n-k:])
	g.LastUpdateToDoneMS = ms(end.Sub(s.times[n-1]))
	return g
}

// execute runs n workflows of one scenario with at most window in flight.
func execute(o *opts, sc *scenario, mode string, n, window int, limit time.Duration) *result {
	r := &run{o: o, sc: sc, mode: mode, window: window, markAt: map[int64]int{}}
	if sc.growth && mode == "load" {
		for _, task := range o.marks {
			r.markAt[int64(task)*int64(n)] = task
		}
	}
	pollers, updaters := o.pollers, o.updaters
	if mode == "unloaded" {
		pollers = 1
		if !sc.growth && sc.key != "s3" {
			updaters = 1
		}
	}
	qcap := o.batch * 2
	if qcap < updaters*2 {
		qcap = updaters * 2
	}
	r.tasks = make(chan taskMsg, qcap)
	rss := watchRSS(o.pids)
	cpu0, self0 := cpuSeconds(o.pids), selfCPU()
	busy0, _ := machineBusy()
	wr0 := writtenKB(o.pids)
	t0 := time.Now()
	r.began = t0
	var pw, uw, dw sync.WaitGroup
	if sc.worker > 0 {
		for k := 0; k < pollers; k++ {
			pw.Add(1)
			go r.poller(k, &pw)
		}
		for k := 0; k < updaters; k++ {
			uw.Add(1)
			go r.updater(k, &uw)
		}
	}
	var next atomic.Int64
	for k := 0; k < window; k++ {
		dw.Add(1)
		go r.driver(k, &next, n, t0.Add(limit), &dw)
	}
	dw.Wait()
	cpu1, self1 := cpuSeconds(o.pids), selfCPU()
	busy1, _ := machineBusy()
	wr1 := writtenKB(o.pids)
	wall := time.Since(t0).Seconds()
	r.stop.Store(true)
	pw.Wait()
	close(r.tasks)
	uw.Wait()
	span := wall
	if !r.lastDone.IsZero() {
		span = r.lastDone.Sub(t0).Seconds()
	}
	res := &result{Scenario: sc.key, Title: sc.title, Mode: mode, Window: window, Started: r.started,
		Completed: len(r.lat), Failed: r.failed, Stuck: len(r.stuck), Errors: r.errs.counts, ErrorSample: r.errs.sample,
		DupDelivered: int(r.dup.Load()), Seconds: round(span), LatencyMS: pcts(r.lat), ServerMS: pcts(r.srvMS),
		StartMS: pcts(r.startMS), UpdateMS: pcts(r.upd), Polls: int(r.polls.Load()), EmptyPolls: int(r.empty.Load()),
		RSSPeakMB: round(rss.end()), PSSEndMB: round(pssMB(o.pids)), ServerCPU: round(cpu1 - cpu0),
		ServerCores: round((cpu1 - cpu0) / wall), ClientCores: round((self1 - self0) / wall)}
	res.OtherCores = round((busy1-busy0)/wall - res.ServerCores - res.ClientCores)
	if span > 0 {
		res.WfPerS = round(float64(res.Completed) / span)
		res.TasksPerS = round(float64(res.Completed*sc.tasks) / span)
	}
	if res.Completed > 0 {
		res.CPUPerWfMS = round((cpu1 - cpu0) * 1000 / float64(res.Completed))
		res.WriteKBPerWf = round((wr1 - wr0) / float64(res.Completed))
		res.CPUPerTaskMS = round(res.CPUPerWfMS / float64(sc.tasks))
	}
	slow := map[string]int{}
	for _, l := range r.lat {
		for _, lim := range []int{1000, 5000, 20000} {
			if l > float64(lim) {
				slow[fmt.Sprintf("%dms", lim)]++
			}
		}
	}
	if len(slow) > 0 {
		res.OverSLO = slow
	}
	res.Marks = r.marks
	if len(r.grow) > 0 {
		var g growthInfo
		f := float64(len(r.grow))
		for _, x := range r.grow {
			g.StartToFirstPollMS += x.StartToFirstPollMS / f
			g.FirstDecileMSPerUpd += x.FirstDecileMSPerUpd / f
			g.LastDecileMSPerUpd += x.LastDecileMSPerUpd / f
			g.FirstDecileUpdLatMS += x.FirstDecileUpdLatMS / f
			g.LastDecileUpdLatMS += x.LastDecileUpdLatMS / f
			g.LastUpdateToDoneMS += x.LastUpdateToDoneMS / f
		}
		for _, p := range []*float64{&g.StartToFirstPollMS, &g.FirstDecileMSPerUpd, &g.LastDecileMSPerUpd,
			&g.FirstDecileUpdLatMS, &g.LastDecileUpdLatMS, &g.LastUpdateToDoneMS} {
			*p = round(*p)
		}
		res.Growth = &g
	}
	if len(r.stuck) > 0 { // one more look at those that were given up
		time.Sleep(2 * time.Second)
		c := newClient(o, 0)
		for i, id := range r.stuck {
			v, _, err := getWf(c, o, id)
			if err == nil && v.Status == "COMPLETED" {
				res.LateDone++
			}
			if i < 5 {
				res.StuckSample = append(res.StuckSample, id+" "+v.Status)
			}
		}
		c.close()
	}
	return res
}
