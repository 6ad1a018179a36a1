package embedded

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v3"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// File is a prometheus.yml, as far as it is carried over. Paths in it are absolute
// or relative to its own directory, and stand here as they can be opened.
type File struct {
	Interval, Timeout, Evaluation time.Duration // of global; 0 = not said
	External                      map[string]string
	RuleFiles                     []string // patterns
	Jobs                          []Job
	Left                          []Left // what is not carried over
}

// Left is a part of the file that means something to Prometheus and nothing here.
type Left struct {
	Job          string // empty: of no job
	Key          string
	Line, Column int
	Why          string
}

// String is where and what, for a person: prometheus.yml is named by the caller.
func (l Left) String() string {
	where := ""
	if l.Job != "" {
		where = fmt.Sprintf("job %q: ", l.Job)
	}
	return fmt.Sprintf("%d:%d: %s%s %s", l.Line, l.Column, where, l.Key, l.Why)
}

// Job is one of scrape_configs.
type Job struct {
	Name     string
	Scheme   string // http if empty
	Path     string // /metrics if empty
	Params   url.Values
	Options  Options // but Client, which Auth makes
	Auth     Auth
	Static   []TargetGroup
	Files    []string          // patterns of file_sd_configs
	Relabel  []*relabel.Config // of targets
	Dropping bool              // a discovery of it is not carried over
}

// TargetGroup is addresses that have labels in common.
type TargetGroup struct {
	Targets []string          `yaml:"targets" json:"targets"`
	Labels  map[string]string `yaml:"labels" json:"labels"`
}

// ReadFile reads a prometheus.yml; dir is what paths in it start from. A fault names
// the file, line and column; what is not carried over is no fault, it is in Left.
func ReadFile(name, dir string, src []byte) (File, error) {
	if len(src) > strictyaml.MaxSize {
		return File{}, fmt.Errorf("%s: it has more than %d bytes", name, strictyaml.MaxSize)
	}
	r := fileReader{name: name, dir: dir}
	var doc yaml.Node
	switch err := yaml.NewDecoder(bytes.NewReader(src)).Decode(&doc); {
	case errors.Is(err, io.EOF):
		return File{}, fmt.Errorf("%s: the file is empty", name)
	case err != nil:
		return File{}, fmt.Errorf("%s: %w", name, err)
	}
	err := r.each(doc.Content[0], r.top)
	return r.out, err
}

// fileReader reads one file.
type fileReader struct {
	name, dir string
	out       File
	merges    int
}

// mostMerges bounds how often mappings are merged (<<): a few lines can ask for
// billions, or for themselves.
const mostMerges = 10_000

// each calls with every key of a mapping and its value; merged keys (<<) come first,
// so that the mapping's own win.
func (r *fileReader) each(n *yaml.Node, with func(key, value *yaml.Node) error) error {
	n = plain(n)
	if n.Kind != yaml.MappingNode {
		return r.fault(n, "a mapping with keys belongs here")
	}
	var err error
	for pass := range 2 {
		for i := 0; i+1 < len(n.Content) && err == nil; i += 2 {
			key, value := n.Content[i], plain(n.Content[i+1])
			merge := key.Value == "<<"
			if merge && pass == 0 {
				if r.merges++; r.merges > mostMerges {
					return r.fault(key, "mappings are merged too often")
				}
			}
			switch {
			case merge && pass == 0 && value.Kind == yaml.SequenceNode:
				for _, one := range value.Content {
					err = errors.Join(err, r.each(one, with))
				}
			case merge && pass == 0:
				err = r.each(value, with)
			case !merge && pass == 1:
				err = with(key, value)
			}
		}
	}
	return err
}

// plain is what an alias stands for.
func plain(n *yaml.Node) *yaml.Node {
	for range 10 {
		if n.Kind != yaml.AliasNode || n.Alias == nil {
			break
		}
		n = n.Alias
	}
	return n
}

func (r *fileReader) fault(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d:%d: %s", r.name, n.Line, n.Column, fmt.Sprintf(format, args...))
}

// into decodes a value, and says where it could not.
func (r *fileReader) into(n *yaml.Node, dst any) error {
	if err := n.Decode(dst); err != nil {
		return r.fault(n, "%v", err)
	}
	return nil
}

func (r *fileReader) duration(n *yaml.Node, dst *time.Duration) error {
	d, err := model.ParseDuration(n.Value)
	if err != nil {
		return r.fault(n, "%q is not a duration such as 15s", n.Value)
	}
	*dst = time.Duration(d)
	return nil
}

func (r *fileReader) leave(job string, key *yaml.Node, why string) {
	r.out.Left = append(r.out.Left, Left{Job: job, Key: key.Value, Line: key.Line, Column: key.Column, Why: why})
}

func (r *fileReader) top(key, value *yaml.Node) error {
	switch key.Value {
	case "global":
		return r.each(value, r.global)
	case "rule_files":
		var files []string
		if err := r.into(value, &files); err != nil {
			return err
		}
		r.out.RuleFiles = r.paths(files)
	case "scrape_configs":
		if value.Kind != yaml.SequenceNode {
			return r.fault(value, "scrape_configs is a list")
		}
		for _, n := range value.Content {
			if err := r.job(plain(n)); err != nil {
				return err
			}
		}
	case "scrape_config_files":
		r.leave("", key, "is not read: name the jobs in this file")
	case "alerting":
		r.leave("", key, "is not carried over: alerts go to sitrep's own policy")
	default:
		r.leave("", key, "is not carried over")
	}
	return nil
}

func (r *fileReader) paths(files []string) []string {
	out := slices.Clone(files)
	for i, f := range out {
		if !filepath.IsAbs(f) {
			out[i] = filepath.Join(r.dir, f)
		}
	}
	return out
}

func (r *fileReader) global(key, value *yaml.Node) error {
	switch key.Value {
	case "scrape_interval":
		return r.duration(value, &r.out.Interval)
	case "scrape_timeout":
		return r.duration(value, &r.out.Timeout)
	case "evaluation_interval":
		return r.duration(value, &r.out.Evaluation)
	case "external_labels":
		return r.into(value, &r.out.External)
	}
	r.leave("", key, "of global is not carried over")
	return nil
}
