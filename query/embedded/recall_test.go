package embedded

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

func recalling(t *testing.T, list []Stretch) (*Standby, *[]string) {
	t.Helper()
	client, err := query.NewClient(query.Config{URL: "http://127.0.0.1:1"})
	require.NoError(t, err)
	said := &[]string{}
	s, err := NewStandby(StandbyConfig{
		Client: client, Probe: client, Cached: client,
		Recall: func(context.Context) ([]Stretch, error) { return list, nil }, Problem: func(text string) { *said = append(*said, text) },
	})
	require.NoError(t, err)
	return s, said
}

// scrapedStretch is what a process scraped between two seconds.
func scrapedStretch(t *testing.T, gap, from, to float64) Stretch {
	t.Helper()
	s, err := New(Config{})
	require.NoError(t, err)
	p, err := s.parse(newTarget(Target{Job: "j", URL: "http://a"}), Options{}, []byte("a 1\n"), "text/plain", sec(to).UnixMilli())
	require.NoError(t, err)
	s.store.commit(p.batch)
	list, err := s.Capsules(sec(from), sec(to))
	require.NoError(t, err)
	require.Len(t, list, 1)
	return Stretch{Gap: sec(gap), From: sec(from), To: sec(to), Bodies: [][]byte{list[0].Body}}
}

// What others scraped is taken up by outage; what is damaged, too old or absurd is not.
func TestWhatOthersScrapedIsTakenUp(t *testing.T) {
	damaged := scrapedStretch(t, 100, 400, 410)
	damaged.Bodies[0] = damaged.Bodies[0][:len(damaged.Bodies[0])-3]
	s, said := recalling(t, []Stretch{
		scrapedStretch(t, -90000, -89990, -89980), scrapedStretch(t, 100, 110, 120), scrapedStretch(t, 100, 120, 130), scrapedStretch(t, 100, 200, 210),
		damaged, scrapedStretch(t, 1000, 1010, 1020),
		{Gap: sec(1), From: sec(90), To: sec(80)},
		scrapedStretch(t, 99000, 99010, 99020),
	})
	s.recall(t.Context(), sec(1100))
	require.Equal(t, []outage{
		{gap: span{from: sec(100)}, direct: []span{{sec(110), sec(130)}, {sec(200), sec(210)}}, recalled: true},
		{gap: span{from: sec(1000)}, direct: []span{{sec(1010), sec(1020)}}, recalled: true},
	}, s.outages)
	require.Len(t, *said, 1)
	require.Contains(t, (*said)[0], "is damaged: its gap stays")
	require.Equal(t, sec(110), s.Recorded())
	s.recall(t.Context(), sec(1100))
	require.Len(t, s.outages, 2, "once")
	st, err := s.Scraped(sec(105), sec(125))
	require.NoError(t, err)
	require.Equal(t, []time.Time{sec(100), sec(110), sec(125)}, []time.Time{st.Gap, st.From, st.To})
	require.Len(t, st.Bodies, 1, "it can be kept anew")
	st, err = s.Scraped(sec(140), sec(150))
	require.NoError(t, err)
	require.Empty(t, st.Bodies)
}

// While a machine was suspended nothing was scraped: that is no part of what is known.
func TestAHoleOfSleep(t *testing.T) {
	s, _ := recalling(t, nil)
	s.outages = []outage{{gap: span{from: sec(0)}, direct: []span{{from: sec(1)}}}}
	for _, at := range []float64{10, 13, 16, 3616, 3619} {
		s.wake(sec(at))
		s.outages[0].open(s.since)
	}
	require.Equal(t, []span{{sec(1), sec(16)}, {from: sec(3616)}}, s.outages[0].direct)
	require.Equal(t, 6*time.Second, s.outages[0].known(sec(3600), sec(3622)))
	require.True(t, s.outages[0].reaches(sec(3700)))
	s.wake(sec(19)) // the clock was set back
	require.True(t, slices.Equal([]span{{sec(1), sec(16)}, {sec(3616), sec(3619)}}, s.outages[0].direct))
}
