package main

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// How many operations around the one that does not fit are shown.
const shown = 8

// explain finds the first operation that no order of the ones before it explains, and shows it with its neighbours.
func explain(key string, operations []operation, until time.Time) string {
	ends := answers(operations)
	// What begins a history that fits fits too, so the first end that does not can be searched by halves.
	first := sort.Search(len(ends), func(index int) bool {
		return check(upTo(operations, ends[index].Return), until) == porcupine.Illegal
	})
	if first == len(ends) {
		return fmt.Sprintf("key %s: no order explains its %d operations", key, len(operations))
	}
	culprit := ends[first]
	lines := []string{fmt.Sprintf("key %s: no order explains the operation marked with >", key)}
	for _, one := range around(culprit, upTo(operations, culprit.Return)) {
		mark := " "
		if one.same(culprit) {
			mark = ">"
		}
		lines = append(lines, fmt.Sprintf("%s %s", mark, one))
	}
	return strings.Join(lines, "\n")
}

// answers are the operations with an outcome, in the order in which that was known.
func answers(operations []operation) []operation {
	var ends []operation
	for _, one := range operations {
		if one.Result != resultUnknown {
			ends = append(ends, one)
		}
	}
	sort.SliceStable(ends, func(a, b int) bool { return ends[a].Return < ends[b].Return })
	return ends
}

// upTo is the history as it was known at a time: of what had not come to its end nobody knew the outcome.
func upTo(operations []operation, at int64) []operation {
	var known []operation
	for _, one := range operations {
		switch {
		case one.Call > at:
		case one.Return <= at || one.Result == resultUnknown:
			known = append(known, one)
		case !one.reads() && one.Result == resultOk:
			one.Result, one.Return = resultUnknown, never
			known = append(known, one)
		}
	}
	return known
}

// around are the last operations before the culprit, what it has seen or expected, and itself.
func around(culprit operation, operations []operation) []operation {
	byReturn := append([]operation(nil), operations...)
	sort.SliceStable(byReturn, func(a, b int) bool { return byReturn[a].Return > byReturn[b].Return })
	var near []operation
	for _, one := range byReturn {
		source := !one.reads() && one.Version != 0 && (one.Version == culprit.Version || one.Version == culprit.IfVersion)
		if source || len(near) < shown || one.same(culprit) {
			near = append(near, one)
		}
	}
	sort.SliceStable(near, func(a, b int) bool { return near[a].Call < near[b].Call })
	return near
}

func (o operation) same(other operation) bool {
	return o.Worker == other.Worker && o.Call == other.Call && o.Kind == other.Kind
}

func (o operation) String() string {
	until := "        ?"
	if o.Return != never {
		until = seconds(o.Return)
	}
	words := []string{o.Kind}
	if o.IfVersion != 0 {
		words = append(words, fmt.Sprintf("if version %d", o.IfVersion))
	}
	if o.Value != "" {
		words = append(words, o.Value)
	} else if o.reads() {
		words = append(words, "no object")
	}
	words = append(words, o.Result)
	if o.Version != 0 {
		words = append(words, fmt.Sprintf("version %d", o.Version))
	}
	return fmt.Sprintf("%s to %s s  worker %d: %s", seconds(o.Call), until, o.Worker, strings.Join(words, " "))
}

func seconds(microseconds int64) string { return fmt.Sprintf("%9.3f", float64(microseconds)/1e6) }
