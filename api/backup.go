package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"recordings/index"
	"recordings/mapping"
)

// maxBackups bounds how many backups an answer lists: those behind the newest ones are left out.
const maxBackups = 1000

type (
	backupAnswer struct {
		StatusCode int                `json:"statusCode"`
		Backup     index.BackupStatus `json:"backup"`
	}
	backupsAnswer struct {
		StatusCode int                `json:"statusCode"`
		Backup     index.BackupStatus `json:"backup"`
		Backups    []index.Backup     `json:"backups"`
	}
)

// decodeNothing is for requests that say no more than what their paths do.
func (s *Server) decodeNothing(r *http.Request) (struct{}, error) {
	return struct{}{}, refuseParams(r.URL.RawQuery)
}

// backup tells how the backup is doing, and which ones there are.
func (s *Server) backup(ctx context.Context, _ struct{}) (backupsAnswer, error) {
	all, err := s.o.Backups.Backups(ctx)
	if all = all[:min(len(all), maxBackups)]; all == nil {
		all = []index.Backup{}
	}
	return backupsAnswer{Backup: s.o.Backups.BackupStatus(), Backups: all}, err
}

// decodeBackup reads what a backup is to be. An empty body asks for one named by the time, with the search index.
func (s *Server) decodeBackup(r *http.Request) (in index.BackupRequest, err error) {
	if err := refuseParams(r.URL.RawQuery); err != nil {
		return in, err
	}
	body := struct {
		Name  *string `json:"name"`
		Index bool    `json:"index"`
	}{Index: true}
	text, err := s.readBody(r)
	if err != nil {
		return in, err
	}
	if strings.TrimSpace(string(text)) != "" {
		if err := decodeObject(text, &body, "name, index"); err != nil {
			return in, err
		}
	}
	if body.Name != nil {
		if in.Name = *body.Name; !index.ValidBackupName(in.Name) {
			return in, mapping.Problems{{Path: "name", Message: "is not " + index.BackupNameRule}}
		}
	}
	in.WithoutIndex = !body.Index
	return in, nil
}

// decodeObject reads a body that is an object with members of these names, and no others. The error tells which member is
// wrong, and nothing of its value.
func decodeObject(text []byte, to any, names string) error {
	err := json.Unmarshal(text, to, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	p := mapping.Problem{Message: "is not a JSON object with no other members than " + names}
	if wrong, ok := errors.AsType[*json.SemanticError](err); ok {
		p.Path = strings.TrimPrefix(string(wrong.JSONPointer), "/")
		switch {
		case errors.Is(err, json.ErrUnknownName):
			p = mapping.Problem{Path: shortName(p.Path), Message: "is not known here; accepted: " + names}
		case p.Path != "":
			p.Message = "is not of the type that is accepted: " + typeName(wrong)
		}
	}
	p.Path = cmp.Or(p.Path, "the body")
	return mapping.Problems{p}
}

// typeName is what a member should have been, in words.
func typeName(err *json.SemanticError) string {
	if err.GoType != nil && err.GoType.Kind().String() == "bool" {
		return "true or false"
	}
	return "a string"
}

// startBackup begins a backup.
func (s *Server) startBackup(_ context.Context, in index.BackupRequest) (backupAnswer, error) {
	state, err := s.o.Backups.StartBackup(in)
	return backupAnswer{Backup: state}, err
}
