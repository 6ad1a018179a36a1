package strictyaml_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

type house struct {
	Rooms map[string]room `yaml:"rooms"`
	Floor int             `yaml:"floor"`
	Count int             `yaml:"number_floors"`
	Left  int             `yaml:"side_left"`
	Right int             `yaml:"side_right"`
	Sold  bool            `yaml:"sold"`
	Names []string        `yaml:"names"`
}

type room struct {
	Doors []door  `yaml:"doors"`
	Width float64 `yaml:"width"`
}

type door struct {
	Width float64 `yaml:"width"`
	Key   string  `yaml:"lock"`
}

func TestErrorsAreInWords(t *testing.T) {
	for src, want := range map[string]string{
		"rooms: {a: {width: wide}}\n":         "h.yaml:1:20: want a number; this is text",
		"floor: first\n":                      "h.yaml:1:8: want a whole number; this is text",
		"floor: 99999999999999999999999999\n": "h.yaml:1:8: this number is too large or too small for what stands here",
		"sold: 7\n":                           "h.yaml:1:7: want true or false; this is a whole number",
		"names: a\n":                          "h.yaml:1:8: want a list; this is text",
		"names: [[a]]\n":                      "h.yaml:1:9: want text; this is a list",
		"{floor: 1, names: [hook:ops]}\n":     "h.yaml:1:24: want text; this is a mapping (key: value); text with a colon in it is written in quotes",
		"rooms: 7\n":                          "h.yaml:1:8: want a mapping (key: value); this is a whole number",
		"- a\n":                               "h.yaml:1:1: want a mapping (key: value); this is a list",
		"lock: 1\n":                           `h.yaml:1:1: unknown key "lock" in this place; it belongs under rooms.NAME.doors`,
		"width: 1\n":                          `h.yaml:1:1: unknown key "width" in this place; it belongs under rooms.NAME.doors or under rooms.NAME`,
		"rooms: {a: {floor: 1}}\n":            `h.yaml:1:13: unknown key "floor" in this place; it belongs at the top of the file`,
		"number_of: 1\n":                      `h.yaml:1:1: unknown key "number_of"; did you mean "number_floors"?`,
		"side_a: 1\n":                         `h.yaml:1:1: unknown key "side_a"`,
		"Floor: 1\n":                          `h.yaml:1:1: unknown key "Floor"; did you mean "floor"?`,
	} {
		var h house
		_, err := strictyaml.Decode("h.yaml", []byte(src), &h)
		var e *strictyaml.Error
		require.ErrorAs(t, err, &e, src)
		e.Excerpt = ""
		require.EqualError(t, e, want, src)
	}
}

func TestAByteOrderMarkIsSkipped(t *testing.T) {
	var p plan
	_, err := strictyaml.Decode("p.yaml", []byte("\ufeffname: a\n"), &p)
	require.NoError(t, err)
	require.Equal(t, "a", p.Name)
	_, err = strictyaml.Decode("p.yaml", []byte("\ufeffname: [a]\n"), &p)
	require.EqualError(t, err, "p.yaml:1:7: want text; this is a list\n>  1 | name: [a]\n             ^")
	_, err = strictyaml.Decode("p.yaml", []byte("\ufeff"), &p)
	require.EqualError(t, err, "p.yaml: the file is empty")
}

// The excerpt is the file's lines, not what the parser made of them.
func TestAnEmptyValueIsShownAsItIs(t *testing.T) {
	var p plan
	doc, err := strictyaml.Decode("p.yaml", []byte("name:\nstages: []\n"), &p)
	require.NoError(t, err)
	require.EqualError(t, doc.Errorf("name", "bad"), "p.yaml:1:6: bad\n>  1 | name:\n            ^\n   2 | stages: []")
}
