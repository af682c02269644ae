package mapping

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The search criteria, by the names of their query parameters.
const (
	ParamCallerPhoneNumber = "callerPhoneNumber"
	ParamDialedPhoneNumber = "dialedPhoneNumber"
	ParamPhoneNumber       = "phoneNumber"
	ParamStartTime         = "startTime"
	ParamEndTime           = "endTime"
	ParamStartedBefore     = "startedBefore"
	ParamEndedAfter        = "endedAfter"
	ParamMinDuration       = "minDuration"
	ParamMaxDuration       = "maxDuration"
	ParamCallUUID          = "callUUID"
	ParamMediaID           = "mediaId"
	ParamChangedSince      = "changedSince"
	ParamUserName          = "userName"
	ParamUserData          = "userData"
	ParamUserDataKey       = "userDataKey." // with a key behind it
	ParamNonDelete         = "nonDelete"
	ParamLabel             = "label"
	ParamComment           = "comment"
	ParamCallType          = "callType"
)

// Criterion is one thing that a search can ask for.
type Criterion struct {
	Name    string // of its query parameter; one that ends with a dot stands for all that go on with a key
	About   string // which recordings it finds, for those who read about the API
	Example string // a value that is accepted
	Form    Form

	set func(c *Criteria, key, value string) error
}

// Keyed reports whether the name goes on with a key.
func (c *Criterion) Keyed() bool { return strings.HasSuffix(c.Name, ".") }

// Shown is the name for people: where a key follows, with [AnyKey] in its place.
func (c *Criterion) Shown() string {
	if c.Keyed() {
		return c.Name + AnyKey
	}
	return c.Name
}

// AnyKey stands for the key of a criterion where it is told which criteria there are.
const AnyKey = "KEY"

// Form is what a value of a criterion looks like, in the words of JSON Schema. What it says is what is
// accepted, as far as a schema can tell: [ParseCriteria] looks more closely.
type Form struct {
	Type    string // string, integer or boolean
	Pattern string // a regular expression of strings; empty: any text
	Most    int64  // of integers, which begin at 0
}

// The forms of criteria.
var (
	textForm    = Form{Type: "string"}
	secondsForm = Form{Type: "integer", Most: int64(MaxTime) / 1000}
	yesNoForm   = Form{Type: "boolean"}
	startForm   = Form{Type: "string", Pattern: `^[^*]*[*]?$`} // a whole value, or its beginning with a star
	timeForm    = Form{Type: "string", Pattern: QueryTimePattern}
)

