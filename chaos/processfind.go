package chaos

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ProcessFind is how the processes of a service are found on this host. All that is
// given must fit; at least one of PIDFile, Port, Program and Arguments is.
type ProcessFind struct {
	Name      string            `yaml:"name" json:"name"` // of the target; several processes become name-1, name-2, the oldest first
	Service   string            `yaml:"service" json:"service"`
	Labels    map[string]string `yaml:"labels" json:"labels,omitempty"`
	URL       string            `yaml:"url" json:"url,omitempty"`             // where it answers, for what needs that
	PIDFile   string            `yaml:"pid_file" json:"pid_file,omitempty"`   // absolute
	Port      int               `yaml:"port" json:"port,omitempty"`           // it listens on, TCP
	Program   string            `yaml:"program" json:"program,omitempty"`     // its file's name, or its absolute path
	Arguments string            `yaml:"arguments" json:"arguments,omitempty"` // a regular expression that its command line matches
	TLS       bool              `yaml:"tls" json:"tls,omitempty"`             // what it speaks on its port is encrypted
}

// Valid refuses an entry that could not find anything, or anything at all. The key is
// where it is wrong.
func (f ProcessFind) Valid() (key string, err error) {
	switch {
	case !targetName.MatchString(f.Name):
		return "name", fmt.Errorf("a target needs a name of letters, digits, dots, dashes and colons; this is %q", f.Name)
	case !targetName.MatchString(f.Service):
		return "service", fmt.Errorf("%s: which service is it? this is %q", f.Name, f.Service)
	case f.PIDFile == "" && f.Port == 0 && f.Program == "" && f.Arguments == "":
		return "name", fmt.Errorf("%s: how is it found? give one of pid_file, port, program, arguments", f.Name)
	case f.PIDFile != "" && !filepath.IsAbs(f.PIDFile):
		return "pid_file", fmt.Errorf("%s: %q is not an absolute path", f.Name, f.PIDFile)
	case f.Port < 0 || f.Port > 65535:
		return "port", fmt.Errorf("%s: %d is no TCP port", f.Name, f.Port)
	case strings.Contains(f.Program, "/") && !filepath.IsAbs(f.Program):
		return "program", fmt.Errorf("%s: %q is neither a name nor an absolute path", f.Name, f.Program)
	}
	if _, err := regexp.Compile(f.Arguments); err != nil {
		return "arguments", fmt.Errorf("%s: %w", f.Name, err)
	}
	return "", nil
}

// find lists the processes that fit. That there is none is no error: a draw says so.
func (f ProcessFind) find() ([]Target, error) {
	found, err := f.Processes()
	if err != nil {
		return nil, err
	}
	var targets []Target
	for i, p := range found {
		name := f.Name
		if len(found) > 1 {
			name = fmt.Sprintf("%s-%d", f.Name, i+1)
		}
		targets = append(targets, Target{
			Name: name, Service: f.Service, PID: p.PID, StartTicks: p.StartTicks, URL: f.URL, Labels: f.Labels,
			Listed: true, Find: &f, Peers: found,
		})
	}
	return targets, nil
}

// Processes are those that fit now, the oldest first.
func (f ProcessFind) Processes() ([]Process, error) {
	pids, err := f.candidates()
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", f.Name, err)
	}
	var found []Process
	for _, pid := range pids {
		p, err := Identify(pid)
		if err == nil && f.fits(pid) && p.Alive() { // after the look: it is still the same process
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(a, b Process) int {
		return cmp.Or(cmp.Compare(a.StartTicks, b.StartTicks), cmp.Compare(a.PID, b.PID))
	})
	return found, nil
}

// longestPIDFile is more than any has.
const longestPIDFile = 4 << 10

// candidates are the processes to look at: the one of the file, or all.
func (f ProcessFind) candidates() ([]int, error) {
	if f.PIDFile == "" {
		return allProcesses()
	}
	text, err := readPlain(f.PIDFile, longestPIDFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // it does not run
	}
	if err != nil {
		return nil, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text[:min(len(text), 32)])))
	if err != nil {
		return nil, fmt.Errorf("%s holds no number of a process", f.PIDFile)
	}
	return []int{pid}, nil
}

func allProcesses() ([]int, error) {
	entries, err := os.ReadDir("/proc")
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, err
}

func (f ProcessFind) fits(pid int) bool {
	proc := "/proc/" + strconv.Itoa(pid)
	if f.Program != "" && !f.isProgram(proc) {
		return false
	}
	if f.Arguments != "" {
		line, err := os.ReadFile(proc + "/cmdline")
		words := strings.ReplaceAll(strings.TrimRight(string(line), "\x00"), "\x00", " ")
		if ok, _ := regexp.MatchString(f.Arguments, words); err != nil || !ok {
			return false
		}
	}
	return f.Port == 0 || listensOn(pid, f.Port)
}

// isProgram looks at the file that runs, which a process cannot change as it can its
// name; where that may not be seen, at its first argument.
func (f ProcessFind) isProgram(proc string) bool {
	file, err := os.Readlink(proc + "/exe")
	if err != nil {
		line, _ := os.ReadFile(proc + "/cmdline")
		file, _, _ = strings.Cut(string(line), "\x00")
	}
	file = strings.TrimSuffix(file, " (deleted)")
	return file == f.Program || filepath.Base(file) == f.Program
}
