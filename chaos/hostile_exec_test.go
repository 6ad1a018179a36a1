package chaos_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

// TestWhatAProgramSays is evidence that others read: it makes no lines of its own, gives a
// terminal no orders, and tells no secrets.
func TestWhatAProgramSays(t *testing.T) {
	t.Parallel()
	p := newPrograms(t)
	for name, c := range map[string]struct{ says, want string }{
		"lines":     {`leader lost\n12:00:00Z CH-1 finished  held: all is well\r\n\n`, "leader lost 12:00:00Z CH-1 finished held: all is well"},
		"colours":   {`\033[2J\033[1;31mred\033[0m \033]0;title\007\033]8;;http://x\033\\link\033(B`, "red link"},
		"controls":  {`a\001b\010c\177d`, "abcd"},
		"c1":        {`a\302\23331mb \342\200\256gnp.exe`, "a b gnp.exe"},
		"no utf-8":  {`a\377b`, "a?b"},
		"url":       {`connect postgres://app:hunter2@db:5432/x`, "connect postgres://…@db:5432/x"},
		"header":    {`Authorization: Bearer abc.def.ghi`, "Authorization: Bearer …"},
		"variables": {`DB_PASSWORD=hunter2 api_key: "a b" token=t1,x=2`, "DB_PASSWORD=… api_key: … token=…,x=2"},
	} {
		file := p.program(name[:2], "printf '"+c.says+"'; exit 3")
		p.allow(file)
		call := &chaos.ExecCall{Argv: []string{file}, Timeout: chaos.LongestExec, Config: p.config}
		said, err := call.Run(t.Context(), nil)
		require.Equal(t, c.want, said, name)
		require.EqualError(t, err, file+": exit status 3 "+c.want)
		text, yes, err := call.Says(t.Context())
		require.NoError(t, err)
		require.False(t, yes)
		require.Equal(t, file+" exits with 3: "+c.want, text)
	}
}

// TestProgramsThatRunOthers are refused by what they are, whatever they are called; a
// script that the policy names is not.
func TestProgramsThatRunOthers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link := func(name, to string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.Symlink(to, path))
		return path
	}
	bash := filepath.Join(dir, "real", "bash")
	require.NoError(t, os.Mkdir(filepath.Dir(bash), 0o700))
	for _, name := range []string{"bash", "busybox", "python3.11"} {
		require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(bash), name), []byte("#!/bin/true\n"), 0o700))
	}
	lose, second := link("lose", bash), link("second", filepath.Join(dir, "lose"))
	python, ls := link("python", filepath.Join(dir, "real", "python3.11")), link("ls", filepath.Join(dir, "real", "busybox"))
	call := func(argv ...string) *chaos.ExecCall { return &chaos.ExecCall{Argv: argv, Timeout: time.Second} }
	for why, argv := range map[string][]string{
		lose + " is bash, which runs whatever it is told; name a program of its own, which may be a script that begins with #! and names a shell": {lose, "/opt/x"},
		second + " is bash, which runs":  {second, "-c", "id"},
		"/bin/bash runs whatever":        {"/bin/bash", "-c", "id"},
		"/bin/busybox runs whatever":     {"/bin/busybox", "sh"},
		"/usr/bin/timeout runs whatever": {"/usr/bin/timeout", "1", "id"},
		python + ` runs code that stands in its arguments; give it the absolute path of a script before anything else (this is "-c")`: {python, "-c", "print()"},
		"/usr/bin/perl runs code":        {"/usr/bin/perl", "-we", "print"},
		"/usr/bin/ruby runs code":        {"/usr/bin/ruby", "-e", "exit"},
		"/usr/bin/node runs code":        {"/usr/bin/node", "--eval", "1"},
		"/usr/bin/python3.12 runs code":  {"/usr/bin/python3.12", "x.py"},
		"(this is \"/opt/../tmp/x.py\")": {"/usr/bin/python3", "/opt/../tmp/x.py"},
	} {
		require.ErrorContains(t, call(argv...).Valid(), why)
	}
	for _, argv := range [][]string{{ls, "-l"}, {"/usr/bin/python3", "/opt/x.py", "-c", "y"}, {"/usr/bin/python3-config"}, {"/opt/no-such-file"}} {
		require.NoError(t, call(argv...).Valid())
	}
	require.Equal(t, []string{"/usr/bin/python3", "/opt/x.py"}, call("/usr/bin/python3", "/opt/x.py", "a").Programs())
	require.Equal(t, []string{"/opt/x"}, call("/opt/x", "/opt/x.py", "a").Programs())

	p := newPrograms(t)
	script, code := p.program("script", "echo it runs"), filepath.Join(dir, "code.py")
	require.NoError(t, os.WriteFile(code, nil, 0o600))
	p.allow(script, python)
	said, err := (&chaos.ExecCall{Argv: []string{script}, Timeout: time.Second, Config: p.config}).Run(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, "it runs", said)
	interpreted := &chaos.ExecCall{Argv: []string{python, code}, Timeout: time.Second, Config: p.config}
	_, err = interpreted.Run(t.Context(), nil)
	require.ErrorContains(t, err, "refused R10 exec: "+p.config+" does not name "+code)
	p.allow(python, code)
	_, err = interpreted.Run(t.Context(), nil)
	require.NoError(t, err)
}
