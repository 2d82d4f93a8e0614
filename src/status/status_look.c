/* The readings.  See status_look.h. */
#include "config.h"

#include "status/status_look.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"
#include "config/config.h"
#include "schedule/schedule_facts.h"
#include "status/status_db.h"

#define DIALER "dialer."
#define OTHER_LINES_MAX 32   /* status files of lines not configured */

/* Read status/NAME. */
static void read_file(const struct spool *s, const char *name,
    struct status_seen_file *f, struct status_map *map)
{
	char *path = fs_format("%s/" SPOOL_STATUS "/%s", s->dir, name);

	f->there = status_read(path, map, &f->alive, NULL) == 0;
	if (!f->there)
		f->alive = false;
	f->map = map;
	free(path);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of lines that have a status file and are in no configuration. */
static int find_others(const struct config *cfg, const struct spool *s,
    struct status_look *l, struct err *e)
{
	char *path = fs_join(s->dir, SPOOL_STATUS);
	DIR *d = opendir(path);
	struct dirent *de;
	const char *line;

	free(path);
	l->names = calloc(OTHER_LINES_MAX, sizeof(*l->names));
	if (!l->names) {
		if (d)
			closedir(d);
		return err_set(e, ERR_SYSTEM, "no memory for the status");
	}
	while (d && l->n_names < OTHER_LINES_MAX && (de = readdir(d))) {
		if (strncmp(de->d_name, DIALER, strlen(DIALER)) != 0)
			continue;
		line = de->d_name + strlen(DIALER);
		if (text_name_ok(line) && !config_line(cfg, line))
			l->names[l->n_names++] = fs_format("%s", line);
	}
	if (d)
		closedir(d);
	qsort(l->names, l->n_names, sizeof(*l->names), by_name);
	return 0;
}

static int look_at_lines(const struct config *cfg, const struct spool *s,
    struct status_look *l, struct err *e)
{
	size_t n;

	if (find_others(cfg, s, l, e) < 0)
		return -1;
	n = cfg->n_lines + l->n_names;
	l->lines = calloc(n + 1, sizeof(*l->lines));
	l->maps = calloc(n + 1, sizeof(*l->maps));
	if (!l->lines || !l->maps)
		return err_set(e, ERR_SYSTEM, "no memory for the status");
	for (size_t i = 0; i < n; i++) {
		bool configured = i < cfg->n_lines;
		const char *line = configured ? cfg->lines[i].name
		                              : l->names[i - cfg->n_lines];
		char *name = fs_format(DIALER "%s", line);

		l->lines[i].line = line;
		l->lines[i].configured = configured;
		read_file(s, name, &l->lines[i], &l->maps[i]);
		free(name);
	}
	l->seen.lines = l->lines;
	l->seen.n_lines = n;
	return 0;
}

/* What the log of calls says: of the last call with each peer, the next, and
 * how long it will take.  A log that cannot be read leaves that unknown. */
static int look_at_calls(const struct config *cfg, const struct spool *s,
    struct status_look *l, struct err *e)
{
	struct schedule_peer *all = calloc(cfg->n_peers + 1, sizeof(*all));
	int64_t now = clock_wall();

	if (!all)
		return err_set(e, ERR_SYSTEM, "no memory for the status");
	if (schedule_read(s, cfg, now, all, NULL) < 0) {
		free(all);
		return 0;
	}
	for (size_t i = 0; i < cfg->n_peers; i++) {
		struct status_seen_peer *p = &l->peers[i];

		p->called = all[i].called;
		p->call = all[i].last;
		p->scheduled = true;
		p->tries = all[i].facts.tries;
		schedule_ask(&cfg->peers[i], &all[i].facts,
		    SCHEDULE_BY_CLOCK, now, &p->next);
		p->estimate_s = schedule_estimate(&all[i], p->counted &&
		    p->counts.outbox_bytes < INT64_MAX ?
		    (int64_t)p->counts.outbox_bytes : -1, -1,
		    &p->estimate_bps);
	}
	free(all);
	return 0;
}

/* What the database has to say.  The first reason why some of it is not known
 * is kept. */
static void look_at_database(const struct config *cfg, const struct spool *s,
    struct status_look *l)
{
	const char *file = cfg->site.database;
	char *path = file[0] == '/' ? fs_format("%s", file)
	                            : fs_join(s->dir, file);
	struct status_db *d = status_db_open(path, cfg->site.name,
	    &l->database);
	struct err e = ERR_INIT, *first;

	free(path);
	if (!d)
		return;
	status_db_site(d, &l->seen, &l->database);
	first = l->database.kind == ERR_NONE ? &l->database : &e;
	l->troubles = calloc(STATUS_TROUBLES_MAX, sizeof(*l->troubles));
	if (l->troubles)
		status_db_tables(d, &l->seen, l->troubles,
		    &l->seen.n_troubles, first);
	l->seen.troubles = (const char *const *)l->troubles;
	for (size_t i = 0; i < l->seen.n_peers; i++) {
		first = l->database.kind == ERR_NONE ? &l->database : &e;
		status_db_peer(d, &l->peers[i], first);
	}
	status_db_close(d);
}

static int look_at_peers(const struct config *cfg, const struct spool *s,
    struct status_look *l, struct err *e)
{
	l->peers = calloc(cfg->n_peers + 1, sizeof(*l->peers));
	if (!l->peers)
		return err_set(e, ERR_SYSTEM, "no memory for the status");
	for (size_t i = 0; i < cfg->n_peers; i++) {
		struct status_seen_peer *p = &l->peers[i];

		p->name = cfg->peers[i].name;
		p->counted = spool_count(s, p->name, &p->counts, NULL) == 0;
		p->unpacked = p->waiting_for = STATUS_NONE;
	}
	l->seen.peers = l->peers;
	l->seen.n_peers = cfg->n_peers;
	return 0;
}

int status_look(const struct config *cfg, const struct spool *s, bool all,
    struct status_look *l, struct err *e)
{
	memset(l, 0, sizeof(*l));
	l->seen.site = cfg->site.name;
	l->seen.held_rows = l->seen.conflicts = STATUS_NONE;
	l->seen.parked = STATUS_NONE;
	if (look_at_lines(cfg, s, l, e) < 0 || (all &&
	    (look_at_peers(cfg, s, l, e) < 0 ||
	    look_at_calls(cfg, s, l, e) < 0))) {
		status_look_free(l);
		return -1;
	}
	if (all) {
		read_file(s, "applier", &l->seen.applier, &l->applier);
		look_at_database(cfg, s, l);
	}
	/* behind the readings: a file is never newer than this */
	l->seen.now = clock_wall();
	return 0;
}

void status_look_free(struct status_look *l)
{
	for (size_t i = 0; l->maps && i < l->seen.n_lines; i++)
		status_map_free(&l->maps[i]);
	for (size_t i = 0; i < l->n_names; i++)
		free(l->names[i]);
	for (size_t i = 0; i < l->seen.n_troubles; i++)
		free(l->troubles[i]);
	free(l->troubles);
	status_map_free(&l->applier);
	free(l->names);
	free(l->lines);
	free(l->maps);
	for (size_t i = 0; l->peers && i < l->seen.n_peers; i++)
		free(l->peers[i].note);
	free(l->peers);
	memset(l, 0, sizeof(*l));
}
