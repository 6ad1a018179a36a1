package keys

// Action is what a key does, by the name that config files use.
type Action string

// The actions.
const (
	Abort     Action = "abort"
	Interrupt Action = "interrupt"

	Help          Action = "help"
	Palette       Action = "palette"
	Filter        Action = "filter"
	Cancel        Action = "cancel"
	Back          Action = "back"
	ViewNow       Action = "view_now"
	ViewBoard     Action = "view_board"
	ViewTimeline  Action = "view_timeline"
	ViewActions   Action = "view_actions"
	ViewPM        Action = "view_postmortem"
	ViewOnCall    Action = "view_oncall"
	ViewStats     Action = "view_stats"
	ViewAlerts    Action = "view_alerts"
	ViewSLO       Action = "view_slo"
	ViewScorecard Action = "view_scorecard"
	NextPane      Action = "next_pane"
	PreviousPane  Action = "previous_pane"
	PreviousInc   Action = "previous_incident"
	NextInc       Action = "next_incident"
	LastView      Action = "last_view"
	JumpNewest    Action = "jump_newest"
	Refresh       Action = "refresh"
	RefreshAll    Action = "refresh_all"
	Yank          Action = "yank"
	YankLink      Action = "yank_link"
	Open          Action = "open"
	ToggleMouse   Action = "mouse"
	ToggleZone    Action = "timezone"
	CycleTheme    Action = "theme"
	Redraw        Action = "redraw"
	Pinned1       Action = "pinned_f5"
	Pinned2       Action = "pinned_f6"
	Pinned3       Action = "pinned_f7"
	Pinned4       Action = "pinned_f8"
	Pinned5       Action = "pinned_f9"
	Ack           Action = "ack"
	UndoCountdown Action = "undo"
	AddNote       Action = "note"
	EditNote      Action = "note_editor"
	Severity      Action = "severity"
	Escalate      Action = "escalate"
	Snooze        Action = "snooze"
	Resolve       Action = "resolve"
	Declare       Action = "declare"
	Runbook       Action = "runbook"
	ChaosPicker   Action = "chaos"
	LoadPicker    Action = "load"
	Draft         Action = "postmortem"
	SendUpdate    Action = "update"
	Assign        Action = "assign"
	Did           Action = "did"

	Up       Action = "up"
	Down     Action = "down"
	PageUp   Action = "page_up"
	PageDown Action = "page_down"
	Top      Action = "top"
	Bottom   Action = "bottom"
	Detail   Action = "detail"

	CrosshairLeft     Action = "crosshair_left"
	CrosshairRight    Action = "crosshair_right"
	CrosshairFarLeft  Action = "crosshair_far_left"
	CrosshairFarRight Action = "crosshair_far_right"
	Fullscreen        Action = "fullscreen"
	ZoomIn            Action = "zoom_in"
	ZoomOut           Action = "zoom_out"
	Live              Action = "live"
	PanLeft           Action = "pan_left"
	PanRight          Action = "pan_right"
	Grid              Action = "grid"
	LogAxis           Action = "log_axis"
	Range             Action = "range"
	Preset            Action = "preset"
	SortNext          Action = "sort_next"
	SortOther         Action = "sort_reverse"
	Variables         Action = "variables"
	ToggleSeries      Action = "toggle_series"
	IsolateSeries     Action = "isolate_series"
	MarkInstant       Action = "mark_instant"
	Follow            Action = "follow"
	Kinds             Action = "kinds"
	KeyMoment         Action = "key_moment"
	EditDraft         Action = "edit_draft"
	LintDraft         Action = "lint_draft"
	ExportDraft       Action = "export_draft"
	Correct           Action = "correct"
	AddItem           Action = "add_item"
	CloseItem         Action = "close_item"
	MergeThere        Action = "merge_there"
	EndSilence        Action = "end_silence"
	MarkAlert         Action = "mark_noise" // its first name, which keymaps have
	Tick              Action = "tick"
	Sign              Action = "sign"
	WhatIsDue         Action = "what_is_due"
	Ask               Action = "ask"
	Yes               Action = "yes"
	No                Action = "no"
	Choose            Action = "choose"
	Submit            Action = "submit"
	Complete          Action = "complete"
	OlderEntry        Action = "older_entry"
	NewerEntry        Action = "newer_entry"
	PreviousField     Action = "previous_field"
	FormerWords       Action = "former_words"
	AskPromQL         Action = "promql"
	KeepBoard         Action = "snapshot"
	Compare           Action = "compare"
	NextForm          Action = "next_form"
	Explain           Action = "explain"
	OtherPage         Action = "other_page"
	ConfirmRun        Action = "confirm_run"
	ChaosHistory      Action = "chaos_history"
	AnswerGameday     Action = "answer_gameday"
)

