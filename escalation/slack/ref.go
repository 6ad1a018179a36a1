package slack

import (
	"regexp"
	"strings"
)

// ref names one message of Slack.
type ref struct {
	channel string // ID
	ts      string
	thread  string // ts of the message that it replies to; empty at the top
}

var (
	channelID = regexp.MustCompile(`^[A-Z][A-Z0-9]{0,31}$`)
	timestamp = regexp.MustCompile(`^\d{1,12}\.\d{1,9}$`)
	userID    = regexp.MustCompile(`^[UW][A-Z0-9]{1,31}$`)
)

// parseRef reads what String wrote.
func parseRef(s string) (ref, bool) {
	parts := strings.Split(s, "/")
	if len(parts) == 2 {
		parts = append(parts, "")
	}
	if len(parts) != 3 {
		return ref{}, false
	}
	r := ref{parts[0], parts[1], parts[2]}
	return r, r.valid()
}

func (r ref) valid() bool {
	return channelID.MatchString(r.channel) && timestamp.MatchString(r.ts) && (r.thread == "" || timestamp.MatchString(r.thread))
}

func (r ref) String() string {
	if r.thread == "" {
		return r.channel + "/" + r.ts
	}
	return r.channel + "/" + r.ts + "/" + r.thread
}

// root is the thread in which one replies to the message. It is empty for the
// zero ref.
func (r ref) root() string {
	if r.thread != "" {
		return r.thread
	}
	return r.ts
}

// compareTS orders messages of a channel by time: seconds have no fixed length.
func compareTS(a, b string) int {
	aSeconds, aRest, _ := strings.Cut(a, ".")
	bSeconds, bRest, _ := strings.Cut(b, ".")
	if len(aSeconds) != len(bSeconds) {
		return len(aSeconds) - len(bSeconds)
	}
	return strings.Compare(aSeconds+"."+aRest, bSeconds+"."+bRest)
}
