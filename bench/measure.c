#include "config.h"

#include "bench/measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double now(void)
{
	static int cpu = -1;
	struct timespec t;

	if (cpu < 0)
		cpu = getenv("MEASURE_CPU") != NULL;
	clock_gettime(cpu ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void need(int rc, const char *what, const struct err *e)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, e ? e->text : "failed");
	exit(2);
}

/* End with SQLite's message. */
static void need_ok(sqlite3 *db, int rc, const char *what)
{
	if (rc == SQLITE_OK)
		return;
	fprintf(stderr, "%s: %s\n", what, sqlite3_errmsg(db));
	exit(2);
}

void app_exec(sqlite3 *db, const char *sql)
{
	need_ok(db, sqlite3_exec(db, sql, NULL, NULL, NULL), sql);
}

sqlite3 *app_open(const char *path)
{
	sqlite3 *db = NULL;
	int rc = sqlite3_open(path, &db);

	need_ok(db, rc, path);
	app_exec(db, "PRAGMA journal_mode = wal; PRAGMA synchronous = normal;"
		     "PRAGMA cache_size = -65536");
	return db;
}

sqlite3_stmt *app_prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st;

	need_ok(db, sqlite3_prepare_v2(db, sql, -1, &st, NULL), sql);
	return st;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof(*v), by_value);
	return v[n / 2];
}

void fresh_database(const char *path, const char *from)
{
	static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
	char name[600], buf[65536];
	size_t n;
	FILE *in, *out;

	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		unlink(name);
	}
	if (!from)
		return;
	in = fopen(from, "rb");
	out = fopen(path, "wb");
	if (!in || !out) {
		perror(in ? path : from);
		exit(2);
	}
	while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
		if (fwrite(buf, 1, n, out) != n)
			break;
	if (ferror(in) || fclose(out) != 0) {
		perror(path);
		exit(2);
	}
	fclose(in);
}
