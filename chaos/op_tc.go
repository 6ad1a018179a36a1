package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

var (
	deviceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$`)
	// qdiscHandle is from the range that we take; the kernel gives its own from 8000.
	qdiscHandle = regexp.MustCompile(`^5[0-9a-f]{3}:$`)
)

// TcDelete is the undo of a root qdisc of ours on a device.
func TcDelete(n Netns, device, handle string) Op {
	return Op{Do: "tc-delete", Netns: n, Name: device, Handle: handle}
}

// TcAbsent is true when the device has no qdisc of that handle, or is not there.
func TcAbsent(n Netns, device, handle string) Check {
	return Check{Is: "tc-absent", Netns: n, Name: device, Handle: handle}
}

var tcDeleteOp = opKind{
	valid: func(o Op) error { return validQdisc(o.Netns, o.Name, o.Handle) },
	text: func(o Op) string {
		return fmt.Sprintf("in %s: tc qdisc del dev %s root handle %s", o.Netns, o.Name, o.Handle)
	},
	do: tcDelete,
}

var tcAbsentCheck = checkKind{
	valid: func(c Check) error { return validQdisc(c.Netns, c.Name, c.Handle) },
	text: func(c Check) string {
		return fmt.Sprintf("tc qdisc show dev %s in %s has no %s", c.Name, c.Netns, c.Handle)
	},
	look: tcAbsent,
}

func validQdisc(n Netns, device, handle string) error {
	switch {
	case n == 0:
		return errors.New("no network namespace")
	case !deviceName.MatchString(device):
		return fmt.Errorf("%q is not the name of a network device", device)
	case !qdiscHandle.MatchString(handle):
		return fmt.Errorf("%q is not a handle that sitrep gives", handle)
	}
	return nil
}

// Qdisc is a queueing discipline of a device, as `tc -j qdisc show` lists it.
type Qdisc struct {
	Kind   string `json:"kind"`
	Handle string `json:"handle"`
	Root   bool   `json:"root"`
}

// errNoDevice means that a namespace has no such network device.
var errNoDevice = errors.New("no such network device")

// Qdiscs lists those of a device.
func Qdiscs(ctx context.Context, n Netns, device string) ([]Qdisc, error) {
	text, err := n.Tool(ctx, ToolCall{Name: "tc", Args: []string{"-j", "qdisc", "show", "dev", device}})
	if err != nil && strings.Contains(err.Error(), "Cannot find device") { // iproute2 has no other sign of it
		return nil, fmt.Errorf("%s: %w", device, errNoDevice)
	}
	if err != nil {
		return nil, err
	}
	var list []Qdisc
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("tc -j qdisc show dev %s: %w", device, err)
	}
	return list, nil
}

func tcDelete(ctx context.Context, o Op) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, toolPatience)
	defer cancel()
	text, gone, err := tcAbsent(ctx, TcAbsent(o.Netns, o.Name, o.Handle))
	if gone || err != nil {
		return text, err
	}
	_, err = o.Netns.Tool(ctx, ToolCall{Name: "tc", Args: []string{"qdisc", "del", "dev", o.Name, "root", "handle", o.Handle}})
	return fmt.Sprintf("removed qdisc %s of %s", o.Handle, o.Name), err
}

func tcAbsent(ctx context.Context, c Check) (string, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, toolPatience)
	defer cancel()
	list, err := Qdiscs(ctx, c.Netns, c.Name)
	if errors.Is(err, ErrNetnsGone) || errors.Is(err, errNoDevice) {
		return err.Error(), true, nil
	}
	if err != nil {
		return "", false, err
	}
	for _, q := range list {
		if q.Handle == c.Handle {
			return fmt.Sprintf("%s still has qdisc %s", c.Name, c.Handle), false, nil
		}
	}
	return fmt.Sprintf("no qdisc %s on %s", c.Handle, c.Name), true, nil
}
