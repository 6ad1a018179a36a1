package loadtest

// board hands the latest progress to a callback that may be slow: a snapshot
// that it has not taken yet is replaced by the next.
type board struct {
	next chan Progress
	done chan struct{}
}

func newBoard() *board {
	return &board{next: make(chan Progress, 1), done: make(chan struct{})}
}

// run calls show, which may be nil, until close.
func (b *board) run(show func(Progress)) {
	defer close(b.done)
	for p := range b.next {
		if show != nil {
			show(p)
		}
	}
}

// post is called by one goroutine.
func (b *board) post(p Progress) {
	select {
	case <-b.next:
	default:
	}
	b.next <- p
}

// close returns when the last snapshot has been shown.
func (b *board) close() {
	close(b.next)
	<-b.done
}
