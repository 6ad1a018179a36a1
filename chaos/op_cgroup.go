package chaos

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// cgroupFiles are the files of a cgroup that an undo may write, and what: to let its
// processes run, and to set a limit of a device, back to what it was before.
var cgroupFiles = map[string]*regexp.Regexp{
	"cgroup.freeze":                   regexp.MustCompile(`^0$`),
	"freezer.state":                   regexp.MustCompile(`^THAWED$`),
	"io.max":                          regexp.MustCompile(`^\d{1,7}:\d{1,7}( (rbps|wbps)=(max|\d{1,20})){1,2}$`),
	"blkio.throttle.read_bps_device":  regexp.MustCompile(`^\d{1,7}:\d{1,7} \d{1,20}$`),
	"blkio.throttle.write_bps_device": regexp.MustCompile(`^\d{1,7}:\d{1,7} \d{1,20}$`),
}

// cgroupStates are the files that say whether it was written, where they are others.
// A freezer's state is also that of the cgroups above it, which is not ours to thaw.
var cgroupStates = map[string]*regexp.Regexp{"freezer.self_freezing": regexp.MustCompile(`^0$`)}

// WriteCgroup is the undo of what was done by a file of a cgroup.
func WriteCgroup(c Cgroup, file, text string) Op {
	return Op{Do: "cgroup", Cgroup: &c, File: file, Text: text}
}

// CgroupSays is true when a file of the cgroup says so, or the cgroup is no more. Of a
// file with a line for each device it is the device's line that counts.
func CgroupSays(c Cgroup, file, text string) Check {
	return Check{Is: "cgroup", Cgroup: &c, File: file, Text: text}
}

var cgroupOp = opKind{
	valid: func(o Op) error { return validCgroup(o.Cgroup, o.File, o.Text, cgroupFiles[o.File]) },
	text:  func(o Op) string { return fmt.Sprintf("echo %s > %s/%s", o.Text, o.Cgroup.Dir, o.File) },
	do: func(_ context.Context, o Op) (string, error) {
		err := o.Cgroup.Write(o.File, o.Text)
		if errors.Is(err, ErrCgroupGone) {
			return err.Error(), nil
		}
		return fmt.Sprintf("wrote %s to %s/%s", o.Text, o.Cgroup.Dir, o.File), err
	},
}

var cgroupCheck = checkKind{
	valid: func(c Check) error {
		allowed := cgroupFiles[c.File]
		if allowed == nil {
			allowed = cgroupStates[c.File]
		}
		return validCgroup(c.Cgroup, c.File, c.Text, allowed)
	},
	text: func(c Check) string { return fmt.Sprintf("%s/%s says %s", c.Cgroup.Dir, c.File, c.Text) },
	look: func(_ context.Context, c Check) (string, bool, error) {
		said, err := c.Cgroup.Read(c.File)
		if errors.Is(err, ErrCgroupGone) {
			return err.Error(), true, nil
		}
		if err != nil {
			return "", false, err
		}
		is := deviceLine(c.File, said, c.Text)
		return fmt.Sprintf("%s/%s says %s", c.Cgroup.Dir, c.File, is), is == c.Text, nil
	},
}

func validCgroup(c *Cgroup, file, text string, allowed *regexp.Regexp) error {
	switch err := c.valid(); {
	case err != nil:
		return err
	case allowed == nil:
		return fmt.Errorf("%q is not on the list of files of a cgroup", file)
	case !allowed.MatchString(text):
		return fmt.Errorf("%q is not what %s takes to be undone", text, file)
	}
	return nil
}

// DeviceLimit is what a cgroup says of a device in the form that is written to its
// file, for the given keys of io.max: no line means no limit.
func DeviceLimit(c Cgroup, file, device string, keys ...string) (string, error) {
	said, err := c.Read(file)
	if err != nil {
		return "", err
	}
	like := device + " 0"
	if file == "io.max" {
		like = device
		for _, k := range keys {
			like += " " + k + "=max"
		}
	}
	return deviceLine(file, said, like), nil
}

// deviceLine is what a file says of the device that like names, with the keys that
// like names, in its order. What is not there is no limit. A file without devices is
// its text.
func deviceLine(file, said, like string) string {
	want := strings.Fields(like)
	if file != "io.max" && !strings.HasPrefix(file, "blkio.") {
		return strings.TrimSpace(said)
	}
	var line []string
	for text := range strings.Lines(said) {
		if fields := strings.Fields(text); len(fields) > 1 && fields[0] == want[0] {
			line = fields[1:]
		}
	}
	if file != "io.max" {
		if line == nil {
			line = []string{"0"}
		}
		return want[0] + " " + line[0]
	}
	is := want[0]
	for _, pair := range want[1:] {
		key, _, _ := strings.Cut(pair, "=")
		at := slices.IndexFunc(line, func(have string) bool { return strings.HasPrefix(have, key+"=") })
		if at < 0 {
			is += " " + key + "=max"
		} else {
			is += " " + line[at]
		}
	}
	return is
}
