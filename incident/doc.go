// Package incident is the vocabulary and the rules of incident response.
//
// An Event is one thing that happened, on one timeline, written once and never
// changed. An Incident is what the events about it add up to: Apply folds one
// event into it, and nothing else ever changes it. A command (Acknowledge,
// Resolve, ...) looks at an incident and answers with the events it would add,
// or refuses with a reason. The Desk runs a command inside one transaction of a
// Timeline, so that five responders who press the same key at once still leave
// one truth.
//
// The fold accepts every event that was ever written, odd ones too: they
// happened. Refusing is the commands' business. Terms follow the Incident
// Command System and Google's and PagerDuty's guides: a declaration opens an
// incident, an acknowledgement says that somebody has it, mitigation ends the
// pain of the users, resolution ends the incident.
//
// Everything here is pure but the Desk, and imports nothing of sitrep's.
package incident
