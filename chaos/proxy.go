package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// ProxyFault is a fault as a lab proxy holds it.
type ProxyFault struct {
	ID          string    `json:"id,omitempty"`
	LatencyMS   float64   `json:"latency_ms"`
	JitterMS    float64   `json:"jitter_ms"`
	ErrorRatio  float64   `json:"error_ratio"` // 0 to 1
	ErrorStatus int       `json:"error_status"`
	ExpiresAt   time.Time `json:"expires_at"` // the proxy drops it by itself then
	// Hits counts the requests that the fault has touched, if the proxy says so.
	Hits *int64 `json:"hits,omitempty"`
}

// ProxyFaults is a proxy's answer to GET /faults.
type ProxyFaults struct {
	Service  string       `json:"service"`
	Instance string       `json:"instance"`
	Faults   []ProxyFault `json:"faults"`
}

// whole refuses an answer that is no list, such as {}: nothing in it would say that a fault
// is gone.
func (l ProxyFaults) whole(asked string) error {
	if l.Instance == "" {
		return fmt.Errorf("%s: the answer is no list of a proxy's faults: it names no instance", asked)
	}
	return nil
}

// ListFaults reads the faults that a lab proxy holds; url ends in /faults. An
// answer without the lab's header is an error: whoever listens there is not the
// lab.
func ListFaults(ctx context.Context, url string) (ProxyFaults, error) {
	var list ProxyFaults
	header, err := loopbackJSON(ctx, url, &list)
	if err == nil && header.Get(LabHeader) != "1" {
		err = fmt.Errorf("GET %s: the answer lacks %s: 1, so it is not the lab's", url, LabHeader)
	}
	if err == nil {
		err = list.whole("GET " + url)
	}
	return list, err
}

// loopbackJSON reads one bounded JSON answer from this host.
func loopbackJSON(ctx context.Context, url string, dst any) (http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if err := loopbackHost(req.URL); err != nil {
		return nil, err
	}
	res, err := LoopbackClient(2 * time.Second).Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", url, res.Status)
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(dst); err != nil {
		return nil, fmt.Errorf("GET %s: %w", url, err)
	}
	return res.Header, nil
}
