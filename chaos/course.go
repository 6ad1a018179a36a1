package chaos

// mostPoints is how many points of a probe's course a run keeps.
const mostPoints = 60

// Point is what a probe saw at one moment of a run.
type Point struct {
	At    Seconds  `json:"t"` // since Outcome.StartedAt
	Value *float64 `json:"v"` // nil without data
	Out   bool     `json:"out,omitempty"`
}

// course is what a probe saw from the first look to the last, in mostPoints points at
// the most: when they are full, each takes the place of two. What was out of tolerance
// outlasts what was within.
type course struct {
	points []Point
	each   int // looks that a point stands for; 0 is 1
	last   int // looks that the last one stands for
}

func (c *course) add(p Point) {
	c.each = max(c.each, 1)
	if c.last > 0 && c.last < c.each {
		end := &c.points[len(c.points)-1]
		*end = telling(*end, p)
		c.last++
		return
	}
	if len(c.points) == mostPoints {
		c.halve()
	}
	c.points = append(c.points, p)
	c.last = 1
}

func (c *course) halve() {
	half := make([]Point, 0, mostPoints)
	for i := 0; i+1 < len(c.points); i += 2 {
		half = append(half, telling(c.points[i], c.points[i+1]))
	}
	c.points, c.each = half, 2*c.each
}

// telling is the one of two neighbours that says more.
func telling(a, b Point) Point {
	if a.Out && !b.Out {
		return a
	}
	return b
}
