package chaos

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// judged is a run of one step on some of four targets, which say that they are staging.
func judged(change func(*Judgement)) Judgement {
	all := shop("pay", "pay", "pay", "pay")
	j := Judgement{Host: "web-1", Now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}
	j.Plan = Plan{
		Experiment: Experiment{Name: "pay-slow", Labels: map[string]string{"env": "staging"}, Targets: Selection{Percent: 50}, Method: []Step{{Fault: "x", Duration: seconds(60)}}, Recovery: seconds(60)},
		Choice:     Choice{Chosen: all[:1], Matched: []string{"pay-1", "pay-2", "pay-3", "pay-4"}},
		Steps:      []PlannedStep{{Injections: []Injection{{Kind: "x", Target: "pay-1", Tier: TierDeadMan}}}},
	}
	for i := range j.Plan.Choice.Chosen {
		j.Plan.Choice.Chosen[i].Listed = true
	}
	if change != nil {
		change(&j)
	}
	return j
}

// TestPolicyRules: each rule refuses what it is for, says how it would be satisfied, and
// lets through what is.
func TestPolicyRules(t *testing.T) {
	label := func(env string) func(*Judgement) {
		return func(j *Judgement) { j.Plan.Experiment.Labels = map[string]string{"env": env} }
	}
	both := func(a, b func(*Judgement)) func(*Judgement) { return func(j *Judgement) { a(j); b(j) } }
	say := func(text string) func(*Judgement) { return func(j *Judgement) { j.Confirm = text } }
	long := func(j *Judgement) { j.Plan.Experiment.Method[0].Duration = seconds(301) }
	two := func(j *Judgement) { j.Plan.Choice.Chosen = shop("pay", "pay") }
	me := func(j *Judgement) { j.Plan.Choice.Chosen[0].PID = os.Getpid() }
	exe, err := os.Executable()
	require.NoError(t, err)
	for _, c := range []struct {
		name   string
		policy func(*Policy)
		change func(*Judgement)
		says   string
	}{
		{"staging", nil, nil, ""},
		{"unlabelled", nil, func(j *Judgement) { j.Plan.Experiment.Labels = nil }, `refused R5 production: pay-1 has no label env, nor has the experiment: unlabelled counts as production; say --confirm "pay-slow 50%", or label the experiment with the env that it is for`},
		{"unlabelled, but the lab's", nil, func(j *Judgement) { j.Plan.Experiment.Labels = nil; j.Plan.Choice.Chosen[0].Listed = false }, ""},
		{"the target says staging", nil, func(j *Judgement) {
			j.Plan.Experiment.Labels = nil
			j.Plan.Choice.Chosen[0].Labels = map[string]string{"env": "staging"}
		}, ""},
		{"production", nil, label("prod"), "refused R5 production: the experiment has env=prod; say --confirm"},
		{"production, whatever the experiment says", nil, func(j *Judgement) { j.Plan.Choice.Chosen[0].Labels = map[string]string{"env": "live"} }, "refused R5 production: pay-1 has env=live"},
		{"production in capitals", nil, label("PROD"), "refused R5 production: the experiment has env=PROD; say --confirm"},
		{"production by another spelling of the label", nil, func(j *Judgement) { j.Plan.Choice.Chosen[0].Labels = map[string]string{"Env": "Production "} }, "refused R5 production: pay-1 has Env=Production; say --confirm"},
		{"the whole value", nil, label("nonprod"), ""},
		{"another label", func(p *Policy) { p.Production.Labels = map[string]string{"tier": "gold.*"} }, func(j *Judgement) { j.Plan.Experiment.Labels["tier"] = "gold-1" }, "the experiment has tier=gold-1"},
		{"a host", func(p *Policy) { p.Production.Hosts = []string{"web-.*"} }, nil, "refused R5 production: this host is web-1"},
		{"another host", func(p *Policy) { p.Production.Hosts = []string{"web"} }, nil, ""},
		{"confirmed otherwise", nil, both(label("prod"), say("pay-slow 5%")), `refused R5 production: the experiment has env=prod; --confirm "pay-slow 5%" is not what it wants; say --confirm "pay-slow 50%", word for word`},
		{"confirmed", nil, both(label("prod"), say("pay-slow 50%")), ""},
		{"almost confirmed", nil, both(label("prod"), say("pay-slow 50 %")), "refused R5 production"},
		{"too long for production", nil, both(label("prod"), both(say("pay-slow 50%"), long)), "refused R6 blast-radius: its steps last 5m1s; the policy's limit for production is 5m; shorten its steps, or have the policy raise it"},
		{"long", nil, long, ""},
		{"two of four", nil, two, "refused R6 blast-radius: it would hurt 2 of 4; the policy's limit is 25 %; set targets.max to 1, or have the policy raise it"},
		{"two of four, allowed", func(p *Policy) { p.Limits.Percent = 50 }, two, ""},
		{"one of two, whatever the share", nil, func(j *Judgement) { j.Plan.Choice.Matched = []string{"pay-1", "pay-2"} }, ""},
		{"more than so many", func(p *Policy) { p.Limits.Percent, p.Limits.Targets = 100, 1 }, two, "refused R6 blast-radius: it would hurt 2; the policy's limit is 1"},
		{"a service", func(p *Policy) { p.Protected.Services = []string{"pay"} }, nil, "refused R7 protected: pay-1: it is of service pay, which the policy protects; select something else"},
		{"a program", func(p *Policy) { p.Protected.Programs = []string{filepath.Base(exe)} }, me, "refused R7 protected: pay-1: it runs " + filepath.Base(exe)},
		{"another program", func(p *Policy) { p.Protected.Programs = []string{"postgres"} }, me, ""},
		{"a tier", func(p *Policy) { p.MinTier = TierKernel }, nil, "refused R10 tier: x on pay-1 is of tier D (undone by runner or undertaker, else at the next start of sitrep); the policy asks for K or better"},
		{"as good a tier", func(p *Policy) { p.MinTier = TierDeadMan }, nil, ""},
		{"a tier for production only", func(p *Policy) { p.Production.MinTier = TierKernel }, nil, ""},
		{"a tier in production", func(p *Policy) { p.Production.MinTier = TierKernel }, both(label("prod"), say("pay-slow 50%")), "refused R10 tier"},
		{"a program that is run", nil, func(j *Judgement) {
			j.Plan.Experiment.SteadyState = []Probe{{Name: "smoke", Exec: &ExecProbe{Argv: []string{"/bin/true"}}}}
		}, "refused R10 exec: smoke would run /bin/true; have the policy name it under exec"},
		{"a program that may be run", func(p *Policy) { p.Exec = []string{"/bin/true"} }, func(j *Judgement) {
			j.Plan.Experiment.SteadyState = []Probe{{Name: "smoke", Exec: &ExecProbe{Argv: []string{"/bin/true"}}}}
		}, ""},
		{"within the window", nil, func(j *Judgement) { j.Plan.Experiment.Window = Window{Hours: "09:00-10:02"} }, ""},
		{"over when the window is", nil, func(j *Judgement) { j.Plan.Experiment.Window = Window{Hours: "09:00-10:01", Days: []string{"mon"}} }, "refused R11 window: up to 2m from now are not within mon 09:00-10:01 UTC; it may start at Mon 30 Nov 09:00 UTC"},
		{"the policy's windows", func(p *Policy) { p.Windows = []Window{{Hours: "11:00-12:00"}, {Hours: "13:00-14:00"}} }, nil, "not within every day 11:00-12:00 UTC or every day 13:00-14:00 UTC; it may start at Mon 23 Nov 11:00 UTC"},
		{"never", func(p *Policy) { p.Windows = []Window{{Hours: "11:00-11:01"}} }, nil, "it is never open for so long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := DefaultPolicy()
			if c.policy != nil {
				c.policy(&p)
			}
			err := p.Check(judged(c.change))
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrRefused)
			require.ErrorContains(t, err, c.says)
		})
	}
}

