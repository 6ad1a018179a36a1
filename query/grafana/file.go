// Package grafana makes boards of Grafana's dashboards, and says panel by panel
// what was carried over and what was not.
package grafana

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sitrep-dev/sitrep/query"
)

// MaxSize is how large a file of dashboards may be, in bytes.
const MaxSize = 16 << 20

// What the JSON of a file may consist of: Node Exporter Full has 4 450 objects. Each
// costs two bytes in the file and hundreds here.
const (
	mostObjects = 300_000
	mostMembers = 1_000_000
)

// ErrSchemaV2 is a dashboard of the schema that comes after the classic one.
var ErrSchemaV2 = errors.New("this is a dashboard of schema v2; export it as classic JSON (in Grafana: Export, \"Export as code\" off, or model: Classic)")

// dashboard is one of a file, as it stands there.
type dashboard struct {
	name string // of its file, for the board
	json value
}

// read finds the dashboards of a file: JSON as Grafana exports it or its API
// answers it, or YAML that holds such JSON in its texts (a ConfigMap or a list of
// them, the resources of operators).
func read(file string, src []byte) ([]dashboard, error) {
	name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	if strings.Contains(file, "://") || file == "-" {
		name = "" // of the dashboard, then
	}
	src = bytes.TrimSpace(bytes.TrimPrefix(src, []byte("\ufeff")))
	switch {
	case len(src) > MaxSize:
		return nil, fmt.Errorf("%s: the file is larger than %d MiB; no dashboard is", file, MaxSize>>20)
	case len(src) == 0:
		return nil, fmt.Errorf("%s: the file is empty", file)
	case src[0] == '<':
		return nil, fmt.Errorf("%s: this is HTML, not a dashboard; is it Grafana's login page? Give the exported JSON, or a token", file)
	case src[0] != '{' && src[0] != '[':
		return readYAML(file, src)
	}
	var crowd query.Crowd
	if crowd.Count(src); crowd.Objects > mostObjects || crowd.Members > mostMembers {
		return nil, tooMuch(file)
	}
	var v value
	if err := json.Unmarshal(src, &v.any); err != nil {
		return nil, jsonError(file, src, err)
	}
	found, err := unwrap(name, v)
	if err == nil && len(found) == 0 {
		err = errors.New("no dashboard in it: there are neither panels nor rows")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return found, nil
}

// jsonError has the line and column of the fault.
func jsonError(file string, src []byte, err error) error {
	var fault *json.SyntaxError
	if !errors.As(err, &fault) {
		return fmt.Errorf("%s: cannot be read as JSON: %w", file, err)
	}
	before := src[:min(max(0, int(fault.Offset)-1), len(src))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Errorf("%s:%d:%d: cannot be read as JSON: %w; is the file whole?", file, line, column, err)
}

// unwrap finds the dashboards in what was wrapped around them.
func unwrap(name string, v value) ([]dashboard, error) {
	if l := v.list(); len(l) > 0 {
		var all []dashboard
		for i, e := range l {
			found, err := unwrap(fmt.Sprintf("%s-%d", name, i+1), e)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
		return all, nil
	}
	for range 3 { // {"dashboard": {...}} of the API, {"spec": {...}} of a resource, both
		switch {
		case v.at("elements").isObject() && v.at("layout").isObject():
			return nil, ErrSchemaV2
		case len(v.at("panels").list())+len(v.at("rows").list()) > 0:
			return []dashboard{{name, v}}, nil
		case v.at("dashboard").isObject():
			v = v.at("dashboard")
		case v.at("spec").isObject():
			v = v.at("spec")
		}
	}
	return nil, nil
}

func tooMuch(file string) error {
	return fmt.Errorf("%s: it holds more than %d objects or %d values; no dashboard does: export the dashboards one by one", file, mostObjects, mostMembers)
}

// readYAML looks at every text of a YAML file that could be a dashboard.
func readYAML(file string, src []byte) ([]dashboard, error) {
	if bytes.Count(src, []byte{'\n'})+bytes.Count(src, []byte{','}) > mostMembers || bytes.Count(src, []byte{'{'})+bytes.Count(src, []byte{'['}) > mostObjects {
		return nil, tooMuch(file)
	}
	var all []dashboard
	dec := yaml.NewDecoder(bytes.NewReader(src))
	for {
		var doc yaml.Node
		if err := dec.Decode(&doc); err != nil {
			if len(all) == 0 && !isEnd(err) {
				return nil, fmt.Errorf("%s: neither JSON nor YAML that can be read: %w", file, err)
			}
			break
		}
		found, err := inYAML("dashboard", &doc, 0)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, found...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no dashboard in it: give Grafana's JSON, or YAML that holds such JSON under data", file)
	}
	return all, nil
}

func isEnd(err error) bool { return errors.Is(err, io.EOF) }

// inYAML walks n, which stands under the key name; aliases are not followed.
func inYAML(name string, n *yaml.Node, depth int) ([]dashboard, error) {
	if n.Kind == yaml.ScalarNode {
		if text := strings.TrimSpace(n.Value); strings.HasPrefix(text, "{") {
			var v value
			if json.Unmarshal([]byte(text), &v.any) == nil {
				return unwrap(strings.TrimSuffix(name, ".json"), v)
			}
		}
		return nil, nil
	}
	var all []dashboard
	if depth > 16 {
		return nil, nil
	}
	for i, kid := range n.Content {
		key := name
		if n.Kind == yaml.MappingNode {
			if i%2 == 0 {
				continue
			}
			key = n.Content[i-1].Value
		}
		found, err := inYAML(key, kid, depth+1)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}
