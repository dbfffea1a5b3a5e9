package main

// The workers and drivers of one run: poll, update, start, and look whether it completed.

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type wstate struct {
	mu    sync.Mutex
	seen  map[string]struct{}
	nUpd  int
	need  int
	done  chan struct{}
	first time.Time   // first task of this workflow seen by a poller
	times []time.Time // end of each update, in order (growth scenarios)
	lat   []float64   // ms of each update, in order (growth scenarios)
}

type taskMsg struct {
	TaskID string `json:"taskId"`
	WfID   string `json:"workflowInstanceId"`
	server int    // that handed it out
}

type run struct {
	o      *opts
	sc     *scenario
	mode   string
	window int
	states sync.Map // workflow id -> *wstate
	errs   errCounter
	tasks  chan taskMsg
	stop   atomic.Bool

	dup, polls, empty, updates atomic.Int64

	markAt map[int64]int // count of updates -> task number
	began  time.Time

	mu                       sync.Mutex
	lat, srvMS, startMS, upd []float64
	failed, started          int
	stuck                    []string
	grow                     []growthInfo
	marks                    []mark
	lastDone                 time.Time
}

func (r *run) state(id string) *wstate {
	if v, ok := r.states.Load(id); ok {
		return v.(*wstate)
	}
	s := &wstate{need: r.sc.worker, done: make(chan struct{}), seen: map[string]struct{}{}}
	v, _ := r.states.LoadOrStore(id, s)
	return v.(*wstate)
}

func (r *run) poller(k int, wg *sync.WaitGroup) {
	defer wg.Done()
	c := newClient(r.o, k)
	defer c.close()
	tt := r.sc.taskType(r.o)
	for !r.stop.Load() {
		free := cap(r.tasks) - len(r.tasks)
		if free <= 0 {
			time.Sleep(time.Millisecond)
			continue
		}
		n := r.o.batch
		if n > free {
			n = free
		}
		t0 := time.Now()
		st, b, err := c.do("GET", fmt.Sprintf("%s/tasks/poll/batch/%s?workerid=bench-%d&count=%d&timeout=%d",
			r.o.api, tt, k, n, r.o.pollMS), nil)
		r.polls.Add(1)
		if err != nil {
			r.errs.add("poll:io", err.Error())
			time.Sleep(50 * time.Millisecond)
			continue
		}
		if st == 204 || (st == 200 && len(b) <= 2) {
			r.empty.Add(1)
			if d := time.Since(t0); d < time.Millisecond { // a server that does not wait: do not spin
				time.Sleep(2 * time.Millisecond)
			}
			continue
		}
		if st != 200 {
			r.errs.add(fmt.Sprintf("poll:%d", st), cut(b))
			time.Sleep(50 * time.Millisecond)
			continue
		}
		var ts []taskMsg
		if err := json.Unmarshal(b, &ts); err != nil {
			r.errs.add("poll:json", err.Error()+" "+cut(b))
			continue
		}
		if len(ts) == 0 {
			r.empty.Add(1)
		}
		now := time.Now()
		for _, t := range ts {
			s := r.state(t.WfID)
			s.mu.Lock()
			if s.first.IsZero() {
				s.first = now
			}
			_, again := s.seen[t.TaskID]
			s.seen[t.TaskID] = struct{}{}
			s.mu.Unlock()
			if again {
				r.dup.Add(1)
			}
			t.server = k
			r.tasks <- t
		}
	}
}

func (r *run) updater(k int, wg *sync.WaitGroup) {
	defer wg.Done()
	clients := newClients(r.o)
	defer closeAll(clients)
	path := r.o.api + "/tasks"
	if r.o.updateV2 {
		path += "/update-v2"
	}
	var lats []float64
	for t := range r.tasks {
		body := []byte(`{"workflowInstanceId":"` + t.WfID + `","taskId":"` + t.TaskID +
			`","workerId":"bench","status":"COMPLETED","callbackAfterSeconds":0,"outputData":{"ok":true,"text":"a result of a task of some fifty characters in all"}}`)
		server := t.server
		if r.o.scatter {
			k++
			server = k
		}
		c := clients[server%len(clients)]
		t0 := time.Now()
		ok := false
		for try := 0; try < 4; try++ {
			st, b, err := c.do("POST", path, body)
			if err == nil && st < 300 {
				ok = true
				break
			}
			if err != nil {
				r.errs.add("update:io", err.Error())
			} else {
				r.errs.add(fmt.Sprintf("update:%d", st), cut(b))
			}
			if r.stop.Load() {
				break
			}
			time.Sleep(time.Duration(50*(try+1)) * time.Millisecond)
		}
		end := time.Now()
		ms := float64(end.Sub(t0).Microseconds()) / 1000
		lats = append(lats, ms)
		if !ok {
			r.errs.add("update:gave_up", t.TaskID)
			continue
		}
		r.note(r.updates.Add(1))
		s := r.state(t.WfID)
		s.mu.Lock()
		s.nUpd++
		if r.sc.growth {
			s.times = append(s.times, end)
			s.lat = append(s.lat, ms)
		}
		if s.nUpd == s.need {
			close(s.done)
		}
		s.mu.Unlock()
	}
	r.mu.Lock()
	r.upd = append(r.upd, lats...)
	r.mu.Unlock()
}

