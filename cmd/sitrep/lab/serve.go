package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
)

// serve answers on a free port of loopback until the lab ends, and says where.
func (l *Lab) serve(h http.Handler) (url string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: marked(h), ReadHeaderTimeout: 5 * time.Second, ErrorLog: l.log}
	l.group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	l.group.Go(func() error {
		<-l.life.Done()
		return server.Close()
	})
	return "http://" + listener.Addr().String(), nil
}

// marked puts the lab's mark on every answer, by which an undo knows that it
// does not talk to somebody else who got the port.
func marked(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(chaos.LabHeader, "1")
		h.ServeHTTP(w, r)
	})
}

// answers asks once and wants a 200.
func answers(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := chaos.LoopbackClient(5 * time.Second).Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, res.Status)
	}
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	return err
}