// CriteriaTable has all search criteria: what each means, and how it is read. Everything that goes
// through criteria goes through this table.
var CriteriaTable = []Criterion{
	{ParamCallerPhoneNumber, "whose caller has this number, however it is written; * stands for any symbols",
		"*4668888", textForm, expression(parseNumber, func(c *Criteria) *Expression { return &c.CallerPhoneNumber })},
	{ParamDialedPhoneNumber, "in which this number was dialed, however it is written; * stands for any symbols",
		"+1415*", textForm, expression(parseNumber, func(c *Criteria) *Expression { return &c.DialedPhoneNumber })},
	{ParamStartTime, "whose startTime is this or later; 0 finds every recording",
		"2013-05-17T00:00:00Z", timeForm, value(parseTimeParam, func(c *Criteria) **Time { return &c.StartTime })},
	{ParamEndTime, "whose stopTime is this or earlier",
		"2013-05-18T00:00:00Z", timeForm, value(parseTimeParam, func(c *Criteria) **Time { return &c.EndTime })},
	{ParamUserName, "in which a contact has this userName, firstName, lastName or full name, or one word of it, in " +
		"any letter case; several words: any of them, AND binds two, double quotes make one of several",
		"Alice AND Amber", textForm,
		expression(ParseNameExpression, func(c *Criteria) *Expression { return &c.UserName })},
	{ParamUserData, "with this as one whole value of the data attached to any event, in any letter case; the " +
		"grammar is that of userName",
		"CASE-204*", textForm, expression(ParseExpression, func(c *Criteria) *Expression { return &c.UserData })},
	{ParamUserDataKey, "with this as one whole value of the attached data under the key that stands behind the dot, " +
		"in any letter case, the key likewise; the grammar is that of userData",
		"Billing", textForm, (*Criteria).setUserDataKey},
	{ParamStartedBefore, "whose startTime is earlier than this",
		"2013-05-18T00:00:00Z", timeForm, value(parseTimeParam, func(c *Criteria) **Time { return &c.StartedBefore })},
	{ParamEndedAfter, "whose stopTime is later than this",
		"2013-05-17T00:00:00Z", timeForm, value(parseTimeParam, func(c *Criteria) **Time { return &c.EndedAfter })},
	{ParamMinDuration, "that last as many seconds or more",
		"60", secondsForm, value(parseSeconds, func(c *Criteria) **int64 { return &c.MinDuration })},
	{ParamMaxDuration, "that last as many seconds or fewer; a fraction of a second is dropped",
		"3600", secondsForm, value(parseSeconds, func(c *Criteria) **int64 { return &c.MaxDuration })},
	{ParamCallUUID, "with a media file of this callUUID; letter case counts, and * may stand at the end only",
		"01D8QV3P*", startForm, value(parseIdentifier, func(c *Criteria) **Pattern { return &c.CallUUID })},
	{ParamMediaID, "with a media file of this mediaId; letter case counts, and * may stand at the end only",
		"00PV5Q27MG8AB8VNE49362LAES000013*", startForm,
		value(parseIdentifier, func(c *Criteria) **Pattern { return &c.MediaID })},
	{ParamChangedSince, "whose changedTime is this or later",
		"2013-05-17T00:00:00Z", timeForm, value(parseTimeParam, func(c *Criteria) **Time { return &c.ChangedSince })},
	{ParamPhoneNumber, "whose caller, dialed number or any contact has this number",
		"1043", textForm, expression(parseNumber, func(c *Criteria) *Expression { return &c.PhoneNumber })},
	{ParamNonDelete, "that are under a hold, or are not",
		"true", yesNoForm, value(parseYesNo, func(c *Criteria) **bool { return &c.NonDelete })},
	{ParamLabel, "that bear a label of this name, or of name=value in double quotes; the grammar is that of userData",
		"complaint", textForm, expression(ParseExpression, func(c *Criteria) *Expression { return &c.Label })},
	{ParamComment, "with a comment that is this, or has it as one of its words, in any letter case; the grammar is " +
		"that of userName, and the punctuation around a word may be left out",
		"refund*", textForm, expression(ParseExpression, func(c *Criteria) *Expression { return &c.Comment })},
	{ParamCallType, "whose own attribute callType, which recorders may send, is this, in any letter case; the " +
		"grammar is that of userData",
		"Inbound", textForm, expression(ParseExpression, func(c *Criteria) *Expression { return &c.CallType })},
}

// CriteriaParams lists the names of all search criteria for people (see [Criterion.Shown]).
// [IsCriterion] tells what is one.
var CriteriaParams = func() (names []string) {
	for _, c := range CriteriaTable {
		names = append(names, c.Shown())
	}
	return names
}()

// IsCriterion reports whether a parameter of this name is a search criterion.
func IsCriterion(name string) bool {
	return slices.ContainsFunc(CriteriaTable, func(c Criterion) bool {
		return c.Name == name && !c.Keyed() || c.Keyed() && strings.HasPrefix(name, c.Name)
	})
}

// expression reads a criterion that is an expression.
func expression(
	parse func(string) (Expression, error), to func(*Criteria) *Expression,
) func(*Criteria, string, string) error {
	return func(c *Criteria, _, value string) (err error) {
		*to(c), err = parse(value)
		return err
	}
}

// value reads a criterion that is one value.
func value[T any](parse func(string) (*T, error), to func(*Criteria) **T) func(*Criteria, string, string) error {
	return func(c *Criteria, _, value string) (err error) {
		*to(c), err = parse(value)
		return err
	}
}

