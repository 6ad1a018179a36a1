package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/chaos/fault"
	"github.com/sitrep-dev/sitrep/chaos/imports"
)

func (a *app) chaosImportCommand() *cobra.Command {
	var im boardImport
	c := &cobra.Command{
		Use: "import FILE...", Short: "make experiments of those of Chaos Toolkit, LitmusChaos, Chaos Mesh, AWS FIS or toxiproxy", Args: cobra.MinimumNArgs(1),
		Long: "Make experiments of files of Chaos Toolkit, LitmusChaos (ChaosEngine), Chaos Mesh, AWS FIS templates or toxiproxy.json. Nothing\n" +
			"of them is executed. Experiments go to standard output or into a directory; what is not carried over, or otherwise than it stood,\n" +
			"goes to standard error with its line. What a person must add is marked FILL IN, and chaos check fails there until it is done.\n" +
			"The exit code is 3 if something could not be carried over.",
		RunE: func(_ *cobra.Command, args []string) error { return a.importChaos(args, im) },
	}
	c.Flags().StringVar(&im.output, "out", "", "the `directory` for the experiments, made if it is not there")
	c.Flags().BoolVar(&im.force, "force", false, "overwrite files")
	return c
}

// importedChaos is what came of one document of a file.
type importedChaos struct {
	From string `json:"from"`
	imports.Imported
	File string `json:"file,omitempty"` // that was written, instead of yaml
}

func (a *app) importChaos(files []string, im boardImport) error {
	out := []importedChaos{}
	var unread error
	for _, from := range files {
		src, err := a.fileOrInput(from)
		var list []imports.Imported
		if err == nil {
			list, err = imports.Import(from, src, fault.All())
		}
		unread = errors.Join(unread, err)
		for _, one := range list {
			out = append(out, importedChaos{From: from, Imported: one})
		}
	}
	if im.output != "" {
		if err := os.MkdirAll(im.output, 0o755); err != nil {
			return err
		}
	}
	refused := 0
	for i := range out {
		one := &out[i]
		if one.Refused != "" {
			refused++
			continue
		}
		var err error
		if one.File, err = im.write(one.Name, []byte(one.YAML)); err != nil {
			return err
		}
		if one.File != "" {
			one.YAML = ""
		}
	}
	if err := a.printImportedChaos(out); err != nil {
		return err
	}
	switch {
	case unread != nil:
		return withCode(exitUsage, unread)
	case refused > 0:
		return withCode(exitNotHeld, fmt.Errorf("%d of %s could not be carried over", refused, count(len(out), "experiment")))
	}
	return nil
}

func (a *app) printImportedChaos(all []importedChaos) error {
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
		case one.Missing != "":
			fmt.Fprintln(a.stderr, oneLine(fmt.Sprintf("%s: %s is not complete, see FILL IN: %s", place, one.Name, one.Missing)))
		}
		if one.File != "" {
			_, err := fmt.Fprintln(a.stdout, oneLine(fmt.Sprintf("%s written; sitrep chaos check %s reads it", one.File, one.File)))
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
