package chaos

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/goccy/go-yaml"
	"golang.org/x/sys/unix"
)

// SystemPolicy is what the administrator of a host allows. No flag and no variable
// leads elsewhere: then it would be no policy.
const SystemPolicy = "/etc/sitrep/chaos-policy.yaml"

// ExecCall is a program that a fault of a person's own runs, as data. It runs only what
// the policy names at that moment, whoever has written the call.
type ExecCall struct {
	Argv    []string      `json:"argv"` // the first is an absolute path
	Env     []string      `json:"env,omitempty"`
	Timeout time.Duration `json:"timeout"`
	Config  string        `json:"config,omitempty"` // absolute path of the configuration that has a policy, beside that of the system
}

// LongestExec is how long such a program may take at the most.
const LongestExec = 4 * time.Second

const (
	mostArguments   = 64
	longestArgument = 4096
)

// shells would run anything that they are told: what the policy names would be no limit.
var shells = []string{
	"sh", "bash", "rbash", "dash", "ash", "hush", "zsh", "ksh", "ksh93", "mksh", "fish", "csh", "tcsh", "busybox", "toybox",
	"awk", "gawk", "mawk", "nawk", "gdb", "strace", "ltrace",
	"env", "sudo", "doas", "su", "runuser", "setpriv", "capsh", "xargs", "nohup", "setsid", "timeout", "nice", "ionice", "chrt", "taskset",
	"flock", "stdbuf", "chroot", "nsenter", "unshare", "systemd-run", "start-stop-daemon",
}

// interpreter is the name of a program that runs the script which it is given, or code that
// stands in its options.
var interpreter = regexp.MustCompile(`^(?:perl|python|pypy|ruby|irb|node|nodejs|deno|bun|php|lua|luajit|tclsh|wish|guile|ocaml|Rscript|groovy|jshell|osascript|pwsh)[0-9.]*$`)

// execVariables are those that say what a program is run for.
var execVariables = []string{"SITREP_FAULT", "SITREP_TARGET", "SITREP_SERVICE", "SITREP_PID"}

// Valid refuses what is no call of one program.
func (x *ExecCall) Valid() error {
	switch {
	case x == nil || len(x.Argv) == 0 || !filepath.IsAbs(x.Argv[0]) || filepath.Clean(x.Argv[0]) != x.Argv[0]:
		return errors.New("a call begins with the absolute path of a program")
	case x.shell() != "":
		return fmt.Errorf("%s runs whatever it is told; name a program of its own, which may be a script that begins with #! and names a shell", x.shell())
	case x.interprets() && len(x.Argv) > 1 && (!filepath.IsAbs(x.Argv[1]) || filepath.Clean(x.Argv[1]) != x.Argv[1]):
		return fmt.Errorf("%s runs code that stands in its arguments; give it the absolute path of a script before anything else (this is %.80q), or name a script that begins with #! and names it", x.Argv[0], x.Argv[1])
	case len(x.Argv) > mostArguments || len(x.Env) > mostArguments:
		return fmt.Errorf("%s: at most %d arguments", x.Argv[0], mostArguments)
	case x.Timeout <= 0 || x.Timeout > LongestExec:
		return fmt.Errorf("%s: want a timeout of up to %s", x.Argv[0], LongestExec)
	case x.Config != "" && !filepath.IsAbs(x.Config):
		return fmt.Errorf("%s: %q is no absolute path of a configuration", x.Argv[0], x.Config)
	}
	for _, v := range x.Env { // a journal could say LD_PRELOAD
		if name, _, _ := strings.Cut(v, "="); !slices.Contains(execVariables, name) {
			return fmt.Errorf("%s: its environment has only %s; this is %q", x.Argv[0], strings.Join(execVariables, ", "), name)
		}
	}
	for _, word := range slices.Concat(x.Argv, x.Env) {
		if len(word) > longestArgument || strings.Contains(word, "\x00") {
			return fmt.Errorf("%s: an argument is longer than %d bytes, or has a zero byte", x.Argv[0], longestArgument)
		}
	}
	return nil
}

// names are what the program is called: as it was given, and what that leads to.
func (x *ExecCall) names() []string {
	all := []string{filepath.Base(x.Argv[0])}
	if real, err := filepath.EvalSymlinks(x.Argv[0]); err == nil { // else it is not there, which is told when it is run
		all = append(all, filepath.Base(real))
	}
	return all
}

// shell is the program if it would run any other, with what it leads to; empty if it
// would not. What is one of busybox by its name is what the name says.
func (x *ExecCall) shell() string {
	names := x.names()
	for i, name := range names {
		many := strings.HasPrefix(name, "busybox") || name == "toybox"
		if i > 0 && many && !strings.HasPrefix(names[0], "busybox") {
			continue
		}
		if many || slices.Contains(shells, name) {
			if name == names[0] {
				return x.Argv[0]
			}
			return x.Argv[0] + " is " + name + ", which"
		}
	}
	return ""
}

func (x *ExecCall) interprets() bool { return slices.ContainsFunc(x.names(), interpreter.MatchString) }

// Programs are what the policy must name: the program, and the script that it interprets.
func (x *ExecCall) Programs() []string {
	if len(x.Argv) > 1 && x.interprets() {
		return x.Argv[:2]
	}
	return x.Argv[:1]
}