// Default is the table as shipped.
func Default() Map {
	var rows []Binding
	rows = append(rows, always()...)
	rows = append(rows, global()...)
	rows = append(rows, incident()...)
	for _, s := range []Scope{Now, Timeline, Actions, Postmortem, OnCall, Stats, Alerts, SLO} {
		rows = append(rows, list(s)...)
	}
	rows = append(rows, board()...)
	rows = append(rows, views()...)
	rows = append(rows, checklist()...)
	rows = append(rows, scorecard()...)
	rows = append(rows, unheard()...)
	rows = append(rows, dialog()...)
	rows = append(rows, input()...)
	rows = append(rows, explore()...)
	return newMap(rows)
}

func always() []Binding {
	return []Binding{
		{Action: Abort, Scope: Always, Keys: []string{"ctrl+x"}, Name: "abort all", Help: "end and undo all chaos and load, now", Reach: Undo},
		{Action: Interrupt, Scope: Always, Keys: []string{"ctrl+c"}, Help: "twice: quit"},
		{Action: ConfirmRun, Scope: Always, Keys: []string{"ctrl+o"}, Help: "I still see this: leave a fault of this host's own network where it is, while that is asked"},
	}
}

func global() []Binding {
	return []Binding{
		{Action: Help, Scope: Global, Keys: []string{"?", "f1"}, Name: "help", Help: "keys of this view; again: all keys"},
		{Action: Palette, Scope: Global, Keys: []string{":", "ctrl+p"}, Help: "run anything by name"},
		{Action: Filter, Scope: Global, Keys: []string{"/"}, Name: "filter", Help: "filter the list: regex, ! inverse, @who #kind sev:1"},
		{Action: Cancel, Scope: Global, Keys: []string{"esc", "ctrl+[", "backspace"}, Help: "cancel, clear the filter, put the header's message away, go back"},
		{Action: Back, Scope: Global, Keys: []string{"q"}, Name: "back", Help: "back; at the first view: quit"},
		{Action: ViewNow, Scope: Global, Keys: []string{"1"}, Name: "now", Help: "the incident at a glance"},
		{Action: ViewBoard, Scope: Global, Keys: []string{"2"}, Name: "board", Help: "charts"},
		{Action: ViewTimeline, Scope: Global, Keys: []string{"3"}, Name: "timeline", Help: "everything that happened"},
		{Action: ViewActions, Scope: Global, Keys: []string{"4"}, Name: "actions", Help: "pages, runs and action items"},
		{Action: ViewPM, Scope: Global, Keys: []string{"5"}, Name: "post-mortems", Help: "the written record"},
		{Action: ViewOnCall, Scope: Global, Keys: []string{"6"}, Name: "on-call", Help: "who answers now, with telephones; the open incidents of PagerDuty's account"},
		{Action: ViewStats, Scope: Global, Keys: []string{"7"}, Name: "stats", Help: "how long incidents took, how many there were, who found them"},
		{Action: ViewAlerts, Scope: Global, Keys: []string{"8"}, Name: "alerts", Help: "all that fires or is pending, silences, broken rules"},
		{Action: ViewSLO, Scope: Global, Keys: []string{"9"}, Name: "slo", Help: "error budgets: what is left, how fast it burns, when it is gone"},
		{Action: ViewScorecard, Scope: Global, Keys: []string{"C"}, Name: "scorecard", Help: "a grade for each service, with the reasons; what is due of routine and checklist"},
		{Action: NextPane, Scope: Global, Keys: []string{"tab"}, Help: "next pane"},
		{Action: PreviousPane, Scope: Global, Keys: []string{"shift+tab"}, Help: "previous pane"},
		{Action: PreviousInc, Scope: Global, Keys: []string{"["}, Name: "previous incident", Help: "previous open incident"},
		{Action: NextInc, Scope: Global, Keys: []string{"]"}, Name: "next incident", Help: "next open incident"},
		{Action: LastView, Scope: Global, Keys: []string{"`"}, Name: "last view", Help: "the view before this one"},
		{Action: JumpNewest, Scope: Global, Keys: []string{"!"}, Name: "newest page", Help: "jump to what nobody has acknowledged, or to the newest page"},
		{Action: Refresh, Scope: Global, Keys: []string{"r"}, Name: "refresh", Help: "ask again for this pane"},
		{Action: RefreshAll, Scope: Global, Keys: []string{"R"}, Name: "refresh all", Help: "ask again for everything"},
		{Action: Yank, Scope: Global, Keys: []string{"y"}, Name: "yank", Help: "copy a value, a query, a link, the timeline"},
		{Action: YankLink, Scope: Global, Keys: []string{"Y"}, Name: "yank link", Help: "copy the incident's link"},
		{Action: Open, Scope: Global, Keys: []string{"o"}, Name: "open link", Help: "open the link, or show it in full"},
		{Action: ToggleMouse, Scope: Global, Keys: []string{"M"}, Name: "mouse", Help: "mouse on or off (shift selects text)"},
		{Action: ToggleZone, Scope: Global, Keys: []string{"z"}, Name: "time zone", Help: "UTC or local time"},
		{Action: CycleTheme, Scope: Global, Keys: []string{"T"}, Name: "theme", Help: "next theme"},
		{Action: AnswerGameday, Scope: Global, Keys: []string{"V"}, Name: "vote", Help: "go or no-go to what a game day asks, with a note", Reach: People, Tier: T1},
		{Action: Redraw, Scope: Global, Keys: []string{"ctrl+l"}, Name: "redraw", Help: "draw the screen anew"},
		pinned(Pinned1, "f5"), pinned(Pinned2, "f6"), pinned(Pinned3, "f7"), pinned(Pinned4, "f8"), pinned(Pinned5, "f9"),
	}
}

