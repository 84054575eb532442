package main

import (
	"time"

	"github.com/anishathalye/porcupine"
)

// An object of the API: a value and the version that its last write gave it.
type state struct {
	// Nothing: there is no object.
	value string
	// 0: of a write that nobody has seen.
	version int64
	// Versions only grow, also from an object to the next one of the same name.
	last int64
}

var model = porcupine.Model{
	Init: func() interface{} { return state{} },
	Step: func(before, input, _ interface{}) (bool, interface{}) { return step(before.(state), input.(operation)) },
}

func step(now state, one operation) (bool, state) {
	if one.Kind == get || one.Kind == list {
		return now.value == one.Value && (one.Value == "" || now.version == one.Version), now
	}
	allowed := one.allowedIn(now)
	switch {
	case one.Result == resultRefused:
		return !allowed, now
	case !allowed:
		// It can only have happened to no effect.
		return one.Result == resultUnknown, now
	case one.Version != 0 && one.Version <= now.last:
		return false, now
	}
	return true, now.after(one)
}

func (o operation) allowedIn(now state) bool {
	switch {
	case o.Kind == create:
		return now.value == ""
	case now.value == "":
		return false
	default:
		return o.IfVersion == 0 || o.IfVersion == now.version
	}
}

func (s state) after(one operation) state {
	if one.Kind == remove {
		return state{last: s.last}
	}
	return state{value: one.Value, version: one.Version, last: max(s.last, one.Version)}
}

// check tries first without the writes that nobody has seen. Where that fits, it fits with them too, at the very end; with many of
// them the search is long.
func check(operations []operation, until time.Time) porcupine.CheckResult {
	var seen []operation
	for _, one := range operations {
		if !one.unseen {
			seen = append(seen, one)
		}
	}
	result := search(seen, until)
	if result == porcupine.Illegal && len(seen) < len(operations) {
		return search(operations, until)
	}
	return result
}

func search(operations []operation, until time.Time) porcupine.CheckResult {
	left := time.Until(until)
	if left <= 0 {
		return porcupine.Unknown
	}
	history := make([]porcupine.Operation, len(operations))
	for index, one := range operations {
		history[index] = porcupine.Operation{ClientId: one.Worker, Input: one, Call: one.Call, Return: one.Return}
	}
	return porcupine.CheckOperationsTimeout(model, history, left)
}