// String is the call as a person would type it.
func (x *ExecCall) String() string {
	words := make([]string, len(x.Argv))
	for i, w := range x.Argv {
		words[i] = w
		if w == "" || strings.ContainsFunc(w, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"'\\$`;&|<>()*?[]#", r) }) {
			words[i] = strconv.Quote(w)
			if strings.ContainsAny(w, "\"\\$`") && !strings.ContainsFunc(w, unprinted) { // which double quotes would not keep as it is
				words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
			}
		}
	}
	return strings.Join(words, " ")
}

// unprinted says whether a character cannot stand on a line as it is.
func unprinted(r rune) bool { return !unicode.IsPrint(r) }

// Run runs the program and returns the beginning of what it has said, in one line. Its exit status, if
// it is not 0, is an *exec.ExitError. lease, if there is one, is inherited: see Armed.
func (x *ExecCall) Run(ctx context.Context, lease *os.File) (said string, err error) {
	if err := x.Valid(); err != nil {
		return "", err
	}
	if err := x.allowed(os.Geteuid()); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, x.Timeout)
	defer cancel()
	env := append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}, x.Env...) // and none of sitrep's own, which may hold secrets
	return runGroup(ctx, x.Argv, env, lease)
}

// runGroup runs a program in a process group of its own, which is killed when it ends, or
// ctx does, and with this process. The environment is ours where none is given.
func runGroup(ctx context.Context, argv, env []string, lease *os.File) (said string, err error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	out := &tail{}
	cmd.Stdout, cmd.Stderr, cmd.Env, cmd.Dir = out, out, env, "/"
	if lease != nil {
		cmd.ExtraFiles = []*os.File{lease}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 100 * time.Millisecond // for what it has left behind with its output
	if err := startAttached(cmd); err != nil {
		return "", fmt.Errorf("run %s: %w", argv[0], err)
	}
	err = cmd.Wait()
	if errors.Is(err, exec.ErrWaitDelay) { // it has ended well; what it left behind keeps its output open
		err = nil
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // whatever it has started
	text := heard(out.String())
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w (%w)", ctx.Err(), err)
	}
	if err != nil {
		return text, fmt.Errorf("%s: %w %s", argv[0], err, text)
	}
	return text, nil
}

// allowed asks the policy as it is now, of the system and of the configuration: one of
// them must name the program, and none that names any may leave it out. Where sitrep is
// root, neither they nor the program may be anybody else's to change.
func (x *ExecCall) allowed(euid int) error {
	for _, program := range x.Programs() {
		if err := x.allows(program, euid); err != nil {
			return err
		}
	}
	return nil
}

func (x *ExecCall) allows(program string, euid int) error {
	named := false
	for _, file := range []string{SystemPolicy, x.Config} {
		programs, err := programsOf(file, euid)
		if err != nil {
			return err
		}
		if programs != nil && !slices.Contains(programs, program) {
			return Refuse("exec", "have the policy name it under exec", "%s does not name %s", file, program)
		}
		named = named || programs != nil
	}
	if !named {
		return Refuse("exec", "have the policy name it under exec", "no policy names %s", program)
	}
	return rootsAlone(program, euid)
}

// rootsAlone refuses a program that root would run and somebody else may change.
func rootsAlone(program string, euid int) error {
	path, why, err := changeable(program, euid)
	switch {
	case err != nil:
		return fmt.Errorf("%s: who may change it? %w", program, err)
	case why != "":
		return Refuse("exec", "make it root's alone: chown root and chmod go-w "+path, "%s would be run as root, and %s %s", program, path, why)
	}
	return nil
}

// Runnable says whether a program that the policy names can be run by this user, as far as
// a look tells.
func Runnable(program string) error {
	if err := (&ExecCall{Argv: []string{program}, Timeout: LongestExec}).Valid(); err != nil {
		return Refuse("exec", "name another under exec", "%v", err)
	}
	info, err := os.Stat(program)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no plain file", program)
	}
	if err == nil {
		if err = unix.Access(program, unix.X_OK); err != nil {
			err = fmt.Errorf("%s may not be run: %w", program, err)
		}
	}
	if err != nil {
		return RefuseFor(err, "exec", "put it there, executable, or take it out of the policy's exec list", "%s cannot be run", program)
	}
	return rootsAlone(program, os.Geteuid())
}

// programsOf are the programs that a file's policy names: nil where there is no file, or
// it says nothing of them.
func programsOf(file string, euid int) ([]string, error) {
	if file == "" {
		return nil, nil
	}
	src, err := readPolicyFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = TrustPolicy(file, euid)
	}
	var policy struct {
		Exec  []string `yaml:"exec"`
		Chaos struct {
			Policy struct {
				Exec []string `yaml:"exec"`
			} `yaml:"policy"`
		} `yaml:"chaos"`
	}
	if err == nil {
		err = yaml.Unmarshal(src, &policy)
	}
	switch {
	case errors.Is(err, ErrRefused):
		return nil, err
	case err != nil:
		return nil, Refuse("policy", "mend it: nothing is run without knowing what is allowed", "%s: %v", file, err)
	case file == SystemPolicy:
		return policy.Exec, nil
	}
	return policy.Chaos.Policy.Exec, nil
}
