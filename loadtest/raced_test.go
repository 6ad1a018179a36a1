//go:build race

package loadtest

// raced: an hour in virtual time is more than the race detector can count within a run of all tests. A part of it
// has what can race; the whole is run without it.
const raced = true
