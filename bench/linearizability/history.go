package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"sort"
	"strings"
)

// An operation of one client, as bench/lib/recorder.ts writes it: one JSON object a line.
type operation struct {
	Worker int    `json:"worker"`
	Kind   string `json:"kind"`
	Key    string `json:"key"`
	// Microseconds on the recorder's clock.
	Call   int64 `json:"call"`
	Return int64 `json:"return"`
	// ok; refused: its precondition did not hold; failed: it did not happen; unknown: it may have happened, now or later.
	Result string `json:"result"`
	// Of update and delete: they change this version of the object and no other.
	IfVersion int64 `json:"ifVersion"`
	// What a write writes, each one a value of its own; what a get has seen, nothing where there was no object.
	Value   string `json:"value"`
	Version int64  `json:"version"`
	// Of a list: what it asked for, what it has seen, and at which revision of the whole store.
	Prefix   string            `json:"prefix"`
	Items    map[string]object `json:"items"`
	Revision int64             `json:"revision"`

	// Of a write whose outcome is unknown: nobody has seen its value.
	unseen bool
}

type object struct {
	Value   string `json:"value"`
	Version int64  `json:"version"`
}

// Later than any time of a history.
const never = math.MaxInt64

const (
	get           = "get"
	list          = "list"
	create        = "create"
	put           = "put"
	update        = "update"
	remove        = "delete"
	resultOk      = "ok"
	resultRefused = "refused"
	resultFailed  = "failed"
	resultUnknown = "unknown"
)

var kinds = []string{get, list, create, put, update, remove}
var results = []string{resultOk, resultRefused, resultFailed, resultUnknown}

func (o operation) reads() bool { return o.Kind == get || o.Kind == list }

func readHistory(from io.Reader) ([]operation, error) {
	var history []operation
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 16<<20)
	for number := 1; lines.Scan(); number++ {
		var one operation
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if problem := one.problem(); problem != "" {
			return nil, fmt.Errorf("line %d: %s", number, problem)
		}
		history = append(history, one)
	}
	return history, lines.Err()
}

func (o operation) problem() string {
	switch {
	case !contains(kinds, o.Kind):
		return fmt.Sprintf("kind is %q, allowed are %s", o.Kind, strings.Join(kinds, ", "))
	case !contains(results, o.Result):
		return fmt.Sprintf("result is %q, allowed are %s", o.Result, strings.Join(results, ", "))
	case o.Return < o.Call:
		return fmt.Sprintf("it returns at %d, before its call at %d", o.Return, o.Call)
	case (o.Key == "") != (o.Kind == list):
		return fmt.Sprintf("a %s with the key %q", o.Kind, o.Key)
	case !o.reads() && o.Kind != remove && o.Value == "":
		return fmt.Sprintf("a %s without a value", o.Kind)
	}
	return ""
}

func contains(words []string, word string) bool {
	for _, one := range words {
		if one == word {
			return true
		}
	}
	return false
}

// byKey gives each key the operations that say something of it: a list is a get of every key that it asked for.
func byKey(history []operation) map[string][]operation {
	keys := map[string][]operation{}
	for _, one := range history {
		if one.Key != "" {
			keys[one.Key] = nil
		}
		for key := range one.Items {
			keys[key] = nil
		}
	}
	for _, one := range history {
		switch {
		case one.Result == resultFailed || (one.reads() && one.Result != resultOk):
		case one.Kind != list:
			keys[one.Key] = append(keys[one.Key], one)
		default:
			for key := range keys {
				if strings.HasPrefix(key, one.Prefix) {
					seen := one.Items[key]
					read := one
					read.Key, read.Items, read.Value, read.Version = key, nil, seen.Value, seen.Version
					keys[key] = append(keys[key], read)
				}
			}
		}
	}
	return keys
}

// resolve gives a write whose outcome is unknown the version at which others have seen its value, and lets it end when the first of
// them has: it happened before. One that nobody has seen may happen at any time.
func resolve(operations []operation) (resolved []operation, twice string) {
	versions := map[string]int64{}
	seenAt := map[string]int64{}
	for _, one := range operations {
		if one.Result != resultOk || one.Value == "" {
			continue
		}
		if before, ok := versions[one.Value]; ok && before != one.Version && twice == "" {
			twice = fmt.Sprintf("%s was written once and is there twice, as version %d and as version %d", one.Value, before, one.Version)
		}
		versions[one.Value] = one.Version
		if at, ok := seenAt[one.Value]; !ok || one.Return < at {
			seenAt[one.Value] = one.Return
		}
	}
	resolved = append(resolved, operations...)
	for index := range resolved {
		one := &resolved[index]
		if one.Result != resultUnknown {
			continue
		}
		one.Return = never
		if version, ok := versions[one.Value]; ok && one.Value != "" {
			one.Version = version
			// A value that was seen before it was written is for the model to refuse.
			one.Return = max(one.Call, seenAt[one.Value])
		} else {
			one.unseen = one.Kind != remove
		}
	}
	sort.SliceStable(resolved, func(a, b int) bool { return resolved[a].Call < resolved[b].Call })
	return resolved, twice
}
