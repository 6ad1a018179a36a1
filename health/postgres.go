package health

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// postgres is a check of a PostgreSQL, as pg_isready makes it: a connection is begun
// without a password, and a server that asks for one, or says that there is no such
// user, takes connections. One that is starting up, recovering or shutting down, or
// has no connections left, says so (class 57 and 53 of its errors).
// https://www.postgresql.org/docs/current/protocol-message-formats.html
type postgres struct{ address string }

func (p postgres) look(ctx context.Context) (float64, error) {
	began := time.Now()
	conn, err := dial(ctx, p.address, nil)
	if err != nil {
		return none, err
	}
	defer conn.close()
	const version = 3 << 16
	start := binary.BigEndian.AppendUint32(nil, version)
	start = append(start, "user\x00sitrep\x00database\x00postgres\x00application_name\x00sitrep-check\x00\x00"...)
	if _, err := conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(start)+4)), start...)); err != nil {
		return none, err
	}
	head := make([]byte, 5)
	if _, err := io.ReadFull(conn, head); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("it hung up without an answer: is it a PostgreSQL?")
		}
		return none, err
	}
	took := time.Since(began).Seconds()
	length := binary.BigEndian.Uint32(head[1:])
	switch {
	case length < 4 || length > 1<<16 || head[0] != 'R' && head[0] != 'E' && head[0] != 'v':
		return took, errors.New("its answer is none of a PostgreSQL")
	case head[0] != 'E':
		return took, nil
	}
	body := make([]byte, length-4)
	if _, err := io.ReadFull(conn, body); err != nil {
		return took, err
	}
	code, message := refusal(string(body))
	if strings.HasPrefix(code, "57") || strings.HasPrefix(code, "53") {
		return took, fmt.Errorf("%s (%s)", message, code)
	}
	return took, nil
}

// refusal are the code and the words of an ErrorResponse.
func refusal(body string) (code, message string) {
	for field := range strings.SplitSeq(body, "\x00") {
		if field == "" {
			continue
		}
		switch field[0] {
		case 'C':
			code = field[1:]
		case 'M':
			message = field[1:]
		}
	}
	return code, message
}
