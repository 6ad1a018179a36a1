package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// secret says where a secret is to be found: env:NAME, file:PATH or
// cmd:COMMAND. The secret itself never stands in a file of ours, and is never
// kept: it is read when it is needed.
type secret string

// UnmarshalYAML refuses a literal, without repeating it.
func (s *secret) UnmarshalYAML(n ast.Node) error {
	text, ok := n.(*ast.StringNode)
	if !ok {
		return strictyaml.Withhold(n, secretHelp)
	}
	kind, rest, found := strings.Cut(text.Value, ":")
	if !found || rest == "" || kind != "env" && kind != "file" && kind != "cmd" {
		return strictyaml.Withhold(n, secretHelp)
	}
	*s = secret(text.Value)
	return nil
}

const secretHelp = "a secret is not written into the configuration: give env:NAME, file:PATH or cmd:COMMAND"

// read fetches the secret; file paths are relative to dir. A command has ten
// seconds, and its first line counts. Errors name the reference, never the value.
func (s secret) read(ctx context.Context, dir string) (string, error) {
	kind, rest, _ := strings.Cut(string(s), ":")
	switch kind {
	case "env":
		if v := os.Getenv(rest); v != "" {
			return v, nil
		}
		return "", fmt.Errorf("secret %s: the environment variable is not set", s)
	case "file":
		if !filepath.IsAbs(rest) {
			rest = filepath.Join(dir, rest)
		}
		b, err := readSecretFile(rest)
		if err != nil {
			return "", fmt.Errorf("secret %s: %w", s, err)
		}
		return nonEmpty(s, b)
	case "cmd":
		first, err := secretFrom(ctx, dir, rest)
		if err != nil {
			return "", fmt.Errorf("secret %s: the command failed: %w", s, err)
		}
		return nonEmpty(s, first)
	}
	return "", errors.New(secretHelp)
}

// readSecretFile reads a file that is not endless, and waits for nobody.
func readSecretFile(file string) (b []byte, err error) {
	f, err := openNow(file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if b, err = io.ReadAll(io.LimitReader(f, mostSecret+1)); err == nil && len(b) > mostSecret {
		err = fmt.Errorf("it has more than %d KiB, which is no secret", mostSecret>>10)
	}
	return b, err
}

func nonEmpty(s secret, b []byte) (string, error) {
	if b = bytes.TrimSpace(b); len(b) == 0 {
		return "", fmt.Errorf("secret %s: it is empty", s)
	}
	return string(b), nil
}
