package chaos

import (
	"errors"
	"fmt"
	"strings"
)

// ErrProcessGone means that the process with that identity no longer exists;
// another one may have its number.
var ErrProcessGone = errors.New("is gone")

// Process is the identity of a process for all time: a number alone is reused.
type Process struct {
	PID        int    `json:"pid"`
	StartTicks uint64 `json:"start_ticks"` // field 22 of /proc/PID/stat
	BootID     string `json:"boot_id"`
}

func (p Process) gone() error { return fmt.Errorf("process %d %w", p.PID, ErrProcessGone) }

// stat is what we read from /proc/PID/stat.
type stat struct {
	comm   string // what the kernel calls it: its program's name, unless it has chosen another
	state  byte
	kernel bool // a thread of the kernel's own
	ticks  uint64
}

// kernelThread is PF_KTHREAD of the kernel's include/linux/sched.h.
const kernelThread = 0x00200000

// parseStat reads name, state, flags and start time. The name in brackets may hold anything,
// brackets and spaces included, so counting starts at the last bracket.
func parseStat(line string) (stat, error) {
	i := strings.LastIndexByte(line, ')')
	fields := strings.Fields(line[i+1:])
	if i < 0 || len(fields) < 20 || len(fields[0]) != 1 {
		return stat{}, errors.New("not a line of /proc/PID/stat")
	}
	var flags uint64
	_, comm, _ := strings.Cut(line[:i], "(")
	st := stat{comm: comm, state: fields[0][0]}
	_, err := fmt.Sscan(fields[6]+" "+fields[19], &flags, &st.ticks)
	st.kernel = flags&kernelThread != 0
	return st, err
}
