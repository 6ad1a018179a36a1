package main

import (
	"context"
	"fmt"

	"github.com/sitrep-dev/sitrep/readiness"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// sign says on the timeline that a duty is done, as sitrep routine sign does.
func (o *operator) sign(ctx context.Context, order pane.Sign) (pane.Receipt, error) {
	d, ok := readiness.Find(order.Duty)
	if !ok {
		return pane.Receipt{}, fmt.Errorf("sign %s: the routine has no such item", order.Duty)
	}
	written, err := o.db.Append(ctx, signing(o.by(), d, order.Holds, order.Note))
	if err != nil {
		return pane.Receipt{}, fmt.Errorf("sign %s: %w", d.ID, err)
	}
	return pane.Receipt{Text: "signed: " + written[0].Text}, nil
}
