package fault

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sitrep-dev/sitrep/chaos"
)

// cpuBurn keeps CPUs of the host busy, or those of a target's cgroup: so many cores,
// or a share of all. At least one CPU of the host is left.
//
//	burner     threads of the holder
//	stress-ng  that program, as the holder's child
type cpuBurn struct{}

func (cpuBurn) Kind() string { return "cpu.burn" }

// Mechanisms is chaos.Mechanical's.
func (cpuBurn) Mechanisms() []string { return []string{"burner", "stress-ng"} }

func (f cpuBurn) Check(with chaos.With) error {
	_, _, err := f.params(with)
	return err
}

func (cpuBurn) params(with chaos.With) (cores int, percent float64, err error) {
	if err := with.Only("cores", "percent", "cgroup"); err != nil {
		return 0, 0, err
	}
	if err := checkJoin(with); err != nil {
		return 0, 0, err
	}
	if cores, err = with.Int("cores", 0, 1, 4096); err != nil {
		return 0, 0, err
	}
	percent, err = with.Percent("percent")
	switch {
	case err != nil:
		return 0, 0, err
	case cores == 0 && percent == 0:
		return 0, 0, &chaos.ParamError{Key: "cores", Message: "missing; write for example cores: 1, or percent: 50 of all CPUs"}
	case cores > 0 && percent > 0:
		return 0, 0, &chaos.ParamError{Key: "percent", Message: "say cores or percent of all, not both"}
	}
	return cores, percent, nil
}

func (f cpuBurn) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	cores, percent, err := f.params(step.With)
	if err != nil {
		return chaos.Injection{}, err
	}
	if target.Host != nil && !target.Host.CPU {
		return chaos.Injection{}, chaos.Refuse("not-named", "give the target cpu: true under chaos.hosts", "the CPUs of %s are not named", target.Name)
	}
	cg, err := whose(ctx, step.With, target, chaos.CPUController)
	if err != nil {
		return chaos.Injection{}, err
	}
	b, err := burn(cores, percent, runtime.NumCPU())
	if err != nil {
		return chaos.Injection{}, err
	}
	b.Cgroup = cg
	inj := chaos.Injection{ID: id, Kind: f.Kind(), Target: target.Name, Tier: chaos.TierKernel, Gone: chaos.Nothing()} // its holder's end is the proof
	if step.Mechanism == "stress-ng" {
		return planStress(inj, b, step)
	}
	inj.Preview = []string{fmt.Sprintf("%d threads busy for %.0f %% of their time (%d CPUs here)%s, for %s", b.Threads, b.Share*100, runtime.NumCPU(), inCgroup(cg), step.Duration)}
	inj.Injector = chaos.Hold(id, f.Kind()+"/burner", b)
	return inj, nil
}

// burn is how many threads are busy for which share of their time.
func burn(cores int, percent float64, cpus int) (burner, error) {
	busy := float64(cores)
	if percent > 0 {
		busy = percent / 100 * float64(cpus)
	}
	if busy > float64(cpus-1) {
		return burner{}, chaos.Refuse("reserve", "burn less: one CPU of the host is left, for sitrep among others", "%.3g of %d CPUs leave less than one", busy, cpus)
	}
	threads := int(math.Ceil(busy))
	return burner{Threads: threads, Share: busy / float64(threads)}, nil
}

// burner holds threads that are busy.
type burner struct {
	Threads int           `json:"threads"`
	Share   float64       `json:"share"` // of each thread's time, above 0 and up to 1
	Cgroup  *chaos.Cgroup `json:"cgroup,omitempty"`

	began   time.Time
	threads []*burning
}

// burning is one thread.
type burning struct {
	id   atomic.Int64 // 0 until it runs
	used atomic.Int64 // nanoseconds of CPU
}

const (
	burnPeriod = 20 * time.Millisecond
	// burnDebt is how far a thread may make up for what it did not get: on a busy host
	// it is behind, and must not take all of a CPU for long when the host is idle again.
	burnDebt = time.Second
)

// Hold is chaos.Holder's.
func (b *burner) Hold(context.Context) (string, error) {
	if err := expendable(); err != nil {
		return "", err
	}
	if err := join(b.Cgroup); err != nil {
		return "", err
	}
	runtime.GOMAXPROCS(b.Threads + 2) // orders are still heard
	b.began = time.Now()
	for range b.Threads {
		t := &burning{}
		b.threads = append(b.threads, t)
		go t.burn(b.began, b.Share)
	}
	return fmt.Sprintf("%d threads are busy", b.Threads), nil
}

// burn is busy for a share of the time since began, measured by the kernel's clock of
// the thread: what others took from it is made up for.
func (t *burning) burn(began time.Time, share float64) {
	runtime.LockOSThread()
	t.id.Store(int64(unix.Gettid()))
	var forgiven time.Duration
	var work uint64
	for {
		used := threadTime()
		t.used.Store(int64(used))
		due := time.Duration(float64(time.Since(began))*share) - used - forgiven
		if due > burnDebt {
			forgiven += due - burnDebt
			due = burnDebt
		}
		if due <= 0 {
			time.Sleep(burnPeriod)
			continue
		}
		for end := used + min(due, burnPeriod); threadTime() < end; {
			work = spin(work)
		}
	}
}

// spin keeps a CPU busy for some microseconds.
func spin(x uint64) uint64 {
	for i := range uint64(10_000) {
		x = x*6364136223846793005 + i
	}
	return x
}

// threadTime is the CPU time that this thread has used.
func threadTime() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) // which every Linux has
	return time.Duration(t.Nano())
}

// observeBurn is how long a burner is looked at before anything is said of it.
const observeBurn = 500 * time.Millisecond

// Observe is chaos.Holder's: the threads got what was asked, or waited for it, because
// others wanted it too or a limit of the cgroup stopped them: that is an effect.
func (b *burner) Observe(context.Context) (string, bool, error) {
	wall := time.Since(b.began)
	if wall < observeBurn {
		return "too early to say", false, nil
	}
	var used, waited time.Duration
	for _, t := range b.threads {
		used += time.Duration(t.used.Load())
		waited += waitedForCPU(t.id.Load())
	}
	text, ok := burned(used, waited, wall, float64(b.Threads)*b.Share)
	if !ok && b.Cgroup != nil && throttled(*b.Cgroup) {
		return text + "; the limit of the cgroup is reached", true, nil
	}
	return text, ok, nil
}

// burned judges CPU time that was used, and waited for, against how many CPUs were to
// be busy.
func burned(used, waited, wall time.Duration, asked float64) (string, bool) {
	got := used.Seconds() / wall.Seconds()
	text := fmt.Sprintf("%.2f CPUs busy of %.2f asked", got, asked)
	if got >= 0.9*asked {
		return text, true
	}
	queue := waited.Seconds() / wall.Seconds()
	return fmt.Sprintf("%s, %.2f waited for: others want them too", text, queue), got+queue >= 0.9*asked
}

// waitedForCPU is how long a thread of this process was ready to run and did not: the
// second number of schedstat, in nanoseconds. Source: the kernel's
// scheduler/sched-stats.rst.
func waitedForCPU(thread int64) time.Duration {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/schedstat", thread))
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	n, _ := strconv.ParseInt(fields[1], 10, 64)
	return time.Duration(n)
}

// throttled says whether the cgroup has met its limit of CPU.
func throttled(cg chaos.Cgroup) bool {
	text, err := cg.Read("cpu.stat")
	return err == nil && strings.Contains("\n"+text, "\nnr_throttled ") && !strings.Contains("\n"+text, "\nnr_throttled 0\n")
}
