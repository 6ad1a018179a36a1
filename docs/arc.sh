#!/usr/bin/env bash
# The main job by commands alone: a service is hurt, an alert fires, an incident
# is declared, paged, acknowledged, worked on and resolved, and its post-mortem
# is written, all against a real Prometheus server of its own.
#
#   make build && docs/arc.sh [DIRECTORY]
#
# Needs prometheus, curl and jq. Everything happens on loopback and in DIRECTORY
# (default: a new one in /tmp, which is left there to look at).
set -euo pipefail

sitrep=${SITREP:-./sitrep}
dir=${1:-$(mktemp -d /tmp/sitrep-arc-XXXXXX)}
export XDG_STATE_HOME=$dir/state
mkdir -p "$dir"
lab='' prom='' daemon='' chaos=''

finish() { # ends what was started here, by its own process ID
	for pid in $chaos $daemon $prom $lab; do kill "$pid" 2>/dev/null || true; done
	for pid in $chaos $daemon $prom $lab; do wait "$pid" 2>/dev/null || true; done
}
trap finish EXIT

say() { printf '\n# %s\n' "$*"; }
run() { printf '$ sitrep %s\n' "$*" >&2; "$sitrep" --config "$config" --db "$db" --prometheus "$url" --as reader "$@"; }
start() { # LOG COMMAND...: the same in the background; $! is its process
	local log=$1; shift
	printf '$ sitrep %s &\n' "$*" >&2
	"$sitrep" --config "$config" --db "$db" --prometheus "$url" --as reader "$@" >"$log" 2>"$log.err" &
}
until_ok() { # SECONDS COMMAND...: waits until the command succeeds
	local left=$1; shift
	until "$@" >/dev/null 2>&1; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || { echo "waited in vain for: $*" >&2; exit 1; }
		sleep 1
	done
}

say "the shop, without a screen"
"$sitrep" demo --headless --db "$dir/sitrep.db" >"$dir/lab.json" 2>"$dir/lab.log" & lab=$!
until_ok 120 test -s "$dir/lab.json"
jq . "$dir/lab.json"
config=$(jq -r .config "$dir/lab.json") db=$(jq -r .db "$dir/lab.json")
pagerduty=$(jq -r .pagerduty "$dir/lab.json") slack=$(jq -r .slack "$dir/lab.json")

say "a Prometheus of its own, which scrapes the shop every second"
curl -fsS "$(jq -r .targets "$dir/lab.json")" |
	jq '{global: {scrape_interval: "1s", evaluation_interval: "1s"}, rule_files: ["'"$(dirname "$config")"'/rules.yaml"],
	     scrape_configs: [group_by(.service)[] | {job_name: .[0].service, static_configs: [.[] | {
	       targets: [.url | ltrimstr("http://")], labels: {instance: .name, env: "lab"}}]}]}' >"$dir/prometheus.yml"
port=${PROMETHEUS_PORT:-9391} url=http://127.0.0.1:$port
prometheus --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/tsdb" --web.listen-address="127.0.0.1:$port" >"$dir/prometheus.log" 2>&1 & prom=$!
until_ok 120 curl -fsS "$url/-/ready"
measured() { run board show shop --json 2>/dev/null | jq -e 'all(.[]; .value != null and .state != "crit" and .state != "warn")'; }
until_ok 120 measured # and calm: nothing is injected into a system that is sick already
run board show shop

say "a daemon, which watches the alerts and runs the ladder while nobody looks"
start "$dir/daemon.log" daemon; daemon=$!

say "whom the experiment would hurt, and how that is undone"
run chaos run payments-latency --dry-run

say "hurt payments; the experiment goes on in the background"
hurt() { start "$dir/chaos.jsonl" --json chaos run payments-latency; chaos=$!; }
fires() { run alert list --json 2>/dev/null | jq -e '.[] | select(.name == "HighErrorRate" and .state == "firing" and .labels.job == "checkout")'; }
hurt_and_fires() { # a shop that is slow at that moment, on a busy machine, is not injected into: then once more
	fires || { kill -0 "$chaos" || { measured && hurt; }; false; }
}
hurt
until_ok 120 hurt_and_fires
run alert list

say "declare, and page whoever the policy names"
incident=$(run incident declare --severity SEV-1 --title 'Checkout fails for some customers' --alert HighErrorRate --service checkout) || [ $? = 5 ]
echo "$incident"
run pages "$incident"
echo "PagerDuty would have been told:"; curl -fsS "$pagerduty/ledger" | jq -c '.[] | {path, status}'
echo "Slack would have been told:"; curl -fsS "$slack/ledger" | jq -c '.[] | {path, status}'

say "acknowledge, write down, act"
run incident ack "$incident" || [ $? = 5 ]
run incident note "$incident" '-1m errors began when one payments instance became slow'
wait "$chaos" || echo "the experiment ended with $? (3: the hypothesis did not hold)"
chaos=''
tail -n 1 "$dir/chaos.jsonl" | jq '{run, verdict, reason, faults}'

say "is it healthy again? a load check says so"
calm() { ! fires; }
until_ok 120 calm
run incident did "$incident" 'the slow payments instance is back' --mitigates
for n in 1 2 3 4 5; do # on a busy machine the first may come too soon
	run load run smoke && break
	[ "$n" -lt 5 ]
done
run load show "LT-$n" --json | jq '{verdict, achieved_rate, errors, p95: .latency_seconds.p95}'

say "resolve; the post-mortem is drafted"
run item add "$incident" 'give checkout a budget of retries for payments' --owner reader --due 2027-01-15
run incident resolve "$incident" --resolution 'payments answers in time again' || [ $? = 5 ]
run postmortem draft "$incident"
run postmortem lint "$incident" # the questions that only people can answer
run postmortem export "$incident" -o "$dir/post-mortem.md"
sed -n 1,40p "$dir/post-mortem.md"
run incident show "$incident"
echo
echo "everything is in $dir"
