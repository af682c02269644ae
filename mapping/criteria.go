package mapping

import (
	"errors"
	"fmt"
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
)

// CriteriaParams lists the names of all search criteria.
var CriteriaParams = []string{
	ParamCallerPhoneNumber, ParamDialedPhoneNumber, ParamStartTime, ParamEndTime, ParamUserName, ParamUserData,
	ParamStartedBefore, ParamEndedAfter, ParamMinDuration, ParamMaxDuration,
	ParamCallUUID, ParamMediaID, ParamChangedSince, ParamPhoneNumber,
}

// The bounds of one parameter.
const (
	maxParam = 1024 // bytes
	maxTerms = 32
	maxStars = 16
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
		c.UserName.Match(s.Names) &&
		c.UserData.Match(s.UserData)
}

// Match reports whether a recording matches the criteria.
func Match(c *Criteria, r *Recording) bool { return c.Match(r.Searchable()) }

// ParseCriteria reads the criteria among the parameters of a query, by the names of
// [CriteriaParams]; it leaves others alone. The error is a [Problems] that tells all that is wrong.
// An empty set of criteria is not an error.
func ParseCriteria(params map[string]string) (Criteria, error) {
	var c Criteria
	var problems Problems
	for _, name := range CriteriaParams {
		value, ok := params[name]
		if !ok {
			continue
		}
		if err := c.set(name, value); err != nil {
			problems = append(problems, Problem{Path: name, Message: err.Error()})
		}
	}

	if problems != nil {
		return Criteria{}, problems
	}

	return c, nil
}

func (c *Criteria) set(name, value string) (err error) {
	if err := checkParam(value); err != nil {
		return err
	}

	switch name {
	case ParamCallerPhoneNumber:
		c.CallerPhoneNumber, err = parseNumber(value)
	case ParamDialedPhoneNumber:
		c.DialedPhoneNumber, err = parseNumber(value)
	case ParamPhoneNumber:
		c.PhoneNumber, err = parseNumber(value)
	case ParamStartTime:
		c.StartTime, err = parseTimeParam(value)
	case ParamEndTime:
		c.EndTime, err = parseTimeParam(value)
	case ParamStartedBefore:
		c.StartedBefore, err = parseTimeParam(value)
	case ParamEndedAfter:
		c.EndedAfter, err = parseTimeParam(value)
	case ParamChangedSince:
		c.ChangedSince, err = parseTimeParam(value)
	case ParamMinDuration:
		c.MinDuration, err = parseSeconds(value)
	case ParamMaxDuration:
		c.MaxDuration, err = parseSeconds(value)
	case ParamCallUUID:
		c.CallUUID, err = parseIdentifier(value)
	case ParamMediaID:
		c.MediaID, err = parseIdentifier(value)
	case ParamUserName:
		c.UserName, err = ParseNameExpression(value)
	case ParamUserData:
		c.UserData, err = ParseExpression(value)
	}

	return err
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

func parseTimeParam(value string) (*Time, error) {
	t, err := ParseQueryTime(value)
	if err != nil {
		return nil, err
	}
	return &t, nil
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
