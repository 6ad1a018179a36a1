package chaos

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Docker is a daemon of this host, by the path of its socket: the handful of calls of the
// Engine API that faults of containers need. Who may use the socket is root there.
type Docker struct{ Socket string }

// ErrContainerGone means that Docker knows no such container any more.
var ErrContainerGone = errors.New("container is no longer there")

// DefaultDockerSocket is where Docker listens if nobody has said otherwise.
const DefaultDockerSocket = "/var/run/docker.sock"

// DockerSocket is the configured socket, else the one of $DOCKER_HOST, else the default.
// A daemon of another host is refused: its containers could not be kept apart from
// others', and its undo would need the network.
func DockerSocket(configured, dockerHost string) (string, error) {
	if configured != "" || dockerHost == "" {
		return cmp.Or(configured, DefaultDockerSocket), nil
	}
	path, ok := strings.CutPrefix(dockerHost, "unix://")
	if !ok || !filepath.IsAbs(path) {
		return "", Refuse("unreachable", "set chaos.docker.socket", "DOCKER_HOST is %q, and containers are hurt over a socket of this host alone", dockerHost)
	}
	return path, nil
}

// ContainerState is what Docker says of a container, as far as faults need it.
type ContainerState struct {
	ID    string `json:"Id"`
	Name  string `json:"Name"` // with a slash before it
	Path  string `json:"Path"` // of its program, inside
	State struct {
		Status    string    `json:"Status"`
		Running   bool      `json:"Running"` // also when it is paused
		Paused    bool      `json:"Paused"`
		PID       int       `json:"Pid"`
		StartedAt time.Time `json:"StartedAt"`
	} `json:"State"`
	HostConfig struct {
		AutoRemove bool `json:"AutoRemove"`
		CPULimit
	} `json:"HostConfig"`
	Config struct {
		Image string `json:"Image"`
	} `json:"Config"`
}

// Inspect looks at one container.
func (d Docker) Inspect(ctx context.Context, id string) (s ContainerState, err error) {
	if err := d.call(ctx, http.MethodGet, "/containers/"+id+"/json", nil, &s); err != nil {
		return s, err
	}
	if s.ID != id {
		return s, fmt.Errorf("docker %s: asked for container %.12s, it tells of %.12q", d.Socket, id, s.ID)
	}
	return s, nil
}

// listedContainer is an entry of the list of containers.
type listedContainer struct {
	ID    string   `json:"Id"`
	Names []string `json:"Names"`
}

// running lists the containers that run, with all of the labels.
func (d Docker) running(ctx context.Context, labels map[string]string) (all []listedContainer, err error) {
	var want []string
	for k, v := range labels {
		want = append(want, k+"="+v)
	}
	filters, err := json.Marshal(map[string][]string{"label": want})
	if err != nil {
		return nil, err
	}
	if err := d.call(ctx, http.MethodGet, "/containers/json?filters="+url.QueryEscape(string(filters)), nil, &all); err != nil {
		return nil, err
	}
	for _, c := range all {
		if !containerID.MatchString(c.ID) {
			return nil, fmt.Errorf("docker %s: it lists a container %.80q, which is no ID", d.Socket, c.ID)
		}
	}
	return all, nil
}

// Pause freezes every process of a container.
func (d Docker) Pause(ctx context.Context, id string) error {
	return d.call(ctx, http.MethodPost, "/containers/"+id+"/pause", nil, nil)
}

// Stop sends TERM, and KILL to what has not ended after grace, in whole seconds.
func (d Docker) Stop(ctx context.Context, id string, grace time.Duration) error {
	return d.call(ctx, http.MethodPost, "/containers/"+id+"/stop?t="+strconv.Itoa(int(grace/time.Second)), nil, nil)
}

// Kill sends a signal to the container's first process. Docker takes that for the wish
// of a person, and does not start it again.
func (d Docker) Kill(ctx context.Context, id, signal string) error {
	return d.call(ctx, http.MethodPost, "/containers/"+id+"/kill?signal="+signal, nil, nil)
}

