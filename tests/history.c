/* Plays a history that tests/model.py wrote, with the program's own libraries
 * and real databases, and compares the end: tables, registers with their
 * versions, conflicts.  The model is another program by the same rules; where
 * the two differ one of them is wrong.
 *
 * history FILE...: each a script of lines,
 *
 *	site NAME CLOCK INCARNATION ROWS PEER...
 *	at TIME | off SITE CLOCK | sql SITE TEXT | apply SITE
 *	pack SITE PEER BUNDLES      so many must come of it
 *	deliver N                   the n-th bundle made, into its inbox
 *	backup SITE N | restore SITE N kept|lost|image
 *	end SITE                    then what must be there, line by line
 *
 * Incarnations are drawn one after the other, as the model does. */
#include "config.h"

#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/apply.h"
#include "base/fs.h"
#include "capture/capture.h"
#include "pack/pack.h"

#define SITES 8
#define MADE  4096

struct place {
	char name[2];
	char dir[200];
	sqlite3 *app;
	long long off;
	int boot;
	char peers[SITES + 1]; /* a letter each */
};

struct play {
	const char *file;
	char dir[120];
	int line;
	long long now;
	struct place site[SITES];
	int nsites;
	char *made[MADE + 1]; /* owned: path of each bundle on its way */
	char to[MADE + 1];
	char from[MADE + 1];
	int nmade;
	bool trace, bad;
};

static int64_t next_inc, fake_now;

/* The linker puts it in place of store_random_inc(). */
int64_t __wrap_store_random_inc(void);
int64_t __wrap_store_random_inc(void)
{
	return ++next_inc;
}

static int vfs_time(sqlite3_vfs *v, sqlite3_int64 *ms)
{
	(void)v;
	*ms = fake_now * 1000 + INT64_C(210866760000000);
	return SQLITE_OK;
}

static void install_time(void)
{
	static sqlite3_vfs vfs;

	vfs = *sqlite3_vfs_find(NULL);
	vfs.zName = "faketime";
	vfs.xCurrentTimeInt64 = vfs_time;
	sqlite3_vfs_register(&vfs, 1);
}

static void set_time(const struct play *p, const struct place *s)
{
	char text[32];

	fake_now = p->now + s->off;
	snprintf(text, sizeof(text), "%lld", (long long)fake_now);
	setenv("DIALSYNC_NOW", text, 1);
	snprintf(text, sizeof(text), "boot %d", s->boot);
	setenv("DIALSYNC_BOOT", text, 1);
}

static void fail(struct play *p, const char *what, const char *more)
{
	printf("FAILED: %s:%d: %s%s%s\n", p->file, p->line, what,
	    more ? ": " : "", more ? more : "");
	p->bad = true;
}

static void run_sql(struct play *p, sqlite3 *db, const char *text)
{
	char *msg = NULL;

	if (sqlite3_exec(db, text, NULL, NULL, &msg) != SQLITE_OK)
		fail(p, text, msg);
	sqlite3_free(msg);
}

static struct place *find(struct play *p, char name)
{
	for (int i = 0; i < p->nsites; i++)
		if (p->site[i].name[0] == name)
			return &p->site[i];
	return NULL;
}

static void shell(struct play *p, const char *cmd)
{
	if (system(cmd) != 0)
		fail(p, cmd, NULL);
}

static void open_app(struct play *p, struct place *s)
{
	char path[240];

	snprintf(path, sizeof(path), "%s/d.db", s->dir);
	if (sqlite3_open(path, &s->app) != SQLITE_OK)
		fail(p, path, sqlite3_errmsg(s->app));
	run_sql(p, s->app, "PRAGMA journal_mode = wal;"
			   " PRAGMA synchronous = off");
}

static struct store *open_store(struct play *p, struct place *s)
{
	struct err e = ERR_INIT;
	struct store *st = NULL;
	char path[240];

	snprintf(path, sizeof(path), "%s/d.db", s->dir);
	set_time(p, s);
	if (store_open(path, s->name, DB_APPLY, &st, &e) < 0)
		fail(p, "store_open", e.text);
	return st;
}

static void open_spool(struct play *p, struct place *s, struct spool *sp)
{
	struct err e = ERR_INIT;

	if (spool_open(sp, s->dir, &e) < 0 || spool_make_site(sp, &e) < 0)
		fail(p, "spool", e.text);
}

/* ---- the lines */

static void add_peers(struct play *p, struct place *s, struct store *st)
{
	struct err e = ERR_INIT;
	struct peer peer;

	if (store_begin(st, &e) < 0)
		fail(p, "begin", e.text);
	for (const char *q = s->peers; *q; q++) {
		char name[2] = {*q, '\0'};

		if (peer_add(st, name, &peer, &e) < 0)
			fail(p, "peer", e.text);
	}
	if (store_commit(st, &e) < 0)
		fail(p, "commit", e.text);
}

