package main

import (
	"fmt"
	"path"

	"github.com/sitrep-dev/sitrep/query"
)

// linkTemplate is an address that o opens at the crosshair of a chart, filled with
// what is known there. Match is a pattern of services, such as checkout or pay*;
// empty is all.
type linkTemplate struct {
	Title string `yaml:"title"`
	URL   string `yaml:"url"`
	Match string `yaml:"match"`
}

func (l linkTemplate) fits(service string) bool {
	if l.Match == "" {
		return true
	}
	ok, err := path.Match(l.Match, service)
	return ok && err == nil
}

// checkLinks says what is wrong with the section links.
func (c *config) checkLinks() error {
	for i, l := range c.Links {
		at := fmt.Sprintf("links[%d]", i)
		if err := query.CheckLink(query.Link{Title: l.Title, URL: l.URL}); err != nil {
			return c.doc.Errorf(at, "%v", err)
		}
		if _, err := path.Match(l.Match, ""); err != nil {
			return c.doc.Errorf(at+".match", "%q is not a pattern of services, such as checkout or pay*", l.Match)
		}
	}
	return nil
}

// exploreConfig is about the line that PromQL is asked from.
type exploreConfig struct {
	Board string `yaml:"board"` // file of the board that pins are written to
}
