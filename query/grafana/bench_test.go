package grafana

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

// BenchmarkImport reads the largest dashboard that everybody has, writes it as a
// board, and reads that.
func BenchmarkImport(b *testing.B) {
	dir := os.Getenv("SITREP_CORPUS")
	src := []byte(everything(b))
	if dir != "" {
		var err error
		src, err = os.ReadFile(filepath.Join(dir, "dashboards", "node-exporter-full.json"))
		require.NoError(b, err)
	}
	b.Run("import", func(b *testing.B) {
		for b.Loop() {
			results, err := Import("node.json", src, "")
			require.NoError(b, err)
			_, err = results[0].Board.YAML()
			require.NoError(b, err)
		}
	})
	results, err := Import("node.json", src, "")
	require.NoError(b, err)
	written, err := results[0].Board.YAML()
	require.NoError(b, err)
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			_, err := query.LoadBoard("node.yaml", written)
			require.NoError(b, err)
		}
	})
}
