// Package gameday walks through a day on which a team hurts its system on purpose:
// load and experiments in one schedule, with questions to people between.
//
// A [Day] is a file. Its steps come one after the other; a step is a load plan with
// experiments beside it, a wait, or a question to people by their roles. [Walk] goes
// through them and gives a [Result]. Load, experiments and answers come from [Means]:
// this package knows what they mean for each other, and nothing of how they are done.
//
// What one part ends early ends the day: an experiment that a guard has aborted ends
// the load beside it, once its fault is undone; a load that its own guard has ended
// ends the experiment, which is undone then. So do a no, an answer that does not come,
// and whatever Means.Ended tells.
package gameday
