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
	mostQueries     = 1024 // over UDP that wait for their answer at a time; more are lost
	mostStreams     = 64   // over TCP, at a time; more are closed
	streamTime      = longestAnswer + 10*time.Second
)

// serveUDP answers datagrams for as long as the process lives.
func (r *responder) serveUDP(conn *net.UDPConn) {
	room := make(chan struct{}, mostQueries)
	buf := make([]byte, longestDatagram)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // of an answer before: nobody was there for it
			continue
		}
		query := slices.Clone(buf[:n])
		select {
		case room <- struct{}{}:
			go func() {
				defer func() { <-room }()
				if answer := r.answer("udp", query); answer != nil {
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

// serveStream answers one query after the other, each with its length before it.
func (r *responder) serveStream(conn net.Conn) {
	for conn.SetDeadline(time.Now().Add(streamTime)) == nil {
		query, err := readLong(conn)
		if err != nil {
			return
		}
		if answer := r.answer("tcp", query); answer != nil && writeLong(conn, answer) != nil {
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

// answer is what is said to a query, when it is time for that; nothing where nothing is.
func (r *responder) answer(network string, query []byte) []byte {
	head, question, err := readQuery(query)
	if err != nil {
		return nil // no query
	}
	if !r.fails(question) {
		r.passed.Add(1)
		answer, err := r.ask(network, query)
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
	return failure(head, question, r.Answer)
}

// readQuery reads the head and the question of a message that asks one.
func readQuery(query []byte) (dnsmessage.Header, dnsmessage.Question, error) {
	var p dnsmessage.Parser
	head, err := p.Start(query)
	if err == nil && head.Response {
		err = errors.New("it is an answer")
	}
	if err != nil {
		return head, dnsmessage.Question{}, err
	}
	question, err := p.Question()
	return head, question, err
}

// fails says whether the fault is about the name.
func (r *responder) fails(q dnsmessage.Question) bool {
	if len(r.Suffixes) == 0 {
		return true
	}
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	return slices.ContainsFunc(r.Suffixes, func(s string) bool { return name == s || strings.HasSuffix(name, "."+s) })
}

// failure is the answer of a name server that cannot say, will not, or knows that there
// is no such name.
func failure(head dnsmessage.Header, q dnsmessage.Question, answer string) []byte {
	code := map[string]dnsmessage.RCode{"servfail": dnsmessage.RCodeServerFailure, "nxdomain": dnsmessage.RCodeNameError, "refused": dnsmessage.RCodeRefused}[answer]
	m := dnsmessage.Message{
		Header: dnsmessage.Header{
			ID: head.ID, Response: true, OpCode: head.OpCode, RecursionDesired: head.RecursionDesired, RecursionAvailable: true, RCode: code,
		},
		Questions: []dnsmessage.Question{q},
	}
	packed, err := m.Pack()
	if err != nil {
		return nil // a name that cannot be written was never asked for
	}
	return packed
}