// MaxParam is how many bytes a criterion has at most, and MaxKeys how many criteria there may be that
// have a key.
const (
	MaxParam = 1024
	MaxKeys  = 16
)

// The other bounds of one parameter.
const (
	maxParam = MaxParam
	maxTerms = 32
	maxStars = 16
	maxKey   = 256 // bytes of the key of a criterion
)

// Criteria is what a search asks for: all of the criteria that are given must match.
type Criteria struct {
	CallerPhoneNumber Expression
	DialedPhoneNumber Expression
	PhoneNumber       Expression // of the caller, the dialed or any contact
	StartTime         *Time      // the recording's startTime is this or later; nil: any
	EndTime           *Time      // the recording's stopTime is this or earlier; nil: any
	StartedBefore     *Time      // the recording's startTime is earlier; nil: any
	EndedAfter        *Time      // the recording's stopTime is later; nil: any
	MinDuration       *int64     // the recording's [Seconds] are as many or more; nil: any
	MaxDuration       *int64     // the recording's [Seconds] are as many or fewer; nil: any
	CallUUID          *Pattern   // of any media file, with a star at the end only; nil: any
	MediaID           *Pattern   // likewise
	ChangedSince      *Time      // the recording's changedTime is this or later; nil: any
	UserName          Expression
	UserData          Expression
	UserDataByKey     []Expression // of [Searchable.UserDataByKey], each of one key
	NonDelete         *bool        // the recording is under a hold, or is not; nil: any
	Label             Expression   // of names of labels, and of name=value
	Comment           Expression   // of texts of comments, and of words of them
	CallType          Expression
}

// Match reports whether a recording matches. It is the meaning of every search.
func (c *Criteria) Match(s *Searchable) bool {
	return c.CallerPhoneNumber.Match(s.CallerNumbers) &&
		c.DialedPhoneNumber.Match(s.DialedNumbers) &&
		(c.PhoneNumber.Match(s.CallerNumbers) || c.PhoneNumber.Match(s.DialedNumbers) ||
			c.PhoneNumber.Match(s.ContactNumbers)) &&
		(c.StartTime == nil || s.StartTime >= *c.StartTime) &&
		(c.EndTime == nil || s.StopTime <= *c.EndTime) &&
		(c.StartedBefore == nil || s.StartTime < *c.StartedBefore) &&
		(c.EndedAfter == nil || s.StopTime > *c.EndedAfter) &&
		(c.MinDuration == nil || Seconds(s.StartTime, s.StopTime) >= *c.MinDuration) &&
		(c.MaxDuration == nil || Seconds(s.StartTime, s.StopTime) <= *c.MaxDuration) &&
		(c.CallUUID == nil || c.CallUUID.matchAny(s.CallUUIDs)) &&
		(c.MediaID == nil || c.MediaID.matchAny(s.MediaIDs)) &&
		(c.ChangedSince == nil || s.ChangedTime >= *c.ChangedSince) &&
		(c.NonDelete == nil || s.Held == *c.NonDelete) &&
		c.Label.Match(s.Labels) &&
		c.Comment.Match(s.Comments) &&
		c.CallType.Match(s.CallTypes) &&
		c.UserName.Match(s.Names) &&
		c.UserData.Match(s.UserData) &&
		!slices.ContainsFunc(c.UserDataByKey, func(e Expression) bool { return !e.Match(s.UserDataByKey) })
}

// Match reports whether a recording matches the criteria.
func Match(c *Criteria, r *Recording) bool { return c.Match(r.Searchable()) }

// ParseCriteria reads the criteria among the parameters of a query, by the names of
// [CriteriaParams]; it leaves others alone. The error is a [Problems] that tells all that is wrong.
// An empty set of criteria is not an error.
func ParseCriteria(params map[string]string) (Criteria, error) {
	var c Criteria
	var problems Problems
	for i := range CriteriaTable {
		criterion := &CriteriaTable[i]
		for _, name := range criterion.among(params) {
			err := checkParam(params[name])
			if err == nil {
				err = criterion.set(&c, name[len(criterion.Name):], params[name])
			}
			if err != nil {
				problems = append(problems, Problem{Path: criterion.nameable(name), Message: err.Error()})
			}
		}
	}

	if problems != nil {
		return Criteria{}, problems
	}

	return c, nil
}

