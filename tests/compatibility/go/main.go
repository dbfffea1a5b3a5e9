// Runs the checks of the Go SDK against a server: sdk-go API_URL
//
// Prints a line of JSON for each check, {name, ok, detail}, and ends with 1 when one failed.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: sdk-go API_URL")
		os.Exit(2)
	}
	clients := connect(os.Args[1])
	groups := [][]check{
		metadataChecks, builderChecks, workflowChecks, operationChecks, taskChecks, workerChecks, eventChecks, scheduleChecks,
	}
	if failures := runAll(groups, clients); failures > 0 {
		os.Exit(1)
	}
}

// runAll runs the checks of a group one after the other and the groups side by side; it returns how many failed.
func runAll(groups [][]check, clients *clients) int {
	var printing sync.Mutex
	var running sync.WaitGroup
	failures := 0
	for _, group := range groups {
		running.Add(1)
		go func(group []check) {
			defer running.Done()
			for _, each := range group {
				outcome := run(each, clients)
				printing.Lock()
				if !outcome.Ok {
					failures++
				}
				line, _ := json.Marshal(outcome)
				fmt.Println(string(line))
				printing.Unlock()
			}
		}(group)
	}
	running.Wait()
	return failures
}
