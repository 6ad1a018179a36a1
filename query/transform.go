package query

// Transform is one step from the answers of a panel's queries to what is drawn:
// exactly one of its parts.
type Transform struct {
	Organize       *Organize      `json:"organize,omitempty"`
	Merge          *struct{}      `json:"merge,omitempty"` // tables of one shape into one
	Join           *Join          `json:"join,omitempty"`
	Rename         *Rename        `json:"rename,omitempty"`
	Columns        *Columns       `json:"columns,omitempty"`
	ReduceTo       *ReduceTo      `json:"reduce,omitempty"`
	Sort           *SortBy        `json:"sort,omitempty"`
	Calculate      *Calculate     `json:"calculate,omitempty"`
	GroupBy        *GroupBy       `json:"group_by,omitempty"`
	LabelsToFields *LabelsToField `json:"labels_to_fields,omitempty"`
	Where          *Where         `json:"where,omitempty"`
	Limit          int            `json:"limit,omitempty"` // rows
	Convert        *Convert       `json:"convert,omitempty"`
	SeriesToRows   *struct{}      `json:"series_to_rows,omitempty"`
	Concatenate    *struct{}      `json:"concatenate,omitempty"` // tables side by side
}

// Organize leaves columns out, renames them and puts them in an order.
type Organize struct {
	Exclude []string          `json:"exclude,omitempty"`
	Order   []string          `json:"order,omitempty"` // those not named come after
	Rename  map[string]string `json:"rename,omitempty"`
}

// Join makes one table of several, row by row where the column By is the same.
type Join struct {
	By    string `json:"by"`
	Inner bool   `json:"inner,omitempty"` // only rows that are in all
}

// Rename changes the names of columns and series: To may hold $1.
type Rename struct {
	Regex string `json:"regex"`
	To    string `json:"to"`
}

// Columns keeps those that are named or match, and drops those that Exclude matches.
type Columns struct {
	Names   []string `json:"names,omitempty"`
	Regex   string   `json:"regex,omitempty"`
	Exclude string   `json:"exclude,omitempty"`
}

// ReduceTo makes a row of every series (or every column, with Fields), a column
// of each reducer.
type ReduceTo struct {
	Calc   []Reducer `json:"calc,omitempty"`
	Fields bool      `json:"fields,omitempty"` // every column to one value instead
}

// Calculate adds a column: of two others by Op, or of all numbers of the row by Reduce.
type Calculate struct {
	As      string   `json:"as,omitempty"`
	Left    string   `json:"left,omitempty"`
	Op      string   `json:"op,omitempty"`    // + - * / %
	Right   string   `json:"right,omitempty"` // a column or a number
	Reduce  Reducer  `json:"reduce,omitempty"`
	Of      []string `json:"of,omitempty"`      // columns that Reduce takes; none are all numbers
	Replace bool     `json:"replace,omitempty"` // the others go
}

// GroupBy makes one row of all that have the same values in By.
type GroupBy struct {
	By   []string             `json:"by"`
	Calc map[string][]Reducer `json:"calc,omitempty"` // of other columns
}

// LabelsToField makes columns of labels; ValueLabel names the column of the value.
type LabelsToField struct {
	ValueLabel string   `json:"value_label,omitempty"`
	Keep       []string `json:"keep,omitempty"` // labels; none are all
}

// Where keeps rows that hold, or drops them.
type Where struct {
	Any  bool        `json:"any,omitempty"` // one condition is enough
	Drop bool        `json:"drop,omitempty"`
	If   []Condition `json:"if"`
}

// Condition on the value of a column; Regex or a comparison.
type Condition struct {
	Column string  `json:"column"`
	Op     string  `json:"op,omitempty"` // > >= < <= == != null notnull
	Value  float64 `json:"value,omitempty"`
	Regex  string  `json:"regex,omitempty"`
	Text   string  `json:"text,omitempty"` // equal to a text
}

// Convert reads columns as something else: number, string, time, bool.
type Convert struct {
	Columns map[string]string `json:"columns"`
}
