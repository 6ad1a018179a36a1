package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Discovery keeps the targets of a server those of its jobs: the files of
// file_sd_configs are read again every 5 s, and one that cannot be read keeps the
// targets that it had. Run and Look are one goroutine's.
type Discovery struct {
	Server  *Server
	Jobs    []Job
	Problem func(error) // called when the problems are others than before

	clients map[string]*http.Client
	groups  map[string][]TargetGroup // the last that could be read, by file
	list    []Target
	told    string
}

const lookEvery = 5 * time.Second

// Run looks now and then until ctx ends.
func (d *Discovery) Run(ctx context.Context) error {
	for {
		err := d.Look()
		if text := fmt.Sprint(err); text != d.told {
			if d.told = text; err != nil {
				d.Problem(err)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lookEvery):
		}
	}
}

// Look sets the targets as they are now. An error says what of them is missing.
func (d *Discovery) Look() error {
	var list []Target
	var errs []error
	for _, j := range d.Jobs {
		client, err := d.client(j)
		if err != nil {
			errs = append(errs, fmt.Errorf("job %q is not scraped: %w", j.Name, err))
			continue
		}
		groups := slices.Clone(j.Static)
		for _, pattern := range j.Files {
			more, err := d.files(pattern)
			errs, groups = append(errs, err), append(groups, more...)
		}
		targets, faults := j.Targets(groups)
		for i := range targets {
			targets[i].Options.Client = client
		}
		list, errs = append(list, targets...), append(errs, faults...)
	}
	if !reflect.DeepEqual(list, d.list) || d.list == nil {
		d.list = list
		d.Server.SetTargets(list)
	}
	return errors.Join(errs...)
}

// client is made once a job.
func (d *Discovery) client(j Job) (*http.Client, error) {
	if c, ok := d.clients[j.Name]; ok {
		return c, nil
	}
	if needs := j.Auth.Needs(); needs != "" {
		return nil, fmt.Errorf("it needs %s", needs)
	}
	c, err := j.Auth.Client()
	if err != nil {
		return nil, err
	}
	if d.clients == nil {
		d.clients = map[string]*http.Client{}
	}
	d.clients[j.Name] = c
	return c, nil
}

// files reads the files of a pattern.
func (d *Discovery) files(pattern string) (groups []TargetGroup, err error) {
	names, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("%q is not a file pattern", pattern)
	}
	if d.groups == nil {
		d.groups = map[string][]TargetGroup{}
	}
	var errs []error
	for _, name := range names {
		fresh, err := readGroups(name)
		if err != nil {
			errs = append(errs, err)
		} else {
			d.groups[name] = fresh
		}
		groups = append(groups, d.groups[name]...)
	}
	return groups, errors.Join(errs...)
}

// ReadGroups reads the files of patterns, as Discovery does.
func ReadGroups(patterns ...string) (groups []TargetGroup, err error) {
	var d Discovery
	for _, p := range patterns {
		more, fault := d.files(p)
		groups, err = append(groups, more...), errors.Join(err, fault)
	}
	return groups, err
}

// readGroups reads a file of targets, JSON or YAML; each knows which file it is of.
func readGroups(name string) ([]TargetGroup, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular(), info.Size() > strictyaml.MaxSize:
		return nil, fmt.Errorf("%s: not a file of at most %d bytes", name, strictyaml.MaxSize)
	}
	src, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var groups []TargetGroup
	if filepath.Ext(name) == ".json" {
		err = json.Unmarshal(src, &groups)
	} else {
		err = yaml.Unmarshal(src, &groups)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for i := range groups {
		if groups[i].Labels == nil {
			groups[i].Labels = map[string]string{}
		}
		groups[i].Labels["__meta_filepath"] = name
	}
	return groups, nil
}
