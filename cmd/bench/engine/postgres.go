package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"recordings/cmd/bench/corpus"
)

// Postgres is PostgreSQL with pg_trgm: names and user data are arrays with a GIN index for whole
// values, and a text with a trigram index for patterns. Each of the larger contact centers has a
// partition of its own, with indexes and statistics of its own, so that searches do not meet the
// recordings of others.
type Postgres struct {
	o       Options
	cluster *cluster
	pool    *pgxpool.Pool
}

const pgTable = `
CREATE EXTENSION pg_trgm;
CREATE TABLE recordings (
	contact_center text NOT NULL, region text NOT NULL, id text NOT NULL,
	caller text NOT NULL, dialed text NOT NULL, start_time bigint NOT NULL, stop_time bigint NOT NULL,
	names text[] NOT NULL, user_data text[] NOT NULL,
	access_groups text[] NOT NULL, -- those above them, too
	names_text text NOT NULL, user_data_text text NOT NULL, -- the same, each value between separators
	source text NOT NULL
) PARTITION BY LIST (contact_center);
CREATE TABLE recordings_of_others PARTITION OF recordings DEFAULT WITH (toast_tuple_target = 128);
CREATE STATISTICS centers_have_regions (dependencies, mcv) ON contact_center, region FROM recordings_of_others;`

// pgPartition is the table of one contact center, by a number and its id.
const pgPartition = `CREATE TABLE recordings_%d PARTITION OF recordings FOR VALUES IN (%s) WITH (toast_tuple_target ` +
	`= 128);`

// maxPartitions bounds the tables: with thousands, planning a search would take longer than the
// search.
const maxPartitions = 100

// pgStorage keeps the JSON compressed, and beside the rest of its row.
const pgStorage = `ALTER TABLE recordings ALTER COLUMN source SET STORAGE MAIN;`

// pgIndexes are made after loading, the slow ones first.
var pgIndexes = []string{
	`CREATE INDEX by_user_data_grams ON recordings USING gin (user_data_text gin_trgm_ops)`,
	`CREATE INDEX by_phone_grams ON recordings USING gin (caller gin_trgm_ops, dialed gin_trgm_ops)`,
	`CREATE INDEX by_names_grams ON recordings USING gin (names_text gin_trgm_ops)`,
	`CREATE INDEX by_user_data ON recordings USING gin (user_data)`,
	`CREATE INDEX by_names ON recordings USING gin (names)`,
	`CREATE INDEX by_access_groups ON recordings USING gin (access_groups)`,
	`CREATE INDEX by_caller ON recordings (contact_center, region, caller, start_time DESC, id)`,
	`CREATE INDEX by_dialed ON recordings (contact_center, region, dialed, start_time DESC, id)`,
	`CREATE INDEX by_time ON recordings (contact_center, region, start_time DESC, id, stop_time)`,
	`ALTER TABLE recordings ADD PRIMARY KEY (contact_center, id)`,
}

var pgColumns = []string{"contact_center", "region", "id", "caller", "dialed", "start_time", "stop_time", "names",
	"user_data", "access_groups",
	"names_text", "user_data_text", "source"}

// OpenPostgres starts a cluster of its own, with what is loaded or an empty table, and installs
// PostgreSQL where it is missing.
func OpenPostgres(ctx context.Context, o Options) (_ *Postgres, err error) {
	e := &Postgres{o: o}
	if e.cluster, err = startCluster(ctx, o.Dir); err != nil {
		return nil, err
	}
	if err := e.connect(ctx); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func (e *Postgres) connect(ctx context.Context) error {
	config, err := pgxpool.ParseConfig(fmt.Sprintf("host=%s user=bench dbname=postgres pool_max_conns=72",
		e.cluster.socket))
	if err != nil {
		return err
	}

	if e.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return fmt.Errorf("connecting to PostgreSQL: %w", err)
	}

	if e.o.Loaded {
		return e.limitSearches(ctx)
	}

	tables := pgTable
	for i, contactCenter := range e.o.ContactCenters[:min(maxPartitions, len(e.o.ContactCenters))] {
		tables += fmt.Sprintf(pgPartition, i, "'"+strings.ReplaceAll(contactCenter, "'", "''")+"'")
	}

	if _, err := e.pool.Exec(ctx, tables+pgStorage); err != nil {
		return fmt.Errorf("creating the PostgreSQL tables: %w", err)
	}

	return nil
}

