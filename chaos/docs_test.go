package chaos

import (
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDocs: the files that docs/chaos.md shows can be read, and its table is the one in
// the code.
func TestDocs(t *testing.T) {
	doc, err := os.ReadFile("../docs/chaos.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(doc, -1)
	require.GreaterOrEqual(t, len(blocks), 2)
	e, err := Load("docs/chaos.md", blocks[0][1], fakes())
	require.NoError(t, err)
	require.Len(t, e.SteadyState, 5)
	p, err := LoadPolicy("docs/chaos.md", blocks[1][1])
	require.NoError(t, err)
	d := DefaultPolicy()
	require.Equal(t, []any{d.Limits, d.Production.Limits, d.Production.Labels}, []any{p.Limits, p.Production.Limits, p.Production.Labels}, "the defaults shown")
	for _, r := range Rules() {
		require.Contains(t, string(doc), fmt.Sprintf("| %s | `%s` | %s |\n", r.ID, r.Name, r.Says))
	}
}