func pinned(a Action, key string) Binding {
	return Binding{
		Action: a, Scope: Global, Keys: []string{key}, Name: "pinned " + key,
		Help: "the experiment or plan pinned to " + Label(key) + "; of a game day it shows the plan", Reach: Faults, Tier: T1,
	}
}

func incident() []Binding {
	return []Binding{
		{Action: Ack, Scope: Incident, Keys: []string{"a"}, Name: "acknowledge", Help: "I have it", Reach: People, Safe: true},
		{Action: UndoCountdown, Scope: Incident, Keys: []string{"u"}, Name: "undo", Help: "stop what counts down", Reach: Undo},
		{Action: AddNote, Scope: Incident, Keys: []string{"n"}, Name: "note", Help: "one line on the timeline"},
		{Action: EditNote, Scope: Incident, Keys: []string{"e"}, Name: "long note", Help: "a note in your editor"},
		{Action: Runbook, Scope: Incident, Keys: []string{"w"}, Name: "runbook", Help: "the checklist; there: another runbook"},
		{Action: Severity, Scope: Incident, Keys: []string{"s"}, Name: "severity", Help: "change the severity; shows who that pages", Opens: true, Tier: T1},
		{Action: Escalate, Scope: Incident, Keys: []string{"E"}, Name: "escalate", Help: "page the next rung now", Reach: People, Tier: T1},
		{Action: Snooze, Scope: Incident, Keys: []string{"S"}, Name: "snooze", Help: "hold the ladder for a while", Reach: People, Tier: T1, Opens: true},
		{Action: Resolve, Scope: Incident, Keys: []string{"X"}, Name: "resolve", Help: "it is over: asks for the cause in a line", Reach: People, Tier: T1},
		{Action: Declare, Scope: Incident, Keys: []string{"D"}, Name: "declare", Help: "declare an incident", Reach: People, Tier: T1},
		{Action: ChaosPicker, Scope: Incident, Keys: []string{"x"}, Name: "chaos", Help: "prepared experiments, one more key starts one", Opens: true, Tier: T1},
		{Action: LoadPicker, Scope: Incident, Keys: []string{"b"}, Name: "load", Help: "prepared load plans, one more key starts one", Opens: true, Tier: T1},
		{Action: Draft, Scope: Incident, Keys: []string{"P"}, Name: "draft post-mortem", Help: "write the post-mortem from the timeline"},
		{Action: SendUpdate, Scope: Incident, Keys: []string{"U"}, Name: "update", Help: "tell people outside: conditions, actions, needs", Reach: People, Tier: T1},
		{Action: Assign, Scope: Incident, Keys: []string{"A"}, Name: "assign role", Help: "who leads, writes down, informs, works: hand a role over or take it", Reach: People, Tier: T1},
		{Action: Did, Scope: Incident, Keys: []string{"d"}, Name: "done", Help: "what was done about it, and whether that eased it; the thread is told", Opens: true, Tier: T1},
	}
}

