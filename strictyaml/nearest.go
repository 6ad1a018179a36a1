package strictyaml

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// unknownKey says what was probably meant: a key of another name, or this one
// in another place.
func unknownKey(key string, dst any) string {
	msg := fmt.Sprintf("unknown key %q", key)
	known := keysOf(dst)
	if places := known[key]; len(places) > 0 {
		return msg + " in this place; it belongs " + strings.Join(places, " or ")
	}
	if near := nearest(key, slices.Sorted(maps.Keys(known))); near != "" {
		return msg + fmt.Sprintf("; did you mean %q?", near)
	}
	return msg
}

// keysOf is every key that dst and the structs below it know, with where each
// belongs.
func keysOf(dst any) map[string][]string {
	keys := map[string][]string{}
	if dst != nil {
		addKeys(keys, reflect.TypeOf(dst), "", nil)
	}
	return keys
}

// addKeys adds the keys of t, which stands at path; outer are the structs that
// it is in.
func addKeys(keys map[string][]string, t reflect.Type, path string, outer []reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		addKeys(keys, t.Elem(), path, outer)
	case reflect.Map:
		addKeys(keys, t.Elem(), path+".NAME", outer)
	case reflect.Struct:
		if slices.Contains(outer, t) {
			return
		}
		outer = append(slices.Clone(outer), t)
		for i := range t.NumField() {
			f := t.Field(i)
			name, _, _ := strings.Cut(cmp.Or(f.Tag.Get("yaml"), f.Tag.Get("json")), ",")
			if name == "" || name == "-" {
				addKeys(keys, f.Type, path, outer)
				continue
			}
			place := "at the top of the file"
			if path != "" {
				place = "under " + strings.TrimPrefix(path, ".")
			}
			if !slices.Contains(keys[name], place) {
				keys[name] = append(keys[name], place)
			}
			addKeys(keys, f.Type, path+"."+name, outer)
		}
	}
}

// nearest is the known key that a person most likely meant: the one with the
// fewest edits, if those are at most a third of the key (and at least one); else see alike.
func nearest(key string, known []string) string {
	best, limit := "", max(1, len(key)/3)+1
	for _, k := range known {
		if d := distance(strings.ToLower(key), k); d < limit {
			best, limit = k, d
		}
	}
	if best == "" {
		return alike(strings.ToLower(key), known)
	}
	return best
}

// alike is the only known key that begins with the same word: abort_when for abort_if.
func alike(key string, known []string) (one string) {
	word, _, several := strings.Cut(key, "_")
	for _, k := range known {
		if several && strings.HasPrefix(k, word+"_") {
			if one != "" {
				return ""
			}
			one = k
		}
	}
	return one
}

// distance is the Damerau-Levenshtein distance (optimal string alignment):
// insertions, deletions, substitutions and swapped neighbours each cost one.
func distance(a, b string) int {
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}
