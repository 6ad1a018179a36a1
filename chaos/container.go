package chaos

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Container is the identity of a container that runs: one that was started again, or
// made again under the same name, is another.
type Container struct {
	Socket    string    `json:"socket"` // of its Docker
	ID        string    `json:"id"`
	StartedAt time.Time `json:"started_at"`
}

func (c Container) String() string { return fmt.Sprintf("%.12s", c.ID) }

// Docker is the daemon that has it.
func (c Container) Docker() Docker { return Docker{Socket: c.Socket} }

// Is says whether what Docker tells is about this very container, started when it was.
func (c Container) Is(s ContainerState) bool {
	return s.ID == c.ID && s.State.StartedAt.Equal(c.StartedAt)
}

// ContainerFind is how the containers of a service are found: by name, or by labels.
type ContainerFind struct {
	Name      string            `yaml:"name" json:"name"` // of the target; several containers become name-1, name-2, by their names
	Service   string            `yaml:"service" json:"service"`
	Labels    map[string]string `yaml:"labels" json:"labels,omitempty"`
	URL       string            `yaml:"url" json:"url,omitempty"` // where it answers
	Container string            `yaml:"container" json:"container,omitempty"`
	Select    map[string]string `yaml:"select" json:"select,omitempty"` // labels that Docker knows
}

// Valid refuses an entry that could find nothing, or everything. The key is where it is
// wrong.
func (f ContainerFind) Valid() (key string, err error) {
	switch {
	case !targetName.MatchString(f.Name):
		return "name", fmt.Errorf("a target needs a name of letters, digits, dots, dashes and colons; this is %q", f.Name)
	case !targetName.MatchString(f.Service):
		return "service", fmt.Errorf("%s: which service is it? this is %q", f.Name, f.Service)
	case (f.Container == "") == (len(f.Select) == 0):
		return "name", fmt.Errorf("%s: how is it found? give one of container, select", f.Name)
	}
	return "", nil
}

// ContainerTarget is a container that may be hurt.
type ContainerTarget struct {
	Container
	Find  ContainerFind
	Peers []Container // all that were found so, this one among them
	Why   string      // nobody knows which it is: Docker does not answer
}

// mostContainers is how many are looked at for one entry.
const mostContainers = 64

// find lists the containers that fit. Docker's silence is a target that every fault
// refuses: what is not in a container may be hurt all the same.
func (f ContainerFind) find(ctx context.Context, socket string) []Target {
	ctx, cancel := context.WithTimeout(ctx, toolPatience)
	defer cancel()
	found, err := f.Containers(ctx, Docker{socket})
	if err != nil {
		return []Target{{Name: f.Name, Service: f.Service, Labels: f.Labels, Listed: true, Container: &ContainerTarget{Find: f, Why: err.Error()}}}
	}
	var targets []Target
	var peers []Container
	for _, s := range found {
		peers = append(peers, Container{socket, s.ID, s.State.StartedAt})
	}
	for i, s := range found {
		t := Target{Name: f.Name, Service: f.Service, Labels: f.Labels, URL: f.URL, Listed: true, Container: &ContainerTarget{Container: peers[i], Find: f, Peers: peers}}
		if len(found) > 1 {
			t.Name = fmt.Sprintf("%s-%d", f.Name, i+1)
		}
		if p, err := s.process(); err == nil {
			t.PID, t.StartTicks = p.PID, p.StartTicks
		}
		targets = append(targets, t)
	}
	return targets
}

// Containers are those that fit and run now, by their names.
func (f ContainerFind) Containers(ctx context.Context, d Docker) ([]ContainerState, error) {
	list, err := d.running(ctx, f.Select)
	if err != nil {
		return nil, err
	}
	if f.Container != "" {
		list = slices.DeleteFunc(list, func(c listedContainer) bool { return !slices.Contains(c.Names, "/"+f.Container) })
	}
	if len(list) > mostContainers {
		return nil, fmt.Errorf("docker %s: %d containers fit %s; at most %d are looked at", d.Socket, len(list), f.Name, mostContainers)
	}
	var found []ContainerState
	for _, c := range list {
		s, err := d.Inspect(ctx, c.ID)
		switch {
		case errors.Is(err, ErrContainerGone):
		case err != nil:
			return nil, err
		case s.State.Running:
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b ContainerState) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return found, nil
}

// process is the first process of the container, proven to be in it: Docker may be in
// another machine, where its number means another.
func (s ContainerState) process() (Process, error) {
	p, err := Identify(s.State.PID)
	if err == nil && (s.State.PID <= 1 || !inContainer(s.State.PID, s.ID) || !p.Alive()) {
		err = fmt.Errorf("process %d of container %.12s cannot be seen from here", s.State.PID, s.ID)
	}
	return p, err
}

func inContainer(pid int, id string) bool {
	groups, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	return strings.Contains(string(groups), id)
}

// Protected says why a container must not be hurt, or nothing: by what runs in it as far
// as it can be seen, and else by what Docker calls its program and image.
func (s ContainerState) Protected() string {
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	host, _ := os.Hostname()
	if strings.Contains(string(mounts), "/containers/"+s.ID+"/") || host == s.ID[:12] || inContainer(os.Getpid(), s.ID) {
		return fmt.Sprintf("sitrep runs in container %.12s", s.ID)
	}
	pids, _ := allProcesses()
	for _, pid := range pids {
		if !inContainer(pid, s.ID) {
			continue
		}
		if p, err := Identify(pid); err == nil {
			if why := Protected(p); why != "" && p.Alive() {
				return why
			}
		}
	}
	image, _, _ := strings.Cut(path.Base(s.Config.Image), ":")
	image, _, _ = strings.Cut(image, "@")
	for _, name := range []string{filepath.Base(s.Path), image} {
		if name == "sitrep" || slices.Contains(protectedPrograms, name) {
			return fmt.Sprintf("container %.12s is %s", s.ID, name)
		}
	}
	return ""
}