// list are the moves that every view made of rows shares.
func list(s Scope) []Binding {
	return []Binding{
		{Action: Up, Scope: s, Keys: []string{"k", "up"}, Help: "up"},
		{Action: Down, Scope: s, Keys: []string{"j", "down"}, Help: "down"},
		{Action: PageUp, Scope: s, Keys: []string{"pgup", "ctrl+u"}, Help: "page up"},
		{Action: PageDown, Scope: s, Keys: []string{"pgdown", "ctrl+d", "space"}, Help: "page down"},
		{Action: Top, Scope: s, Keys: []string{"g", "home"}, Help: "first row"},
		{Action: Bottom, Scope: s, Keys: []string{"G", "end"}, Help: "last row"},
	}
}

func board() []Binding {
	return []Binding{
		{Action: CrosshairLeft, Scope: Board, Keys: []string{"h", "left"}, Help: "crosshair left"},
		{Action: CrosshairRight, Scope: Board, Keys: []string{"l", "right"}, Help: "crosshair right"},
		{Action: CrosshairFarLeft, Scope: Board, Keys: []string{"shift+left"}, Help: "crosshair left by ten"},
		{Action: CrosshairFarRight, Scope: Board, Keys: []string{"shift+right"}, Help: "crosshair right by ten"},
		{Action: Up, Scope: Board, Keys: []string{"k", "up"}, Help: "previous panel or series"},
		{Action: Down, Scope: Board, Keys: []string{"j", "down"}, Help: "next panel or series"},
		{Action: PageUp, Scope: Board, Keys: []string{"pgup", "ctrl+u"}, Help: "a screen up"},
		{Action: PageDown, Scope: Board, Keys: []string{"pgdown", "ctrl+d"}, Help: "a screen down"},
		{Action: Top, Scope: Board, Keys: []string{"home"}, Help: "first panel or row"},
		{Action: Bottom, Scope: Board, Keys: []string{"G", "end"}, Help: "last panel or row"},
		{Action: Fullscreen, Scope: Board, Keys: []string{"f", "enter"}, Name: "full screen", Help: "this panel alone, again: back; a row's title: open or close it"},
		{Action: ZoomIn, Scope: Board, Keys: []string{"+", "="}, Name: "zoom in", Help: "a shorter range"},
		{Action: ZoomOut, Scope: Board, Keys: []string{"-"}, Name: "zoom out", Help: "a longer range"},
		{Action: Live, Scope: Board, Keys: []string{"0"}, Name: "live", Help: "follow the present again, also from a board as it was"},
		{Action: PanLeft, Scope: Board, Keys: []string{","}, Name: "earlier", Help: "half a range back"},
		{Action: PanRight, Scope: Board, Keys: []string{"."}, Name: "later", Help: "half a range on"},
		{Action: Grid, Scope: Board, Keys: []string{"g"}, Name: "grid", Help: "how many panels side by side"},
		{Action: LogAxis, Scope: Board, Keys: []string{"L"}, Name: "log axis", Help: "logarithmic values"},
		{Action: Range, Scope: Board, Keys: []string{"t"}, Name: "range", Help: "time range"},
		{Action: Variables, Scope: Board, Keys: []string{"v"}, Name: "variables", Help: "what the board is about: choose values of its variables"},
		{Action: Compare, Scope: Board, Keys: []string{"c"}, Name: "compare", Help: "behind the lines those of a day before; again: of a week; again: none"},
		{Action: ToggleSeries, Scope: Board, Keys: []string{"space"}, Name: "toggle series", Help: "show or hide the leading series"},
		{Action: IsolateSeries, Scope: Board, Keys: []string{"i"}, Name: "isolate series", Help: "the leading series alone; again: all"},
		{Action: MarkInstant, Scope: Board, Keys: []string{"m"}, Name: "mark", Help: "note the crosshair's instant on the timeline"},
		{Action: Preset, Scope: Board, Keys: []string{"B"}, Name: "boards", Help: "a preset of this board, or another board"},
		{Action: SortNext, Scope: Board, Keys: []string{">"}, Name: "sort", Help: "order a table or a legend by its next column"},
		{Action: SortOther, Scope: Board, Keys: []string{"<"}, Name: "sort other way", Help: "the smallest first; again: the largest"},
		{Action: AskPromQL, Scope: Board, Keys: []string{"p"}, Name: "explore", Help: "ask any PromQL, with the words of the server"},
		{Action: KeepBoard, Scope: Board, Keys: []string{"K"}, Name: "snapshot", Help: "keep what the board shows now with the incident"},
	}
}

