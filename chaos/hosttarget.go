package chaos

import (
	"fmt"
	"path/filepath"
)

// HostTarget is what of this host may be hurt: nothing of it that is not named here.
type HostTarget struct {
	Name    string            `yaml:"name" json:"name"`
	Service string            `yaml:"service" json:"service"`
	Labels  map[string]string `yaml:"labels" json:"labels,omitempty"`
	CPU     bool              `yaml:"cpu" json:"cpu,omitempty"`       // its CPUs may be kept busy
	Memory  bool              `yaml:"memory" json:"memory,omitempty"` // its memory may be taken
	Path    string            `yaml:"path" json:"path,omitempty"`     // a directory: its filesystem may be filled and kept busy
	Port    int               `yaml:"port" json:"port,omitempty"`     // TCP: the requests to it may be hurt
	TLS     bool              `yaml:"tls" json:"tls,omitempty"`       // they are encrypted
}

// Valid refuses an entry that names nothing. The key is where it is wrong.
func (h HostTarget) Valid() (key string, err error) {
	switch {
	case !targetName.MatchString(h.Name):
		return "name", fmt.Errorf("a target needs a name of letters, digits, dots, dashes and colons; this is %q", h.Name)
	case !targetName.MatchString(h.Service):
		return "service", fmt.Errorf("%s: which service is it? this is %q", h.Name, h.Service)
	case !h.CPU && !h.Memory && h.Path == "" && h.Port == 0:
		return "name", fmt.Errorf("%s: what of the host may be hurt? give one of cpu: true, memory: true, path, port", h.Name)
	case h.Port < 0 || h.Port > 65535:
		return "port", fmt.Errorf("%s: %d is no TCP port", h.Name, h.Port)
	case h.Path != "" && !filepath.IsAbs(h.Path):
		return "path", fmt.Errorf("%s: %q is not an absolute path", h.Name, h.Path)
	}
	return "", nil
}

// target is the entry as a target; keep are the directories of sitrep's own files.
func (h HostTarget) target(keep []string) Target {
	return Target{Name: h.Name, Service: h.Service, Labels: h.Labels, Listed: true, Host: &h, Keep: keep}
}
