package chaos

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// ownName is what our tables and chains are called, and nobody else's.
var ownName = regexp.MustCompile(`^sitrep_[a-z0-9_]{1,20}$`)

// NftAbsent is true when the namespace has no table of that name in the family inet,
// or is gone. There is no operation for it: such a table goes with its holder.
func NftAbsent(n Netns, table string) Check { return Check{Is: "nft-absent", Netns: n, Name: table} }

var nftAbsentCheck = checkKind{
	valid: func(c Check) error { return validInside(c.Netns, c.Name) },
	text:  func(c Check) string { return fmt.Sprintf("nft list tables in %s has no %s", c.Netns, c.Name) },
	look: func(ctx context.Context, c Check) (string, bool, error) {
		return nftAbsent(ctx, c.Netns, c.Name)
	},
}

func validInside(n Netns, name string) error {
	if n == 0 {
		return errors.New("no network namespace")
	}
	if !ownName.MatchString(name) {
		return fmt.Errorf("%q is not a name that sitrep gives", name)
	}
	return nil
}

// The kernel takes a table back when it has closed the socket of its holder, which may
// be a moment after the holder's end.
const (
	nftPatience  = 150 * time.Millisecond
	nftLookEvery = 15 * time.Millisecond
)

func nftAbsent(ctx context.Context, n Netns, table string) (evidence string, gone bool, err error) {
	for until := time.Now().Add(nftPatience); ; wait(ctx, nftLookEvery) {
		gone, err = nftLook(ctx, n, table)
		switch {
		case errors.Is(err, ErrNetnsGone):
			return err.Error(), true, nil
		case err != nil:
			return "", false, err
		case gone:
			return fmt.Sprintf("no table %s in %s", table, n), true, nil
		case time.Now().After(until):
			return fmt.Sprintf("table %s is still in %s", table, n), false, nil
		}
	}
}

// nftLook reads the list as text: in the JSON of nft 1.0.6 the flags of an owned table
// are whatever lay in its memory.
func nftLook(ctx context.Context, n Netns, table string) (gone bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, toolPatience)
	defer cancel()
	text, err := n.Tool(ctx, ToolCall{Name: "nft", Args: []string{"list", "tables"}})
	if err != nil {
		return false, err
	}
	if strings.TrimSpace(text) == "" { // no table at all: the true one answers with its own name then, when JSON is asked for
		text, err = n.Tool(ctx, ToolCall{Name: "nft", Args: []string{"-j", "list", "tables"}})
		if err == nil && !strings.Contains(text, `"metainfo"`) {
			err = fmt.Errorf("nft list tables in %s says nothing at all: is it the true nft?", n)
		}
		return err == nil, err
	}
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) >= 3 && f[0] == "table" && f[1] == "inet" && f[2] == table {
			return false, nil
		}
	}
	return true, nil
}
