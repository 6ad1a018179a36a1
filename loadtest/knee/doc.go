// Package knee finds the highest rate at which a service still keeps its promises.
//
// One look at a rate is noise: a pause of the machine makes a rate fail that holds, and a
// short look at a rate that does not hold may pass. So a step is judged by the share of
// requests that are too slow, with its standard error over the seconds of the step; what
// is within the error is measured for longer; a failure counts only when it is repeated
// after the service has calmed down; and what is found is held once more, for longer than
// any step, before it is believed.
package knee
