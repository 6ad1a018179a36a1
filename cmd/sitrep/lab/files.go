package lab

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/sitrep-dev/sitrep/templates"
)

// labFile is one of the embedded files of the lab.
func labFile(name string) ([]byte, error) { return templates.Read("lab/" + name) }

// writeFiles puts into dir the configuration that leads to where ready says, and
// all that it names. Person is primary on call. Only the owner can read them.
func writeFiles(dir string, ready Ready, person string) error {
	for _, d := range []string{dir, filepath.Join(dir, "secrets")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return err
		}
	}
	keys := labRoutingKeys()
	data := struct {
		Prometheus, PagerDuty, Slack, Webhook, StatusPage, Page, Targets, Storefront, Person, User, Email string
		RoutingKeys                                                                                       []string
	}{
		ready.Prometheus, ready.PagerDuty, ready.Slack, ready.Webhook, ready.StatusPage, labPage, ready.Targets, ready.Services["storefront"], person, labUser, labEmail, slices.Sorted(maps.Keys(keys)),
	}
	secrets := map[string]string{
		"slack-bot-token": labSlackToken, "slack-app-token": labSlackAppToken, "pagerduty-api-token": labAPIToken,
		"webhook-secret": labHookSecret, "statuspage-token": labPageToken,
	}
	for name, key := range keys {
		secrets["pagerduty-"+name] = key
	}
	for name, value := range secrets {
		if err := os.WriteFile(filepath.Join(dir, "secrets", name), []byte(value+"\n"), 0o600); err != nil {
			return err
		}
	}
	lab, err := fs.Sub(templates.FS, "lab")
	if err != nil {
		return err
	}
	return fs.WalkDir(lab, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if entry.IsDir() {
			return os.MkdirAll(path, 0o700)
		}
		src, err := labFile(name)
		if err != nil {
			return err
		}
		if plain, ok := strings.CutSuffix(path, ".tmpl"); ok {
			path = plain
			if src, err = render(name, src, data); err != nil {
				return err
			}
		}
		return os.WriteFile(path, src, 0o600)
	})
}

func render(name string, src []byte, data any) ([]byte, error) {
	t, err := template.New(name).Option("missingkey=error").Parse(string(src))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, data); err != nil {
		return nil, fmt.Errorf("embedded template %w", err)
	}
	return out.Bytes(), nil
}
