package loadtest

import (
	"context"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/sitrep-dev/sitrep/strictyaml"
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
	return strictyaml.Withhold(n, "a secret is not written into a plan: say where it is, as env:NAME, file:PATH or cmd:COMMAND")
}

// Reveal gives the secret that s points to; files are beside dir. It is asked once, when a run begins.
type Reveal func(ctx context.Context, dir string, s Secret) (string, error)

// Auth is who a request says it is from: a user with a password, or a bearer of a
// token. The zero value says nothing.
type Auth struct {
	User     string `yaml:"user"`
	Password Secret `yaml:"password"`
	Bearer   Secret `yaml:"bearer"`
}

// fault is what is wrong with it, or empty.
func (a Auth) fault() string {
	switch {
	case a.Bearer != "" && (a.User != "" || a.Password != ""):
		return "auth has either bearer, or user and password"
	case (a.User == "") != (a.Password == ""):
		return "auth needs user and password, or bearer"
	case strings.ContainsRune(a.User, ':') || strings.ContainsFunc(a.User, isControl):
		return "the user name of auth contains a colon or a control character"
	}
	return ""
}

// header is the value of Authorization; empty if a says nothing.
func (a Auth) header(ctx context.Context, dir string, reveal Reveal) (string, error) {
	if a == (Auth{}) {
		return "", nil
	}
	of := a.Password
	if a.Bearer != "" {
		of = a.Bearer
	}
	if reveal == nil {
		return "", fmt.Errorf("auth: nobody here can read the secret %s", of)
	}
	value, err := reveal(ctx, dir, of)
	if err != nil {
		return "", fmt.Errorf("auth: %w", err)
	}
	if strings.ContainsFunc(value, isControl) {
		return "", fmt.Errorf("auth: the secret %s contains a line end or control character", of)
	}
	if a.Bearer != "" {
		return "Bearer " + value, nil
	}
	return basic(a.User, value), nil
}
