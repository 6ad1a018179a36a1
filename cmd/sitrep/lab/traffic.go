package lab

import (
	"context"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

const (
	shoppersPerSecond = 20.0
	shopperPatience   = 4 * time.Second
	mostShoppers      = 250 // at a time; who comes when it is full goes elsewhere
)

// shoppers come to url until ctx ends, whether or not the shop keeps up: at
// random, about as many every second, with a slow wave of a fifth over two
// minutes.
func shoppers(ctx context.Context, url string) error {
	client := &http.Client{Timeout: shopperPatience, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	var inside sync.WaitGroup
	defer inside.Wait()
	room := make(chan struct{}, mostShoppers)
	opened := time.Now()
	for due := opened; ; {
		wave := 1 + 0.2*math.Sin(2*math.Pi*due.Sub(opened).Minutes()/2)
		due = due.Add(time.Duration(rand.ExpFloat64() / (shoppersPerSecond * wave) * float64(time.Second)))
		if late := time.Since(due); late > time.Second {
			due = due.Add(late) // the machine slept: nobody queued outside
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Until(due)):
		}
		select {
		case room <- struct{}{}:
			inside.Go(func() {
				visit(ctx, client, url)
				<-room
			})
		default:
		}
	}
}

// visit looks at the page; what the customer thinks of it is in the metrics of
// the shop.
func visit(ctx context.Context, client *http.Client, url string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return
	}
	req.Header.Set("User-Agent", "sitrep-lab-shopper")
	res, err := client.Do(req)
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	_ = res.Body.Close()
}
