package chaos

// Rule is a reason to say no before anything is injected.
type Rule struct {
	ID   string `json:"id"`   // R1 to R13, in the order in which they are looked at where that can be chosen
	Name string `json:"name"` // stable; several rules may share an ID
	Says string `json:"says"` // what is refused
}

// Rules lists all there are.
func Rules() []Rule {
	return []Rule{
		{"R1", "open-journal", "a run before this one is not proven undone"},
		{"R1", "run-id", "the run has no identity to write its journal under"},
		{"R2", "halt", "there is a HALT file: somebody has forbidden runs with these journals"},
		{"R3", "one-at-a-time", "another run is going on with these journals"},
		{"R3", "one-at-a-port", "another fault has the connections to that port already"},
		{"R4", "incident", "an incident of SEV-2 or worse is open, or of what the experiment says; drills do not count, nor does any on the lab unless the experiment has such a guard"},
		{"R5", "production", "a target is production, or nothing says that it is not, and --confirm \"NAME PERCENT%\" is missing"},
		{"R6", "no-target", "nothing is there that the experiment selects"},
		{"R6", "blast-radius", "more would be hurt, or for longer, than the policy allows; or every instance of a service that has several"},
		{"R7", "protected", "the target keeps this host, is the way in, shows or ends experiments, or the policy protects it"},
		{"R7", "lab-only", "what is said to be the lab's is not proven to be"},
		{"R7", "target-gone", "the process that was found is no longer there"},
		{"R7", "stopped-already", "somebody else has stopped the target: its undo would let it run"},
		{"R7", "not-named", "the configuration does not name what would be hurt"},
		{"R7", "limited-already", "somebody else has set the limit that would be changed"},
		{"R8", "net-scope", "a fault of the network has no peer, port, group or user that bounds it"},
		{"R8", "control-path", "the fault would be on the way to what sees and ends experiments, or on the way in"},
		{"R8", "no-peer", "nobody knows where the other side of a fault of the network is"},
		{"R8", "foreign-qdisc", "the device has a queueing discipline that could not be put back"},
		{"R9", "guard-blind", "a guard has no data, or is none: it must see before anything is injected"},
		{"R10", "no-mechanism", "this host cannot do the fault in the way that is asked for, or lacks a right or a program for it"},
		{"R10", "no-process", "the target is no process of this host"},
		{"R10", "no-cgroup", "the target has no cgroup of its own that could be used for it"},
		{"R10", "no-device", "what is named is on no disk that could be limited"},
		{"R10", "no-permission", "sitrep may not write where it would have to"},
		{"R10", "no-rights", "sitrep may not do that to the target, or in its network"},
		{"R10", "no-proxy", "the target has no proxy that could carry the fault"},
		{"R10", "no-port", "nobody knows which port the fault is about, or the target does not listen there"},
		{"R10", "encrypted", "the fault is about requests, and the configuration says that they are encrypted"},
		{"R10", "unreachable", "what would do the fault (Docker, Toxiproxy) does not answer, or not as it should"},
		{"R10", "no-undo", "nothing would undo the fault, or prove it gone"},
		{"R10", "tier", "what would undo the fault is weaker than the policy asks for"},
		{"R10", "exec", "the policy does not name the program that would be run, or somebody else could change it"},
		{"R11", "window", "the run would not be over before its window closes"},
		{"R12", "full-already", "there is no room that could be taken"},
		{"R12", "reserve", "too little of a disk, of memory or of processors would be left"},
		{"R13", "policy", "the policy can be changed by whoever it is to hold back, or cannot be read"},
	}
}

// ruleID is the ID of a rule by its name, or empty.
func ruleID(name string) string {
	for _, r := range Rules() {
		if r.Name == name {
			return r.ID
		}
	}
	return ""
}
