package imports

import (
	"cmp"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// fis reads an experiment template of AWS Fault Injection Service. Its actions are AWS's
// to do, but for the documents that it brings for what happens inside a host.
// Source: docs.aws.amazon.com/fis, "AWS FIS Actions reference" and "SSM documents".
func (b branch) fis() *draft {
	d := &draft{format: "AWS FIS", at: b, name: cmp.Or(b.get("tags").get("Name").text(), b.get("description").text()), hypothesis: cut(b.get("description").text())}
	for _, a := range b.get("actions").each() {
		d.fisAction(a)
	}
	for _, s := range b.get("stopConditions").list() {
		if source := s.get("source").text(); source == "none" {
			d.note(s, "it has no stop condition: nothing ends it there but its end")
		} else {
			d.note(s.consume(), "a CloudWatch alarm is not carried over: write a guard with promql")
		}
	}
	for _, key := range []string{"targets", "roleArn", "tags", "experimentOptions", "experimentReportConfiguration", "logConfiguration"} {
		if at := b.get(key); at.there() {
			d.note(at.consume(), "not carried over: it is about AWS; say under targets whom it hurts here")
		}
	}
	return d
}

// fisDocuments are the documents of AWS that do on a host what a fault here does.
var fisDocuments = map[string]func(p branch) step{
	"AWSFIS-Run-CPU-Stress": func(p branch) step {
		return step{fault: "cpu.burn", with: map[string]string{"percent": or(p.get("LoadPercent").text(), "100")}}
	},
	"AWSFIS-Run-Memory-Stress": func(p branch) step {
		return step{fault: "mem.fill", with: map[string]string{"percent": or(p.get("Percent").text(), "80")}}
	},
	"AWSFIS-Run-Kill-Process": func(branch) step { return step{fault: "process.kill"} },
	"AWSFIS-Run-Network-Latency": func(p branch) step {
		return step{fault: "net.delay", with: map[string]string{"latency": milliseconds(p.get("DelayMilliseconds").text(), "200ms")}}
	},
	"AWSFIS-Run-Network-Latency-Sources": func(p branch) step {
		return step{fault: "net.delay", with: withPeer(p, map[string]string{"latency": milliseconds(p.get("DelayMilliseconds").text(), "200ms")})}
	},
	"AWSFIS-Run-Network-Packet-Loss": func(p branch) step {
		return step{fault: "net.loss", with: map[string]string{"percent": or(p.get("LossPercent").text(), "7")}}
	},
	"AWSFIS-Run-Network-Packet-Loss-Sources": func(p branch) step {
		return step{fault: "net.loss", with: withPeer(p, map[string]string{"percent": or(p.get("LossPercent").text(), "7")})}
	},
}

func withPeer(p branch, with map[string]string) map[string]string {
	if s := p.get("Sources").text(); s != "" && !strings.Contains(s, ",") {
		with["peer"] = s
	}
	return with
}

func (d *draft) fisAction(a branch) {
	id, parameters := a.get("actionId").text(), a.get("parameters")
	length := parameters.get("duration")
	name := fisDocument(parameters.get("documentArn").text())
	a.consume()
	build := fisDocuments[name]
	if id != "aws:ssm:send-command" || build == nil {
		what := id
		if name != "" {
			what += " with " + name
		}
		d.note(a, "the action %q (%s) is not carried over: waiting for an AWS backend", cut(a.own), cut(what))
		return
	}
	s := build(parametersOf(parameters.get("documentParameters").text()))
	s.duration, _ = durationOf(length.text())
	s.comment = name
	d.note(a, "its targets are instances of AWS: run it on such a host, and name what may be hurt there")
	d.add(a, s)
}

// fisDocument is the name of a document by its ARN.
func fisDocument(arn string) string {
	_, name, _ := strings.Cut(arn, ":document/")
	return name
}

// parametersOf reads the JSON in a text; what is none has nothing in it.
func parametersOf(text string) branch {
	in := &importing{read: map[*ast.MappingValueNode]bool{}, opened: map[ast.Node]bool{}}
	tree, err := strictyaml.Tree("documentParameters", []byte(text))
	if err != nil || len(tree.Docs) != 1 || tree.Docs[0] == nil {
		return branch{in: in}
	}
	return in.root(tree.Docs[0].Body)
}
