package pane

// Views are the screens: the numbered ones in the order of their keys, Now, Board,
// Timeline, Actions, Post-mortem, Statistics, the runbook, On-call, Alerts, the objectives and
// the scorecard. They are new, and of one root model.
func Views() []View {
	var asked Window // Now and Board show the same board: what one asked for is the other's too
	var at spot      // and the step that was opened on the first screen is the one that is shown
	var due dueSpot  // and so is the duty
	return []View{
		&now{window: window{asked: &asked}, spot: &at, due: &due},
		&board{window: window{asked: &asked}},
		&timeline{},
		&actions{},
		&postmortem{},
		&statistics{},
		&checklist{spot: &at},
		&onCall{},
		&alertView{},
		&objectives{},
		&scorecard{due: &due},
	}
}
