//go:build race

package capacity_test

// raced: nothing here runs beside anything, and the race detector makes arithmetic ten
// times as slow, so with it tests count over fewer histories.
const raced = true
