package query

import (
	"regexp"
	"strings"
)

// What distributed servers say when a query is too much for them, and what a person
// can set. They say it behind so much else that one line would lose it.

// mimirID is the name of an error in Mimir's catalogue, which ends what happened.
var mimirID = regexp.MustCompile(`\(err-mimir-[a-z0-9-]+\)`)

// mimirFlag is what Mimir says can be set.
var mimirFlag = regexp.MustCompile(`configure (-[a-z][a-z0-9.-]*[a-z0-9])`)

// lessOr is the advice for a limit.
func lessOr(flag string) string {
	return ": select fewer series or a shorter time, or raise " + flag + " of the server"
}

// knownLimits are pieces of messages, and what is to be done; the first that is found.
func knownLimits() [][2]string {
	return [][2]string{
		{"(err-mimir-store-consistency-check-failed)", ": a part of its storage is away, and it gives no half answers: it is asked again"},
		{"(err-mimir-query-blocked)", ": the tenant's blocked_queries name this one: ask whoever runs the server"},
		{"max number of series limit", lessOr("-querier.max-fetched-series-per-query")}, // Cortex
		{"max number of chunks limit", lessOr("-querier.max-fetched-chunks-per-query")},
		{"aggregated chunks size limit", lessOr("-querier.max-fetched-chunk-bytes-per-query")},
		{"aggregated data size limit", lessOr("-querier.max-fetched-data-bytes-per-query")},
		{"query time range exceeds the limit", ": ask for a shorter time, or raise -store.max-query-length of the server"},
		{"exceeded series limit", lessOr("--store.limits.request-series")}, // a store of Thanos
		{"exceeded chunks limit", lessOr("-querier.max-fetched-chunks-per-query")},
		{"exceeded samples limit", lessOr("--store.limits.request-samples")},
		{"too many samples into memory", lessOr("--query.max-samples")}, // Prometheus
	}
}

// limit is what a server says without its advice, and ours in its place.
func limit(text string) (what, todo string) {
	if at := mimirID.FindStringIndex(text); at != nil {
		if flag := mimirFlag.FindStringSubmatch(text[at[1]:]); flag != nil {
			return text[:at[1]], lessOr(flag[1])
		}
		text = text[:at[1]]
	}
	for _, known := range knownLimits() {
		if strings.Contains(text, known[0]) {
			return text, known[1]
		}
	}
	return text, ""
}