// Limit sets how much CPU a container may have.
func (d Docker) Limit(ctx context.Context, id string, l CPULimit) error {
	return d.call(ctx, http.MethodPost, "/containers/"+id+"/update", l, nil)
}

func (d Docker) unpause(ctx context.Context, id string) error {
	return d.call(ctx, http.MethodPost, "/containers/"+id+"/unpause", nil, nil)
}

func (d Docker) start(ctx context.Context, id string) error {
	return d.call(ctx, http.MethodPost, "/containers/"+id+"/start", nil, nil)
}

// The version of the Engine API that this was written for. One that speaks only older or
// only newer ones is asked in its own: the calls have not changed since 1.29.
const engineAPI = "1.41"

// dockerVersion is what the daemon says of itself.
type dockerVersion struct {
	Release string `json:"Version"`
	Latest  string `json:"ApiVersion"`
	Least   string `json:"MinAPIVersion"`
}

// Release is which Docker it is, such as 20.10.24; the error is also that of one which
// speaks no version of the API that faults need.
func (d Docker) Release(ctx context.Context) (string, error) {
	_, speaks, err := d.greet(ctx)
	return speaks.Release, err
}

// version is that in which the daemon is asked.
func (d Docker) version(ctx context.Context) (string, error) {
	version, _, err := d.greet(ctx)
	return version, err
}

// greet asks which versions the daemon speaks, and chooses one.
func (d Docker) greet(ctx context.Context) (version string, speaks dockerVersion, err error) {
	if err := d.send(ctx, http.MethodGet, "/version", nil, &speaks); err != nil {
		return "", speaks, err
	}
	latest, ok := minor(speaks.Latest)
	least, _ := minor(speaks.Least)
	want, _ := minor(engineAPI)
	if !ok || latest < 29 {
		return "", speaks, fmt.Errorf("docker %s: version %.20q of its API; want 1.29 or later", d.Socket, speaks.Latest)
	}
	return "/v1." + strconv.Itoa(max(least, min(want, latest))), speaks, nil
}

func minor(version string) (int, bool) {
	text, ok := strings.CutPrefix(version, "1.")
	n, err := strconv.Atoi(text)
	return n, ok && err == nil && n >= 0
}

// call asks in the version that both know.
func (d Docker) call(ctx context.Context, method, path string, in, out any) error {
	version, err := d.version(ctx)
	if err != nil {
		return err
	}
	return d.send(ctx, method, version+path, in, out)
}

// longestAnswerOfDocker is more than a list of thousands of containers.
const longestAnswerOfDocker = 8 << 20

func (d Docker) send(ctx context.Context, method, path string, in, out any) error {
	fail := func(err error) error {
		var u *url.Error
		if errors.As(err, &u) { // it would name a host that there is not
			err = u.Err
		}
		return fmt.Errorf("docker %s: %s %s: %w", d.Socket, method, path, err)
	}
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return fail(err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://docker"+path, &body)
	if err != nil {
		return fail(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := d.client().Do(req)
	if err != nil {
		return fail(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, longestAnswerOfDocker+1))
	switch {
	case err != nil:
		return fail(err)
	case len(text) > longestAnswerOfDocker:
		return fail(errors.New("its answer has no end"))
	case res.StatusCode == http.StatusNotFound && strings.Contains(path, "/containers/"):
		return fail(ErrContainerGone)
	case res.StatusCode == http.StatusNotModified: // it is so already
		return nil
	case res.StatusCode/100 != 2:
		var said struct{ Message string }
		_ = json.Unmarshal(text, &said) // else there is no reason but the status
		return fail(fmt.Errorf("%s: %.300s", res.Status, said.Message))
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fail(fmt.Errorf("this is not Docker's answer: %w", err))
	}
	return nil
}

// client goes nowhere but to the socket, and follows nobody.
func (d Docker) client() *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", d.Socket)
		}},
	}
}

var containerID = regexp.MustCompile(`^[0-9a-f]{64}$`)
