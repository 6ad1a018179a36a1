// Package chaostest is what suites that hurt things are held against: when they are over,
// nothing of what they did may be there.
package chaostest

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// patience is for processes on a busy machine to end.
const patience = 15 * time.Second

// Exit ends a suite with its code, or with 1 where something of it is left. It is goleak's
// Cleanup. A program that the suite has started is named by its path; the suite itself
// need not be.
func Exit(code int, programs ...string) {
	if partOfSuite() {
		os.Exit(code)
	}
	left := Left(programs...)
	for over := time.Now().Add(patience); len(left) > 0 && time.Now().Before(over); left = Left(programs...) {
		time.Sleep(100 * time.Millisecond)
	}
	for _, l := range left {
		fmt.Fprintln(os.Stderr, "left over:", l)
		code = max(code, 1)
	}
	os.Exit(code)
}

// partOfSuite says whether this process only lists tests, or was started by a suite: its
// parent looks.
func partOfSuite() bool {
	if f := flag.Lookup("test.list"); f != nil && f.Value.String() != "" {
		return true
	}
	self, _ := os.Readlink("/proc/self/exe")
	parent, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", os.Getppid()))
	return err == nil && parent == self
}

// Left is what is still there of a suite: processes of its programs, tables and qdiscs in
// the host's network, cgroups, mounts.
func Left(programs ...string) []string {
	self, err := os.Executable()
	if err != nil {
		return []string{err.Error()}
	}
	left := processes(append(programs, self))
	for _, look := range []struct {
		what  []string
		ours  string
		title string
	}{
		{[]string{"nft", "list", "tables"}, "sitrep_", "a table of nftables: "},
		{[]string{"tc", "qdisc", "show"}, "netem", "a qdisc: "},
	} {
		out, err := exec.Command(look.what[0], look.what[1:]...).Output()
		if err != nil {
			continue // whoever may not look may not have made one either
		}
		left = append(left, linesWith(out, look.ours, look.title)...)
	}
	return append(append(left, cgroups()...), mounts(self)...)
}

// processes are those of some programs, this one left out.
func processes(programs []string) (left []string) {
	links, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, link := range links {
		dir := filepath.Dir(link)
		exe, err := os.Readlink(link) // a zombie has none
		if err != nil || dir == "/proc/"+strconv.Itoa(os.Getpid()) {
			continue
		}
		for _, p := range programs {
			if strings.TrimSuffix(exe, " (deleted)") == p {
				args, _ := os.ReadFile(dir + "/cmdline") // it may end while we look
				left = append(left, fmt.Sprintf("process %s: %q", filepath.Base(dir), bytes.ReplaceAll(args, []byte{0}, []byte{' '})))
			}
		}
	}
	return left
}

// cgroups are those whose name has the suite's process in it.
func cgroups() (left []string) {
	for _, deep := range []string{"*", "*/*", "*/*/*"} {
		found, _ := filepath.Glob("/sys/fs/cgroup/" + deep + fmt.Sprintf("/sitrep-test-%d-*", os.Getpid()))
		for _, dir := range found {
			left = append(left, "cgroup "+dir)
		}
	}
	return left
}

// mounts are those in the temporary directories of the suite's tests: other suites run
// beside it.
func mounts(self string) (left []string) {
	info, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return []string{err.Error()}
	}
	names, err := exec.Command(self, "-test.list", ".").Output()
	if err != nil {
		return []string{"what tests are there: " + err.Error()}
	}
	for name := range strings.FieldsSeq(string(names)) {
		left = append(left, linesWith(info, filepath.Join(os.TempDir(), name), "a mount: ")...)
	}
	return left
}

func linesWith(text []byte, part, title string) (found []string) {
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, part) {
			found = append(found, title+strings.TrimSpace(line))
		}
	}
	return found
}