// TestStricterWins: what two policies allow together each of them allows.
func TestStricterWins(t *testing.T) {
	policy := rapid.Custom(func(t *rapid.T) Policy {
		limits := func(name string) Limits {
			return Limits{
				Percent: rapid.SampledFrom([]float64{0, 10, 50, 100}).Draw(t, name+" percent"), Targets: rapid.IntRange(0, maxTargets).Draw(t, name+" targets"),
				Duration: seconds(float64(rapid.SampledFrom([]int{0, 30, 60, 400}).Draw(t, name+" duration"))),
			}
		}
		tier := func(name string) Tier {
			return rapid.SampledFrom([]Tier{"", TierKernel, TierDeadMan, TierIrreversible}).Draw(t, name)
		}
		p := Policy{
			Production: ProductionRule{Limits: limits("production"), MinTier: tier("production tier")}, Limits: limits("all"), MinTier: tier("tier"),
			Protected: Protection{Services: rapid.SliceOfN(rapid.SampledFrom([]string{"pay", "cart"}), 0, 2).Draw(t, "protected")},
			Exec:      rapid.SampledFrom([][]string{nil, {}, {"/bin/true"}, {"/bin/true", "/bin/false"}}).Draw(t, "exec"),
			Windows:   rapid.SampledFrom([][]Window{nil, {{Hours: "09:00-12:00"}}, {{Hours: "20:00-21:00"}}, {{Hours: "20:00-21:00"}, {Days: []string{"mon"}}}}).Draw(t, "windows"),
		}
		p.Production.Labels = rapid.SampledFrom([]map[string]string{nil, {"env": "prod"}, {"env": "staging|prod"}, {"tier": "gold"}}).Draw(t, "labels")
		return p
	})
	rapid.Check(t, func(t *rapid.T) {
		p, q := policy.Draw(t, "one"), policy.Draw(t, "other")
		j := judged(func(j *Judgement) {
			j.Plan.Choice.Chosen = shop("pay", "pay", "pay", "pay")[:rapid.IntRange(1, 4).Draw(t, "chosen")]
			j.Plan.Experiment.Labels["env"] = rapid.SampledFrom([]string{"prod", "staging", "dev"}).Draw(t, "env")
			j.Plan.Experiment.Method[0].Duration = seconds(float64(rapid.IntRange(1, 500).Draw(t, "seconds")))
			j.Plan.Steps[0].Injections[0].Tier = rapid.SampledFrom([]Tier{TierKernel, TierDeadMan, TierIrreversible}).Draw(t, "tier")
			j.Plan.Experiment.SteadyState = []Probe{{Exec: &ExecProbe{Argv: []string{rapid.SampledFrom([]string{"/bin/true", "/bin/false"}).Draw(t, "argv")}}}}
			j.Confirm = rapid.SampledFrom([]string{"", "pay-slow 50%"}).Draw(t, "confirm")
		})
		if p.Join(q).Check(j) != nil {
			return
		}
		// Exec alone needs a word: who has none leaves it to the other.
		for _, one := range []Policy{p, q} {
			if one.Exec == nil {
				one.Exec = []string{"/bin/true", "/bin/false"}
			}
			require.NoError(t, one.Check(j))
		}
	})
}