// Load implements [Engine].
func (e *Postgres) Load(ctx context.Context, calls iter.Seq[corpus.Call]) error {
	if err := e.copyRows(ctx, calls); err != nil {
		return fmt.Errorf("loading PostgreSQL: %w", err)
	}

	group, inGroup := errgroup.WithContext(ctx)
	group.SetLimit(runtime.NumCPU())
	for _, statement := range pgIndexes[:len(pgIndexes)-1] {
		group.Go(func() error { return e.exec(inGroup, statement) })
	}

	if err := group.Wait(); err != nil {
		return err
	}

	for _, statement := range []string{
		pgIndexes[len(pgIndexes)-1], // adding a primary key locks out others
		`VACUUM (FREEZE, ANALYZE) recordings`,
		`CHECKPOINT`,
	} {
		if err := e.exec(ctx, statement); err != nil {
			return err
		}
	}

	return e.limitSearches(ctx)
}

func (e *Postgres) exec(ctx context.Context, statement string) error {
	if _, err := e.pool.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

func (e *Postgres) copyRows(ctx context.Context, calls iter.Seq[corpus.Call]) error {
	next, stop := iter.Pull2(documents(calls))
	defer stop()
	_, err := e.pool.CopyFrom(ctx, pgx.Identifier{"recordings"}, pgColumns, pgx.CopyFromFunc(func() ([]any, error) {
		d, err, ok := next()
		if !ok || err != nil {
			return nil, err
		}
		return pgRow(&d), nil
	}))
	return err
}

// separator stands around the values in names_text and user_data_text.
const separator = "\x1f"

func separated(values []string) string {
	return separator + strings.Join(values, separator) + separator
}

func pgRow(d *document) []any {
	s := d.searchable
	return []any{d.ContactCenter, d.Recording.Region, d.Recording.ID, s.CallerNumbers[0], s.DialedNumbers[0],
		int64(s.StartTime),
		int64(s.StopTime), s.Names, s.UserData, append([]string{}, s.AccessGroups...), separated(s.Names),
		separated(s.UserData), string(d.json)}
}

var pgInsert = "INSERT INTO recordings (" + strings.Join(pgColumns, ", ") +
	") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"

// Put implements [Engine].
func (e *Postgres) Put(ctx context.Context, c corpus.Call) error {
	d, err := newDocument(c)
	if err != nil {
		return err
	}
	if _, err := e.pool.Exec(ctx, pgInsert, pgRow(&d)...); err != nil {
		return fmt.Errorf("inserting into PostgreSQL: %w", err)
	}
	return nil
}

// Search implements [Engine].
func (e *Postgres) Search(ctx context.Context, q Query) (a Answer, err error) {
	if err := keptByTables(&q.Criteria); err != nil {
		return Answer{}, err
	}

	statement, args := pgStatement(&q)
	conn, err := e.pool.Acquire(ctx)
	if err != nil {
		return a, fmt.Errorf("searching PostgreSQL: %w", err)
	}
	defer conn.Release()

	if a, err = e.read(ctx, conn.Conn(), statement, args); err != nil {
		if tooSlow(err) {
			return Answer{}, ErrTooSlow
		}
		return Answer{}, fmt.Errorf("searching PostgreSQL: %w", err)
	}

	a.cut(q.Limit)
	return a, nil
}

func (e *Postgres) read(ctx context.Context, conn *pgx.Conn, statement string, args []any) (a Answer, err error) {
	rows, err := conn.Query(ctx, statement, args...)
	if err != nil {
		return a, err
	}
	defer rows.Close()

	for rows.Next() {
		values := rows.RawValues() // the bytes as they came: nothing is spent on converting them
		a.IDs = append(a.IDs, string(values[0]))
		a.Bytes += len(values[1])
	}
	return a, rows.Err()
}

// tooSlow reports whether the server gave up because of statement_timeout.
func tooSlow(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "57014" // query_canceled
}

// limitSearches makes the server give up searches that take longer than o.Cap, which disturbs it
// less than a client that hangs up.
func (e *Postgres) limitSearches(ctx context.Context) error {
	err := e.exec(ctx, fmt.Sprintf("ALTER ROLE bench SET statement_timeout = %d", e.o.Cap/time.Millisecond))
	e.pool.Reset()
	return err
}

// Facts implements [Engine].
func (e *Postgres) Facts(ctx context.Context) (f Facts, err error) {
	err = e.pool.QueryRow(ctx,
		"SELECT current_setting('server_version'), sum(pg_total_relation_size(relid))::bigint FROM "+
			"pg_partition_tree('recordings')").
		Scan(&f.Version, &f.DiskBytes)
	f.Version = "PostgreSQL " + f.Version
	f.Process = e.cluster.server.Process.Pid
	return f, err
}

// Close implements [Engine].
func (e *Postgres) Close() error {
	if e.pool != nil {
		e.pool.Close()
	}
	return e.cluster.stop()
}
