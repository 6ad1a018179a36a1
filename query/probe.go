package query

import (
	"slices"
	"strings"
)

// An expression with variables is checked with values that they may have: at a
// place there are some that PromQL can hold there, and one combination that parses
// is enough. What is left is a fault of the expression itself.

// hole is a variable outside of strings, and what may stand there.
type hole struct {
	name     string
	from, to int // in the expression
	may      []string
}

// mostProbes is how many combinations are tried. An expression with more is not
// judged.
const mostProbes = 400

// probe returns the fault of an expression that holds variables, at its place in
// the expression as it was written; nil if there may be none.
func probe(expr string, variables map[string]*Variable) *Fault {
	holes := holesOf(expr, variables)
	choice := make([]int, len(holes))
	var worst *Fault
	for range mostProbes {
		text, at := plugged(expr, holes, choice)
		fault := faultOf(text)
		if fault == nil {
			return nil
		}
		fault.Pos, fault.End = at(fault.Pos), at(fault.End)
		if worst == nil || fault.Pos > worst.Pos { // the one that got furthest
			worst = fault
		}
		if !advance(choice, holes) {
			worst.End = max(worst.End, worst.Pos)
			return worst
		}
	}
	return nil
}

// holesOf finds the variables that stand outside of strings and comments.
func holesOf(expr string, variables map[string]*Variable) (holes []hole) {
	brackets := 0
	for done := 0; done < len(expr); {
		piece, _ := cutLiteral(expr[done:])
		if !strings.ContainsRune("\"'`#", rune(piece[0])) {
			last := 0
			for _, m := range reference.FindAllStringIndex(piece, -1) {
				brackets += openBrackets(piece[last:m[0]])
				last = m[1]
				if name, _ := parseReference(piece[m[0]:m[1]]); variables[name] != nil {
					from, to := done+m[0], done+m[1]
					holes = append(holes, hole{name, from, to, mayBe(expr, from, to, brackets > 0)})
				}
			}
			brackets += openBrackets(piece[last:])
		}
		done += len(piece)
	}
	return holes
}

func openBrackets(text string) int { return strings.Count(text, "[") - strings.Count(text, "]") }

// mayBe is what may stand for a variable, the likeliest first.
func mayBe(expr string, from, to int, inRange bool) []string {
	before, after := from > 0 && wordByte(expr[from-1]), to < len(expr) && wordByte(expr[to])
	switch {
	case inRange && after:
		return []string{"5"}
	case inRange && before:
		return []string{"m", "5m"}
	case inRange:
		return []string{"5m", "5m:1m"}
	case before || after:
		return []string{"a", "1", "m", "", "_"}
	}
	return []string{"a", "1", "sum", "a[5m]", `"a"`, "5m", `a="a"`, "+", "by (a)", ""}
}

// advance goes to the next combination; false after the last. A variable is the
// same wherever the same may stand for it.
func advance(choice []int, holes []hole) bool {
	for i := range holes {
		if twin(holes, i) != i {
			continue
		}
		choice[i] = (choice[i] + 1) % len(holes[i].may)
		for j := i + 1; j < len(holes); j++ {
			if twin(holes, j) == i {
				choice[j] = choice[i]
			}
		}
		if choice[i] != 0 {
			return true
		}
	}
	return false
}

// twin is the first hole of the same variable for which the same may stand.
func twin(holes []hole, i int) int {
	return slices.IndexFunc(holes, func(h hole) bool { return h.name == holes[i].name && slices.Equal(h.may, holes[i].may) })
}

// plugged is the expression with the chosen values, and where a place of it was
// before.
func plugged(expr string, holes []hole, choice []int) (text string, at func(int) int) {
	var b strings.Builder
	starts := make([]int, len(holes)) // of the values, in text
	last := 0
	for i, h := range holes {
		b.WriteString(expr[last:h.from])
		starts[i] = b.Len()
		b.WriteString(h.may[choice[i]])
		last = h.to
	}
	b.WriteString(expr[last:])
	return b.String(), func(pos int) int {
		for i, h := range slices.Backward(holes) {
			if end := starts[i] + len(h.may[choice[i]]); pos >= end {
				return min(h.to+pos-end, len(expr))
			}
			if pos >= starts[i] {
				return h.from
			}
		}
		return pos
	}
}