static void do_site(struct play *p, char *args)
{
	struct place *s = &p->site[p->nsites++];
	struct err e = ERR_INIT;
	struct store *st;
	struct spool sp;
	long long inc = 0;
	int rows = 0, used = 0;
	char text[200], *state;

	s->name[0] = args[0];
	if (sscanf(args + 1, "%lld %lld %d%n", &s->off, &inc, &rows, &used) !=
	    3)
		fail(p, "site", args);
	for (char *q = args + 1 + used; *q; q++)
		if (*q != ' ')
			strncat(s->peers, q, 1);
	snprintf(s->dir, sizeof(s->dir), "%s/%c", p->dir, args[0]);
	mkdir(s->dir, 0700);
	open_app(p, s);
	run_sql(p, s->app, "CREATE TABLE t(k INTEGER PRIMARY KEY, a, b)");
	for (int i = 0; i < rows; i++) {
		snprintf(text, sizeof(text), "INSERT INTO t VALUES(%d, %d,"
		    " %d)", i, -i - 1, -i - 1);
		run_sql(p, s->app, text);
	}
	if (store_create(s->app, s->name, &e) < 0)
		fail(p, "create", e.text);
	next_inc = inc;
	snprintf(text, sizeof(text), "UPDATE dialsync_meta SET v = %lld WHERE"
	    " k = 'inc'; UPDATE dialsync_origin SET inc = %lld", inc, inc);
	run_sql(p, s->app, text);
	st = open_store(p, s);
	add_peers(p, s, st);
	/* a site begins with a state that is known */
	if (store_begin(st, &e) < 0 || capture_track(st, "t", &e) < 0 ||
	    store_note(st, &e) < 0 || store_commit(st, &e) < 0)
		fail(p, "track", e.text);
	state = fs_join(s->dir, SPOOL_STATE);
	if (capture_state_write(st, state, &e) < 0)
		fail(p, "state", e.text);
	free(state);
	store_close(st);
	open_spool(p, s, &sp);
	spool_close(&sp);
}

/* What is ready goes on its way. */
static int collect(struct play *p, struct place *s, struct spool *sp,
    const char *peer)
{
	struct err e = ERR_INIT;
	struct spool_list l;
	char way[240];
	int n;

	if (spool_list(sp, SPOOL_KIND_OUTBOX, peer, 0, &l, &e) < 0)
		fail(p, "list", e.text);
	n = (int)l.n;
	for (int k = 0; k < n && p->nmade < MADE; k++) {
		char *path = spool_path(sp, SPOOL_KIND_OUTBOX, peer,
		    l.e[k].number);

		p->nmade++;
		snprintf(way, sizeof(way), "%s/%d-%08llu.xml.gz", p->dir,
		    p->nmade, (unsigned long long)l.e[k].number);
		if (rename(path, way) < 0)
			fail(p, way, "rename");
		free(path);
		p->made[p->nmade] = strdup(way);
		p->from[p->nmade] = s->name[0];
		p->to[p->nmade] = peer[0];
	}
	spool_list_free(&l);
	return n;
}

static void do_pack(struct play *p, char *args)
{
	struct place *s = find(p, args[0]);
	char peer[2] = {args[2], '\0'};
	struct store *st = open_store(p, s);
	struct err e = ERR_INIT;
	struct spool sp;
	struct pack_conf conf = {.store = st, .spool = &sp,
	    .bundle_size = 1 << 20, .flush = true};
	struct pack_result r = {0, 0, 0};
	char text[60];
	int n;

	open_spool(p, s, &sp);
	if (pack_peer(&conf, peer, &r, &e) < 0)
		fail(p, "pack", e.text);
	store_close(st);
	n = collect(p, s, &sp, peer);
	spool_close(&sp);
	snprintf(text, sizeof(text), "%d bundles", n);
	if (n != atoi(args + 4))
		fail(p, args, text);
}

static void do_deliver(struct play *p, int n)
{
	struct place *to;
	char path[300];
	const char *name;

	if (n < 1 || n > p->nmade) {
		fail(p, "deliver", "no such bundle");
		return;
	}
	to = find(p, p->to[n]);
	name = strrchr(p->made[n], '-') + 1;
	snprintf(path, sizeof(path), "%s/inbox/%c", to->dir, p->from[n]);
	fs_mkdirs(path, NULL);
	snprintf(path, sizeof(path), "%s/inbox/%c/%s", to->dir, p->from[n],
	    name);
	if (link(p->made[n], path) < 0)
		fail(p, path, "link");
}

