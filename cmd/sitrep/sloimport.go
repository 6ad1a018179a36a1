package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/query/slo"
)

func (a *app) sloImportCommand() *cobra.Command {
	var im boardImport
	c := &cobra.Command{
		Use: "import FILE|-", Short: "make objectives of OpenSLO, Sloth, Pyrra or slo_configs", Args: cobra.ExactArgs(1),
		Long: "Make objectives of a file of OpenSLO (v1, v1alpha), Sloth, Pyrra or slo_configs. The objective goes to standard output, to\n" +
			"a file, or several into a directory; what is not carried over, or not as it stood, goes to standard error with its line.\n" +
			"The exit code is 3 if an objective could not be carried over.",
		RunE: func(_ *cobra.Command, args []string) error { return a.importSLOs(args[0], im) },
	}
	c.Flags().StringVarP(&im.output, "output", "o", "", "the `file`, or a directory for several objectives")
	c.Flags().StringVar(&im.only, "only", "", "the objective with this `name`, of a file with several")
	c.Flags().BoolVar(&im.force, "force", false, "overwrite the file")
	return c
}

// importedSLO is what came of one objective.
type importedSLO struct {
	Name    string           `json:"name"`
	Format  string           `json:"format"`
	Line    int              `json:"line"`
	Column  int              `json:"column"`
	File    string           `json:"file,omitempty"`
	YAML    string           `json:"yaml,omitempty"` // where there is no file
	Refused string           `json:"refused,omitempty"`
	Notes   []slo.ImportNote `json:"notes"`
}

// importedFile is what came of a file.
type importedFile struct {
	Objectives []importedSLO    `json:"objectives"`
	Notes      []slo.ImportNote `json:"notes"` // about what belongs to none
}

func (a *app) importSLOs(from string, im boardImport) error {
	src, err := a.fileOrInput(from)
	if err != nil {
		return withCode(exitUsage, err)
	}
	all, notes, err := slo.Import(from, src)
	if err != nil {
		return withCode(exitUsage, err)
	}
	if all, err = chosenImport(all, im); err != nil {
		return err
	}
	out := importedFile{Objectives: []importedSLO{}, Notes: append([]slo.ImportNote{}, notes...)}
	refused := 0
	for _, one := range all {
		v := importedSLO{Name: one.Name, Format: one.Format, Line: one.Line, Column: one.Column, YAML: one.YAML, Refused: one.Refused, Notes: append([]slo.ImportNote{}, one.Notes...)}
		if one.Refused != "" {
			refused++
		} else if v.File, err = im.write(one.Name, []byte(one.YAML)); err != nil {
			return err
		} else if v.File != "" {
			v.YAML = ""
		}
		out.Objectives = append(out.Objectives, v)
	}
	if err := a.printImportedSLOs(from, out); err != nil {
		return err
	}
	switch {
	case refused > 0:
		return withCode(exitNotHeld, fmt.Errorf("import %s: %d of %s could not be carried over", from, refused, count(len(all), "objective")))
	case len(all) == 0:
		return withCode(exitNotHeld, fmt.Errorf("import %s: there is no objective in it that is known", from))
	}
	return nil
}

// fileOrInput reads a file, or what comes in for -.
func (a *app) fileOrInput(from string) ([]byte, error) {
	if from != "-" {
		return readConfig(from)
	}
	const most = 16 << 20
	return io.ReadAll(io.LimitReader(a.stdin, most))
}

// chosenImport is the objective that was meant, or all where they can go.
func chosenImport(all []slo.Imported, im boardImport) ([]slo.Imported, error) {
	var names []string
	made := 0
	for _, one := range all {
		if im.only != "" && one.Name == im.only {
			return []slo.Imported{one}, nil
		}
		names = append(names, one.Name)
		if one.Refused == "" {
			made++
		}
	}
	switch {
	case im.only != "":
		return nil, usage("there is no objective %q; there are %s", im.only, strings.Join(names, ", "))
	case made > 1 && im.output != "" && !im.intoDirectory():
		return nil, usage("there are %d objectives: give --only NAME for one of them, or -o DIRECTORY for all: %s", made, strings.Join(names, ", "))
	}
	return all, nil
}

func (a *app) printImportedSLOs(from string, out importedFile) error {
	if a.flags.json {
		return a.print(out)
	}
	var errs []error
	say := func(n slo.ImportNote) {
		_, err := fmt.Fprintf(a.stderr, "%s\n", sanitise(fmt.Sprintf("%s:%d:%d: %s", from, n.Line, n.Column, strings.TrimPrefix(n.Key+": "+n.Text, ": "))))
		errs = append(errs, err)
	}
	first := true
	for _, one := range out.Objectives {
		switch {
		case one.Refused != "":
			fmt.Fprintf(a.stderr, "%s\n", sanitise(fmt.Sprintf("%s:%s (%s is not carried over)", from, one.Refused, one.Name)))
		case one.File != "":
			fmt.Fprintf(a.stdout, "%s written; sitrep slo check %s asks the server\n", sanitise(one.File), sanitise(one.File))
		default:
			if !first {
				fmt.Fprintln(a.stdout, "---")
			}
			first = false
			_, err := io.WriteString(a.stdout, sanitise(one.YAML))
			errs = append(errs, err)
		}
		for _, n := range one.Notes {
			say(n)
		}
	}
	for _, n := range out.Notes {
		say(n)
	}
	return errors.Join(errs...)
}