func views() []Binding {
	return []Binding{
		{Action: Detail, Scope: Now, Keys: []string{"enter"}, Help: "the whole of the row, or declare"},
		{Action: Follow, Scope: Timeline, Keys: []string{"f"}, Name: "follow", Help: "stay at the newest event"},
		{Action: Kinds, Scope: Timeline, Keys: []string{"K"}, Name: "kinds", Help: "filter by kind"},
		{Action: Detail, Scope: Timeline, Keys: []string{"enter"}, Help: "the whole event, or the board as it was then"},
		{Action: KeyMoment, Scope: Timeline, Keys: []string{"m"}, Name: "key moment", Help: "note why the event mattered; the post-mortem tells it"},
		{Action: Correct, Scope: Timeline, Keys: []string{"c"}, Name: "correct", Help: "give a note, an action or a status other words", Opens: true, Tier: T1},
		{Action: Detail, Scope: Actions, Keys: []string{"enter"}, Help: "the whole of the row; of an experiment or a game day what it would do now"},
		{Action: AddItem, Scope: Actions, Keys: []string{"i"}, Name: "add item", Help: "an action item: what, who, until when"},
		{Action: CloseItem, Scope: Actions, Keys: []string{"c"}, Name: "close item", Help: "an action item is done"},
		{Action: ChaosHistory, Scope: Actions, Keys: []string{"h"}, Name: "chaos history", Help: "how the runs of the chosen experiment went over time, and what their probes saw"},
		{Action: EditDraft, Scope: Postmortem, Keys: []string{"enter"}, Name: "edit post-mortem", Help: "edit in your editor; what you write is kept"},
		{Action: LintDraft, Scope: Postmortem, Keys: []string{"l"}, Name: "lint post-mortem", Help: "what is still missing"},
		{Action: ExportDraft, Scope: Postmortem, Keys: []string{"W"}, Name: "export post-mortem", Help: "write it to a file"},
		{Action: Detail, Scope: OnCall, Keys: []string{"enter"}, Help: "all about it: notes, log, alerts, links; of a person every number"},
		{Action: MergeThere, Scope: OnCall, Keys: []string{"I"}, Name: "merge into", Help: "make PagerDuty's incident part of another one there", Reach: People, Tier: T1, Opens: true},
		{Action: Detail, Scope: Alerts, Keys: []string{"enter"}, Help: "the alerts of the group; of one alert or silence everything"},
		{Action: EndSilence, Scope: Alerts, Keys: []string{"c"}, Name: "end silence", Help: "the chosen silence, or the one that hides the chosen alert; you are asked", Opens: true, Tier: T1},
		{Action: MarkAlert, Scope: Alerts, Keys: []string{"F"}, Name: "mark alert", Help: "say that this alert, or its storm, was noise or useful, or take that back", Opens: true},
		{Action: Detail, Scope: SLO, Keys: []string{"enter"}, Help: "all about the objective, with the PromQL that is asked"},
		{Action: ZoomIn, Scope: Stats, Keys: []string{"+", "="}, Name: "shorter", Help: "a shorter range"},
		{Action: ZoomOut, Scope: Stats, Keys: []string{"-"}, Name: "longer", Help: "a longer range"},
		{Action: Range, Scope: Stats, Keys: []string{"t"}, Help: "time range"},
		{Action: Detail, Scope: Stats, Keys: []string{"enter"}, Help: "the statistics of this service; again: of all"},
	}
}

