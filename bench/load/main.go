// A load generator for any server that speaks Conductor's REST API.
// bench/README.md says what each scenario is and how to run it; --help lists the bounds.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

type opts struct {
	addrs                              []string
	scatter                            bool
	api, extraHeader, tag              string
	window, pollers, updaters, batch   int
	pollMS                             int
	maxSeconds, wfTimeout, httpTimeout time.Duration
	pids                               []int
	disk                               []string
	updateV2                           bool
	loop, fan, seq                     int // sizes of s5a, s5b and seq
	marks                              []int
}

func parseN(s string) map[string]int {
	m := map[string]int{}
	for _, p := range strings.Split(s, ",") {
		if kv := strings.SplitN(p, "=", 2); len(kv) == 2 {
			m[kv[0]], _ = strconv.Atoi(kv[1])
		}
	}
	return m
}

func main() {
	var o opts
	base := flag.String("url", "http://127.0.0.1:8080", "server, loopback only; several by commas: each connection keeps to one")
	flag.BoolVar(&o.scatter, "scatter", false, "of several servers, report to the next one in turn, not to the one that gave the task")
	flag.StringVar(&o.api, "api", "/api", "API prefix")
	list := flag.String("scenarios", "s1,s2,s3,s4,s4n,s5a,s5b", "which; s6 adds the idle scenario")
	modes := flag.String("modes", "load,unloaded", "")
	nLoad := flag.String("n", "", "counts at full load, e.g. s1=3000,s2=500")
	nSolo := flag.String("n-unloaded", "", "counts one at a time, e.g. s1=100")
	flag.IntVar(&o.window, "window", 64, "workflows in flight at full load")
	flag.IntVar(&o.pollers, "pollers", 4, "polling connections")
	flag.IntVar(&o.updaters, "updaters", 16, "updating connections")
	flag.IntVar(&o.batch, "batch", 50, "tasks per poll")
	flag.IntVar(&o.pollMS, "poll-ms", 100, "timeout of a poll, as the SDKs have it")
	maxS := flag.Float64("max-seconds", 40, "stop starting workflows of one run after this")
	wfT := flag.Float64("wf-timeout", 60, "a workflow not COMPLETED after this is stuck")
	warm := flag.Float64("warmup", 0, "seconds of unmeasured load first (s1..s4 in turn)")
	pidList := flag.String("pids", "", "server processes, comma separated; descendants are added")
	disk := flag.String("disk", "", "data folders, comma separated (for s6)")
	flag.StringVar(&o.tag, "tag", strconv.FormatInt(time.Now().Unix()%100000000, 36), "suffix of the definitions' names")
	hdr := flag.String("header", "", "one extra request header, e.g. 'X-Authorization: t'")
	flag.BoolVar(&o.updateV2, "update-v2", false, "use tasks/update-v2")
	idleN := flag.Int("idle-n", 100000, "s6: idle workflows")
	idleKind := flag.String("idle-kind", "human", "s6: human or wait")
	idleMax := flag.Float64("idle-max-seconds", 400, "s6: stop starting after this")
	idleWatch := flag.Float64("idle-watch", 15, "s6: seconds of watching the idle server")
	flag.IntVar(&o.loop, "loop", 200, "s5a: iterations")
	flag.IntVar(&o.fan, "fan", 500, "s5b: branches")
	flag.IntVar(&o.seq, "seq", 200, "seq: steps in sequence")
	marks := flag.String("marks", "", "task numbers at which to note the server's CPU, e.g. 5,55,100 (s5a, s5b, seq at full load)")
	out := flag.String("out", "", "JSON document")
	label := flag.String("label", "", "what is measured")
	flag.Parse()

	for _, one := range strings.Split(*base, ",") {
		u, err := url.Parse(one)
		if err != nil || (u.Hostname() != "127.0.0.1" && u.Hostname() != "localhost" && u.Hostname() != "::1") {
			fmt.Fprintln(os.Stderr, "--url must be a loopback address")
			os.Exit(2)
		}
		addr := u.Host
		if u.Port() == "" {
			addr += ":80"
		}
		o.addrs = append(o.addrs, addr)
	}
	if *hdr != "" {
		o.extraHeader = *hdr + "\r\n"
	}
	sec := func(f float64) time.Duration { return time.Duration(f * float64(time.Second)) }
	o.maxSeconds, o.wfTimeout, o.httpTimeout = sec(*maxS), sec(*wfT), sec(*wfT)+10*time.Second
	for _, p := range strings.Split(*pidList, ",") {
		if v, err := strconv.Atoi(strings.TrimSpace(p)); err == nil {
			o.pids = append(o.pids, v)
		}
	}
	if *disk != "" {
		o.disk = strings.Split(*disk, ",")
	}
	for _, p := range strings.Split(*marks, ",") {
		if v, err := strconv.Atoi(strings.TrimSpace(p)); err == nil && v > 0 {
			o.marks = append(o.marks, v)
		}
	}
	byKey := map[string]*scenario{}
	for _, s := range scenarios(&o) {
		byKey[s.key] = s
	}
	nl, nu := parseN(*nLoad), parseN(*nSolo)
	count := func(m map[string]int, k string, d int) int {
		if v, ok := m[k]; ok {
			return v
		}
		return d
	}
	doc := obj{"label": *label, "url": *base, "when": time.Now().UTC().Format(time.RFC3339), "cpus": runtime.NumCPU(),
		"window": o.window, "pollers": o.pollers, "updaters": o.updaters, "batch": o.batch, "poll_ms": o.pollMS}
	var results []*result
	save := func() {
		doc["results"] = results
		if *out != "" {
			b, _ := json.MarshalIndent(doc, "", " ")
			os.WriteFile(*out, b, 0o644)
		}
	}
	bad := func(err error) { fmt.Fprintln(os.Stderr, err); save(); os.Exit(1) }
	if *warm > 0 {
		keys := []string{"s1", "s2", "s3", "s4"}
		for _, k := range keys {
			if err := byKey[k].register(&o); err != nil {
				bad(err)
			}
			r := execute(&o, byKey[k], "load", 1<<30, o.window, sec(*warm/float64(len(keys))))
			fmt.Println("warm-up:", k, r.Completed, "done,", r.Stuck, "stuck,", r.WfPerS, "wf/s")
		}
	}
	if len(o.pids) > 0 {
		c := idleCores(&o, 5*time.Second)
		doc["idle_cores"], doc["rss_rest_mb"] = c, round(rssMB(o.pids))
		fmt.Printf("server at rest: %.3f cores, RSS %.0f MB\n", c, rssMB(o.pids))
	}
	fmt.Printf(head+"\n", "scen", "mode", "win", "done", "fail", "stuck", "errs", "wf/s", "tasks/s", "p50 ms", "p95 ms", "p99 ms",
		"srv p50", "cpu ms/wf", "/task", "srvcore", "clicore", "other", "rss MB")
	for _, k := range strings.Split(*list, ",") {
		k = strings.TrimSpace(k)
		if k == "s6" {
			sc := byKey["idle-"+*idleKind]
			s1 := byKey["s1"]
			if err := sc.register(&o); err != nil {
				bad(err)
			}
			if err := s1.register(&o); err != nil {
				bad(err)
			}
			r := idleRun(&o, sc, s1, *idleN, 16, sec(*idleMax), sec(*idleWatch), count(nl, "s1", s1.loadN), count(nu, "s1", s1.soloN))
			doc["s6"] = r
			fmt.Printf("s6 %s: %d started in %.0f s = %.1f/s (first tenth %.0f/s, last tenth %.0f/s), start p50 %.1f p99 %.1f ms, cpu %.2f ms/start\n",
				r.Kind, r.Started, r.Seconds, r.StartsPerS, r.FirstTenthPerS, r.LastTenthPerS, r.StartMS.P50, r.StartMS.P99, r.CPUPerStartMS)
			fmt.Printf("   disk %.0f -> %.0f MB = %.0f B/wf; RSS %.0f -> %.0f MB (peak %.0f) = %.0f B/wf; cores at rest %.3f -> %.3f; running %s; finished by call %s; errors %v %v\n",
				r.DiskBeforeMB, r.DiskAfterMB, r.DiskPerWfBytes, r.RSSBeforeMB, r.RSSAfterMB, r.RSSPeakMB, r.RSSPerWfBytes,
				r.IdleCoresBefore, r.IdleCoresAfter, r.SampleRunning, r.SampleFinished, r.Errors, r.ErrorSample)
			fmt.Println(row(r.S1OnTop))
			fmt.Println(row(r.S1OnTopUnloaded))
			save()
			continue
		}
		sc := byKey[k]
		if sc == nil {
			bad(fmt.Errorf("no scenario %q", k))
		}
		if err := sc.register(&o); err != nil {
			bad(err)
		}
		if strings.Contains(","+*modes+",", ",load,") {
			w := o.window
			n := count(nl, k, sc.loadN)
			if sc.window > 0 {
				w = sc.window
			}
			if sc.growth && len(o.marks) > 0 {
				w = n // all at once, so that the k-th update of all is the k/n-th task of each
			}
			r := execute(&o, sc, "load", n, w, o.maxSeconds)
			results = append(results, r)
			fmt.Println(row(r))
			save()
		}
		if strings.Contains(","+*modes+",", ",unloaded,") {
			r := execute(&o, sc, "unloaded", count(nu, k, sc.soloN), 1, o.maxSeconds)
			results = append(results, r)
			fmt.Println(row(r))
			save()
		}
	}
	save()
}
