package fault

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/sitrep-dev/sitrep/chaos"
)

// diskFill takes the free space of a filesystem with a file that has no name: when its
// holder ends, the kernel gives the space back.
type diskFill struct{}

func (diskFill) Kind() string { return "disk.fill" }

func (f diskFill) Check(with chaos.With) error {
	_, _, err := f.params(with)
	return err
}

// params are how much is to be left, -1 for what is usual, and whether that may be
// less than usual.
func (diskFill) params(with chaos.With) (leave int64, toFull bool, err error) {
	if err := with.Only("leave", "to_full"); err != nil {
		return 0, false, err
	}
	if toFull, err = with.Bool("to_full"); err != nil {
		return 0, false, err
	}
	if _, ok := with["leave"]; !ok {
		if toFull {
			return 0, true, nil
		}
		return -1, false, nil
	}
	leave, err = with.Size("leave", 0)
	return leave, toFull, err
}

func (f diskFill) Plan(_ context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	leave, toFull, err := f.params(step.With)
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
	if leave < 0 {
		leave = reserveOf(size)
	}
	if err := mayFill(dir, target, leave, free, size, toFull); err != nil {
		return chaos.Injection{}, err
	}
	return chaos.Injection{
		ID: id, Kind: f.Kind(), Target: target.Name, Tier: chaos.TierKernel,
		Gone: chaos.Freed(dir, leave+(free-leave)/2), // the space comes back at once or not at all; others write meanwhile
		Preview: []string{
			fmt.Sprintf("open(%s, O_TMPFILE), fallocate %s of %s: %s stay free, for %s", dir, chaos.FormatSize(free-leave), chaos.FormatSize(size), chaos.FormatSize(leave), step.Duration),
		},
		Needs:    []string{"to write to " + dir},
		Injector: chaos.Hold(id, f.Kind(), filler{Dir: dir, Leave: leave}),
	}, nil
}

// mayFill refuses to leave less than what must stay.
func mayFill(dir string, t chaos.Target, leave, free, size int64, toFull bool) error {
	if own := spared(dir, t.Keep); own != "" && leave < keptForSitrep {
		return chaos.Refuse("reserve", "leave more, or keep sitrep's files on another filesystem",
			"%s is the filesystem of %s, where sitrep needs %s; %s would stay", dir, own, chaos.FormatSize(keptForSitrep), chaos.FormatSize(leave))
	}
	if least := reserveOf(size); leave < least && !toFull {
		return chaos.Refuse("reserve", "leave more, or say to_full: true",
			"%s would stay free on %s, less than the %s that are kept", chaos.FormatSize(leave), dir, chaos.FormatSize(least))
	}
	if free <= leave {
		return chaos.Refuse("full-already", "leave less", "%s are free on %s, and %s are to stay", chaos.FormatSize(free), dir, chaos.FormatSize(leave))
	}
	return nil
}

// filler holds the file.
type filler struct {
	Dir   string `json:"dir"`
	Leave int64  `json:"leave"`          // bytes that stay free for everybody
	Most  int64  `json:"most,omitempty"` // bytes that are taken; 0 sets no bound

	file *os.File // never closed but by the end of the process
}

// Hold is chaos.Holder's. What takes long goes on behind it, and Observe sees how far
// it is.
func (f *filler) Hold(context.Context) (string, error) {
	file, err := nameless(f.Dir)
	if err != nil {
		return "", err
	}
	f.file = file
	go func() {
		if err := f.fill(); err != nil {
			giveUp(err)
		}
	}()
	return fmt.Sprintf("holds a file without a name in %s", f.Dir), nil
}

// fill takes space in pieces, smaller ones where a large one does not fit, until no
// more is free than is to stay.
func (f *filler) fill() error {
	const least, most = 4 << 10, 1 << 30
	_, size, err := chaos.Space(f.Dir)
	if err != nil {
		return err
	}
	for at, piece := int64(0), int64(most); ; {
		free, _, err := chaos.Space(f.Dir)
		if err != nil || free <= f.Leave || f.Most > 0 && at >= f.Most {
			return err
		}
		if at >= size {
			return fmt.Errorf("the filesystem gives %s to a file without using them up", chaos.FormatSize(at))
		}
		n := max(least, min(piece, free-f.Leave)/least*least)
		if f.Most > 0 {
			n = min(n, f.Most-at)
		}
		switch err := allocate(f.file, at, n); {
		case errors.Is(err, unix.ENOSPC) && n > least:
			piece = n / 2
		case errors.Is(err, unix.ENOSPC):
			return nil
		case err != nil:
			return err
		default:
			at += n
		}
	}
}

// Observe is chaos.Holder's: no more is free than is to stay, or nearly so; with a bound
// it is the file that says how much it has.
func (f *filler) Observe(context.Context) (string, bool, error) {
	if f.Most > 0 {
		var st unix.Stat_t
		err := unix.Fstat(int(f.file.Fd()), &st)
		taken := st.Blocks * 512 // stat(2): blocks are of 512 bytes, whatever the filesystem's
		return fmt.Sprintf("%s of %s taken", chaos.FormatSize(taken), f.Dir), taken >= f.Most, err
	}
	free, size, err := chaos.Space(f.Dir)
	if err != nil {
		return "", false, err
	}
	return fmt.Sprintf("%s free on %s", chaos.FormatSize(free), f.Dir), free <= f.Leave+size/100, nil
}

// nameless is a new file in a directory that nobody else can find: where the
// filesystem has no files without a name, one whose name is taken away at once.
func nameless(dir string) (*os.File, error) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EISDIR) || errors.Is(err, unix.ENOENT) {
		return unlinked(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("a file without a name in %s: %w", dir, err)
	}
	return os.NewFile(uintptr(fd), dir), nil
}

func unlinked(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, ".sitrep-fault-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// allocate gives a part of a file its space, by zeros where the filesystem cannot
// reserve.
func allocate(f *os.File, at, n int64) error {
	err := unix.Fallocate(int(f.Fd()), 0, at, n)
	for errors.Is(err, unix.EINTR) {
		err = unix.Fallocate(int(f.Fd()), 0, at, n)
	}
	if !errors.Is(err, unix.EOPNOTSUPP) {
		return err
	}
	zeros := make([]byte, 1<<20)
	for end := at + n; at < end; {
		done, err := f.WriteAt(zeros[:min(int64(len(zeros)), end-at)], at)
		if err != nil {
			return err
		}
		at += int64(done)
	}
	return nil
}
