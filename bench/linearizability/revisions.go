package main

import (
	"fmt"
	"sort"
)

// olderThanKnown finds a list of the store as it was before a write that had been acknowledged, of whatever key: revisions are of the
// whole store.
func olderThanKnown(history []operation) string {
	var acknowledged, lists []operation
	for _, one := range history {
		switch {
		case one.Result != resultOk:
		case one.Kind == list:
			lists = append(lists, one)
		case one.Version != 0:
			acknowledged = append(acknowledged, one)
		}
	}
	sort.Slice(acknowledged, func(a, b int) bool { return acknowledged[a].Return < acknowledged[b].Return })
	sort.Slice(lists, func(a, b int) bool { return lists[a].Call < lists[b].Call })
	next := 0
	var newest operation
	for _, one := range lists {
		for ; next < len(acknowledged) && acknowledged[next].Return < one.Call; next++ {
			if acknowledged[next].Version > newest.Version {
				newest = acknowledged[next]
			}
		}
		if one.Revision < newest.Version {
			return fmt.Sprintf("a list of revision %d, older than what was known before it began\n  %s (key %s)\n> %s", one.Revision, newest, newest.Key, one)
		}
		for key, seen := range one.Items {
			if seen.Version > one.Revision {
				return fmt.Sprintf("a list of revision %d with version %d of key %s\n> %s", one.Revision, seen.Version, key, one)
			}
		}
	}
	return ""
}
