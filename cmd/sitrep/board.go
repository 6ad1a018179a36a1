package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/query"
)

func (a *app) boardCommand() *cobra.Command {
	group := &cobra.Command{Use: "board", Short: "the boards of live panels"}
	group.AddCommand(
		&cobra.Command{Use: "list", Short: "boards of the configuration, else the one that sitrep carries", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
			boards, err := a.boardsToShow()
			if err != nil {
				return err
			}
			return a.printBoards(boards)
		}},
		a.boardShowCommand(), a.boardCheckCommand(), a.importGrafanaCommand(),
	)
	return group
}

func (a *app) printBoards(boards []query.Board) error {
	type view struct {
		Name   string `json:"name"`
		Title  string `json:"title"`
		Panels int    `json:"panels"`
	}
	views := []view{}
	rows := [][]string{{"NAME", "PANELS", "TITLE"}}
	for _, b := range boards {
		views = append(views, view{b.Name, b.Title, len(b.Panels)})
		rows = append(rows, []string{b.Name, fmt.Sprint(len(b.Panels)), b.Title})
	}
	if a.flags.json {
		return a.print(views)
	}
	return table(a.stdout, rows)
}

func (a *app) printSignals(s *query.Snapshot) error {
	signals := query.Signals(s)
	if a.flags.json {
		return a.print(signals)
	}
	rows := [][]string{{"PANEL", "VALUE", "STATE", "QUERY"}}
	for i, sig := range signals {
		value := "no data"
		if sig.State != query.NoData {
			value = query.FormatValue(sig.Unit, sig.Value)
		}
		if err := s.Panels[i].Err; err != nil {
			value = err.Error()
		}
		rows = append(rows, []string{sig.Name, value, string(sig.State), sig.Query})
	}
	return table(a.stdout, rows)
}
