package fault

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	longestDatagram = 64 << 10
	mostQueries     = 1024 // over UDP, of each kind, that wait for their answer at a time; more are lost
	mostStreams     = 1024 // over TCP, at a time; more are closed
	idleStream      = 10 * time.Second
	streamTime      = longestAnswer + 10*time.Second
)

// serveUDP answers datagrams for as long as the process lives. Those that are to be hurt wait
// in a room of their own, where they are kept back: they take nothing from the others.
func (r *responder) serveUDP(conn *net.UDPConn) {
	hurt, passed := make(chan struct{}, mostQueries), make(chan struct{}, mostQueries)
	buf := make([]byte, longestDatagram)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // of an answer before: nobody was there for it
			continue
		}
		q := read(slices.Clone(buf[:n]))
		room := passed
		if r.fails(q) {
			room = hurt
		}
		select {
		case room <- struct{}{}:
			go func() {
				defer func() { <-room }()
				if answer := r.answer("udp", q); answer != nil {
					_, _ = conn.WriteToUDPAddrPort(answer, from) // whoever has asked may be gone
				}
			}()
		default:
		}
	}
}

// serveTCP answers streams for as long as the process lives.
func (r *responder) serveTCP(l *net.TCPListener) {
	room := make(chan struct{}, mostStreams)
	for {
		conn, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(nftReady) // there are no files left: whoever is connected has to end first
			continue
		}
		select {
		case room <- struct{}{}:
			go func() {
				defer func() { <-room }()
				defer conn.Close()
				r.serveStream(conn)
			}()
		default:
			_ = conn.Close()
		}
	}
}

// serveStream answers one query after the other, each with its length before it. One who
// asks nothing makes room for others, as a name server has them do (RFC 7766, 6.2.3).
func (r *responder) serveStream(conn net.Conn) {
	for conn.SetDeadline(time.Now().Add(idleStream)) == nil {
		message, err := readLong(conn)
		if err != nil || conn.SetDeadline(time.Now().Add(streamTime)) != nil {
			return
		}
		if answer := r.answer("tcp", read(message)); answer != nil && writeLong(conn, answer) != nil {
			return
		}
	}
}

func readLong(conn io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(conn, message)
	return message, err
}

func writeLong(conn io.Writer, message []byte) error {
	_, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...))
	return err
}

// query is a message as it came. One whose question cannot be read is still one that the
// name server may have an answer to: several questions, none, or a label with a dot in it.
type query struct {
	message  []byte
	head     dnsmessage.Header
	question *dnsmessage.Question
	none     bool // it asks nothing: it is an answer, or no message at all
}

func read(message []byte) query {
	q := query{message: message}
	var p dnsmessage.Parser
	var err error
	if q.head, err = p.Start(message); err != nil || q.head.Response {
		q.none = true
		return q
	}
	if question, err := p.Question(); err == nil {
		q.question = &question
	}
	return q
}

// answer is what is said to a query, when it is time for that; nothing where nothing is.
func (r *responder) answer(network string, q query) []byte {
	if q.none {
		return nil
	}
	if !r.fails(q) {
		r.passed.Add(1)
		answer, err := r.ask(network, q.message)
		if err != nil {
			return nil // as the name server does
		}
		return answer
	}
	r.hurt.Add(1)
	if r.Answer == "drop" {
		return nil
	}
	if r.Delay > 0 {
		time.Sleep(r.Delay)
	}
	return q.failure(r.Answer)
}

// fails says whether the fault is about what is asked: every query, or those for certain
// names, which a question that cannot be read is not.
func (r *responder) fails(q query) bool {
	if len(r.Suffixes) == 0 || q.none {
		return !q.none
	}
	if q.question == nil {
		return false
	}
	name := strings.ToLower(strings.TrimSuffix(q.question.Name.String(), "."))
	return slices.ContainsFunc(r.Suffixes, func(s string) bool { return name == s || strings.HasSuffix(name, "."+s) })
}

// failure is the answer of a name server that cannot say, will not, or knows that there
// is no such name.
func (q query) failure(answer string) []byte {
	code := map[string]dnsmessage.RCode{"servfail": dnsmessage.RCodeServerFailure, "nxdomain": dnsmessage.RCodeNameError, "refused": dnsmessage.RCodeRefused}[answer]
	m := dnsmessage.Message{Header: dnsmessage.Header{
		ID: q.head.ID, Response: true, OpCode: q.head.OpCode, RecursionDesired: q.head.RecursionDesired, RecursionAvailable: true, RCode: code,
	}}
	if q.question != nil {
		m.Questions = []dnsmessage.Question{*q.question}
	}
	packed, err := m.Pack()
	if err != nil { // a name that can be read and not written: the head alone says it too
		m.Questions = nil
		packed, _ = m.Pack()
	}
	return packed
}
