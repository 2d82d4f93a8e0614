/* measure_capture: what capture costs an application, and how fast its log is
 * folded.
 *
 * usage: measure_capture WORKLOAD.db DIRECTORY [RUNS]
 *
 * The 100,000 contacts of the workload are inserted, updated and deleted in a
 * new database, one transaction each: without triggers and with them, in turn,
 * RUNS times, so that whatever else the machine does meets both alike.  After
 * each step with triggers the log is folded, and that is timed too. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure.h"
#include "capture/capture.h"

#define COLUMNS 13
#define RUNS_MAX 25

enum step { INSERT, UPDATE, BULK, MIXED, DELETE, STEPS };

/* The goal for the ratio of tracked to untracked; 0: none is set. */
static const struct {
	const char *name;
	double goal;
	const char *others;  /* rows/s of cr-sqlite 0.16, as published */
} steps[STEPS] = {
	[INSERT] = {"insert", 0.6, "19k"}, /* and 5 x cr-sqlite */
	[UPDATE] = {"update of one field", 0, "54k"},
	[BULK] = {"bulk update", 0, "99k"},
	[MIXED] = {"mixed", 0, "-"},
	[DELETE] = {"delete", 0, "33k"},
};
#define FOLD_GOAL 300000.0

/* Rows in memory, so that reading them is not measured. */
struct rows {
	sqlite3_value **v;  /* COLUMNS a row; owned */
	int n;
	char *ddl;          /* owned */
};

struct result {
	double app[2][STEPS][RUNS_MAX];   /* rows/s: untracked, tracked */
	double fold[STEPS][RUNS_MAX];     /* log entries/s */
	double growth[2];                 /* bytes of the last run */
};

