package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// A disk fills while an incident is recorded: the person is told, nothing that
// was acknowledged is lost, what is there can be read and checked, and the same
// process writes on when somebody has made room.
func TestADiskThatFillsUp(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SITREP_TEST_SMALL="+t.TempDir())
	ownMounts(cmd)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	t.Log(strings.TrimSpace(string(out)))
}

const (
	diskSize = 16 << 20
	ballast  = 4 << 20
)

// onASmallDisk is the process that this happens to; 0 if all went as it must.
func onASmallDisk(dir string) int {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if err := fillUp(ctx, dir); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

func fillUp(ctx context.Context, dir string) error {
	room, what, err := smallDisk(dir)
	if err != nil {
		return fmt.Errorf("a small disk: %w", err)
	}
	path := filepath.Join(dir, "s.db")
	db, err := store.Open(ctx, path)
	if err != nil {
		return err
	}
	defer db.Close()
	var acknowledged []string
	text := strings.Repeat("payments is slow. ", 50)
	note := func() error {
		n := fmt.Sprintf("%d ", len(acknowledged))
		_, err := db.Append(ctx, incident.Event{Kind: incident.ChangeRecorded, Actor: "ana", Source: "test", Text: n + text})
		if err == nil {
			acknowledged = append(acknowledged, n)
		}
		return err
	}
	for err == nil && len(acknowledged) < 2*diskSize/len(text) {
		err = note()
	}
	full := len(acknowledged)
	if err == nil || !strings.Contains(err.Error(), "the disk is full or failing") || !strings.Contains(err.Error(), "nothing was recorded: make room") {
		return fmt.Errorf("after %d events a full disk is told as: %w", full, errors.Join(err, errors.New("!")))
	}
	told := err
	if err := note(); err == nil {
		full = len(acknowledged) // a smaller piece of the journal had room
	}
	if err := whole(ctx, path, acknowledged); err != nil {
		return fmt.Errorf("on the full disk: %w", err)
	}
	if err := room(); err != nil {
		return err
	}
	for range 50 {
		if err := note(); err != nil {
			return fmt.Errorf("with room again: %w", err)
		}
	}
	if err := whole(ctx, path, acknowledged); err != nil {
		return fmt.Errorf("with room again: %w", err)
	}
	fmt.Printf("%s of %d KiB: full after %d events (%v), 50 more when there was room, all found, check clean\n", what, diskSize>>10, full, told)
	return nil
}

// whole looks from a second connection, as another process would.
func whole(ctx context.Context, path string, acknowledged []string) error {
	db, err := store.Open(ctx, path)
	if err != nil {
		return err
	}
	defer db.Close()
	events, err := db.After(ctx, 0, len(acknowledged)+10)
	if err != nil {
		return err
	}
	if len(events) != len(acknowledged) {
		return fmt.Errorf("%d events were acknowledged, %d are there", len(acknowledged), len(events))
	}
	for i, e := range events {
		if !strings.HasPrefix(e.Text, acknowledged[i]) {
			return fmt.Errorf("event %d reads %.20q", i, e.Text)
		}
	}
	report, err := store.Check(ctx, path)
	if err != nil || len(report.Findings) > 0 {
		return fmt.Errorf("check: %+v %w", report.Findings, err)
	}
	return nil
}
