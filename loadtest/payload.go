package loadtest

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// counted is how often the durations of one bucket were counted; us is the least of them.
type counted struct{ us, n int64 }

// The library's own decoder makes a whole histogram of a payload, 190 kB of it, and
// merging walks through all of that. A second has a few hundred durations, and an hour
// has thousands of seconds, so what is merged in numbers is read by unpack.

// unpack is what a payload of Encode has counted.
func unpack(payload []byte) ([]counted, error) {
	if err := checkLayout(payload); err != nil {
		return nil, err
	}
	z, err := zlib.NewReader(bytes.NewReader(payload[8:]))
	if err != nil {
		return nil, err
	}
	head := make([]byte, 40)
	if _, err := io.ReadFull(z, head); err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(z, 9*mostBuckets+1))
	if err != nil {
		return nil, err
	}
	if size := binary.BigEndian.Uint32(head[4:]); int64(size) != int64(len(raw)) {
		return nil, fmt.Errorf("it holds %d bytes of counts, and says %d", len(raw), size)
	}
	return counts(raw)
}

// mostBuckets is how many buckets the layout has.
const mostBuckets = 23 * 1024

var errPayload = errors.New("the counts are damaged")

// counts reads the counts of buckets in their order: a number, or, negative, how many
// buckets have none.
func counts(raw []byte) (out []counted, err error) {
	var total int64
	for index := int64(0); len(raw) > 0; {
		n, size := zigzag(raw)
		raw = raw[max(size, 1):]
		switch {
		case size == 0 || index >= mostBuckets || n < 0 && -n > mostBuckets-index || n < -mostBuckets:
			return nil, errPayload
		case n < 0:
			index -= n
			continue
		case n > 0:
			if total += n; total < 0 {
				return nil, errPayload
			}
			out = append(out, counted{bucketFrom(index), n})
		}
		index++
	}
	if len(out) > 0 && out[len(out)-1].us > highest {
		return nil, errPayload
	}
	return out, nil
}

// bucketFrom is the least value of a bucket, by its number: 2048 of width 1, then 1024 to
// each doubling.
func bucketFrom(index int64) int64 {
	half := int64(1024)
	if index < 2*half {
		return index
	}
	return (index%half + half) << (index/half - 1)
}

// zigzag reads one number: 7 bits to a byte, the lowest first, 8 in the ninth. A size of 0
// says that there is none.
func zigzag(raw []byte) (n int64, size int) {
	var v uint64
	for i, b := range raw {
		if i == 8 {
			v |= uint64(b) << 56
			return int64(v>>1) ^ -int64(v&1), 9
		}
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			return int64(v>>1) ^ -int64(v&1), i + 1
		}
	}
	return 0, 0
}
