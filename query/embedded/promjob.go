package embedded

import (
	"cmp"
	"fmt"
	"math"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v3"
)

// job reads one of scrape_configs.
func (r *fileReader) job(n *yaml.Node) error {
	j := Job{Path: "/metrics", Scheme: "http"}
	// The name first, for what is left out.
	if err := r.each(n, func(key, value *yaml.Node) error {
		if key.Value == "job_name" {
			j.Name = value.Value
		}
		return nil
	}); err != nil {
		return err
	}
	if j.Name == "" {
		return r.fault(n, "a job needs a job_name")
	}
	if slices.ContainsFunc(r.out.Jobs, func(o Job) bool { return o.Name == j.Name }) {
		return r.fault(n, "there are two jobs %q", j.Name)
	}
	if err := r.each(n, func(key, value *yaml.Node) error { return r.jobKey(&j, key, value) }); err != nil {
		return err
	}
	r.out.Jobs = append(r.out.Jobs, j)
	return nil
}

func (r *fileReader) jobKey(j *Job, key, value *yaml.Node) error {
	switch key.Value {
	case "job_name":
	case "scrape_interval":
		return r.duration(value, &j.Options.Interval)
	case "scrape_timeout":
		return r.duration(value, &j.Options.Timeout)
	case "metrics_path":
		return r.into(value, &j.Path)
	case "scheme":
		if value.Value != "http" && value.Value != "https" {
			return r.fault(value, "the scheme is http or https")
		}
		j.Scheme = value.Value
	case "params":
		return r.into(value, (*map[string][]string)(&j.Params))
	case "honor_labels":
		return r.into(value, &j.Options.HonorLabels)
	case "honor_timestamps":
		honor := true
		err := r.into(value, &honor)
		j.Options.IgnoreTimestamps = !honor
		return err
	case "sample_limit":
		return r.into(value, &j.Options.SampleLimit)
	case "body_size_limit":
		size, ok := byteSize(value.Value)
		if !ok {
			return r.fault(value, "%q is not a size such as 10MB", value.Value)
		}
		j.Options.MaxBody = size
	case "static_configs":
		return r.into(value, &j.Static)
	case "relabel_configs":
		return r.relabel(value, &j.Relabel)
	case "metric_relabel_configs":
		return r.relabel(value, &j.Options.Relabel)
	case "file_sd_configs":
		var list []struct {
			Files []string `yaml:"files"`
		}
		err := r.into(value, &list)
		j.Files = nil // a merged one's
		for _, one := range list {
			j.Files = append(j.Files, r.paths(one.Files)...)
		}
		return err
	case "enable_compression", "scrape_classic_histograms", "always_scrape_classic_histograms", "fallback_scrape_protocol", "scrape_protocols":
		// nothing that changes a float's value
	default:
		if known, err := r.access(j, key, value); known || err != nil {
			return err
		}
		if strings.HasSuffix(key.Value, "_sd_configs") {
			j.Dropping = true
			r.leave(j.Name, key, "is not carried over: only static_configs and file_sd_configs find targets")
			return nil
		}
		r.leave(j.Name, key, "is not carried over")
	}
	return nil
}

// byteSize reads 10MB or 512KiB; both are counted by 1024, as Prometheus does.
func byteSize(text string) (int64, bool) {
	number, factor := strings.TrimSuffix(strings.TrimSuffix(text, "B"), "i"), int64(1)
	if n := len(number); n > 0 {
		if i := strings.IndexByte("KMGT", number[n-1]); i >= 0 {
			number, factor = number[:n-1], 1<<(10*(i+1))
		}
	}
	size, err := strconv.ParseInt(number, 10, 64)
	if err != nil || size < 0 || size > math.MaxInt64/factor {
		return 0, false
	}
	return size * factor, true
}

