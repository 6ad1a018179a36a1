package embedded

// fitsBuckets reports whether a chunk of native histograms can hold what its head
// claims: no more samples than are written to one, and no more buckets than are scraped
// and the first sample, of eight bytes each, has room for. The library makes room for
// as many as are claimed before it looks, which of a few bytes may be billions.
// https://github.com/prometheus/prometheus/blob/main/tsdb/docs/format/chunks.md
func fitsBuckets(chunk []byte) bool {
	const head = 3 // the number of samples, and what is known of a reset
	if len(chunk) < head || int(chunk[0])<<8|int(chunk[1]) > samplesPerChunk {
		return false
	}
	most := uint64(min(len(chunk)/8, 2*mostBuckets))
	r := bitReader{b: chunk[head:]}
	if r.bits(8) == 255 { // the zero threshold is none of the usual ones
		r.bits(64)
	}
	r.varbit() // the schema, whose sign does not matter here
	all := uint64(0)
	for range 2 { // above zero and below
		for n := r.varbit(); n > 0 && !r.ended; n-- {
			length := r.varbit()
			r.varbit() // how far from the one before
			if length > most || all+length > most {
				return false
			}
			all += length
		}
	}
	return !r.ended
}

// bitReader reads bits, the highest of a byte first.
type bitReader struct {
	b     []byte
	at    int // bits
	ended bool
}

func (r *bitReader) bits(n int) uint64 {
	if r.at+n > 8*len(r.b) {
		r.ended = true
		return 0
	}
	var v uint64
	for ; n > 0; n-- {
		v = v<<1 | uint64(r.b[r.at/8]>>(7-r.at%8)&1)
		r.at++
	}
	return v
}

// varbit is a number whose length is told by how many ones stand before it.
func (r *bitReader) varbit() uint64 {
	sizes := [...]int{0, 3, 6, 9, 12, 18, 25, 56, 64}
	ones := 0
	for ones < 8 && r.bits(1) == 1 {
		ones++
	}
	return r.bits(sizes[ones])
}
