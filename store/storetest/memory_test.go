package storetest_test

import (
	"testing"

	"github.com/sitrep-dev/sitrep/store/storetest"
)

func TestMemoryTimeline(t *testing.T) {
	storetest.Timeline(t, func(*testing.T) storetest.Log { return storetest.NewMemory() })
}

func TestMemoryBook(t *testing.T) {
	storetest.Book(t, func(*testing.T) storetest.Outbox { return storetest.NewMemory() })
}
