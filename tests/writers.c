/* writers DB N SECONDS COMMAND...: N programs that write to table `w` of DB and
 * read from it, each with the busy timeout that programs commonly have, first
 * alone for SECONDS, then while COMMAND runs.  Prints one line:
 *
 *	alone 312/s longest 20 ms during 240/s longest 131 ms busy 0 code 0
 *
 * writes a second, how long the slowest one took, how many ended with
 * SQLITE_BUSY, COMMAND's exit code and how long it ran.  Used by s_lockout.sh and
 * bench/lockout. */
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BUSY_MS  2000
#define PROGRAMS 16

/* One program's counts; shared with the parent. */
struct counts {
	long alone, during, busy, failed;
	long longest_ms[2]; /* alone, during */
};

struct shared {
	volatile int phase; /* 0 alone, 1 during, 2 end */
	struct counts of[PROGRAMS];
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void pause_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

/* One short transaction of an application, and a look. */
static int work(sqlite3 *db)
{
	int rc = sqlite3_exec(db, "BEGIN IMMEDIATE; INSERT INTO w(v)"
	    " VALUES(random()); UPDATE w SET v = v + 1 WHERE id ="
	    " (SELECT max(id) FROM w); COMMIT", NULL, NULL, NULL);

	if (rc != SQLITE_OK) {
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
		return rc;
	}
	return sqlite3_exec(db, "SELECT max(v) FROM (SELECT v FROM w ORDER BY"
	    " id DESC LIMIT 10)", NULL, NULL, NULL);
}

static int writer(const char *path, struct shared *sh, struct counts *c)
{
	sqlite3 *db;

	if (sqlite3_open(path, &db) != SQLITE_OK)
		return 1;
	sqlite3_busy_timeout(db, BUSY_MS);
	while (sh->phase < 2) {
		int phase = sh->phase, rc;
		double t = now();
		long ms;

		rc = work(db);
		ms = (long)((now() - t) * 1000);
		if (rc == SQLITE_BUSY)
			c->busy++;
		else if (rc != SQLITE_OK)
			c->failed++, fprintf(stderr, "%s\n",
			    sqlite3_errmsg(db));
		else if (phase == 0)
			c->alone++;
		else
			c->during++;
		if (ms > c->longest_ms[phase])
			c->longest_ms[phase] = ms;
		pause_ms(5);
	}
	sqlite3_close(db);
	return 0;
}

static int run(char **argv)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(int argc, char **argv)
{
	struct shared *sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct counts all = {0, 0, 0, 0, {0, 0}};
	int n = argc > 4 ? atoi(argv[2]) : 0, code;
	double seconds, t;

	if (n < 1 || n > PROGRAMS || sh == MAP_FAILED) {
		fputs("usage: writers DB N SECONDS COMMAND...\n", stderr);
		return 2;
	}
	seconds = atof(argv[3]);
	for (int i = 0; i < n; i++)
		if (fork() == 0)
			_exit(writer(argv[1], sh, &sh->of[i]));
	pause_ms((long)(seconds * 1000));
	sh->phase = 1;
	t = now();
	code = run(argv + 4);
	t = now() - t;
	sh->phase = 2;
	while (wait(NULL) > 0)
		;
	for (int i = 0; i < n; i++) {
		all.alone += sh->of[i].alone;
		all.during += sh->of[i].during;
		all.busy += sh->of[i].busy;
		all.failed += sh->of[i].failed;
		for (int k = 0; k < 2; k++)
			if (sh->of[i].longest_ms[k] > all.longest_ms[k])
				all.longest_ms[k] = sh->of[i].longest_ms[k];
	}
	printf("alone %.0f/s longest %ld ms during %.0f/s longest %ld ms"
	       " busy %ld code %d seconds %.2f\n",
	    (double)all.alone / (seconds > 0 ? seconds : 1), all.longest_ms[0],
	    (double)all.during / (t > 0 ? t : 1), all.longest_ms[1], all.busy,
	    code, t);
	return all.failed ? 3 : 0;
}
