package mapping

// The search criteria, by the names of their query parameters.
const (
	ParamCallerPhoneNumber = "callerPhoneNumber"
	ParamDialedPhoneNumber = "dialedPhoneNumber"
	ParamStartTime         = "startTime"
	ParamEndTime           = "endTime"
	ParamUserName          = "userName"
	ParamUserData          = "userData"
)

// CriteriaParams lists the names of all search criteria.
var CriteriaParams = []string{ParamCallerPhoneNumber, ParamDialedPhoneNumber, ParamStartTime, ParamEndTime, ParamUserName, ParamUserData}

// Criteria is what a search asks for: all of the criteria that are given must match.
type Criteria struct {
	CallerPhoneNumber *Pattern // nil: any
	DialedPhoneNumber *Pattern // nil: any
	StartTime         *Time    // recording startTime >= this; nil: any
	EndTime           *Time    // recording stopTime <= this; nil: any
	UserName          Expression
	UserData          Expression
}

// Pattern is a text in which * stands for any number of symbols, none included.
type Pattern struct{ pieces []string }

// Expression is a search for words: any of its conjunctions must match. An empty one matches everything.
type Expression []Conjunction

// Conjunction is a list of terms all of which must match, each on any value.
type Conjunction []Pattern

// ParseCriteria reads the criteria among the parameters of a query, by the names of [CriteriaParams]. The error is a Problems.
func ParseCriteria(params map[string]string) (Criteria, error) {
	panic("soon")
}

// Searchable is what a search can see of a recording.
type Searchable struct {
	CallerPhoneNumber string
	DialedPhoneNumber string
	StartTime         Time
	StopTime          Time
	Names             []string // folded; each userName, firstName and lastName and each word of them, without duplicates
	UserData          []string // folded; each leaf value, without duplicates
}

// Searchable extracts what a search can see.
func (r *Recording) Searchable() *Searchable {
	panic("soon")
}

// Match tells whether a recording matches: the meaning of every search.
func (c *Criteria) Match(s *Searchable) bool {
	panic("soon")
}
