//go:build race

package tui

// raced: a large screen takes the race detector minutes to draw often. A small one is drawn
// with it, and all without (see the Makefile).
const raced = true
