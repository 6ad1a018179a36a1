//go:build !race

package chaos_test

import "os"

// unraced is this program: see raced_test.go.
func unraced() (string, error) { return os.Executable() }

// unracedFile is none: nothing was built.
func unracedFile() string { return "" }