func (r *fileReader) relabel(n *yaml.Node, dst *[]*relabel.Config) error {
	if n.Kind != yaml.SequenceNode {
		return r.fault(n, "a list of relabelings belongs here")
	}
	*dst = nil // a merged job's
	for _, one := range n.Content {
		var c relabel.Config
		if err := r.into(plain(one), &c); err != nil {
			return err
		}
		if err := c.Validate(model.UTF8Validation); err != nil {
			return r.fault(one, "%v", err)
		}
		if strings.Count(c.Replacement, "$") > mostInserts {
			return r.fault(one, "a replacement has at most %d places to fill in", mostInserts)
		}
		*dst = append(*dst, &c)
	}
	return nil
}

// Targets are those of groups of addresses, after the job's relabeling. What it drops
// is left out; an error says what became no target.
func (j Job) Targets(groups []TargetGroup) (list []Target, errs []error) {
	for _, g := range groups {
		for _, address := range g.Targets {
			t, keep, err := j.target(address, g.Labels)
			if err != nil {
				errs = append(errs, fmt.Errorf("job %q, target %q: %w", j.Name, address, err))
			} else if keep {
				list = append(list, t)
			}
		}
	}
	return list, errs
}

// target is by Prometheus' rules: labels that begin with __ make the address and go.
func (j Job) target(address string, group map[string]string) (Target, bool, error) {
	b := labels.NewBuilder(labels.EmptyLabels())
	for name, v := range group {
		b.Set(name, v)
	}
	for name, v := range map[string]string{
		model.AddressLabel: address, model.SchemeLabel: j.Scheme, model.MetricsPathLabel: j.Path, model.JobLabel: j.Name,
		model.ScrapeIntervalLabel: model.Duration(j.Options.Interval).String(), model.ScrapeTimeoutLabel: model.Duration(j.Options.Timeout).String(),
	} {
		if b.Get(name) == "" {
			b.Set(name, v)
		}
	}
	for name, values := range j.Params {
		if len(values) > 0 {
			b.Set(model.ParamLabelPrefix+name, values[0])
		}
	}
	if keep, err := relabelled(b, j.Relabel); !keep {
		return Target{}, false, err
	}
	u := url.URL{Scheme: b.Get(model.SchemeLabel), Host: b.Get(model.AddressLabel), Path: b.Get(model.MetricsPathLabel)}
	if err := checkAddress(u.Host); err != nil {
		return Target{}, false, err
	}
	query := url.Values{}
	for name, values := range j.Params {
		query[name] = slices.Clone(values)
	}
	out := Target{Labels: map[string]string{}, Options: j.Options}
	b.Range(func(l labels.Label) {
		if name, is := strings.CutPrefix(l.Name, model.ParamLabelPrefix); is {
			if len(query[name]) > 0 {
				query[name][0] = l.Value
			} else {
				query[name] = []string{l.Value}
			}
		}
		if !strings.HasPrefix(l.Name, model.ReservedLabelPrefix) {
			out.Labels[l.Name] = l.Value
		}
	})
	u.RawQuery = query.Encode()
	out.URL = u.String()
	out.Labels[model.InstanceLabel] = cmp.Or(out.Labels[model.InstanceLabel], u.Host)
	for name, dst := range map[string]*model.Duration{
		model.ScrapeIntervalLabel: (*model.Duration)(&out.Options.Interval), model.ScrapeTimeoutLabel: (*model.Duration)(&out.Options.Timeout),
	} {
		d, err := model.ParseDuration(b.Get(name))
		if err != nil {
			return Target{}, false, fmt.Errorf("%s: %w", name, err)
		}
		*dst = d
	}
	return out, true, nil
}

func checkAddress(host string) error {
	if host == "" || strings.ContainsAny(host, "/?#@ ") {
		return fmt.Errorf("%q is not an address such as host:9100", host)
	}
	if _, port, err := net.SplitHostPort(host); err == nil && port == "" {
		return fmt.Errorf("%q has no port after the colon", host)
	}
	return nil
}
