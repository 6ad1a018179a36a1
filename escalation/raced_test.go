//go:build race

package escalation_test

// raced: whole nights in virtual time are more than the race detector can count
// (its runtime ends with "CHECK failed: tsan_rtl.cpp" on some), so it sees fewer
// of them; make test runs this package once more without it.
const raced = true
