// linearizability [--seconds N] FILE says whether a recorded history of the Kubernetes API could be that of one copy of the data: every
// request takes effect at one moment between its call and its answer. By porcupine, key by key.
//
// Exit 0: it could. 1: it could not, with the operation that does not fit. 2: no history. 3: not known within the time.
package main

import (
	"flag"
	"fmt"
	"os"
	"sort"
	"time"

	"github.com/anishathalye/porcupine"
)

const (
	exitLinearizable = iota
	exitNot
	exitWrongInput
	exitUnknown
)

func main() {
	patience := flag.Int("seconds", 120, "how long it may search")
	flag.Parse()
	if flag.NArg() != 1 || *patience < 1 {
		fmt.Fprintln(os.Stderr, "linearizability [--seconds N] FILE")
		os.Exit(exitWrongInput)
	}
	history, err := load(flag.Arg(0))
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %s\n", flag.Arg(0), err)
		os.Exit(exitWrongInput)
	}
	text, code := judge(history, time.Duration(*patience)*time.Second)
	fmt.Println(text)
	os.Exit(code)
}

func load(path string) ([]operation, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readHistory(file)
}

func judge(history []operation, patience time.Duration) (string, int) {
	if stale := olderThanKnown(history); stale != "" {
		return "not linearizable: " + stale, exitNot
	}
	until := time.Now().Add(patience)
	keys := byKey(history)
	names := make([]string, 0, len(keys))
	for key := range keys {
		names = append(names, key)
	}
	sort.Strings(names)
	undecided := ""
	for _, key := range names {
		operations, twice := resolve(keys[key])
		if twice != "" {
			return fmt.Sprintf("not linearizable: key %s: %s", key, twice), exitNot
		}
		switch check(operations, until) {
		case porcupine.Illegal:
			// The search for the words has as long again.
			return "not linearizable: " + explain(key, operations, until.Add(patience)), exitNot
		case porcupine.Unknown:
			undecided = key
		}
	}
	size := fmt.Sprintf("%d operations on %d keys, %d of unknown outcome", len(history), len(keys), unknown(history))
	if undecided != "" {
		return fmt.Sprintf("unknown: key %s was not decided within %s (%s)", undecided, patience, size), exitUnknown
	}
	return fmt.Sprintf("linearizable: %s", size), exitLinearizable
}

func unknown(history []operation) int {
	count := 0
	for _, one := range history {
		if one.Result == resultUnknown {
			count++
		}
	}
	return count
}
