package health

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

type (
	checksFile struct {
		Checks []entry `yaml:"checks"`
	}
	// entry is a check as it is written. One of the keys that are named as a Type says
	// what is looked at.
	entry struct {
		Name    string              `yaml:"name"`
		Service string              `yaml:"service"`
		Labels  map[string]string   `yaml:"labels"`
		Every   strictyaml.Duration `yaml:"every"`
		Timeout strictyaml.Duration `yaml:"timeout"`
		Runbook string              `yaml:"runbook"`
		Alert   alertEntry          `yaml:"alert"`

		HTTP     string `yaml:"http"`
		TCP      string `yaml:"tcp"`
		TLS      string `yaml:"tls"`
		DNS      string `yaml:"dns"`
		ICMP     string `yaml:"icmp"`
		GRPC     string `yaml:"grpc"`
		Redis    string `yaml:"redis"`
		Postgres string `yaml:"postgres"`
		CPU      string `yaml:"cpu"`
		Memory   string `yaml:"memory"`
		Disk     string `yaml:"disk"`
		Network  string `yaml:"network"`

		Status     []int               `yaml:"status"`
		Body       string              `yaml:"body"`
		Method     string              `yaml:"method"`
		Headers    map[string]string   `yaml:"headers"`
		Bearer     Secret              `yaml:"bearer"`
		User       string              `yaml:"user"`
		Password   Secret              `yaml:"password"`
		CA         string              `yaml:"ca"`
		ServerName string              `yaml:"server_name"`
		Insecure   bool                `yaml:"insecure"`
		Encrypted  bool                `yaml:"encrypted"`
		Record     string              `yaml:"record"`
		Answer     string              `yaml:"answer"`
		Server     string              `yaml:"server"`
		Of         string              `yaml:"of"`
		Slow       strictyaml.Duration `yaml:"slower_than"`
		Lasts      strictyaml.Duration `yaml:"lasts"`
		Below      strictyaml.Share    `yaml:"below"`
	}
)

// Secret says where a secret is: env:NAME, file:PATH or cmd:COMMAND. It is no secret
// itself.
type Secret string

// UnmarshalYAML reads it, and does not repeat what is none.
func (s *Secret) UnmarshalYAML(n ast.Node) error {
	text, ok := n.(*ast.StringNode)
	if ok {
		if kind, rest, _ := strings.Cut(text.Value, ":"); rest != "" && (kind == "env" || kind == "file" || kind == "cmd") {
			*s = Secret(text.Value)
			return nil
		}
	}
	return strictyaml.Withhold(n, "a secret is not written here: say where it is, as env:NAME, file:PATH or cmd:COMMAND")
}

// Reveal gives the secret that s points to; it is asked at every look.
type Reveal func(ctx context.Context, s Secret) (string, error)

// Bounds of checks.
const (
	usualEvery   = 30 * time.Second
	usualTimeout = 5 * time.Second
	usualLasts   = 14 * 24 * time.Hour
	mostChecks   = 500
	mostLabels   = 16
)

var named = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,99}$`)

// Load reads src, the content of file. Errors are *strictyaml.Error. Files that a check
// names are beside file.
func Load(file string, src []byte, reveal Reveal) ([]Check, error) {
	var f checksFile
	doc, err := strictyaml.Decode(file, src, &f)
	if err != nil {
		return nil, err
	}
	if len(f.Checks) > mostChecks {
		return nil, doc.Errorf("checks", "%d checks are more than %d", len(f.Checks), mostChecks)
	}
	if len(f.Checks) == 0 {
		return nil, doc.Errorf("checks", "there are no checks: write one such as {name: shop, http: https://shop.example.com/health}")
	}
	list := make([]Check, 0, len(f.Checks))
	seen := map[string]bool{}
	for i := range f.Checks {
		r := reader{doc: doc, at: fmt.Sprintf("checks[%d]", i), entry: &f.Checks[i], dir: filepath.Dir(file), reveal: reveal}
		c, err := r.check()
		if err != nil {
			return nil, err
		}
		if seen[c.Name] {
			return nil, r.errorf("name", "there are two checks %q", c.Name)
		}
		seen[c.Name] = true
		list = append(list, c)
	}
	return list, nil
}
