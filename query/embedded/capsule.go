package embedded

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// A capsule is a stretch of what was recorded, as bytes that outlive the process: its
// samples in Prometheus' own chunks, so that any PromQL can be asked of it years later.
//
// It is gzip over: "sitrepC1", the texts (count; length and bytes each), the series
// (count; labels as pairs of texts; chunks as first and last time, length, bytes).
// Numbers are varints. With native histograms it begins with "sitrepC2", and each chunk
// has its encoding before its length, as Prometheus numbers them.

// Capsule is one.
type Capsule struct {
	From, To        time.Time // of the samples in it
	Series, Samples int
	Left            int // series that are too long to be read again, and not in it
	Body            []byte
}

const (
	capsuleMagic  = "sitrepC1"
	capsuleNative = "sitrepC2"
	mostCapsule   = 256 << 20 // unpacked, so that a small file cannot fill the memory
	mostRecorded  = 1_000_000 // series of all capsules that are opened together
	mostTexts     = 4_000_000 // of one capsule

	fullCapsule = mostCapsule / 8 // from here on another one is begun
	fullTexts   = mostTexts / 8
)

// errCapsule is that of bytes that are no capsule.
var errCapsule = errors.New("this is not a capsule of recorded samples, or it is damaged")

// Capsules packs the samples after from and up to to; none if there are no samples, and
// several of some of the series each where one were too large to be read again.
func (s *Server) Capsules(from, to time.Time) ([]Capsule, error) {
	return s.capsules(from, to, fullCapsule)
}

func (s *Server) capsules(from, to time.Time, full int) (all []Capsule, err error) {
	lo, hi := from.UnixMilli()+1, to.UnixMilli()
	views := s.store.views(lo, hi)
	native := slices.ContainsFunc(views, (*seriesView).native)
	w := newCapsuleWriter(native)
	c := Capsule{From: from, To: to}
	finish := func() error {
		if c.Samples == 0 {
			return nil
		}
		c.Body, err = w.pack(c.Series)
		all = append(all, c)
		w, c = newCapsuleWriter(native), Capsule{From: from, To: to}
		return err
	}
	for _, v := range views {
		before := len(w.body)
		n, err := w.series(v, lo, hi)
		switch {
		case err != nil:
			return all, err
		case n == 0:
			continue
		case len(w.body)-before > mostCapsule/2: // the labels have a bound of their own
			w.body = w.body[:before]
			c.Left++
			continue
		}
		c.Series++
		c.Samples += n
		if len(w.body)+w.size > full || len(w.texts) > fullTexts {
			if err := finish(); err != nil {
				return all, err
			}
		}
	}
	return all, finish()
}

// views is every series with samples in the range, for readers; in order of labels.
func (st *store) views(lo, hi int64) (all []*seriesView) {
	st.mu.RLock()
	for _, list := range st.byHash {
		for _, s := range list {
			if chunks := s.view(lo, hi); len(chunks) > 0 {
				all = append(all, &seriesView{labels: s.labels, chunks: chunks})
			}
		}
	}
	st.mu.RUnlock()
	slices.SortFunc(all, func(a, b *seriesView) int { return labels.Compare(a.labels, b.labels) })
	return all
}

type capsuleWriter struct {
	texts  []string
	index  map[string]uint64
	size   int // bytes of texts
	body   []byte
	native bool // encodings are written
}

func newCapsuleWriter(native bool) *capsuleWriter {
	return &capsuleWriter{index: map[string]uint64{}, native: native}
}

func (w *capsuleWriter) text(s string) uint64 {
	i, ok := w.index[s]
	if !ok {
		i = uint64(len(w.texts))
		w.index[s], w.texts = i, append(w.texts, s)
		w.size += len(s) + 3
	}
	return i
}

// series writes the samples of a range and says how many there are.
func (w *capsuleWriter) series(v *seriesView, lo, hi int64) (n int, err error) {
	one := series{}
	it := v.Iterator(nil)
	for kind := it.Next(); kind != chunkenc.ValNone; kind = it.Next() {
		if t := it.AtT(); t >= lo && t <= hi && one.add(sampleAt(it, kind)) {
			n++
		}
	}
	if err := it.Err(); err != nil || n == 0 {
		return 0, err
	}
	w.body = binary.AppendUvarint(w.body, uint64(v.labels.Len()))
	v.labels.Range(func(l labels.Label) {
		w.body = binary.AppendUvarint(w.body, w.text(l.Name))
		w.body = binary.AppendUvarint(w.body, w.text(l.Value))
	})
	w.body = binary.AppendUvarint(w.body, uint64(len(one.chunks)))
	for _, c := range one.chunks {
		w.body = binary.AppendVarint(w.body, c.min)
		w.body = binary.AppendVarint(w.body, c.max)
		if w.native {
			w.body = append(w.body, byte(c.data.Encoding()))
		}
		w.body = binary.AppendUvarint(w.body, uint64(len(c.data.Bytes())))
		w.body = append(w.body, c.data.Bytes()...)
	}
	return n, nil
}

func (w *capsuleWriter) pack(series int) ([]byte, error) {
	magic := capsuleMagic
	if w.native {
		magic = capsuleNative
	}
	head := binary.AppendUvarint([]byte(magic), uint64(len(w.texts)))
	for _, t := range w.texts {
		head = append(binary.AppendUvarint(head, uint64(len(t))), t...)
	}
	head = binary.AppendUvarint(head, uint64(series))
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(append(head, w.body...))
	err = errors.Join(err, z.Close()) // before the bytes are taken
	return b.Bytes(), err
}

