package strictyaml_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Whatever is wrong and wherever, what looks like a secret is not repeated.
func TestSecretsAreNotRepeated(t *testing.T) {
	for name, src := range map[string]string{
		"a URL":                 "name: \"http://u:hunter2@127.0.0.1\"\nx: 1\n",
		"a URL with an odd one": "name: http://u:p@ss/hunter2@127.0.0.1\nx: 1\n",
		"the value at fault":    "stages: [{rate: 1}]\nrouting_keys: hunter2\n",
		"beside the fault":      "bot_token: xoxb-hunter2\nname: 'open\n",
		"on the line":           "slack: {bot_token: hunter2, x: 'open}\n",
		"in JSON":               "{\"name\": [1], \"bot_token\":\"hunter2\"}\n",
		"without a colon":       "bot_token hunter2\nname: [\n",
		"without a space":       "bot_token:hunter2\nname: [\n",
		"quoted":                "'api-key': hunter2\nname: [\n",
		"in a block":            "password: |\n  hunter2\n  hunter2: a\nname: [1]\n",
		"in a mapping":          "routing_keys:\n  primary: hunter2\n\n  lead: hunter2\nname: [1]\n",
		"in a list":             "tokens:\n- hunter2\nname: [1]\n",
		"in a list of mappings": "list:\n- token: |\n    hunter2\n  name: x\nname: [1]\n",
		"in braces":             "routing_keys: {\nprimary: hunter2,\nlead: hunter2\n}\nname: [1]\n",
		"over two lines":        "bearer: \"a\n  hunter2\"\nname: [1]\n",
		"after a reference":     "a: {x_token: env:A, y_token: hunter2}\nname: [1]\n",
		"a header":              "headers: {X: Bearer hunter2}\nname: [1]\n",
		"Slack's, anywhere":     "slack: xoxb-hunter2\nname: [1]\n",
		"far above":             "secrets:\n" + strings.Repeat("  a: b\n", 20) + "  c: hunter2\nname: [1]\n",
		"as an unknown key":     "https://u:hunter2@x: 1\n",
		"in a comment":          "# bot_token: hunter2\nname: [1]\n",
	} {
		t.Run(name, func(t *testing.T) {
			var p plan
			_, err := strictyaml.Decode("p.yaml", []byte(src), &p)
			require.Error(t, err)
			require.NotContains(t, err.Error(), "hunter2")
			require.Contains(t, err.Error(), "p.yaml:")
			require.Contains(t, err.Error(), " | ", "the line is still shown")
		})
	}
}

// What only says where a secret is, and all that is no secret, is shown.
func TestOtherLinesAreShownAsTheyAre(t *testing.T) {
	lines := []string{"routing_keys:", "  primary: env:PD", "title: Monkeys at http://host:80/a", "slack: {bot_token: env:SLACK, channel: \"#ops\"}"}
	src := strings.Join(lines, "\n") + "\nname: 'open\n"
	var p plan
	_, err := strictyaml.Decode("p.yaml", []byte(src), &p)
	var e *strictyaml.Error
	require.ErrorAs(t, err, &e)
	for _, line := range lines[1:] { // three above the fault
		require.Contains(t, e.Excerpt, " | "+line)
	}
	require.Equal(t, "http://…@h: Bearer …", strictyaml.Hide("http://u:p@h: Bearer abc"))
}
