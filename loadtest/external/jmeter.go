package external

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/loadtest"
)

type jmeter struct{}

func (jmeter) prepare(e Engine, file, dir string) (session, error) {
	s := &jmeterSession{file: file, dir: dir, properties: e.Properties, results: filepath.Join(dir, "results.jtl")}
	var err error
	if s.in, err = os.OpenFile(s.results, os.O_RDONLY|os.O_CREATE, 0o600); err != nil {
		return nil, err
	}
	// A port that is free now: JMeter listens there for who wants it to end.
	probe, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.port = probe.LocalAddr().(*net.UDPAddr).Port
	return s, probe.Close()
}

// jmeterSession is one run of a plan.
type jmeterSession struct {
	file, dir, results string
	properties         map[string]string
	in                 *os.File
	port               int
	told               *jtl
}

func (s *jmeterSession) env() []string { return nil }

func (s *jmeterSession) drop() { _ = s.in.Close() }

// args has all of the results' form that jtl relies on, and a proxy that nobody is for every
// host but this machine.
func (s *jmeterSession) args() []string {
	args := []string{"-n", "-t", s.file, "-l", s.results, "-j", filepath.Join(s.dir, "jmeter.log"), "-H", "127.0.0.1", "-P", "1", "-N", "localhost|127.*|[::1]"}
	for _, property := range []string{
		"sampleresult.timestamp.start=true", "jmeterengine.nongui.port=" + fmt.Sprint(s.port), "jmeterengine.nongui.maxport=" + fmt.Sprint(s.port),
	} {
		args = append(args, "-J"+property)
	}
	for _, setting := range []string{
		"output_format=csv", "print_field_names=true", "timestamp_format=ms", "default_delimiter=,", "autoflush=true", "subresults=false",
		"response_code=true", "response_message=true", "successful=true", "label=true", "time=true", "assertion_results_failure_message=true",
	} {
		args = append(args, "-Jjmeter.save.saveservice."+setting)
	}
	for _, name := range slices.Sorted(maps.Keys(s.properties)) {
		args = append(args, "-J"+name+"="+s.properties[name])
	}
	return args
}

func (s *jmeterSession) read(t *tally, over <-chan struct{}) error {
	defer s.in.Close()
	s.told = newJTL(t)
	s.told.live = true
	f := &followed{f: s.in, over: over, tick: time.NewTicker(200 * time.Millisecond)}
	defer f.tick.Stop()
	if err := s.told.csv(f, ','); !errors.Is(err, io.EOF) { // of nothing at all, JMeter says why when it ends
		return err
	}
	return nil
}

// stop asks JMeter to let its threads end after what they are at. Source: JMeter's manual,
// "Running JMeter in CLI mode", and bin/shutdown.sh.
func (s *jmeterSession) stop(*child) {
	to, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", s.port))
	if err != nil {
		return // it is killed when its time is over
	}
	defer to.Close()
	_, _ = to.Write([]byte("Shutdown"))
}

func (s *jmeterSession) into(r *loadtest.Result, code int, said string) (aborted bool) {
	s.told.into(r)
	if code != 0 {
		blame(r, "JMeter ended with code %d: %s", code, said)
	}
	return false
}
