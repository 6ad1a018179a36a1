package query

import (
	"fmt"
	"slices"
)

// Lint finds names behind a $ in the board's expressions, titles and texts that are
// neither variables of it nor known otherwise: they stay as they are. An expression
// that holds one outside of quotes does not even load.
func (b *Board) Lint() (found []Warning) {
	seen := map[string]bool{}
	look := func(where, text string) {
		for _, at := range reference.FindAllStringIndex(text, -1) {
			was := text[at[0]:at[1]]
			if name, _ := parseReference(was); b.knows(name) || was[0] == '[' || seen[where+was] {
				continue // [[ ]] is Markdown's and a regular expression's, too
			}
			seen[where+was] = true
			found = append(found, Warning{
				Rule: "unknown-variable", Pos: at[0], End: at[1],
				Message: fmt.Sprintf("%s: %s is no variable of the board, and stays as it is", where, was),
			})
		}
	}
	look("title", b.Title)
	for i := range b.Variables {
		look("variable "+b.Variables[i].Name, b.Variables[i].Query)
	}
	for i := range b.Rows {
		look("row "+b.Rows[i].Title, b.Rows[i].Title)
	}
	for i := range b.Panels {
		p := &b.Panels[i]
		where := "panel " + p.Title
		look(where, p.Title)
		look(where, p.MinStep)
		look(where, p.Markdown)
		for j := range p.Queries {
			look(where, p.Queries[j].Expr)
			look(where, p.Queries[j].Legend)
			look(where, p.Queries[j].MinStep)
		}
	}
	return found
}

// knows reports whether a name behind a $ means something on this board: a variable,
// one of sitrep's own, or a group of a regular expression, which is a number.
func (b *Board) knows(name string) bool {
	own := []string{
		"__interval", "__interval_ms", "__rate_interval", "__rate_interval_ms", "__rate_interval_s", "__interval_s",
		"__range", "__range_s", "__range_ms", "__from", "__to", "__all",
	}
	if name == "" || name[0] >= '0' && name[0] <= '9' || slices.Contains(own, name) {
		return true
	}
	return slices.ContainsFunc(b.Variables, func(v Variable) bool { return v.Name == name })
}