// note takes a mark if the n-th update of the run is one.
func (r *run) note(n int64) {
	task, ok := r.markAt[n]
	if !ok {
		return
	}
	m := mark{Task: task, CPUS: round(cpuSeconds(r.o.pids)), Seconds: round(time.Since(r.began).Seconds())}
	r.mu.Lock()
	r.marks = append(r.marks, m)
	r.mu.Unlock()
}

type wfView struct {
	Status     string  `json:"status"`
	CreateTime float64 `json:"createTime"`
	StartTime  float64 `json:"startTime"`
	EndTime    float64 `json:"endTime"`
	Reason     string  `json:"reasonForIncompletion"`
}

func getWf(c *client, o *opts, id string) (wfView, int, error) {
	var v wfView
	st, b, err := c.do("GET", o.api+"/workflow/"+id+"?includeTasks=false", nil)
	if err != nil {
		return v, 0, err
	}
	if st != 200 {
		return v, st, fmt.Errorf("status %d: %s", st, cut(b))
	}
	return v, st, json.Unmarshal(b, &v)
}

func terminal(s string) bool {
	return s == "COMPLETED" || s == "FAILED" || s == "TERMINATED" || s == "TIMED_OUT"
}

func (r *run) driver(k int, next *atomic.Int64, n int, until time.Time, wg *sync.WaitGroup) {
	defer wg.Done()
	c := newClient(r.o, k)
	defer c.close()
	name := r.sc.wfName(r.o)
	for {
		i := int(next.Add(1)) - 1
		if i >= n || time.Now().After(until) {
			return
		}
		body, _ := json.Marshal(obj{"name": name, "version": 1, "input": r.sc.input(i, r.sc.taskType(r.o))})
		t0 := time.Now()
		st, b, err := c.do("POST", r.o.api+"/workflow", body)
		t1 := time.Now()
		if err != nil || st >= 300 {
			if err != nil {
				r.errs.add("start:io", err.Error())
			} else {
				r.errs.add(fmt.Sprintf("start:%d", st), cut(b))
			}
			time.Sleep(20 * time.Millisecond)
			continue
		}
		id := strings.Trim(string(b), "\" \r\n")
		s := r.state(id)
		r.mu.Lock()
		r.started++
		r.startMS = append(r.startMS, float64(t1.Sub(t0).Microseconds())/1000)
		r.mu.Unlock()
		patience := r.o.wfTimeout
		if r.sc.growth { // hundreds of tasks each
			patience *= 4
		}
		deadline := t0.Add(patience)
		if r.sc.worker > 0 {
			tm := time.NewTimer(time.Until(deadline))
			select {
			case <-s.done:
			case <-tm.C:
			}
			tm.Stop()
		}
		var v wfView
		delay := 2 * time.Millisecond
		for {
			v, _, err = getWf(c, r.o, id)
			if err != nil {
				r.errs.add("get", err.Error())
			} else if terminal(v.Status) {
				break
			}
			if time.Now().After(deadline) {
				break
			}
			time.Sleep(delay)
			if delay = delay * 3 / 2; delay > 50*time.Millisecond {
				delay = 50 * time.Millisecond
			}
		}
		end := time.Now()
		r.mu.Lock()
		switch {
		case v.Status == "COMPLETED":
			r.lat = append(r.lat, float64(end.Sub(t0).Microseconds())/1000)
			from := v.StartTime
			if from == 0 {
				from = v.CreateTime
			}
			if v.EndTime > 0 && from > 0 {
				r.srvMS = append(r.srvMS, v.EndTime-from)
			}
			if r.lastDone.Before(end) {
				r.lastDone = end
			}
			if r.sc.growth {
				r.grow = append(r.grow, growth(s, t0, end))
			}
		case terminal(v.Status):
			r.failed++
			r.errs.add("workflow:"+v.Status, id+" "+v.Reason)
		default:
			r.stuck = append(r.stuck, id)
		}
		r.mu.Unlock()
		r.states.Delete(id)
	}
}
