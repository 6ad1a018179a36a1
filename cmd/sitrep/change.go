package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// changeData is what a change.recorded event carries.
type changeData struct {
	Type    string `json:"type"`
	Service string `json:"service,omitempty"`
	Link    string `json:"link,omitempty"`
}

func (a *app) changeCommand() *cobra.Command {
	var data changeData
	c := &cobra.Command{
		Use: "change TEXT", Short: "record a deploy, a flag or a configuration change, from a pipeline", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text := strings.TrimSpace(args[0])
			if text == "" {
				return usage("change: say what changed")
			}
			if !slices.Contains([]string{"deploy", "flag", "config"}, data.Type) {
				return usage("change: --type %q is none of deploy, flag and config", data.Type)
			}
			by, err := a.by(nil)
			if err != nil {
				return err
			}
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				written, err := db.Append(cmd.Context(), incident.Event{
					At: by.At, Kind: incident.ChangeRecorded, Actor: by.Actor, Claimed: by.Claimed, Via: by.Via, Source: by.Source, Text: text, Data: incident.Payload(data),
				})
				if err != nil {
					return err
				}
				if a.flags.json {
					return a.print(written[0])
				}
				_, err = fmt.Fprintf(a.stdout, "%s recorded\n", sanitise(text))
				return err
			})
		},
	}
	c.Flags().StringVar(&data.Type, "type", "deploy", "deploy, flag or config")
	c.Flags().StringVar(&data.Service, "service", "", "the service that changed")
	c.Flags().StringVar(&data.Link, "link", "", "where to read more")
	return c
}