static void tell(void *arg, int severity, const char *text)
{
	struct play *p = arg;

	if (p->trace)
		printf("  %s%s\n", severity == APPLY_WARN ? "WARNING " : "",
		    text);
}

static void warn(void *arg, const char *text)
{
	tell(arg, APPLY_WARN, text);
}

static void do_apply(struct play *p, char *args)
{
	struct place *s = find(p, args[0]);
	struct store *st = open_store(p, s);
	struct err e = ERR_INIT;
	struct spool sp;
	struct apply_conf conf = {.store = st, .spool = &sp, .tell = tell,
	    .arg = p};
	struct apply_result r;
	char name[2] = "?";

	st->warn = warn;
	st->warn_arg = p;
	open_spool(p, s, &sp);
	for (const char *q = s->peers; *q; q++) {
		memset(&r, 0, sizeof(r));
		name[0] = *q;
		if (apply_peer(&conf, name, &r, &e) < 0)
			fail(p, "apply", e.text);
		if (r.held)
			fail(p, "apply", "a bundle is held");
	}
	store_close(st);
	spool_close(&sp);
}

/* The database as .backup makes it; state and inbox as an image has them. */
static void do_backup(struct play *p, char *args)
{
	struct place *s = find(p, args[0]);
	char cmd[1200];
	sqlite3 *to;
	sqlite3_backup *b;

	snprintf(cmd, sizeof(cmd), "mkdir %s/b%s && (cp -a %s/state %s/inbox"
	    " %s/b%s 2>/dev/null; true)", p->dir, args + 2, s->dir, s->dir, p->dir, args + 2);
	shell(p, cmd);
	snprintf(cmd, sizeof(cmd), "%s/b%s/d.db", p->dir, args + 2);
	sqlite3_open(cmd, &to);
	b = sqlite3_backup_init(to, "main", s->app, "main");
	if (!b || sqlite3_backup_step(b, -1) != SQLITE_DONE)
		fail(p, "backup", sqlite3_errmsg(to));
	sqlite3_backup_finish(b);
	sqlite3_close(to);
}

static void do_restore(struct play *p, char *args)
{
	struct place *s = find(p, args[0]);
	char cmd[1800], how[10];
	struct store *st;
	int n;

	if (sscanf(args + 1, "%d %9s", &n, how) != 2)
		fail(p, "restore", args);
	sqlite3_close(s->app);
	snprintf(cmd, sizeof(cmd), "rm -f %s/d.db*; cp %s/b%d/d.db %s/d.db",
	    s->dir, p->dir, n, s->dir);
	shell(p, cmd);
	if (strcmp(how, "lost") == 0) {
		snprintf(cmd, sizeof(cmd), "rm -rf %s/state %s/inbox/*"
		    " %s/outbox/*", s->dir, s->dir, s->dir);
		shell(p, cmd);
	} else if (strcmp(how, "image") == 0) {
		snprintf(cmd, sizeof(cmd), "rm -rf %s/inbox %s/state; (cp -a"
		    " %s/b%d/inbox %s/b%d/state %s 2>/dev/null; true)", s->dir, s->dir, p->dir,
		    n, p->dir, n, s->dir);
		shell(p, cmd);
	}
	s->boot++;
	open_app(p, s);
	st = open_store(p, s);
	add_peers(p, s, st); /* dialsync.conf names them still */
	store_close(st);
}

/* ---- the end */

static const char rows_sql[] =
    "SELECT 'row ' || k || ' ' || quote(a) || ' ' || quote(b) FROM t"
    " ORDER BY k";

static const char registers_sql[] =
    "WITH RECURSIVE bit(r) AS (SELECT 0 UNION ALL SELECT r + 1 FROM bit"
    " WHERE r < 9) SELECT 'register ' || f.k || ' ' ||"
    "  CASE WHEN f.m < 0 THEN 'D' WHEN r = 0 THEN 'B' ELSE (SELECT name"
    "  FROM dialsync_column c WHERE c.t = f.t AND c.r = bit.r) END"
    "  || ' ' || f.c || ' ' || o.site || ' ' || o.inc AS line"
    " FROM dialsync_frag f JOIN dialsync_table t USING(t)"
    " JOIN dialsync_origin o USING(o) JOIN bit"
    " ON CASE WHEN f.m < 0 THEN r = 0 ELSE f.m >> r & 1 END"
    " WHERE t.name = 't' AND r <> 1 AND (f.m < 0 OR r = 0 OR (SELECT name"
    "  FROM dialsync_column c WHERE c.t = f.t AND c.r = bit.r) <> 'k')"
    " ORDER BY line";

/* id: TABLE|KEY|FIELD|CLOCK|SITE|INCARNATION */
static const char conflicts_sql[] =
    "SELECT replace(replace(replace('conflict ' || substr(id, 3), '|=', ''),"
    " '||', ' - '), '|', ' ') AS line FROM dialsync_conflict ORDER BY line";

