package engine

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"path/filepath"
	"strings"
	"sync"

	_ "github.com/mattn/go-sqlite3" // the driver; it has FTS5 when built with the tag sqlite_fts5

	"recordings/cmd/bench/corpus"
	"recordings/mapping"
)

// SQLite is SQLite with a trigram index of FTS5.
//
// It walks newest first, and stops early, wherever it can: rows are numbered by start time, the one
// order in which FTS5 returns matches without sorting them. Anchors at both ends of every value
// make beginnings and ends part of the trigrams. The contact center and region are a trigram of
// their own, so that one walk meets all conditions.
type SQLite struct {
	o       Options
	path    string
	writer  *sql.DB // one connection
	readers *sql.DB
	insert  insertStatements
	writing sync.Mutex // held by whoever uses the writer; its turn comes sooner than by busy waiting
	mu      sync.Mutex
	scopes  map[[2]string]string // the three characters that stand for a contact center and region; guarded by mu
}

type insertStatements struct{ recordings, grams *sql.Stmt }

const sqliteSchema = `
CREATE TABLE recordings (
	key INTEGER PRIMARY KEY, -- see sqliteKey
	contact_center TEXT NOT NULL, region TEXT NOT NULL, id TEXT NOT NULL,
	caller TEXT NOT NULL, dialed TEXT NOT NULL, stop_time INTEGER NOT NULL,
	names TEXT NOT NULL, user_data TEXT NOT NULL, access_groups TEXT NOT NULL, -- JSON arrays
	source TEXT NOT NULL);
CREATE TABLE scopes (contact_center TEXT NOT NULL, region TEXT NOT NULL, scope TEXT NOT NULL);
CREATE VIRTUAL TABLE grams USING fts5(scope, caller, dialed, names, user_data, access_groups,
	content='', columnsize=0, tokenize="trigram case_sensitive 1");`

const sqliteIndexes = `
CREATE UNIQUE INDEX by_id ON recordings (contact_center, id);
CREATE INDEX by_time ON recordings (contact_center, region, key, stop_time);
CREATE INDEX by_caller ON recordings (contact_center, region, caller, key);
CREATE INDEX by_dialed ON recordings (contact_center, region, dialed, key);
INSERT INTO grams(grams) VALUES ('optimize');
ANALYZE;`

// OpenSQLite opens a database that is loaded, or creates one.
func OpenSQLite(o Options) (*SQLite, error) {
	e := &SQLite{o: o, path: filepath.Join(o.Dir, "recordings.db"), scopes: map[[2]string]string{}}
	if o.Loaded {
		if err := e.reopen(context.Background()); err != nil {
			return nil, err
		}
		return e, e.readScopes()
	}

	var err error
	// While loading, a crash would lose the database: it is made durable at the end.
	if e.writer, err = e.connect("rwc", "_journal_mode=OFF&_synchronous=OFF&_cache_size=-1048576"); err != nil {
		return nil, err
	}

	if _, err := e.writer.Exec(sqliteSchema); err != nil {
		if strings.Contains(err.Error(), "fts5") {
			err = fmt.Errorf("%w (build with -tags sqlite_fts5)", err)
		}
		return nil, errors.Join(fmt.Errorf("creating the SQLite tables: %w", err), e.writer.Close())
	}

	return e, nil
}