func TestLoadPolicy(t *testing.T) {
	p, err := LoadPolicy("p.yaml", []byte(`production: {labels: {env: "prod.*"}, hosts: ["db-[0-9]+"], limits: {percent: 5}, min_tier: K}
limits: {percent: 50, targets: 3, duration: 2m}
min_tier: D
protected: {programs: [postgres], ports: [5432], services: [ledger]}
exec: [/usr/local/bin/smoke]
windows: [{days: [mon], hours: "09:00-17:00", tz: Europe/Berlin}]
`))
	require.NoError(t, err)
	p = p.Over(DefaultPolicy())
	require.Equal(t, Limits{5, 1, seconds(300)}, p.Production.Limits, "what it does not say is the default")
	require.Equal(t, map[string]string{"env": "prod.*"}, p.Production.Labels)
	require.True(t, p.Allows("/usr/local/bin/smoke"))
	require.False(t, p.Allows("smoke"))
	for text, want := range map[string]string{
		"limit: {}":                             `p.yaml:1:1: unknown key "limit"; did you mean "limits"?`,
		"limits: {percent: 101}":                "p.yaml:1:19: want a share from 0 to 100; this is 101",
		"limits: {targets: 6}":                  "p.yaml:1:19: want 1 to 5; this is 6",
		"production: {limits: {duration: 11m}}": "p.yaml:1:33: 11m is more than the cap of 10m",
		"production: {labels: {env: '('}}":      "p.yaml:1:28: ",
		"production: {hosts: ['(']}":            "p.yaml:1:22: ",
		"min_tier: B":                           `p.yaml:1:11: "B" is no tier`,
		"exec: [smoke]":                         `p.yaml:1:8: "smoke" is not an absolute path`,
		"protected: {ports: [0]}":               "p.yaml:1:21: 0 is no TCP port",
		"windows: [{hours: always}]":            `p.yaml:1:19: "always" are no hours`,
	} {
		_, err := LoadPolicy("p.yaml", []byte(text))
		require.ErrorContains(t, err, want)
	}
}