static char *next_line(char **text)
{
	char *line = *text, *end;

	if (!line || !*line)
		return NULL;
	end = strchr(line, '\n');
	if (end)
		*end = '\0';
	*text = end ? end + 1 : NULL;
	return line;
}

static bool is_word(const char *line, const char *word)
{
	size_t n = strlen(word);

	return strncmp(line, word, n) == 0 && line[n] == ' ';
}

/* What the model says must follow, in its order.  A conflict twice (two values
 * of one version) is one line of the model's, too. */
static void compare(struct play *p, struct place *s, const char *sql,
    const char *word, char **text)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(s->app, sql, -1, &st, NULL) != SQLITE_OK)
		fail(p, sql, sqlite3_errmsg(s->app));
	while (!p->bad) {
		int rc = sqlite3_step(st);
		const char *here = rc == SQLITE_ROW
		    ? (const char *)sqlite3_column_text(st, 0)
		    : NULL;
		char *line = *text && is_word(*text, word) ? next_line(text)
							   : NULL;

		if (line)
			p->line++;
		if (!here && !line)
			break;
		if (!here || !line || strcmp(here, line) != 0) {
			char both[400];

			snprintf(both, sizeof(both), "the model: %s, here: %s",
			    line ? line : "nothing", here ? here : "nothing");
			fail(p, s->name, both);
		}
	}
	sqlite3_finalize(st);
}

static void do_line(struct play *p, char *line, char **text)
{
	char *args = strchr(line, ' ');

	if (!args)
		return;
	*args++ = '\0';
	if (strcmp(line, "site") == 0) {
		do_site(p, args);
	} else if (strcmp(line, "at") == 0) {
		p->now = atoll(args);
	} else if (strcmp(line, "off") == 0) {
		find(p, args[0])->off = atoll(args + 2);
	} else if (strcmp(line, "sql") == 0) {
		set_time(p, find(p, args[0]));
		run_sql(p, find(p, args[0])->app, args + 2);
	} else if (strcmp(line, "pack") == 0) {
		do_pack(p, args);
	} else if (strcmp(line, "deliver") == 0) {
		do_deliver(p, atoi(args));
	} else if (strcmp(line, "apply") == 0) {
		do_apply(p, args);
	} else if (strcmp(line, "backup") == 0) {
		do_backup(p, args);
	} else if (strcmp(line, "restore") == 0) {
		do_restore(p, args);
	} else if (strcmp(line, "end") == 0) {
		struct place *s = find(p, args[0]);

		compare(p, s, rows_sql, "row", text);
		compare(p, s, registers_sql, "register", text);
		compare(p, s, conflicts_sql, "conflict", text);
	} else {
		fail(p, "unknown line", line);
	}
}

static int remove_one(const char *path, const struct stat *st, int flag,
    struct FTW *f)
{
	(void)st;
	(void)flag;
	(void)f;
	return remove(path);
}

static bool play_file(const char *file, bool trace, bool keep)
{
	static struct play p;
	const char *tmp = getenv("TMPDIR");
	struct buf b = BUF_INIT(SIZE_MAX);
	struct err e = ERR_INIT;
	char *text, *line;

	memset(&p, 0, sizeof(p));
	p.file = file;
	p.trace = trace;
	if (!tmp)
		tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(p.dir, sizeof(p.dir), "%.80s/historyXXXXXX", tmp);
	if (fs_read(file, &b, &e) < 0 || !mkdtemp(p.dir)) {
		fprintf(stderr, "%s: %s\n", file, e.text);
		return false;
	}
	text = strdup(buf_str(&b));
	buf_free(&b);
	for (char *at = text; !p.bad && (line = next_line(&at));) {
		p.line++;
		if (trace)
			printf("%d: %s\n", p.line, line);
		do_line(&p, line, &at);
	}
	free(text);
	for (int i = 0; i < p.nsites; i++)
		sqlite3_close(p.site[i].app);
	for (int i = 1; i <= p.nmade; i++)
		free(p.made[i]);
	if (keep)
		printf("kept in %s\n", p.dir);
	else
		nftw(p.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return !p.bad;
}

int main(int argc, char **argv)
{
	bool trace = false, keep = false;
	int bad = 0, c;

	while ((c = getopt(argc, argv, "vk")) != -1)
		if (c == 'v')
			trace = true;
		else if (c == 'k')
			keep = true;
		else
			return 64;
	install_time();
	for (int i = optind; i < argc; i++)
		bad += !play_file(argv[i], trace, keep);
	printf("%d histories, %d that differ\n", argc - optind, bad);
	return bad ? 1 : 0;
}