func (e *SQLite) connect(mode, pragmas string) (*sql.DB, error) {
	db, err := sql.Open("sqlite3",
		"file:"+(&url.URL{Path: e.path}).EscapedPath()+"?mode="+mode+"&_busy_timeout=60000&"+pragmas)
	if err != nil {
		return nil, fmt.Errorf("opening SQLite: %w", err)
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// sqliteKey is the row number of a recording: greater for newer ones, and for those of the same
// millisecond greater for smaller ids, as far as four characters of the 32 that ids of recorders
// are drawn from tell them apart.
func sqliteKey(start mapping.Time, id string) int64 {
	rank := 0
	for i := range 4 {
		rank <<= 5
		switch c := id[i]; {
		case c <= '9':
			rank |= int(c - '0')
		default:
			rank |= int(c-'A') + 10
		}
	}
	return int64(start)<<20 | int64(1<<20-1-rank)
}

// scope is the trigram of a contact center and region.
func (e *SQLite) scope(contactCenter, region string) string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	e.mu.Lock()
	defer e.mu.Unlock()
	k := [2]string{contactCenter, region}
	s, ok := e.scopes[k]
	if !ok {
		n := len(e.scopes)
		s = string([]byte{digits[n/36/36%36], digits[n/36%36], digits[n%36]})
		e.scopes[k] = s
	}
	return s
}

// The anchors that stand around every value in the trigram index.
const (
	anchorBegin = "\x02"
	anchorEnd   = "\x03"
)

func anchored(values ...string) string {
	if len(values) == 0 {
		return ""
	}
	return anchorBegin + strings.Join(values, anchorEnd+anchorBegin) + anchorEnd
}

// Load implements [Engine].
func (e *SQLite) Load(ctx context.Context, calls iter.Seq[corpus.Call]) error {
	if err := e.loadRows(ctx, calls); err != nil {
		return fmt.Errorf("loading SQLite: %w", err)
	}

	if _, err := e.writer.ExecContext(ctx, sqliteIndexes); err != nil {
		return fmt.Errorf("indexing SQLite: %w", err)
	}

	for k, scope := range e.scopes {
		if _, err := e.writer.ExecContext(ctx, "INSERT INTO scopes VALUES (?, ?, ?)", k[0], k[1], scope); err != nil {
			return fmt.Errorf("writing the scopes of SQLite: %w", err)
		}
	}

	if err := e.writer.Close(); err != nil {
		return err
	}

	return e.reopen(ctx)
}

// readScopes reads what Load wrote.
func (e *SQLite) readScopes() error {
	rows, err := e.readers.Query("SELECT contact_center, region, scope FROM scopes")
	if err != nil {
		return fmt.Errorf("reading the scopes of SQLite: %w", err)
	}
	defer rows.Close()

	for rows.Next() {
		var k [2]string
		var scope string
		if err := rows.Scan(&k[0], &k[1], &scope); err != nil {
			return fmt.Errorf("reading the scopes of SQLite: %w", err)
		}
		e.scopes[k] = scope
	}

	return rows.Err()
}

func (e *SQLite) loadRows(ctx context.Context, calls iter.Seq[corpus.Call]) error {
	tx, err := e.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()

	insert, err := prepareInserts(ctx, tx)
	if err != nil {
		return err
	}

	for d, err := range documents(calls) {
		if err == nil {
			err = e.insertRow(ctx, insert, &d)
		}
		if err != nil {
			return err
		}
	}

	return tx.Commit()
}

// reopen opens the loaded database for searches and durable writes.
func (e *SQLite) reopen(ctx context.Context) (err error) {
	if e.writer, err = e.connect("rw", "_journal_mode=WAL&_synchronous=FULL&_cache_size=-262144"); err != nil {
		return err
	}

	if e.insert, err = prepareInserts(ctx, e.writer); err != nil {
		return fmt.Errorf("preparing SQLite for writes: %w", err)
	}

	if e.readers, err = e.connect("ro", "_query_only=1&_cache_size=-1048576"); err != nil {
		return err
	}

	e.readers.SetMaxOpenConns(4)
	e.readers.SetMaxIdleConns(4)
	return nil
}

type preparer interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

func prepareInserts(ctx context.Context, p preparer) (s insertStatements, err error) {
	s.recordings, err = p.PrepareContext(ctx, "INSERT INTO recordings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
	if err != nil {
		return s, err
	}
	s.grams, err = p.PrepareContext(ctx,
		"INSERT INTO grams (rowid, scope, caller, dialed, names, user_data, access_groups) "+
			"VALUES (?, ?, ?, ?, ?, ?, ?)")
	return s, err
}

func (e *SQLite) insertRow(ctx context.Context, insert insertStatements, d *document) error {
	names, err := json.Marshal(d.searchable.Names)
	if err != nil {
		return err
	}

	userData, err := json.Marshal(d.searchable.UserData)
	if err != nil {
		return err
	}

	s := d.searchable
	accessGroups, err := json.Marshal(append([]string{}, s.AccessGroups...))
	if err != nil {
		return err
	}

	key := sqliteKey(s.StartTime, d.Recording.ID)
	_, err = insert.recordings.ExecContext(ctx, key, d.ContactCenter, d.Recording.Region, d.Recording.ID,
		s.CallerNumbers[0], s.DialedNumbers[0], int64(s.StopTime), string(names), string(userData),
		string(accessGroups), string(d.json))
	if err != nil {
		return err
	}

	_, err = insert.grams.ExecContext(ctx, key, e.scope(d.ContactCenter, d.Recording.Region),
		anchored(s.CallerNumbers[0]), anchored(s.DialedNumbers[0]), anchored(s.Names...), anchored(s.UserData...),
		anchored(s.AccessGroups...))
	return err
}

// Put implements [Engine].
func (e *SQLite) Put(ctx context.Context, c corpus.Call) error {
	d, err := newDocument(c)
	if err != nil {
		return err
	}

	e.writing.Lock()
	defer e.writing.Unlock()
	tx, err := e.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()

	in := insertStatements{tx.StmtContext(ctx, e.insert.recordings), tx.StmtContext(ctx, e.insert.grams)}
	if err := e.insertRow(ctx, in, &d); err != nil {
		return fmt.Errorf("inserting into SQLite: %w", err)
	}

	return tx.Commit()
}

// Search implements [Engine].
func (e *SQLite) Search(ctx context.Context, q Query) (Answer, error) {
	if err := keptByTables(&q.Criteria); err != nil {
		return Answer{}, err
	}

	statement, args := e.statement(&q)
	return capped(ctx, e.o.Cap, func(ctx context.Context) (a Answer, err error) {
		rows, err := e.readers.QueryContext(ctx, statement, args...)
		if err != nil {
			return a, fmt.Errorf("searching SQLite: %w", err)
		}
		defer rows.Close()

		for rows.Next() {
			var id string
			var source sql.RawBytes
			if err := rows.Scan(&id, &source); err != nil {
				return a, fmt.Errorf("searching SQLite: %w", err)
			}
			a.IDs = append(a.IDs, id)
			a.Bytes += len(source)
		}

		if err := rows.Err(); err != nil {
			return a, fmt.Errorf("searching SQLite: %w", err)
		}

		a.cut(q.Limit)
		return a, nil
	})
}

// Facts implements [Engine].
func (e *SQLite) Facts(ctx context.Context) (f Facts, err error) {
	e.writing.Lock()
	defer e.writing.Unlock()
	if _, err := e.writer.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		return f, err
	}

	if err := e.writer.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&f.Version); err != nil {
		return f, err
	}

	f.Version = "SQLite " + f.Version
	f.DiskBytes, err = dirSize(e.o.Dir)
	return f, err
}

// Close implements [Engine].
func (e *SQLite) Close() error {
	err := e.writer.Close()
	if e.readers != nil {
		err = errors.Join(err, e.readers.Close())
	}
	return err
}
