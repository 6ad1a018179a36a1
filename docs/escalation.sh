#!/usr/bin/env bash
# What delivery promises, seen from outside: PagerDuty is down when an incident is
# declared, Slack takes over, PagerDuty comes back, and nobody is paged twice or
# for what is over. Everything happens in the lab of `sitrep demo`, on loopback.
#
#   make build && docs/escalation.sh [DIRECTORY]
#
# Needs curl and jq, and about four minutes: a sink that
# fails is left alone for a while, and what was resolved is resolved once more later.
# Writes to DIRECTORY (default: a new one in /tmp, which is left there to look at).
set -euo pipefail

sitrep=${SITREP:-./sitrep}
dir=${1:-$(mktemp -d /tmp/sitrep-escalation-XXXXXX)}
export XDG_STATE_HOME=$dir/state
mkdir -p "$dir"
lab='' daemon=''

finish() { # ends what was started here, by its own process ID
	for pid in $daemon $lab; do kill "$pid" 2>/dev/null || true; done
	for pid in $daemon $lab; do wait "$pid" 2>/dev/null || true; done
}
trap finish EXIT

say() { printf '\n# %s\n' "$*"; }
quietly() { "$sitrep" --config "$config" --db "$db" --as reader "$@"; }
run() { # a command line as a reader would type it, and what it says
	printf '$ sitrep %s\n' "${*@Q}" | sed "s/'\([A-Za-z0-9_=,.-]*\)'/\1/g"
	local code=0
	quietly "$@" 2>&1 || code=$?
	[ "$code" = 0 ] || echo "(exit code $code)"
}
until_ok() { # SECONDS COMMAND...: waits until the command succeeds
	local left=$1; shift
	until "$@" >/dev/null 2>&1; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || { echo "waited in vain for: $*" >&2; exit 1; }
		sleep 1
	done
}
pages() { # the ledger in short: what, to which sink, what came of it
	echo "\$ sitrep pages $1"
	quietly --json pages "$1" | jq -r '.[] | select(.operation | IN("trigger", "post", "acknowledge", "resolve")) |
	  [.level, .sink, .operation, .outcome, "tries \(.attempts)", (if .diverted_at then "diverted" else "" end), .error] | @tsv' |
		awk -F '\t' '{printf "%-3s %-10s %-12s %-11s %-8s %-9s %s\n", $1, $2, $3, $4, $5, $6, $7}' | cut -c -110
}
page() { # INCIDENT OUTCOME: whether its first page has come to that
	quietly --json pages "$1" | jq -e --arg o "$2" '[.[] | select(.sink == "pagerduty" and .operation == "trigger")][0].outcome == $o'
}
posted() { quietly --json pages "$1" | jq -e 'any(.[]; .sink == "slack" and .state == "accepted")'; }
diverted() { quietly --json pages "$1" | jq -e 'any(.[]; .diverted_at != null)'; }
nothing_open() { quietly --json pages --open | jq -e 'length == 0'; }
took() { # what PagerDuty has accepted, in its order
	curl -fsS "$pagerduty/ledger" | jq -r '.[] | select(.path == "/v2/enqueue" and .status == 202) |
	  "\(.at[11:19]) \(.body.event_action) \(.body.payload.summary // .body.dedup_key)"' | cut -c -110
}

say "the lab, without a screen; its PagerDuty and Slack wake nobody"
"$sitrep" demo --headless --db "$dir/sitrep.db" >"$dir/lab.json" 2>"$dir/lab.log" & lab=$!
until_ok 120 test -s "$dir/lab.json"
config=$(jq -r .config "$dir/lab.json") db=$(jq -r .db "$dir/lab.json")
pagerduty=$(jq -r .pagerduty "$dir/lab.json") slack=$(jq -r .slack "$dir/lab.json")
calm=${config%/*}/calm.yaml # the lab's policy counts in seconds; this one is what sitrep brings
grep -v '^policy:' "$config" >"$calm"
config=$calm

say "a daemon runs the ladder"
"$sitrep" --config "$config" --db "$db" --as reader daemon >"$dir/daemon.log" 2>&1 & daemon=$! # not quietly: the ID would be that of a shell around it
runs() { curl -sS "$(grep -o 'http://[^ ]*/health' "$dir/daemon.log")" | jq -e '.checks["sitrep/ladder"] | select(.status == "healthy")'; }
until_ok 120 runs

say "PagerDuty is down: from now on it answers 503"
curl -fsS -X POST "$pagerduty/lab/down"
run incident declare --severity SEV-1 --title 'Checkout fails for some customers' --service checkout
until_ok 120 diverted INC-1
until_ok 120 posted INC-1

say "the page waits and is tried again; Slack has been told in its place"
pages INC-1
curl -fsS "$slack/ledger" | jq -r '.[] | select(.path | endswith("chat.postMessage")) | "Slack: \(.body.text | gsub("\n"; " "))"' | cut -c -110

say "PagerDuty comes back: the page that waited goes out, once"
curl -fsS -X POST "$pagerduty/lab/up"
until_ok 300 page INC-1 accepted
pages INC-1
echo "PagerDuty has accepted:"; took
curl -fsS "$pagerduty/alerts" | jq -c '.[] | {status, triggers, summary}'

say "acknowledged and resolved: PagerDuty is told, twice over where an answer was in doubt"
run incident ack INC-1
run incident resolve INC-1 --resolution 'rolled back'
over() { curl -fsS "$pagerduty/alerts" | jq -e 'all(.[]; .status == "resolved")'; }
until_ok 120 over
curl -fsS "$pagerduty/alerts" | jq -c '.[] | {status, triggers, summary}'

say "down again, and this time somebody answers before it is back"
curl -fsS -X POST "$pagerduty/lab/down?as=closed"
run incident declare --severity SEV-1 --title 'Search is slow' --service search
until_ok 120 diverted INC-2
run incident ack INC-2
until_ok 120 page INC-2 superseded
pages INC-2

say "PagerDuty is back; what nobody needs to hear any more is never sent, what may have arrived is ended"
curl -fsS -X POST "$pagerduty/lab/up"
run incident resolve INC-2 --resolution 'an index was rebuilt'
until_ok 300 nothing_open
echo "PagerDuty has accepted:"; took
curl -fsS "$pagerduty/alerts" | jq -c '.[] | {status, triggers, summary}'

say "every message has come to an end"
pages INC-2
nothing_open
echo
echo "everything is in $dir"