// Opened is what capsules hold: a server that scrapes nothing, the first and the last
// time in it, and which of the bodies are damaged and left out.
type Opened struct {
	Server   *Server
	From, To time.Time
	Damaged  []int
}

// Open reads capsules, in the order of their times. It fails if none can be read.
func Open(bodies ...[]byte) (Opened, error) {
	s, err := New(Config{MaxSeries: mostRecorded})
	if err != nil {
		return Opened{}, err
	}
	o := Opened{Server: s}
	lo, hi := int64(math.MaxInt64), int64(math.MinInt64)
	cause := errCapsule
	for i, b := range bodies {
		first, last, err := s.load(b)
		if err != nil {
			o.Damaged, cause = append(o.Damaged, i), err
			continue
		}
		lo, hi = min(lo, first), max(hi, last)
	}
	if lo > hi {
		return Opened{}, cause
	}
	o.From, o.To = time.UnixMilli(lo).UTC(), time.UnixMilli(hi).UTC()
	return o, nil
}

// load takes a capsule in; of one that is damaged nothing, unless it was made so.
func (s *Server) load(body []byte) (first, last int64, err error) {
	raw, native, err := unpack(body)
	if err != nil {
		return 0, 0, err
	}
	r := capsuleReader{b: raw, native: native}
	return r.load(s.store)
}

// unpack is a capsule's content, and whether its chunks say their encoding.
func unpack(b []byte) (raw []byte, native bool, err error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, false, errCapsule
	}
	raw, err = io.ReadAll(io.LimitReader(z, mostCapsule+1))
	native = bytes.HasPrefix(raw, []byte(capsuleNative))
	if err != nil || len(raw) > mostCapsule || !native && !bytes.HasPrefix(raw, []byte(capsuleMagic)) {
		return nil, false, errCapsule
	}
	return raw[len(capsuleMagic):], native, nil
}

// capsuleReader reads bytes that anybody may have written.
type capsuleReader struct {
	b      []byte
	texts  []string
	native bool // chunks say their encoding
	bad    bool
}

func (r *capsuleReader) number() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *capsuleReader) time() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

// encoding is one of the two that are written.
func (r *capsuleReader) encoding() chunkenc.Encoding {
	if len(r.b) == 0 {
		r.bad = true
		return chunkenc.EncNone
	}
	e := chunkenc.Encoding(r.b[0])
	r.b = r.b[1:]
	r.bad = r.bad || e != chunkenc.EncXOR && e != chunkenc.EncFloatHistogram
	return e
}

func (r *capsuleReader) bytes() []byte {
	n := r.number()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *capsuleReader) text() string {
	i := r.number()
	if i >= uint64(len(r.texts)) {
		r.bad = true
		return ""
	}
	return r.texts[i]
}

// load puts everything into a store.
func (r *capsuleReader) load(st *store) (lo, hi int64, err error) {
	n := r.number()
	if n > mostTexts {
		return 0, 0, errCapsule
	}
	for ; n > 0 && !r.bad; n-- {
		r.texts = append(r.texts, string(r.bytes()))
	}
	lo, hi = math.MaxInt64, math.MinInt64
	for n := r.number(); n > 0 && !r.bad; n-- {
		b := labels.NewBuilder(labels.EmptyLabels())
		k := r.number()
		if k > mostLabels {
			return 0, 0, errCapsule
		}
		for ; k > 0 && !r.bad; k-- {
			name := r.text()
			b.Set(name, r.text())
		}
		l := b.Labels()
		for k := r.number(); k > 0 && !r.bad; k-- {
			from, to := r.time(), r.time()
			if err := r.chunk(st, l, from, to); err != nil {
				return 0, 0, err
			}
			lo, hi = min(lo, from), max(hi, to)
		}
	}
	if r.bad || len(r.b) > 0 {
		return 0, 0, errCapsule
	}
	return lo, hi, nil
}

// chunk appends the samples of one; they have to lie where it says.
func (r *capsuleReader) chunk(st *store, l labels.Labels, from, to int64) error {
	encoding := chunkenc.EncXOR
	if r.native {
		encoding = r.encoding()
	}
	raw := r.bytes()
	if r.bad || len(raw) < 2 || l.IsEmpty() || encoding == chunkenc.EncFloatHistogram && !fitsBuckets(raw) {
		return errCapsule
	}
	c, err := chunkenc.FromData(encoding, slices.Clone(raw))
	if err != nil {
		return errCapsule
	}
	it := c.Iterator(nil)
	var batch []sample
	for kind := it.Next(); kind != chunkenc.ValNone; kind = it.Next() {
		one := sampleAt(it, kind)
		if one.t < from || one.t > to || one.h != nil && one.h.Validate() != nil {
			return errCapsule
		}
		if one.h != nil && !sound(one.h) { // a sitrep before kept what it was told
			continue
		}
		one.labels = l
		batch = append(batch, *one)
	}
	switch err := it.Err(); {
	case err != nil:
		return fmt.Errorf("%w: %w", errCapsule, err)
	case len(batch) == 0:
		return errCapsule // its times would be those of nothing
	}
	if done := st.commit(batch); done.refused > 0 {
		return fmt.Errorf("%w: it has more than %d series, or labels longer than they are", errCapsule, mostRecorded)
	}
	return nil
}
