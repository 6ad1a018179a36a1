package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/loadtest/imports"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

func (a *app) importLoadCommand() *cobra.Command {
	var im boardImport
	var given []string
	c := &cobra.Command{
		Use: "import FILE", Short: "make plans of a plan of JMeter, or of targets of vegeta", Args: cobra.ExactArgs(1),
		Long: "Make plans of a plan of JMeter (.jmx), one of each thread group, or of a file of vegeta's targets. Nothing of them is executed.\n" +
			"Plans go to standard output or into files; what is not carried over, or otherwise than it stood, goes to standard error with its\n" +
			"line. What a person must add is marked FILL IN, and load check fails there until it is done. The exit code is 3 if something\n" +
			"could not be carried over.",
		RunE: func(_ *cobra.Command, args []string) error {
			properties, err := jmeterProperties(given)
			if err != nil {
				return err
			}
			return a.importLoad(args[0], im, properties)
		},
	}
	c.Flags().StringVarP(&im.output, "output", "o", "", "the `file`, or a directory for several plans")
	c.Flags().BoolVar(&im.force, "force", false, "overwrite files")
	c.Flags().StringArrayVarP(&given, "property", "J", nil, "a property of JMeter that the plan asks for with ${__P(name)}, as `NAME=VALUE`")
	return c
}

// jmeterProperties are those that were given as NAME=VALUE.
func jmeterProperties(given []string) (map[string]string, error) {
	all := map[string]string{}
	for _, g := range given {
		name, value, ok := strings.Cut(g, "=")
		if !ok || name == "" {
			return nil, usage("-J %s: want NAME=VALUE", g)
		}
		all[name] = value
	}
	return all, nil
}

// importedLoad is what came of a part of a file.
type importedLoad struct {
	From string `json:"from"`
	imports.Imported
	Missing string `json:"missing,omitempty"` // what load check says as long as nobody has filled in what is missing
	File    string `json:"file,omitempty"`    // that was written, instead of yaml and files
}

// beside is the directory of the plans that are written; without an output, that of the file they
// are made of.
func (im boardImport) beside(from string) string {
	switch {
	case im.output == "":
		return filepath.Dir(from)
	case im.intoDirectory():
		return im.output
	}
	return filepath.Dir(im.output)
}

func (a *app) importLoad(from string, im boardImport, properties map[string]string) error {
	src, err := a.someFile(from, imports.MaxSize)
	if err != nil {
		return withCode(exitUsage, err)
	}
	list, err := imports.Import(from, src, imports.Options{To: im.beside(from), Properties: properties})
	if err != nil {
		return withCode(exitUsage, err)
	}
	var made []string
	for _, one := range list {
		if one.Refused == "" {
			made = append(made, one.Name)
		}
	}
	if len(made) > 1 && im.output != "" && !im.intoDirectory() {
		return usage("there are %d plans: give -o DIRECTORY for all of them: %s", len(made), strings.Join(made, ", "))
	}
	out := make([]importedLoad, len(list))
	for i, one := range list {
		out[i] = importedLoad{From: from, Imported: one}
		if one.Refused == "" {
			if err := out[i].write(im); err != nil {
				return err
			}
		}
	}
	if err := a.printImportedLoad(out); err != nil {
		return err
	}
	if refused := len(list) - len(made); refused > 0 {
		return withCode(exitNotHeld, fmt.Errorf("%d of %s could not be carried over", refused, count(len(list), "plan")))
	}
	return nil
}

// write puts the plan, and what it names, into files, if there are to be any; and reads it as it
// will be read.
func (one *importedLoad) write(im boardImport) (err error) {
	dir := im.beside(one.From)
	if im.output != "" {
		for name, src := range one.Files {
			to := im
			to.output = filepath.Join(dir, name)
			if _, err := to.write(name, src); err != nil {
				return err
			}
		}
		if one.File, err = im.write(one.Name, []byte(one.YAML)); err != nil {
			return err
		}
	}
	err = one.Check(filepath.Join(dir, one.Name+".yaml"))
	if at := (*strictyaml.Error)(nil); errors.As(err, &at) {
		one.Missing = fmt.Sprintf("line %d: %s", at.Line, at.Message)
	} else if err != nil {
		one.Missing = err.Error()
	}
	if one.File != "" {
		one.YAML, one.Files = "", nil
	}
	return nil
}

// someFile reads a file, or what comes in, and no more of it than most and a byte.
func (a *app) someFile(from string, most int64) (src []byte, err error) {
	if from == "-" {
		return io.ReadAll(io.LimitReader(a.stdin, most+1))
	}
	f, err := openNow(from)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(io.LimitReader(f, most+1))
}

func (a *app) printImportedLoad(all []importedLoad) error {
	if a.flags.json {
		return a.print(all)
	}
	var problems error
	first := true
	for _, one := range all {
		place := fmt.Sprintf("%s:%d:%d", one.From, one.Line, one.Column)
		for _, n := range one.Notes {
			key := n.Key
			if key != "" {
				key += ": "
			}
			fmt.Fprintln(a.stderr, oneLine(fmt.Sprintf("%s:%d:%d: %s%s", one.From, n.Line, n.Column, key, n.Text)))
		}
		switch {
		case one.Refused != "":
			fmt.Fprintln(a.stderr, oneLine(fmt.Sprintf("%s: %s (%s) is refused: %s", place, one.Name, one.Format, one.Refused)))
			continue
		case len(one.Files) > 0:
			names := []string{}
			for name := range one.Files {
				names = append(names, name)
			}
			slices.Sort(names)
			fmt.Fprintln(a.stderr, oneLine(fmt.Sprintf("%s: %s names files that -o writes beside it: %s", place, one.Name, strings.Join(names, ", "))))
		case one.Missing != "":
			fmt.Fprintln(a.stderr, oneLine(fmt.Sprintf("%s: %s is not complete: %s", place, one.Name, one.Missing)))
		}
		if one.File != "" {
			_, err := fmt.Fprintln(a.stdout, oneLine(fmt.Sprintf("%s written; sitrep load check %s reads it", one.File, one.File)))
			problems = errors.Join(problems, err)
			continue
		}
		if !first {
			fmt.Fprintln(a.stdout, "---")
		}
		first = false
		_, err := io.WriteString(a.stdout, sanitise(one.YAML))
		problems = errors.Join(problems, err)
	}
	return problems
}
