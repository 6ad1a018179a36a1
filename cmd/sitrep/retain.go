package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// thinnedTo is how many values a series keeps when it is thinned.
const thinnedTo = 60

// leastRetention is the shortest time that evidence may be kept for: an incident of
// yesterday is still talked about.
const leastRetention = 24 * time.Hour

func (e evidenceConfig) check() error {
	for name, d := range map[string]time.Duration{"compact_after": e.CompactAfter.D(), "drop_after": e.DropAfter.D()} {
		if d != 0 && d < leastRetention {
			return fmt.Errorf("%s must be %s or longer; leave it out to keep everything", name, strictyaml.FormatDuration(leastRetention))
		}
	}
	return nil
}

// retention is the policy, as the store carries it out.
func (e evidenceConfig) retention() store.Retention {
	return store.Retention{
		CompactAfter: e.CompactAfter.D(), DropAfter: e.DropAfter.D(),
		Thin: func(series []byte) ([]byte, error) {
			s, err := query.Decode(series)
			if err != nil {
				return nil, err
			}
			return s.Thin(thinnedTo).Encode()
		},
	}
}

// none says that nothing is ever taken away.
func (e evidenceConfig) none() bool { return e.CompactAfter == 0 && e.DropAfter == 0 }

// retain carries the policy out once a day, in the process that runs the ladder.
func (c *centre) retain(ctx context.Context) error {
	cfg, err := c.app.config()
	if err != nil {
		return err
	}
	if cfg.Evidence.none() {
		<-ctx.Done()
		return ctx.Err()
	}
	for pause := time.Minute; ; pause = time.Hour {
		if err := pauseFor(ctx, pause); err != nil {
			return err
		}
		now := time.Now()
		last, err := c.db.Compacted(ctx)
		if err != nil {
			return err
		}
		if !c.mine.Load() || now.Sub(last) < 24*time.Hour {
			continue
		}
		by := c.rec.by
		by.Actor, by.Claimed, by.Via, by.At = incident.Sitrep, false, "", now
		if _, err := compact(ctx, c.db, cfg.Evidence, by, false); err != nil {
			return err
		}
	}
}

// compact carries the policy out, and puts on the timeline what it took.
func compact(ctx context.Context, db *store.DB, e evidenceConfig, by incident.By, dry bool) (store.Freed, error) {
	freed, err := db.Compact(ctx, e.retention(), by.At, dry)
	if dry || freed == (store.Freed{}) {
		return freed, err
	}
	_, recordErr := db.Append(ctx, incident.Event{
		At: by.At, Kind: incident.EvidenceCompacted, Actor: by.Actor, Claimed: by.Claimed, Via: by.Via, Source: by.Source,
		Text: "evidence became less by the policy: " + describeFreed(freed), Data: incident.Payload(freed),
	})
	if err != nil {
		return freed, err
	}
	return freed, recordErr
}

// describeFreed is one line of what was taken.
func describeFreed(f store.Freed) string {
	var parts []string
	for _, p := range []struct {
		n    int
		text string
	}{
		{f.Sparks, "spark lines thinned"},
		{f.Thinned, "boards thinned to their peaks"},
		{f.Dropped, "boards dropped"},
		{f.Evidence, "events' evidence dropped"},
		{f.Capsules, "capsules of recorded samples dropped"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.text))
		}
	}
	if len(parts) == 0 {
		return "nothing is old enough"
	}
	return fmt.Sprintf("%s (%s, of %s)", strings.Join(parts, ", "), query.FormatValue("bytes", float64(f.Bytes)), count(f.Incidents, "incident"))
}

func (a *app) storeCompactCommand() *cobra.Command {
	var dry, vacuum bool
	var compactAfter, dropAfter string
	c := &cobra.Command{
		Use: "compact", Short: "thin or drop old evidence by the policy; never an event", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			policy := cfg.Evidence
			for name, f := range map[string]struct {
				text string
				to   *strictyaml.Duration
			}{"--compact-after": {compactAfter, &policy.CompactAfter}, "--drop-after": {dropAfter, &policy.DropAfter}} {
				if f.text == "" {
					continue
				}
				d, err := strictyaml.ParseDuration(f.text)
				if err != nil {
					return usage("%s: %w", name, err)
				}
				*f.to = strictyaml.Duration(d)
			}
			if err := policy.check(); err != nil {
				return withCode(exitUsage, err)
			}
			if policy.none() && !vacuum {
				return usage("store compact: everything is kept: set evidence.compact_after or evidence.drop_after, or give --compact-after or --drop-after")
			}
			return a.withStore(cmd.Context(), func(db *store.DB) error { return a.compactStore(cmd.Context(), db, policy, dry, vacuum) })
		},
	}
	c.Long = "Carries out the policy of the section `evidence` at once; a daemon or a screen does it once a day. After compact_after the\n" +
		"spark lines of events keep their least and largest value, and the boards that were kept at escalations and mitigations\n" +
		fmt.Sprintf("%d values a series with every peak; after drop_after all evidence goes. Ages count from the end of an incident and from\n", thinnedTo) +
		"the last version of its post-mortem; open incidents and what belongs to them are left alone, and the timeline always is.\n" +
		"What is freed is used again by the store; --vacuum gives it back to the disk, and nobody else writes meanwhile."
	c.Flags().BoolVar(&dry, "dry-run", false, "say what would be taken, and take nothing")
	c.Flags().BoolVar(&vacuum, "vacuum", false, "make the file smaller too")
	c.Flags().StringVar(&compactAfter, "compact-after", "", "instead of evidence.compact_after, such as 30d")
	c.Flags().StringVar(&dropAfter, "drop-after", "", "instead of evidence.drop_after, such as 400d")
	return c
}

// compacted is what store compact says with --json.
type compacted struct {
	store.Freed
	DryRun   bool   `json:"dry_run"`
	File     string `json:"file"`
	FileSize int64  `json:"file_bytes"`
}

func (a *app) compactStore(ctx context.Context, db *store.DB, policy evidenceConfig, dry, vacuum bool) error {
	by, err := a.by(nil)
	if err != nil {
		return err
	}
	freed, err := compact(ctx, db, policy, by, dry)
	if err != nil {
		return err
	}
	if vacuum && !dry {
		if err := db.Vacuum(ctx); err != nil {
			return err
		}
	}
	info, err := os.Stat(db.Path())
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.print(compacted{freed, dry, db.Path(), info.Size()})
	}
	verb := "taken"
	if dry {
		verb = "would be taken"
	}
	_, err = fmt.Fprintf(a.stdout, "%s: %s\n%s has %s\n", verb, describeFreed(freed), sanitise(db.Path()), query.FormatValue("bytes", float64(info.Size())))
	return err
}
