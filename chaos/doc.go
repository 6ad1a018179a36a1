// Package chaos hurts a system on purpose, finds out whether it bears that, and
// makes sure that nothing stays hurt.
//
// An [Experiment] says what healthy means (probes), what is done to whom for how
// long (targets, method), what ends it early (guards), and how long health may
// take to return. [Spawn] runs one and gives an [Outcome]; [Means.Preview] says what a
// run would do and touches nothing. The faults themselves are in chaos/fault:
// this package knows them only as a [Fault], and their undo only as data.
//
// # Phases
//
// A run goes through
//
//	planned, preflight   draw the targets, apply the rules; a refusal ends here
//	armed                the undertaker watches
//	baseline             guards must see, the steady state must hold: never inject into a sick system
//	injecting            intent to the journal, then the deed
//	verified             the fault was seen to work; one that was not makes the run inconclusive
//	holding              guards and probes look until the time is over
//	waiting              a step that is a wait
//	undoing, gone        the undo, judged by its check and not by what it says
//	recovering           until the steady state is back, or the time for that is over
//	verdict              held, deviated, aborted, inconclusive, refused, undo_failed
//
// and from each of them to undoing when a guard trips, HALT is raised, somebody
// asks, or a process that watches dies. With several steps, those from injecting
// to gone are repeated.
//
// # Tiers
//
// A [Tier] says what stands between a fault and its end when sitrep dies:
//
//	K  the kernel holds it: gone when its holder dies, however
//	C  a carrier (a proxy) ends it at a set time, a few seconds after the planned end
//	A  the record on the object lets anyone recover it
//	D  undone by runner or undertaker, else at the next start of sitrep
//	I  cannot be undone (a process was killed): recovery is verified instead
//
// # Processes
//
//	starter      sitrep: the screen or `sitrep chaos run`. It may hang, be stopped, lose its terminal.
//	  runner     __chaos-runner, in a session of its own: engine, guards, journal
//	    undertaker   __undertake, in a session of its own: journal, HALT file, and the undo; nothing else
//	    holder       __chaos-hold, one for a fault of tier K: its end is the fault's
//
// Each holds the writing end of a pipe that the next reads, and never writes a
// word of importance into it: what counts is that the kernel closes it, by
// whatever death. The undertaker holds one towards the runner too. Into its own
// the runner writes a sign of life twice a second: a process that is stopped or
// stuck closes nothing, and its guards see nothing.
//
//	killed                      who undoes
//	starter                     the runner (on_disconnect: continue goes on under guards and deadline)
//	runner                      the undertaker; the starter tells what it did
//	starter and runner          the undertaker
//	undertaker                  the runner: nothing goes on without one
//	runner and undertaker       the starter
//	all three                   Recover, by any screen or daemon that is open, else at the next start of sitrep;
//	                            C has ended by itself
//	runner stopped or hung      the undertaker kills it, then undoes: after 5 s without a sign of life, on HALT,
//	                            after the deadline and a grace, or when it does not end an undo that it has begun
//	starter stopped or hung     the runner, at the planned end: it never waits for its reader
//
// A holder is started before its fault's intent is written, and does nothing until it
// is told; so the intent says whom to end. It ends when the runner does (the kernel
// kills it), at the fault's time, and by the undo, however much it hangs.
//
// # Journal
//
// A run is an append-only file of JSON lines, <ULID>.wal, in a directory that
// depends on no configuration and no database. A fault is in it, with everything
// its undo needs ([Op], [Check]), before it is injected; every record is on the
// disk before anything follows from it; the file's room is reserved before the
// run, so that a full disk cannot keep an undo from being recorded. The fold
// ([ReadLog]) accepts everything: torn lines, kinds of a later sitrep, the same
// record twice.
//
// A line that breaks off at the end of what its writer wrote is a crash, and hides
// nothing: an intent that is not whole on the disk was never followed by its
// fault. Anything else that cannot be read is damage: a line in the middle, one
// that does not fit its checksum, a fault without its intent, a journal without its
// head. What can be read of a damaged journal is undone, but it is never closed:
// [Recover] fails with [ErrDamaged] and no run starts until a person has looked and
// removed the file.
//
// Runner and undertaker hold a shared lock on the file, recovery takes an
// exclusive one, and a new run is refused while a journal is open. A closed one is
// sealed (read-only) and stays as evidence.
package chaos
