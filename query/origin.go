package query

import (
	"context"
	"errors"
	"sync"
	"time"
)

// origin is what a Cache asks a source about the server behind it.
type origin interface {
	// Identity changes when another server answers, or the same after a restart.
	// An empty one is a server that does not say.
	Identity(ctx context.Context) (string, error)
	// Settle is how long after a time something of that time may still be stored.
	Settle(ctx context.Context) (time.Duration, error)
}

const (
	identityEvery = 30 * time.Second
	settleEvery   = 15 * time.Minute
	originTimeout = 3 * time.Second
)

// originState is what is known of the server.
type originState struct {
	id      string
	settle  time.Duration
	offGrid bool // it does not answer at the points that it is asked for
	mixed   bool // several take turns under the address
	about   About
	version int // grows whenever other parts of it answer than before
}

// originWatch knows which server answers, and asks again now and then.
type originWatch struct {
	turn chan struct{} // room for one who asks

	mu         sync.Mutex
	state      originState
	known      bool
	doubtful   bool // the last question was not answered
	asked      time.Time
	settled    time.Time
	left       map[string]bool // identities that were left for another one
	mixedUntil time.Time
}

func (o *originWatch) doubt()        { o.mu.Lock(); o.doubtful = true; o.mu.Unlock() }
func (o *originWatch) trust()        { o.mu.Lock(); o.doubtful = false; o.mu.Unlock() }
func (o *originWatch) leaveGrid()    { o.mu.Lock(); o.state.offGrid = true; o.mu.Unlock() }
func (o *originWatch) doubted() bool { o.mu.Lock(); defer o.mu.Unlock(); return o.doubtful }

// met reports whether the server was ever asked about itself.
func (o *originWatch) met() bool { o.mu.Lock(); defer o.mu.Unlock(); return o.known }

// fresh is what is known, and whether that needs no asking.
func (o *originWatch) fresh(now time.Time) (state originState, fresh, usable bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	since := now.Sub(o.asked)
	o.state.mixed = now.Before(o.mixedUntil)
	usable = o.known && !o.doubtful
	return o.state, usable && since >= 0 && since < identityEvery, usable
}

// look tells which server answers. Where that has to be asked one goroutine asks
// and the others go on with what is known; if nothing is, or the server was
// silent just now, they wait.
func (o *originWatch) look(ctx context.Context, source Source, cfg CacheConfig) (originState, error) {
	now := cfg.Now()
	state, fresh, usable := o.fresh(now)
	if fresh {
		return state, nil
	}
	select {
	case o.turn <- struct{}{}:
	default:
		if usable {
			return state, nil
		}
		select {
		case o.turn <- struct{}{}:
		case <-ctx.Done():
			return originState{}, ctx.Err()
		}
	}
	defer func() { <-o.turn }()
	if state, fresh, _ = o.fresh(now); fresh {
		return state, nil
	}
	return o.ask(ctx, source, cfg, now)
}

// meet asks which server answers, unless somebody does already or it is known: those
// who have their answer do not wait.
func (o *originWatch) meet(ctx context.Context, source Source, cfg CacheConfig) {
	select {
	case o.turn <- struct{}{}:
	default:
		return
	}
	defer func() { <-o.turn }()
	now := cfg.Now()
	if _, fresh, _ := o.fresh(now); !fresh {
		_, _ = o.ask(ctx, source, cfg, now) // what fails is asked again with the next question
	}
}

func (o *originWatch) ask(ctx context.Context, source Source, cfg CacheConfig, now time.Time) (originState, error) {
	from, ok := source.(origin)
	id := ""
	if ok {
		var err error
		short, cancel := context.WithTimeout(ctx, originTimeout)
		id, err = from.Identity(short)
		cancel()
		// A server that only does not tell this in time may still answer queries.
		if err != nil && (ctx.Err() != nil || !errors.Is(err, ErrTimeout)) {
			return originState{}, err
		}
		if err != nil {
			id = o.sameID()
		}
	}
	settle := cfg.Settle
	if settle <= 0 {
		settle = o.learn(ctx, from, id, now)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known && id != o.state.id {
		o.moved(id, now)
	}
	if from, ok := source.(interface{ Known() About }); ok {
		about := from.Known()
		if o.known && !about.same(o.state.about) {
			o.state.version++
		}
		o.state.about = about
	}
	o.state.id, o.state.settle, o.known, o.doubtful, o.asked = id, settle, true, false, now
	o.state.mixed = now.Before(o.mixedUntil)
	return o.state, nil
}

func (o *originWatch) sameID() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state.id
}

// moved notes that another server answers. One that was left and comes back is
// one of several: their answers cannot be joined. The caller holds the lock.
func (o *originWatch) moved(id string, now time.Time) {
	if o.left == nil || len(o.left) > 64 {
		o.left = map[string]bool{}
	}
	if o.left[id] {
		o.mixedUntil = now.Add(settleEvery)
	}
	o.left[o.state.id] = true
	o.state.offGrid = false
}

// learn asks how late samples may come: of a new server, and now and then.
func (o *originWatch) learn(ctx context.Context, from origin, id string, now time.Time) time.Duration {
	if from == nil {
		return settleUnknown
	}
	o.mu.Lock()
	have, age := o.state.settle, now.Sub(o.settled)
	same := o.known && o.state.id == id
	o.mu.Unlock()
	if same && have > 0 && age >= 0 && age < settleEvery {
		return have
	}
	ctx, cancel := context.WithTimeout(ctx, originTimeout)
	defer cancel()
	settle, err := from.Settle(ctx)
	if err != nil {
		if settle = settleUnknown; same && have > 0 {
			settle = have
		}
	}
	o.mu.Lock()
	o.settled = now
	o.mu.Unlock()
	return settle
}
