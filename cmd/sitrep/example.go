package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/templates"
)

// example is a file that somebody may begin with.
type example struct {
	Name string `json:"name"` // its path beside sitrep.yaml
	What string `json:"what"`
	Text string `json:"text"`
}

func (a *app) exampleCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use: "example [NAME]", Short: "list and print example files: a sitrep.yaml and everything that it names", Args: cobra.MaximumNArgs(1),
		Long: "Without a name it lists the files of a team that runs a checkout; with one it prints that file. A name is a path of the list, or the\n" +
			"part of one that no other has, such as prices. With -o DIR it writes them all, beside each other as sitrep.yaml names them: nothing\n" +
			"that is there already is overwritten.",
		RunE: func(_ *cobra.Command, args []string) error {
			all, err := examples()
			switch {
			case err != nil:
				return err
			case dir != "" && len(args) > 0:
				return usage("-o writes all of the files; without it %s is printed", args[0])
			case dir != "":
				return a.writeExamples(dir, all)
			case len(args) > 0:
				return a.printExample(all, args[0])
			}
			return a.listExamples(all)
		},
	}
	c.Flags().StringVarP(&dir, "out", "o", "", "write all of them into this `directory`")
	return c
}

// examples are all that there are, in order of their names.
func examples() (list []example, err error) {
	dir, err := templates.Examples()
	if err != nil {
		return nil, err
	}
	err = fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		src, err := fs.ReadFile(dir, name)
		list = append(list, example{Name: name, What: whatItIs(string(src)), Text: string(src)})
		return err
	})
	return list, err
}

// whatItIs is the first sentence of the first comment.
func whatItIs(src string) string {
	_, after, _ := strings.Cut("\n"+src, "\n# ")
	comment, _, _ := strings.Cut(strings.ReplaceAll(after, "\n# ", " "), "\n")
	for i := range comment {
		if rest := comment[i+1:]; comment[i] == '.' && (rest == "" || rest[0] == ' ') {
			return comment[:i]
		}
	}
	return comment
}

func (a *app) listExamples(all []example) error {
	if a.flags.json {
		return a.print(all)
	}
	rows := [][]string{{"NAME", "WHAT"}}
	for _, e := range all {
		rows = append(rows, []string{e.Name, e.What})
	}
	return table(a.stdout, rows)
}

func (a *app) printExample(all []example, name string) error {
	e, err := chooseExample(all, name)
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.print(e)
	}
	_, err = fmt.Fprint(a.stdout, e.Text)
	return err
}

// chooseExample is that of a name, or the only one whose path has it as a part.
func chooseExample(all []example, name string) (example, error) {
	var names []string
	var found []example
	for _, e := range all {
		names = append(names, e.Name)
		if e.Name == name {
			return e, nil
		}
		if strings.Contains(e.Name, name) {
			found = append(found, e)
		}
	}
	switch len(found) {
	case 0:
		return example{}, usage("there is no example %q; there are: %s", name, strings.Join(names, ", "))
	case 1:
		return found[0], nil
	}
	names = nil
	for _, e := range found {
		names = append(names, e.Name)
	}
	return example{}, usage("%q may be each of: %s", name, strings.Join(names, ", "))
}

// writeExamples writes all files into dir; if one is there already, none.
func (a *app) writeExamples(dir string, all []example) error {
	for _, e := range all {
		file := filepath.Join(dir, filepath.FromSlash(e.Name))
		if _, err := os.Lstat(file); err == nil {
			return usage("%s is there already, and nothing is overwritten: choose another directory", file)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("write the examples: %w", err)
		}
	}
	for _, e := range all {
		if err := os.MkdirAll(filepath.Join(dir, filepath.FromSlash(path.Dir(e.Name))), 0o755); err != nil {
			return fmt.Errorf("write the examples: %w", err)
		}
		if err := writeOnce(filepath.Join(dir, filepath.FromSlash(e.Name)), e.Text); err != nil {
			return fmt.Errorf("write the examples: %w", err)
		}
	}
	_, err := fmt.Fprintf(a.stdout, "%d files in %s; sitrep --config %s doctor says what they still need\n", len(all), dir, filepath.Join(dir, "sitrep.yaml"))
	return err
}

// writeOnce writes a file that is not there yet.
func writeOnce(file, text string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