static void load(struct rows *r, const char *path)
{
	sqlite3 *db = app_open(path);
	sqlite3_stmt *st = app_prepare(db,
	    "SELECT sql FROM sqlite_master WHERE name = 'contacts'");

	if (sqlite3_step(st) != SQLITE_ROW) {
		fprintf(stderr, "%s: no table contacts\n", path);
		exit(2);
	}
	r->ddl = strdup((const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	r->n = 0;
	r->v = calloc((size_t)200000 * COLUMNS, sizeof(*r->v));
	st = app_prepare(db, "SELECT * FROM contacts ORDER BY rowid"
			     " LIMIT 100000");
	while (sqlite3_step(st) == SQLITE_ROW) {
		for (int i = 0; i < COLUMNS; i++)
			r->v[r->n * COLUMNS + i] =
			    sqlite3_value_dup(sqlite3_column_value(st, i));
		r->n++;
	}
	sqlite3_finalize(st);
	sqlite3_close(db);
}

static void run_once(sqlite3_stmt *st)
{
	if (sqlite3_step(st) != SQLITE_DONE) {
		fprintf(stderr, "%s: %s\n", sqlite3_sql(st),
		    sqlite3_errmsg(sqlite3_db_handle(st)));
		exit(2);
	}
	sqlite3_reset(st);
}

/* Every row in turn; value: bind this text first, or NULL. */
static void each_row(sqlite3 *db, const struct rows *r, const char *sql,
    const char *value)
{
	sqlite3_stmt *st = app_prepare(db, sql);

	for (int i = 0; i < r->n; i++) {
		if (value)
			sqlite3_bind_text(st, 1, value, -1, SQLITE_STATIC);
		sqlite3_bind_value(st, value ? 2 : 1, r->v[i * COLUMNS]);
		run_once(st);
	}
	sqlite3_finalize(st);
}

static void insert_rows(sqlite3 *db, const struct rows *r)
{
	sqlite3_stmt *st = app_prepare(db, "INSERT INTO contacts VALUES"
	    "(?,?,?,?,?,?,?,?,?,?,?,?,?)");

	for (int i = 0; i < r->n; i++) {
		for (int k = 0; k < COLUMNS; k++)
			sqlite3_bind_value(st, k + 1, r->v[i * COLUMNS + k]);
		run_once(st);
	}
	sqlite3_finalize(st);
}

/* Seven of ten edit a row, two are deletes, one brings a deleted row back;
 * rows are met in an order of no pattern. */
static void mixed_rows(sqlite3 *db, const struct rows *r)
{
	sqlite3_stmt *up[2], *erase, *insert;
	uint32_t x = 20261122;

	up[0] = app_prepare(db, "UPDATE contacts SET notes = ?2 WHERE id = ?1");
	up[1] = app_prepare(db,
	    "UPDATE contacts SET phone = ?2, email = ?2 WHERE id = ?1");
	erase = app_prepare(db, "DELETE FROM contacts WHERE id = ?1");
	insert = app_prepare(db, "INSERT OR IGNORE INTO contacts(id, last)"
				 " VALUES(?1, 'Again')");
	for (int i = 0; i < r->n; i++) {
		sqlite3_stmt *st;
		char text[32];

		x = x * 1664525u + 1013904223u;
		st = x >> 28 < 11 ? up[x >> 27 & 1]
		    : x >> 28 < 14 ? erase : insert;
		snprintf(text, sizeof(text), "note %d", i);
		if (st == up[0] || st == up[1])
			sqlite3_bind_text(st, 2, text, -1, SQLITE_STATIC);
		x = x * 1664525u + 1013904223u;
		sqlite3_bind_value(st, 1,
		    r->v[(int)(x >> 8) % r->n * COLUMNS]);
		run_once(st);
	}
	sqlite3_finalize(up[0]);
	sqlite3_finalize(up[1]);
	sqlite3_finalize(erase);
	sqlite3_finalize(insert);
}

static void do_step(sqlite3 *db, const struct rows *r, enum step step)
{
	switch (step) {
	case INSERT:
		insert_rows(db, r);
		break;
	case UPDATE:
		each_row(db, r, "UPDATE contacts SET phone = ? WHERE id = ?",
		    "312-555-0142");
		break;
	case BULK:
		app_exec(db, "UPDATE contacts SET rep = 'rep77'");
		break;
	case MIXED:
		mixed_rows(db, r);
		break;
	default:
		each_row(db, r, "DELETE FROM contacts WHERE id = ?", NULL);
	}
}

static int64_t one_int(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st = app_prepare(db, sql);
	int64_t v = sqlite3_step(st) == SQLITE_ROW
	    ? sqlite3_column_int64(st, 0) : 0;

	sqlite3_finalize(st);
	return v;
}

/* A new database; tracked: with triggers, and the store that folds. */
static sqlite3 *make(const char *path, const struct rows *r, bool tracked,
    struct store **s)
{
	struct err e = ERR_INIT;
	sqlite3 *db;

	fresh_database(path, NULL);
	db = app_open(path);
	app_exec(db, r->ddl);
	*s = NULL;
	if (!tracked)
		return db;
	need(store_create(db, "a", &e), "store_create", &e);
	need(store_open(path, "a", DB_WRITE, s, &e), "store_open", &e);
	need(store_begin(*s, &e), "store_begin", &e);
	need(capture_track(*s, "contacts", &e), "track", &e);
	need(store_commit(*s, &e), "commit", &e);
	return db;
}

static double fold(struct store *s, int64_t entries)
{
	struct err e = ERR_INIT;
	double t = now();

	need(capture_fold_begin(s, &e), "fold", &e);
	need(store_commit(s, &e), "commit", &e);
	return (double)entries / (now() - t);
}

static void one_run(struct result *out, const char *path,
    const struct rows *r, bool tracked, int run)
{
	struct store *s;
	sqlite3 *db = make(path, r, tracked, &s);

	for (int i = 0; i < STEPS; i++) {
		double t = now();
		int n = sqlite3_total_changes(db);

		app_exec(db, "BEGIN");
		do_step(db, r, (enum step)i);
		app_exec(db, "COMMIT");
		t = now() - t;
		/* a mixed step's deletes find some rows gone already */
		n = i == MIXED || i == DELETE ? r->n
		    : tracked ? (sqlite3_total_changes(db) - n) / 2
			      : sqlite3_total_changes(db) - n;
		out->app[tracked][i][run] = n / t;
		if (i == INSERT)
			out->growth[tracked] = (double)one_int(db,
			    "SELECT page_count * page_size FROM"
			    " pragma_page_count, pragma_page_size");
		if (s)
			out->fold[i][run] = fold(s, one_int(db,
			    "SELECT count(*) FROM dialsync_log"));
	}
	store_close(s);
	sqlite3_close(db);
	fresh_database(path, NULL);
}

/* Print the table; 1 when a goal is missed. */
static int report(struct result *r, int runs)
{
	int missed = 0;

	printf("%-22s %10s %10s %6s %5s  %-6s %9s\n", "rows/s of 100,000",
	    "untracked", "tracked", "ratio", "goal", "", "cr-sqlite");
	for (int i = 0; i < STEPS; i++) {
		double ratio[RUNS_MAX], m;

		for (int k = 0; k < runs; k++)
			ratio[k] = r->app[1][i][k] / r->app[0][i][k];
		m = median(ratio, runs);
		printf("%-22s %10.0f %10.0f %6.2f", steps[i].name,
		    median(r->app[0][i], runs), median(r->app[1][i], runs), m);
		if (steps[i].goal > 0)
			printf(" %5.2f", steps[i].goal);
		else
			printf(" %5s", "-");
		printf("  %-6s %9s\n", steps[i].goal == 0 ? ""
		    : m < steps[i].goal ? "BELOW" : "ok", steps[i].others);
		missed |= m < steps[i].goal;
	}
	printf("\n%-22s %10s %10s\n", "fold, log of", "entries/s", "goal");
	for (int i = 0; i < STEPS; i++) {
		double m = median(r->fold[i], runs);

		printf("%-22s %10.0f %10.0f  %s\n", steps[i].name, m,
		    FOLD_GOAL, m < FOLD_GOAL ? "BELOW" : "ok");
		missed |= m < FOLD_GOAL;
	}
	printf("\nafter the inserts: %.1f MB untracked, %.1f MB with the log\n",
	    r->growth[0] / 1e6, r->growth[1] / 1e6);
	return missed;
}

int main(int argc, char **argv)
{
	static struct result result;
	struct rows rows;
	char path[500];
	int runs = argc > 3 ? atoi(argv[3]) : 5;

	if (argc < 3 || runs < 1 || runs > RUNS_MAX) {
		fprintf(stderr, "usage: measure_capture WORKLOAD.db DIRECTORY"
				" [RUNS]\n");
		return 64;
	}
	snprintf(path, sizeof(path), "%s/capture.db", argv[2]);
	load(&rows, argv[1]);
	for (int i = 0; i < runs; i++)
		for (int tracked = 0; tracked < 2; tracked++)
			one_run(&result, path, &rows, tracked, i);
	return report(&result, runs);
}