// TestTrustPolicy looks at real files: a policy that those can change whom it is to hold
// back is none.
func TestTrustPolicy(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "policy.yaml")
	require.NoError(t, os.WriteFile(file, []byte("limits: {percent: 5}"), 0o644))
	p, there, err := ReadPolicy(file, 1000)
	require.NoError(t, err)
	require.True(t, there)
	require.Equal(t, 5.0, p.Limits.Percent)
	_, there, err = ReadPolicy(filepath.Join(dir, "none.yaml"), 0)
	require.NoError(t, err)
	require.False(t, there)

	info, err := os.Stat(file)
	require.NoError(t, err)
	if writableBy(info) == "" { // these tests run as root
		_, _, err = ReadPolicy(file, 0)
		require.NoError(t, err)
		require.NoError(t, os.Chown(file, 65534, 65534))
		_, _, err = ReadPolicy(file, 0)
		require.ErrorIs(t, err, ErrRefused)
		require.ErrorContains(t, err, "belongs to user 65534; make it root's alone: chown root and chmod go-w "+file)
		require.NoError(t, os.Chown(file, 0, 0))
		require.NoError(t, os.Chmod(file, 0o664))
		require.ErrorContains(t, TrustPolicy(file, 0), "refused R13 policy: "+file+" holds a policy, and "+file+" may be written by others (-rw-rw-r--)")
		require.NoError(t, os.Chmod(file, 0o644))
		require.NoError(t, os.Chmod(dir, 0o777))
		require.ErrorContains(t, TrustPolicy(file, 0), dir+" may be written by others", "whoever may write the directory may replace the file")
		require.NoError(t, os.Chmod(dir, 0o755))

		theirs := filepath.Join(dir, "theirs")
		link := filepath.Join(theirs, "policy.yaml")
		require.NoError(t, os.Mkdir(theirs, 0o755))
		require.NoError(t, os.Symlink("../policy.yaml", link))
		require.NoError(t, TrustPolicy(link, 0), "all of it is root's")
		require.NoError(t, os.Lchown(link, 65534, 65534))
		require.ErrorContains(t, TrustPolicy(link, 0), link+" belongs to user 65534")
		require.NoError(t, os.Lchown(link, 0, 0))
		require.NoError(t, os.Chown(theirs, 65534, 65534))
		require.ErrorContains(t, TrustPolicy(link, 0), theirs+" belongs to user 65534", "it may lead elsewhere in a moment")
		around := filepath.Join(dir, "around")
		require.NoError(t, os.Symlink("theirs/policy.yaml", around))
		require.ErrorContains(t, TrustPolicy(around, 0), theirs+" belongs to user 65534")
		circle := filepath.Join(dir, "circle")
		require.NoError(t, os.Symlink("circle", circle))
		require.ErrorContains(t, TrustPolicy(circle, 0), "too many levels of symbolic links")
	} else {
		require.ErrorContains(t, TrustPolicy(file, 0), "belongs to user")
	}
	require.NoError(t, TrustPolicy(file, 1000), "without root there is nothing that it could hold back")
	require.NoError(t, os.WriteFile(file, []byte("limit: {}"), 0o644))
	_, _, err = ReadPolicy(file, 1000)
	require.ErrorContains(t, err, `unknown key "limit"`)
}

// TestEveryRefusalHasARule: the table is whole, in the order of its numbers, and every
// rule of it is there for something.
func TestEveryRefusalHasARule(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	more, err := filepath.Glob("fault/*.go")
	require.NoError(t, err)
	call := regexp.MustCompile(`Refus(?:e\(|al\{)"([a-z-]+)"`)
	used := map[string]bool{"lab-only": true} // named by a constant
	for _, file := range append(files, more...) {
		src, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range call.FindAllStringSubmatch(string(src), -1) {
			used[m[1]] = true
			require.NotEmpty(t, ruleID(m[1]), "%s refuses by a rule that is not in the table: %s", file, m[1])
		}
	}
	id := regexp.MustCompile(`^R([1-9]|1[0-3])$`)
	names := map[string]bool{}
	for _, r := range Rules() {
		require.Regexp(t, id, r.ID)
		require.False(t, names[r.Name], r.Name)
		names[r.Name] = true
		require.NotEmpty(t, r.Says)
	}
	for _, n := range []string{"open-journal", "halt", "one-at-a-time", "incident", "production", "blast-radius", "protected", "guard-blind", "tier", "window", "policy"} {
		require.True(t, used[n], n)
	}
}