// checklist has no second key for a page down: space ticks, as on paper.
func checklist() []Binding {
	return []Binding{
		{Action: Tick, Scope: Checklist, Keys: []string{"space"}, Name: "tick", Help: "the step is done, with the answer below it; again: it is not"},
		{Action: Ask, Scope: Checklist, Keys: []string{"enter"}, Name: "ask", Help: "ask the step's read-only queries; without a runbook: attach one"},
		{Action: Up, Scope: Checklist, Keys: []string{"k", "up"}, Help: "previous step"},
		{Action: Down, Scope: Checklist, Keys: []string{"j", "down"}, Help: "next step"},
		{Action: PageUp, Scope: Checklist, Keys: []string{"pgup", "ctrl+u"}, Help: "back in the step's text"},
		{Action: PageDown, Scope: Checklist, Keys: []string{"pgdown", "ctrl+d"}, Help: "on in the step's text"},
		{Action: Top, Scope: Checklist, Keys: []string{"g", "home"}, Help: "first step"},
		{Action: Bottom, Scope: Checklist, Keys: []string{"G", "end"}, Help: "last step"},
	}
}

// scorecard has no second key for a page down, as the runbook: space signs.
func scorecard() []Binding {
	return []Binding{
		{Action: Sign, Scope: Scorecard, Keys: []string{"space"}, Name: "sign", Help: "the chosen duty is done: asks for a note, and for how long that holds"},
		{Action: WhatIsDue, Scope: Scorecard, Keys: []string{"l"}, Name: "what is due", Help: "to the routine, what is longest overdue first"},
		{Action: Detail, Scope: Scorecard, Keys: []string{"enter"}, Help: "every mark of a service with what to do; all about a duty"},
		{Action: Up, Scope: Scorecard, Keys: []string{"k", "up"}, Help: "up"},
		{Action: Down, Scope: Scorecard, Keys: []string{"j", "down"}, Help: "down"},
		{Action: PageUp, Scope: Scorecard, Keys: []string{"pgup", "ctrl+u"}, Help: "page up"},
		{Action: PageDown, Scope: Scorecard, Keys: []string{"pgdown", "ctrl+d"}, Help: "page down"},
		{Action: Top, Scope: Scorecard, Keys: []string{"g", "home"}, Help: "first row"},
		{Action: Bottom, Scope: Scorecard, Keys: []string{"G", "end"}, Help: "last row"},
	}
}

