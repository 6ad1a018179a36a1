//go:build !race

package escalation_test

const raced = false
