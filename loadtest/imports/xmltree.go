package imports

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// The bounds of an XML file. Entities that it defines itself are refused by the decoder, so
// that nothing in it can grow.
const (
	mostElements = 200_000
	mostDepth    = 100
)

// element is an element of an XML file.
type element struct {
	tag      string
	attrs    map[string]string
	content  strings.Builder
	children []*element
	line     int
	column   int
	read     bool // what it says has gone into a plan, or into a note
}

// tree reads an XML file. Errors are of type *strictyaml.Error.
func tree(file string, src []byte) (*element, error) {
	d := xml.NewDecoder(bytes.NewReader(src))
	fail := func(format string, args ...any) error {
		line, column := d.InputPos()
		return &strictyaml.Error{File: file, Line: line, Column: column, Message: fmt.Sprintf(format, args...)}
	}
	var root *element
	var open []*element
	for n := 0; ; {
		line, column := d.InputPos()
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF) && root != nil:
			return root, nil
		case errors.Is(err, io.EOF):
			return nil, fail("there is no element in it")
		case err != nil:
			return nil, fail("%v", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			e := &element{tag: t.Name.Local, attrs: map[string]string{}, line: line, column: column}
			for _, a := range t.Attr {
				e.attrs[a.Name.Local] = a.Value
			}
			if n++; n > mostElements {
				return nil, fail("there are more than %d elements in it", mostElements)
			}
			if len(open) == mostDepth {
				return nil, fail("elements stand in each other more than %d deep", mostDepth)
			}
			if len(open) > 0 {
				parent := open[len(open)-1]
				parent.children = append(parent.children, e)
			} else if root == nil {
				root = e
			}
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].content.Write(t)
			}
		}
	}
}

func (e *element) text() string { return e.content.String() }

// class is what the element is in JMeter, without its package.
func (e *element) class() string {
	name := e.attrs["testclass"]
	if name == "" {
		name = e.tag
	}
	return name[strings.LastIndexByte(name, '.')+1:]
}

// named is what a person has called the element, after its class.
func (e *element) named() string {
	if n := e.attrs["testname"]; n != "" {
		return fmt.Sprintf("%s %q", e.class(), cut(n))
	}
	return e.class()
}

func (e *element) enabled() bool { return e.attrs["enabled"] != "false" }

// child is the property of that name; nil if there is none. What is asked for counts as
// read.
func (e *element) child(name string) *element {
	for _, c := range e.children {
		if c.attrs["name"] == name || len(c.children) > 0 && c.children[0].tag == "name" && c.children[0].text() == name {
			c.read = true
			return c
		}
	}
	return nil
}

// prop is the text of a property; empty if there is none.
func (e *element) prop(name string) string {
	c := e.child(name)
	switch {
	case c == nil:
		return ""
	case len(c.children) > 1 && c.children[1].tag == "value": // <doubleProp><name/><value/></doubleProp>
		return c.children[1].text()
	}
	return c.text()
}

// flag is a property that is true or false.
func (e *element) flag(name string) bool { return strings.TrimSpace(e.prop(name)) == "true" }

// list is the elements of a collection.
func (e *element) list(name string) []*element {
	if c := e.child(name); c != nil {
		return c.children
	}
	return nil
}

// pair is an element of a plan and what stands below it.
type pair struct {
	e     *element
	below []pair
}

// pairs are those of a hashTree: every element is followed by a hashTree of its own.
func pairs(tree *element) (all []pair) {
	for _, c := range tree.children {
		if c.tag != "hashTree" {
			all = append(all, pair{e: c})
		} else if len(all) > 0 {
			all[len(all)-1].below = pairs(c)
		}
	}
	return all
}
