package query

import "slices"

// histogramAt reads [ <seconds>, {"count": "…", "sum": "…", "buckets": […]} ] into a
// column. What an answer has too many buckets for is counted, and left out.
func (d *decoder) histogramAt(col *column) error {
	if !d.take('[') {
		return errJSON
	}
	ms, err := d.millis()
	if err != nil {
		return err
	}
	if !d.take(',') {
		return errJSON
	}
	h := &Histogram{}
	if err := d.histogram(h); err != nil {
		return err
	}
	if !d.take(']') {
		return errJSON
	}
	if d.out.buckets += len(h.Buckets); d.out.buckets > maxBuckets {
		d.out.buckets -= len(h.Buckets)
		d.out.crowded++
		return nil
	}
	col.histogram(ms, h)
	return nil
}

func (d *decoder) histogram(h *Histogram) error {
	d.scratch = d.scratch[:0]
	err := d.object(func(key []byte) (err error) {
		switch string(key) {
		case "count":
			h.Count, err = d.value()
		case "sum":
			h.Sum, err = d.value()
		case "buckets":
			if d.peek() == 'n' { // nothing was observed
				return d.skip(0)
			}
			err = d.array(d.bucket)
		default:
			err = d.skip(0)
		}
		return err
	})
	h.Buckets = slices.Clone(inOrder(d.scratch))
	return err
}

// bucket reads [ <rule>, "<lower>", "<upper>", "<count>" ]. One in which no number lies
// is counted, and left out: one program that lies must not take a sum of hundreds away.
func (d *decoder) bucket() error {
	if !d.take('[') {
		return errJSON
	}
	rule, err := d.number()
	if err != nil || len(rule) != 1 || rule[0]-'0' > byte(Closed) {
		return errJSON
	}
	b := Bucket{Bounds: Bounds(rule[0] - '0')}
	for _, to := range []*float64{&b.Lower, &b.Upper, &b.Count} {
		if !d.take(',') {
			return errJSON
		}
		if *to, err = d.value(); err != nil {
			return err
		}
	}
	if !d.take(']') {
		return errJSON
	}
	if !b.Holds() {
		d.out.hollow++
		return nil
	}
	d.scratch = append(d.scratch, b)
	return nil
}
