package frame

// Rect is a rectangle of cells. One without width or height is empty; negative
// sizes count as empty.
type Rect struct{ X, Y, W, H int }

// Empty reports whether nothing fits.
func (r Rect) Empty() bool { return r.W <= 0 || r.H <= 0 }

// Contains reports whether the cell lies inside.
func (r Rect) Contains(x, y int) bool {
	return x >= r.X && y >= r.Y && x-r.X < r.W && y-r.Y < r.H
}

// Intersect is what both cover.
func (r Rect) Intersect(o Rect) Rect {
	x, y := max(r.X, o.X), max(r.Y, o.Y)
	right, bottom := min(r.X+max(r.W, 0), o.X+max(o.W, 0)), min(r.Y+max(r.H, 0), o.Y+max(o.H, 0))
	if right <= x || bottom <= y {
		return Rect{X: x, Y: y}
	}
	return Rect{x, y, right - x, bottom - y}
}

// Inset takes n cells off every side.
func (r Rect) Inset(n int) Rect {
	return Rect{r.X + n, r.Y + n, max(r.W-2*n, 0), max(r.H-2*n, 0)}
}

// Top splits off the first n rows (or as many as there are).
func (r Rect) Top(n int) (top, rest Rect) {
	n = min(max(n, 0), max(r.H, 0))
	return Rect{r.X, r.Y, r.W, n}, Rect{r.X, r.Y + n, r.W, r.H - n}
}

// Bottom splits off the last n rows (or as many as there are).
func (r Rect) Bottom(n int) (bottom, rest Rect) {
	n = min(max(n, 0), max(r.H, 0))
	return Rect{r.X, r.Y + r.H - n, r.W, n}, Rect{r.X, r.Y, r.W, r.H - n}
}

// Left splits off the first n columns (or as many as there are).
func (r Rect) Left(n int) (left, rest Rect) {
	n = min(max(n, 0), max(r.W, 0))
	return Rect{r.X, r.Y, n, r.H}, Rect{r.X + n, r.Y, r.W - n, r.H}
}

// Right splits off the last n columns (or as many as there are).
func (r Rect) Right(n int) (right, rest Rect) {
	n = min(max(n, 0), max(r.W, 0))
	return Rect{r.X + r.W - n, r.Y, n, r.H}, Rect{r.X, r.Y, r.W - n, r.H}
}

// Rows divides into rows in proportion to weights, with gap empty rows in
// between. The heights add up to the whole; what does not divide goes to the
// upper rows.
func (r Rect) Rows(gap int, weights ...int) []Rect {
	out := make([]Rect, 0, len(weights))
	for _, s := range divide(r.H, gap, weights) {
		out = append(out, Rect{r.X, r.Y + s.at, r.W, s.size})
	}
	return out
}

// Columns divides into columns in proportion to weights, with gap empty columns
// in between. The widths add up to the whole; what does not divide goes to the
// left columns.
func (r Rect) Columns(gap int, weights ...int) []Rect {
	out := make([]Rect, 0, len(weights))
	for _, s := range divide(r.W, gap, weights) {
		out = append(out, Rect{r.X + s.at, r.Y, s.size, r.H})
	}
	return out
}

// Grid is Rows of equal Columns, row by row.
func (r Rect) Grid(rows, columns, gap int) []Rect {
	var out []Rect
	for _, row := range r.Rows(gap, ones(rows)...) {
		out = append(out, row.Columns(gap, ones(columns)...)...)
	}
	return out
}

func ones(n int) []int {
	w := make([]int, max(n, 0))
	for i := range w {
		w[i] = 1
	}
	return w
}

type span struct{ at, size int }

// divide shares size among weights; a place too small for all gaps drops them.
func divide(size, gap int, weights []int) []span {
	total := 0
	for _, w := range weights {
		total += max(w, 0)
	}
	size, gap = max(size, 0), max(gap, 0)
	room := size - gap*(len(weights)-1)
	if room < len(weights) {
		room, gap = size, 0
	}
	out := make([]span, len(weights))
	at, sum, used := 0, 0, 0
	for i, w := range weights {
		sum += max(w, 0)
		end := 0
		if total > 0 {
			end = (room*sum + total - 1) / total
		}
		out[i] = span{at, end - used}
		at, used = at+end-used+gap, end
	}
	return out
}
