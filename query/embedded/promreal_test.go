package embedded_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query/embedded"
)

// Forms of prometheus.yml that are met in the field: what is carried over, and that
// everything else is listed with its place.
func TestRealFormsOfPrometheusFiles(t *testing.T) {
	for name, c := range map[string]struct {
		src     string
		targets []string
		needs   []string // by job
		left    []string
	}{
		"as it is delivered": {`# my global config
global:
  scrape_interval: 15s # Set the scrape interval to every 15 seconds. Default is every 1 minute.
  evaluation_interval: 15s # Evaluate rules every 15 seconds. The default is every 1 minute.
  # scrape_timeout is set to the global default (10s).

# Alertmanager configuration
alerting:
  alertmanagers:
    - static_configs:
        - targets:
          # - alertmanager:9093

rule_files:
  # - "first_rules.yml"

scrape_configs:
  # The job name is added as a label "job=<job_name>" to any timeseries scraped from this config.
  - job_name: "prometheus"

    # metrics_path defaults to '/metrics'
    # scheme defaults to 'http'.

    static_configs:
      - targets: ["localhost:9090"]
        labels:
          app: "prometheus"
`, []string{"http://localhost:9090/metrics"}, []string{""}, []string{
			"8:1: alerting is not carried over: alerts go to sitrep's own policy",
		}},
		"probes through blackbox exporter": {`
global: {scrape_interval: 1m, scrape_protocols: [OpenMetricsText1.0.0]}
scrape_configs:
- job_name: blackbox
  metrics_path: /probe
  params: {module: [http_2xx]}
  static_configs:
  - targets: ["https://shop.example.com/login?a=b", "http://10.0.0.1:8080"]
  relabel_configs:
  - {source_labels: [__address__], target_label: __param_target}
  - {source_labels: [__param_target], target_label: instance}
  - {target_label: __address__, replacement: "127.0.0.1:9115"}
- job_name: federate
  honor_labels: true
  metrics_path: /federate
  params: {"match[]": ['{job="prometheus"}', '{__name__=~"job:.*"}']}
  track_timestamps_staleness: true
  static_configs: [{targets: ["dc2:9090"]}]
remote_write:
- url: https://mimir.example.com/api/v1/push
storage: {tsdb: {out_of_order_time_window: 30m}}
`, []string{
			"http://127.0.0.1:9115/probe?module=http_2xx&target=https%3A%2F%2Fshop.example.com%2Flogin%3Fa%3Db",
			"http://127.0.0.1:9115/probe?module=http_2xx&target=http%3A%2F%2F10.0.0.1%3A8080",
			"http://dc2:9090/federate?match%5B%5D=%7Bjob%3D%22prometheus%22%7D&match%5B%5D=%7B__name__%3D~%22job%3A.%2A%22%7D",
		}, []string{"", ""}, []string{
			"2:31: scrape_protocols of global is not carried over",
			`17:3: job "federate": track_timestamps_staleness is not carried over`,
			"19:1: remote_write is not carried over",
			"21:1: storage is not carried over",
		}},
		"a cluster, with secrets": {`
scrape_configs:
- job_name: kubernetes-pods
  scheme: https
  kubernetes_sd_configs: [{role: pod}]
  authorization: {type: Bearer, credentials_file: /var/run/secrets/kubernetes.io/serviceaccount/token}
  tls_config: {ca_file: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt, min_version: TLS13}
  relabel_configs:
  - {source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape], action: keep, regex: true}
- job_name: nodes
  basic_auth: {username: prom, password: <secret>}
  consul_sd_configs: [{server: "consul:8500"}]
  static_configs: [{targets: ["node1:9100"]}]
- job_name: cloud
  oauth2: {client_id: a, client_secret: b, token_url: https://sso.example.com/token}
  http_headers: {X-Scope: {values: [a]}}
  static_configs: [{targets: ["api:443"]}]
  label_value_length_limit: 200
`, []string{"http://node1:9100/metrics", "http://api:443/metrics"}, []string{"", "basic_auth.password", "oauth2"}, []string{
			`5:3: job "kubernetes-pods": kubernetes_sd_configs is not carried over: only static_configs and file_sd_configs find targets`,
			`7:79: job "kubernetes-pods": min_version of tls_config is not carried over`,
			`12:3: job "nodes": consul_sd_configs is not carried over: only static_configs and file_sd_configs find targets`,
			`15:3: job "cloud": oauth2 is not carried over: its targets are not scraped`,
			`16:3: job "cloud": http_headers is not carried over`,
			`18:3: job "cloud": label_value_length_limit is not carried over`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := embedded.ReadFile("prometheus.yml", "/etc/prometheus", []byte(c.src))
			require.NoError(t, err)
			var urls, needs, left []string
			for _, j := range f.Jobs {
				targets, errs := j.Targets(j.Static)
				require.Empty(t, errs)
				for _, target := range targets {
					urls = append(urls, target.URL)
				}
				needs = append(needs, j.Auth.Needs())
			}
			for _, l := range f.Left {
				left = append(left, l.String())
			}
			require.Equal(t, c.targets, urls)
			require.Equal(t, c.needs, needs)
			require.Equal(t, c.left, left)
		})
	}
}
