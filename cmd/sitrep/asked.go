package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// asked is the PromQL that a person asked before, in a file of their own that nobody
// else may read: a line a question, as JSON, newest last. Screens that are open at
// once write the same file; what two of them ask in the same moment may lose a line.
type asked struct {
	file string

	mu   sync.Mutex
	list []string
}

const (
	mostQuestions   = 500
	longestQuestion = 4_000 // bytes: longer ones are not kept
)

// openAsked reads what there is. A file that cannot be read is an empty past.
func openAsked() *asked {
	a := &asked{}
	if dir, err := stateDir(); err == nil {
		a.file = filepath.Join(dir, "promql-history")
		a.list = a.read()
	}
	return a
}

func (a *asked) read() (list []string) {
	info, err := os.Stat(a.file)
	if err != nil || !info.Mode().IsRegular() || info.Size() > 8*mostQuestions*longestQuestion {
		return nil
	}
	raw, err := os.ReadFile(a.file)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(raw)) {
		var expr string
		if json.Unmarshal([]byte(line), &expr) == nil && expr != "" {
			list = append(list, expr)
		}
	}
	return list[max(len(list)-mostQuestions, 0):]
}

// All are the questions, newest last. The list is nobody's to write to.
func (a *asked) All() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.list
}

// Add keeps a question, once, as the newest. One that begins with a space is not
// kept, as in a shell, nor one that looks as if it held a secret.
func (a *asked) Add(expr string) error {
	if strings.HasPrefix(expr, " ") || len(expr) > longestQuestion || strictyaml.Hide(expr) != expr {
		return nil
	}
	if expr = strings.TrimSpace(expr); expr == "" {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	list := a.list
	if a.file != "" {
		list = a.read() // another screen may have added to it
	}
	list = append(slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == expr }), expr)
	a.list = list[max(len(list)-mostQuestions, 0):]
	if a.file == "" {
		return nil
	}
	if info, err := os.Lstat(a.file); err == nil && !info.Mode().IsRegular() {
		return nil // whoever put a link there, or a device, wants no history
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(a.file), 0o700); err != nil {
		return err
	}
	var b strings.Builder
	for _, q := range a.list {
		line, err := json.Marshal(q)
		if err != nil {
			return err
		}
		b.Write(append(line, '\n'))
	}
	return writePrivate(a.file, []byte(b.String()))
}

// writePrivate puts a file in its place at once, readable by its owner alone.
func writePrivate(file string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".promql-*") // 0600
	if err != nil {
		return err
	}
	_, werr := f.Write(text)
	if err := errors.Join(werr, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), file); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