func dialog() []Binding {
	return []Binding{
		{Action: Yes, Scope: Dialog, Keys: []string{"y"}, Help: "do it"},
		{Action: No, Scope: Dialog, Keys: []string{"n", "q"}, Help: "leave it"},
		{Action: Cancel, Scope: Dialog, Keys: []string{"esc", "ctrl+[", "backspace"}, Help: "close"},
		{Action: UndoCountdown, Scope: Dialog, Keys: []string{"u"}, Help: "stop the countdown"},
		{Action: Choose, Scope: Dialog, Keys: []string{"enter"}, Help: "what is chosen; never confirms what reaches out"},
		{Action: Up, Scope: Dialog, Keys: []string{"up", "k"}, Help: "up"},
		{Action: Down, Scope: Dialog, Keys: []string{"down", "j"}, Help: "down"},
		{Action: PreviousField, Scope: Dialog, Keys: []string{"shift+tab"}, Help: "previous field of a form"},
		{Action: OtherPage, Scope: Dialog, Keys: []string{"tab"}, Help: "of an experiment or a game day: the plan, or how it went before; of a resolution: a load check before it"},
		{Action: PageUp, Scope: Dialog, Keys: []string{"pgup"}, Help: "page up"},
		{Action: PageDown, Scope: Dialog, Keys: []string{"pgdown", "space"}, Help: "page down"},
	}
}

// unheard are the keys of the alarm that nobody could be told of an incident.
func unheard() []Binding {
	return []Binding{
		{Action: Ack, Scope: Unheard, Keys: []string{"a"}, Help: "I have it, or I called somebody: asks which"},
		{Action: UndoCountdown, Scope: Unheard, Keys: []string{"u"}, Help: "stop what counts down", Reach: Undo},
		{Action: Cancel, Scope: Unheard, Keys: []string{"esc", "ctrl+[", "backspace"}, Help: "back to the board, where a red line stays"},
	}
}

func input() []Binding {
	return []Binding{
		{Action: Submit, Scope: Input, Keys: []string{"enter"}, Help: "done; in a form the next field"},
		{Action: Cancel, Scope: Input, Keys: []string{"esc", "ctrl+["}, Help: "give up"},
		{Action: Complete, Scope: Input, Keys: []string{"tab"}, Help: "complete; in a form the next field"},
		{Action: PreviousField, Scope: Input, Keys: []string{"shift+tab"}, Help: "previous field of a form"},
		{Action: FormerWords, Scope: Input, Keys: []string{"ctrl+y"}, Help: "in a form the words of last time"},
		{Action: OlderEntry, Scope: Input, Keys: []string{"up"}, Help: "older entry; in a form the previous field"},
		{Action: NewerEntry, Scope: Input, Keys: []string{"down"}, Help: "newer entry; in a form the next field"},
	}
}

// explore is the line that PromQL is asked from. Keys that edit a line stay what they
// are in a shell.
func explore() []Binding {
	return []Binding{
		{Action: Submit, Scope: Explore, Keys: []string{"enter"}, Help: "ask"},
		{Action: Cancel, Scope: Explore, Keys: []string{"esc", "ctrl+["}, Help: "close the list of words, then leave; the line is kept"},
		{Action: Complete, Scope: Explore, Keys: []string{"tab"}, Help: "complete; again: the next word of the list"},
		{Action: PreviousField, Scope: Explore, Keys: []string{"shift+tab"}, Help: "the word before it"},
		{Action: OlderEntry, Scope: Explore, Keys: []string{"up"}, Help: "older question"},
		{Action: NewerEntry, Scope: Explore, Keys: []string{"down"}, Help: "newer question"},
		{Action: NextForm, Scope: Explore, Keys: []string{"ctrl+t"}, Help: "as a chart, as values, as a table"},
		{Action: Explain, Scope: Explore, Keys: []string{"ctrl+g"}, Help: "the parts of the expression, with how many series each gives"},
		{Action: Range, Scope: Explore, Keys: []string{"ctrl+r"}, Help: "time range"},
		{Action: Yank, Scope: Explore, Keys: []string{"ctrl+y"}, Help: "copy as PromQL, link or CSV; pin to the board"},
		{Action: PageUp, Scope: Explore, Keys: []string{"pgup"}, Help: "back in the answer"},
		{Action: PageDown, Scope: Explore, Keys: []string{"pgdown"}, Help: "on in the answer"},
	}
}
