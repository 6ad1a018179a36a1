// Package postmortem writes the first draft of a post-mortem, and keeps what
// people make of it.
//
// Draft folds an incident and its timeline into a Document: the sections of a
// template, with the numbers that the timeline holds and a question wherever
// only a person can know. Merge brings a newer draft into a Stored post-mortem
// without losing a word that a person wrote: a section nobody touched is
// replaced, one that somebody edited is merged line by line. EditForm and
// ParseEdited carry a post-mortem through a text editor and back.
//
// The wording is blameless (Google, Site Reliability Engineering, chapter 15):
// systems are the subjects of sentences, people are named only where the
// response is told, and what the record does not hold is called "no data",
// never 0.
//
// Everything here is pure but Refresh and Keep, which work on a Shelf.
package postmortem
