// Package compare says whether a service has become slower from one load run to
// another, and does not cry wolf.
//
// Response times of one run depend on each other: a second that is slow makes its
// neighbours slow. Tests that take every request for an independent one, such as
// Mann-Whitney on raw requests, therefore find a difference in half of all pairs of
// runs of one and the same service. Here whole blocks of neighbouring seconds are drawn
// again and again (Künsch 1989, the moving block bootstrap), and a difference counts only
// if its confidence interval lies beyond a margin that somebody cares about. What neither
// counts nor can be ruled out is said to be unclear, with how long one would have to
// measure to know.
package compare