// nameable is the name of a parameter that is this criterion, as an answer may repeat it.
func (c *Criterion) nameable(name string) string {
	if len(name) > len(c.Name)+maxKey || !isPlain(name) {
		return c.Shown()
	}
	return name
}

// isPlain reports whether a text is one in UTF-8 without NUL characters.
func isPlain(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// among returns the names of the parameters that are this criterion, in order.
func (c *Criterion) among(params map[string]string) (names []string) {
	if !c.Keyed() {
		if _, ok := params[c.Name]; ok {
			names = append(names, c.Name)
		}
		return names
	}

	for _, name := range slices.Sorted(maps.Keys(params)) {
		if strings.HasPrefix(name, c.Name) {
			names = append(names, name)
		}
	}
	return names
}

// checkParam holds a parameter to the bounds within which every search is known to be affordable.
func checkParam(value string) error {
	switch {
	case value == "":
		return errors.New("is empty; leave it out, or give it a value")
	case len(value) > maxParam:
		return fmt.Errorf("is longer than %d bytes", maxParam)
	case !utf8.ValidString(value):
		return errors.New("is not valid UTF-8")
	case strings.ContainsRune(value, 0):
		return errors.New("holds a NUL character")
	case strings.Count(value, "*") > maxStars:
		return fmt.Errorf("has more than %d wildcards (*)", maxStars)
	}
	return nil
}

// setUserDataKey reads a criterion about the values under a key.
func (c *Criteria) setUserDataKey(key, value string) error {
	switch {
	case key == "":
		return errors.New("has no key; accepted is the key of the data behind the dot, as in " +
			ParamUserDataKey + "queue")
	case len(key) > maxKey:
		return fmt.Errorf("has a key that is longer than %d bytes", maxKey)
	case !isPlain(key):
		return errors.New("has a key that is not text in UTF-8 without NUL characters")
	case len(c.UserDataByKey) == MaxKeys:
		return fmt.Errorf("is one criterion with a key too many; accepted are %d", MaxKeys)
	}

	e, err := ParseExpression(value)
	if err != nil {
		return err
	}
	e = e.under(Fold(key))
	if slices.ContainsFunc(c.UserDataByKey, func(other Expression) bool { return other.key() == e.key() }) {
		return errors.New("is given more than once, as keys do not differ in letter case; accepted is one value")
	}
	c.UserDataByKey = append(c.UserDataByKey, e)
	return nil
}

func parseTimeParam(value string) (*Time, error) {
	t, err := ParseQueryTime(value)
	if err != nil {
		return nil, err
	}
	return &t, nil
}

// parseYesNo reads a condition that holds or does not.
func parseYesNo(value string) (*bool, error) {
	if value != "true" && value != "false" {
		return nil, errors.New("is not true or false; accepted is one of these")
	}
	yes := value == "true"
	return &yes, nil
}

// parseIdentifier reads what machines made: a whole value or a beginning, and nothing of it is
// folded.
func parseIdentifier(value string) (*Pattern, error) {
	if i := strings.IndexByte(value, '*'); i >= 0 && i < len(value)-1 {
		return nil, errors.New("has a wildcard (*) that is not its last character; accepted is a whole value, or its " +
			"beginning with * behind it")
	}
	p := NewPattern(value)
	return &p, nil
}

// parseSeconds reads a duration. Digits alone: a unit, or minutes in front of a colon, would have to
// be guessed.
func parseSeconds(value string) (*int64, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 || n > int64(MaxTime)/1000 || value[0] == '+' {
		return nil, errors.New("is not a number of seconds; accepted are whole ones from 0 on, such as 90 for a " +
			"minute and a half")
	}
	return &n, nil
}
