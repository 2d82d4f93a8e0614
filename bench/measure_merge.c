/* measure_merge: rows a second that apply merges, with nothing changed here
 * and with concurrent edits of the same rows here; from 1, 4 and 16 origins.
 *
 * usage: measure_merge [ROWS [RUNS]]
 *
 * A hub gathers edits of ROWS rows from so many sites, and packs them for
 * another hub, which applies them: once with no changes of its own, once after
 * it has edited another field of each row, once the same field (a conflict
 * each).  Runs stand side by side in one process; the median counts. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "bench/measure.h"
#include "tests/random_fate.h"

enum { HUB, OTHER, FIRST };

static struct world w;

static void begin(const char *base, int origins, int number)
{
	struct options opt = {0};

	world_begin(&w, (uint64_t)number, &opt, base);
	w.nsites = FIRST + origins;
	w.ntables = 1;
	w.bundle_size = 16 << 20;
	snprintf(w.ddl[0], sizeof(w.ddl[0]), "CREATE TABLE t0(k TEXT"
	    " PRIMARY KEY NOT NULL, name, phone, city, note)");
	for (int i = 0; i < w.nsites; i++) {
		world_name(&w, i);
		world_join(&w, HUB, i);
	}
	for (int i = 0; i < w.nsites; i++) {
		w.site[i].wal = true;
		world_make_site(&w, i);
		w.site[i].cols[0][0] = '\0';
	}
}

static void run_sql(int site, const char *sql)
{
	w.now++;
	world_set_time(&w, &w.site[site]);
	world_exec(w.site[site].app, sql);
}

static void end(void)
{
	char cmd[300];

	world_free(&w);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", w.dir);
	if (w.bad[0] || system(cmd) != 0) {
		fprintf(stderr, "%s\n", w.bad);
		exit(2);
	}
}

/* All rows, known everywhere; then one field of each changed by the origins,
 * gathered and packed at the hub. */
static void prepare(const char *base, int rows, int origins)
{
	static int number;
	char sql[400];

	begin(base, origins, ++number);
	snprintf(sql, sizeof(sql), "WITH n(i) AS (SELECT 1 UNION ALL SELECT"
	    " i + 1 FROM n LIMIT %d) INSERT INTO t0 SELECT printf('key %%06d',"
	    " i * 7919 %% 1000003), 'name ' || i, '312-555-' || i,"
	    " 'Springfield', 'no note' FROM n", rows);
	run_sql(HUB, sql);
	world_rest(&w);
	for (int i = 0; i < origins; i++) {
		snprintf(sql, sizeof(sql), "UPDATE t0 SET phone = '708-555-'"
		    " || rowid WHERE rowid %% %d = %d", origins, i);
		run_sql(FIRST + i, sql);
		world_pack(&w, FIRST + i, HUB, true);
		world_deliver(&w, FIRST + i, HUB, false);
	}
	world_apply(&w, HUB);
	world_pack(&w, HUB, OTHER, true);
}

/* Seconds of one apply; local: the field that was edited here, or NULL. */
static double once(const char *base, int rows, int origins, const char *local)
{
	double t;

	prepare(base, rows, origins);
	if (local) {
		char sql[200];

		snprintf(sql, sizeof(sql), "UPDATE t0 SET %s = 'here ' ||"
		    " rowid", local);
		run_sql(OTHER, sql);
		/* folded before, since the fold is not what is asked for */
		world_pack(&w, OTHER, HUB, true);
	}
	world_deliver(&w, HUB, OTHER, false);
	t = now();
	world_apply(&w, OTHER);
	t = now() - t;
	end();
	return t;
}

static void compare(const char *base, int rows, int origins, int runs)
{
	static const char *const local[] = {NULL, "city", "phone"};
	static double v[3][100];
	double rate[3];

	for (int i = 0; i < runs; i++)
		for (int k = 0; k < 3; k++)
			v[k][i] = once(base, rows, origins, local[k]);
	for (int k = 0; k < 3; k++)
		rate[k] = rows / median(v[k], runs);
	printf("%8d%14.0f%14.0f%8.2f%14.0f%8.2f\n", origins, rate[0], rate[1],
	    rate[1] / rate[0], rate[2], rate[2] / rate[0]);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int rows = argc > 1 ? atoi(argv[1]) : 20000;
	int runs = argc > 2 ? atoi(argv[2]) : 5;
	char base[] = "/dev/shm/mergeXXXXXX", other[] = "/tmp/mergeXXXXXX";
	char *dir = mkdtemp(base);

	log_init("measure_merge", -1);
	if (rows < 100 || runs < 1 || runs > 100) {
		fprintf(stderr, "usage: measure_merge [ROWS [RUNS]]\n");
		return 64;
	}
	if (!dir && !(dir = mkdtemp(other))) {
		perror(other);
		return 2;
	}
	printf("%d rows, one field each; rows a second of apply\n\n", rows);
	printf("%8s%14s%14s%8s%14s%8s\n", "origins", "none here",
	    "other field", "ratio", "same field", "ratio");
	for (int origins = 1; origins <= 16; origins *= 4)
		compare(dir, rows, origins, runs);
	rmdir(dir);
	return 0;
}
