package embedded

import (
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
)

// What an endpoint may make us hold, whatever its page says and however often it says
// something else.
const (
	mostPage      = 500_000        // samples of one page
	mostBody      = 256 << 20      // bytes of one page, whatever a configuration allows
	mostText      = 64 << 10       // bytes of the labels of one series
	mostLabels    = 512            // of one series
	usualText     = 512            // bytes of labels that each series of the limit may have on average; a target holds as much again
	mostHelp      = 4 << 10        // bytes of a HELP line that are kept
	mostName      = 1 << 10        // bytes of the name of a metric family
	mostInserts   = 64             // places in a relabeling's replacement
	longestPause  = 24 * time.Hour // between scrapes
	mostRedirects = 10
)

// errGrown is that of rules which make labels out of labels without an end.
var errGrown = errors.New("its relabeling makes more or longer labels than are kept")

// relabelled applies rules, one after the other so that what grows is seen while it is
// small. False says that a rule drops it.
func relabelled(b *labels.Builder, rules []*relabel.Config) (keep bool, err error) {
	for _, r := range rules {
		if !relabel.ProcessBuilder(b, r) {
			return false, nil
		}
		count, text := 0, 0
		b.Range(func(l labels.Label) {
			count++
			text += len(l.Name) + len(l.Value)
		})
		if count > mostLabels || text > mostText {
			return false, errGrown
		}
	}
	return true, nil
}

// textOf is the bytes of labels.
func textOf(l labels.Labels) (n int) {
	l.Range(func(l labels.Label) { n += len(l.Name) + len(l.Value) })
	return n
}

// short is at most n bytes of what an endpoint says about itself, in whole characters.
func short(text []byte, n int) string {
	if len(text) > n {
		for n > 0 && !utf8.RuneStart(text[n]) {
			n--
		}
		text = append(text[:n:n], "…"...)
	}
	return strings.ToValidUTF8(string(text), "\ufffd")
}

// quietly follows redirects without telling whoever comes next where it came from: a
// token may stand in the arguments of an address.
func quietly(next *http.Request, before []*http.Request) error {
	if len(before) >= mostRedirects {
		return errors.New("it redirects in a ring: is the address right?")
	}
	next.Header.Del("Referer")
	return nil
}
