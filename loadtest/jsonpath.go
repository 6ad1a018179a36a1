package loadtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// jsonPath is the way to a value in a JSON document, such as items[0].id or $.token.
type jsonPath []any // string: a key; int: a place in a list

// parseJSONPath reads keys with dots between them and places in brackets.
func parseJSONPath(s string) (jsonPath, error) {
	rest := strings.TrimPrefix(strings.TrimPrefix(s, "$"), ".")
	if rest == "" {
		return nil, fmt.Errorf("%q is no path into JSON; write one such as items[0].id", s)
	}
	var p jsonPath
	for _, step := range strings.Split(rest, ".") {
		key, places, more := strings.Cut(step, "[")
		if key == "" && (len(p) > 0 || !more) {
			return nil, fmt.Errorf("%q is no path into JSON: a key is empty", s)
		}
		if key != "" {
			p = append(p, key)
		}
		for more {
			var n string
			var ok bool
			n, places, ok = strings.Cut(places, "]")
			i, err := strconv.Atoi(n)
			if !ok || err != nil || i < 0 || places != "" && places[0] != '[' {
				return nil, fmt.Errorf("%q is no path into JSON: write places as [0]", s)
			}
			p = append(p, i)
			_, places, more = strings.Cut(places, "[")
		}
	}
	return p, nil
}

// find is the value at the path as text; an object or a list is its JSON.
func (p jsonPath) find(document []byte) (string, error) {
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return "", fmt.Errorf("the body is no JSON: %w", err)
	}
	for _, step := range p {
		switch at := step.(type) {
		case string:
			object, ok := v.(map[string]any)
			if v, ok = object[at], ok && has(object, at); !ok {
				return "", fmt.Errorf("the body has no %q at that place", at)
			}
		case int:
			list, ok := v.([]any)
			if !ok || at >= len(list) {
				return "", fmt.Errorf("the body has no [%d] at that place", at)
			}
			v = list[at]
		}
	}
	return plain(v), nil
}

func has(m map[string]any, key string) bool { _, ok := m[key]; return ok }

// plain is a JSON value as a person would write it: strings without quotes.
func plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case nil:
		return "null"
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic("loadtest: what came from JSON is no JSON: " + err.Error())
	}
	return string(b)
}
