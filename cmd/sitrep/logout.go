package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path"
	"regexp"
	"slices"
	"strings"
)

// logout is what this host does to processes when their user logs out, as far as
// its files say. Paths are without the leading slash.
type logout struct {
	files fs.FS
	user  string
}

var sessionScope = regexp.MustCompile(`/session-[^/]*\.scope`)

// survives says whether a process that outlives its terminal is left alone at
// logout; the error says what would end it, and what to do. Sources: logind.conf(5),
// loginctl(1).
func (l logout) survives() (fine string, err error) {
	cgroup, err := fs.ReadFile(l.files, "proc/self/cgroup")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read how this session is kept: %w", err)
	}
	if !sessionScope.Match(cgroup) {
		return "nothing here ends processes at logout (this is no login session of systemd)", nil
	}
	settings, err := l.settings()
	if err != nil {
		return "", err
	}
	switch kill := strings.ToLower(settings["KillUserProcesses"]); {
	case slices.Contains(strings.Fields(settings["KillExcludeUsers"]), l.user):
		return l.user + " is one of KillExcludeUsers: what outlives a terminal is left alone", nil
	case settings["KillOnlyUsers"] != "" && !slices.Contains(strings.Fields(settings["KillOnlyUsers"]), l.user):
		return l.user + " is none of KillOnlyUsers: what outlives a terminal is left alone", nil
	case slices.Contains([]string{"yes", "true", "on", "1"}, kill):
		return "", fmt.Errorf("KillUserProcesses=yes: at logout systemd ends the process that runs the ladder on; run sitrep daemon as a service (%s)", l.service())
	case kill == "":
		return "KillUserProcesses is not set: it is no on Debian and Fedora, yes where nobody changed systemd's default (busctl get-property org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager KillUserProcesses)", nil
	}
	return "KillUserProcesses=no: what outlives a terminal is left alone", nil
}

// service is how to get a process that logout does not end.
func (l logout) service() string {
	if _, err := fs.Stat(l.files, "var/lib/systemd/linger/"+l.user); err == nil {
		return "lingering is on for " + l.user + ", so a user service lives on: systemd-run --user --unit=sitrep sitrep daemon"
	}
	return fmt.Sprintf("loginctl enable-linger %s; systemd-run --user --unit=sitrep sitrep daemon", l.user)
}

// settings are those of logind: of its own file, and of the pieces beside it, the
// later ones over the earlier.
func (l logout) settings() (map[string]string, error) {
	all := map[string]string{}
	pieces := map[string]string{} // by name: one in /etc hides one of the same name in /usr/lib
	for _, dir := range []string{"usr/lib", "usr/local/lib", "run", "etc"} {
		found, err := fs.Glob(l.files, dir+"/systemd/logind.conf.d/*.conf")
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			pieces[path.Base(f)] = f
		}
		main := dir + "/systemd/logind.conf"
		if _, err := fs.Stat(l.files, main); err == nil {
			pieces[""] = main // before every piece
		}
	}
	names := make([]string, 0, len(pieces))
	for name := range pieces {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := l.read(pieces[name], all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (l logout) read(file string, into map[string]string) error {
	f, err := l.files.Open(file)
	if err != nil {
		return fmt.Errorf("read how logout is done: %w", err)
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if key, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, ";") {
			into[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return lines.Err()
}

// examineLogout says whether the ladder can outlive a terminal on this host.
func examineLogout() finding {
	who := "this user"
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	fine, err := logout{os.DirFS("/"), who}.survives()
	return check("ladder after logout", fine, inPlainWords(err))
}
