package fault

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/sitrep-dev/sitrep/chaos"
)

// ioBurn writes to and reads from a filesystem at a rate, past the cache where that is
// possible, in a file without a name.
type ioBurn struct{}

func (ioBurn) Kind() string { return "io.burn" }

func (f ioBurn) Check(with chaos.With) error {
	_, err := f.params(with)
	return err
}

func (ioBurn) params(with chaos.With) (rate int64, err error) {
	if err := with.Only("rate"); err != nil {
		return 0, err
	}
	if rate, err = with.Size("rate", -1); err == nil && rate < ioBlock {
		err = &chaos.ParamError{Key: "rate", Message: "less than 256KiB a second does nothing"}
	}
	return rate, err
}

func (f ioBurn) Plan(_ context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	rate, err := f.params(step.With)
	if err != nil {
		return chaos.Injection{}, err
	}
	dir, err := pathOf(target, f.Kind())
	if err != nil {
		return chaos.Injection{}, err
	}
	free, size, err := chaos.Space(dir)
	if err != nil {
		return chaos.Injection{}, err
	}
	if free-ioFile < reserveOf(size) {
		return chaos.Injection{}, chaos.Refuse("reserve", "make room there", "%s are free on %s; a file of %s would leave too little", chaos.FormatSize(free), dir, chaos.FormatSize(ioFile))
	}
	return chaos.Injection{
		ID: id, Kind: f.Kind(), Target: target.Name, Tier: chaos.TierKernel, Gone: chaos.Nothing(), // its holder's end is the proof
		Preview: []string{
			fmt.Sprintf("open(%s, O_TMPFILE|O_DIRECT), write and read %s/s in a file of %s, for %s", dir, chaos.FormatSize(rate), chaos.FormatSize(ioFile), step.Duration),
		},
		Needs:    []string{"to write to " + dir},
		Injector: chaos.Hold(id, f.Kind(), disturber{Dir: dir, Rate: rate}),
	}, nil
}

const (
	ioBlock = 256 << 10
	ioFile  = 16 << 20
)

// disturber holds the file that is written and read.
type disturber struct {
	Dir  string `json:"dir"`
	Rate int64  `json:"rate"` // bytes a second, half of them written, half read

	file  *os.File
	cache bool // past the cache is not possible here
	began time.Time
	moved atomic.Int64 // bytes
	busy  atomic.Int64 // nanoseconds in the kernel
}

// Hold is chaos.Holder's.
func (d *disturber) Hold(context.Context) (string, error) {
	file, err := nameless(d.Dir)
	if err != nil {
		return "", err
	}
	if err := expendable(); err != nil {
		return "", err
	}
	d.file = file
	how, err := unix.FcntlInt(file.Fd(), unix.F_GETFL, 0)
	if err == nil {
		_, err = unix.FcntlInt(file.Fd(), unix.F_SETFL, how|unix.O_DIRECT)
	}
	d.cache = err != nil
	d.began = time.Now()
	go func() { giveUp(d.disturb()) }()
	return fmt.Sprintf("writes and reads a file without a name in %s", d.Dir), nil
}

// disturb moves blocks in turn, and waits whenever it is ahead of its rate. It returns
// what stopped it.
func (d *disturber) disturb() error {
	block := aligned(ioBlock)
	for n := int64(0); ; n++ {
		if ahead := time.Duration(float64(d.moved.Load())/float64(d.Rate)*float64(time.Second)) - time.Since(d.began); ahead > 0 {
			time.Sleep(ahead)
		}
		at, began := n/2*ioBlock%ioFile, time.Now()
		block[0] = byte(n)
		var err error
		if n%2 == 0 {
			_, err = d.file.WriteAt(block, at)
		} else {
			_, err = d.file.ReadAt(block, at)
		}
		if err == nil && d.cache && n%2 == 0 {
			err = unix.Fdatasync(int(d.file.Fd()))
		}
		if err != nil {
			return fmt.Errorf("in %s: %w", d.Dir, err)
		}
		d.moved.Add(ioBlock)
		d.busy.Add(int64(time.Since(began)))
	}
}

// aligned is a buffer as O_DIRECT wants it: at the border of a page.
func aligned(n int) []byte {
	const page = 4096
	room := make([]byte, n+page)
	off := page - int(uintptr(unsafe.Pointer(&room[0]))%page)
	return room[off : off+n : off+n]
}

// Observe is chaos.Holder's: so many bytes were moved, or the disk gives no more.
func (d *disturber) Observe(context.Context) (string, bool, error) {
	wall := time.Since(d.began)
	if wall < observeBurn {
		return "too early to say", false, nil
	}
	rate := float64(d.moved.Load()) / wall.Seconds()
	text := fmt.Sprintf("%s/s written and read in %s", chaos.FormatSize(int64(rate)), d.Dir)
	if rate >= 0.9*float64(d.Rate) {
		return text, true, nil
	}
	busy := float64(d.busy.Load()) / float64(wall)
	return fmt.Sprintf("%s, %.0f %% of the time waiting for the disk", text, busy*100), busy >= 0.9, nil
}
