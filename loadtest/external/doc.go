// Package external brings load of other engines into our model: it reads what k6 and
// JMeter have measured, and runs them where they are installed.
//
// Neither tells when a request was due, nor how late its generator was, so that a
// Result of theirs leaves out whoever did not come because an earlier answer was
// slow (coordinated omission). Its reasons say so.
package external
