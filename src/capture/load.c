#include "config.h"

#include "capture/load.h"

#include <stdlib.h>
#include <string.h>

#include "capture/capture.h"
#include "store/frag.h"
#include "store/held.h"
#include "store/scan.h"

/* ---- the order of the tables */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int index_of(char **names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (sqlite3_stricmp(names[i], name) == 0)
			return i;
	return -1;
}

/* refers[i * n + k]: table i has a foreign key to table k. */
static int read_references(struct store *s, char **names, int n, bool *refers,
    struct err *e)
{
	for (int i = 0; i < n; i++) {
		sqlite3_stmt *st = db_prepare(s->db,
		    "SELECT \"table\" FROM pragma_foreign_key_list(?)", false,
		    e);
		int rc;

		if (!st)
			return -1;
		sqlite3_bind_text(st, 1, names[i], -1, SQLITE_STATIC);
		while ((rc = db_step(st, e)) == 1) {
			int k = index_of(names, n,
			    (const char *)sqlite3_column_text(st, 0));

			if (k >= 0 && k != i)
				refers[i * n + k] = true;
		}
		sqlite3_finalize(st);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* The first table that is left and that table i refers to; -1: none. */
static int parent_left(const bool *refers, const bool *done, int n, int i)
{
	for (int k = 0; k < n; k++)
		if (refers[i * n + k] && !done[k])
			return k;
	return -1;
}

/* Where each table that is left refers to another that is left, n steps from
 * one to the next end in a circle: its first name. */
static int pick_of_circle(const bool *refers, const bool *done, int n, int i)
{
	int first, k;

	for (int steps = 0; steps < n; steps++)
		i = parent_left(refers, done, n, i);
	first = i;
	for (k = parent_left(refers, done, n, i); k != i;
	     k = parent_left(refers, done, n, k))
		first = k < first ? k : first;
	return first;
}

/* The next table: the first by name that refers to none that is left, else one
 * of a circle. */
static int pick(const bool *refers, const bool *done, int n)
{
	int left = -1;

	for (int i = 0; i < n; i++) {
		if (done[i])
			continue;
		left = i;
		if (parent_left(refers, done, n, i) < 0)
			return i;
	}
	return pick_of_circle(refers, done, n, left);
}

static int sort_names(struct store *s, char **names, int n, struct err *e)
{
	bool *refers = calloc((size_t)n * (size_t)n + 1, sizeof(*refers));
	bool *done = calloc((size_t)n + 1, sizeof(*done));
	char **sorted = calloc((size_t)n + 1, sizeof(*sorted));
	int rc = refers && done && sorted
	    ? read_references(s, names, n, refers, e)
	    : err_set(e, ERR_SYSTEM, "out of memory");

	for (int i = 0; i < n && rc == 0; i++) {
		int k = pick(refers, done, n);

		done[k] = true;
		sorted[i] = names[k];
	}
	if (rc == 0 && n)
		memcpy(names, sorted, (size_t)n * sizeof(*names));
	free(refers);
	free(done);
	free(sorted);
	return rc;
}

int capture_load_order(struct store *s, char ***names, int *n, struct err *e)
{
	*n = 0;
	*names = calloc((size_t)s->ntables + 1, sizeof(**names));
	if (!*names)
		return err_set(e, ERR_SYSTEM, "out of memory");
	for (int i = 0; i < s->ntables; i++) {
		const struct table *t = s->tables[i];

		if (!t->tracked || !t->present ||
		    strcmp(t->name, TABLE_CONFLICT) == 0)
			continue;
		(*names)[*n] = strdup(t->name);
		if (!(*names)[*n])
			abort();
		(*n)++;
	}
	qsort(*names, (size_t)*n, sizeof(**names), by_name);
	return sort_names(s, *names, *n, e);
}

/* ---- rows */

/* The row's registers without a version, as one fragment: 1 there were some,
 * 0 none, -1. */
static int stamp_row(struct store *s, const struct table *t,
    const struct value *key, struct frag *frags, struct err *e)
{
	int n = frags_of(s, t, key, frags, FRAGS_MAX, e);
	struct frag f;

	if (n < 0)
		return -1;
	memset(&f, 0, sizeof(f));
	memcpy(f.mask.w, t->all.w, (size_t)t->words * sizeof(*f.mask.w));
	for (int i = 0; i < n; i++) {
		/* its table was not looked after when its death came: it is
		 * about to go */
		if (frags[i].death)
			return 0;
		mask_minus(f.mask.w, frags[i].mask.w, t->words);
	}
	/* the key's columns have no values of their own: the spelling has */
	for (int i = 0; i < t->nkey; i++)
		mask_clear(f.mask.w, t->key[i] + REG_COLUMN);
	if (mask_empty(f.mask.w, t->words))
		return 0;
	f.seq = store_next_seq(s);
	f.ver = (struct version){STORE_CLOCK_LOAD, s->self};
	return frag_add(s, t, key, &f, e) < 0 ? -1 : 1;
}

/* This site has the versions that it gives; and they are as good as told, so
 * that every later change gets a later clock. */
static int know_own(struct store *s, struct err *e)
{
	if (s->last < STORE_CLOCK_LOAD)
		s->last = STORE_CLOCK_LOAD;
	if (s->packed < STORE_CLOCK_LOAD)
		s->packed = STORE_CLOCK_LOAD;
	s->dirty = true;
	return store_know(s, s->self, s->last, e);
}

/* One batch in one transaction: *n keys were looked at. */
static int stamp_batch(struct store *s, const char *name, struct key_scan *k,
    struct frag *frags, int *n, int64_t *stamped, struct err *e)
{
	int rc;

	*n = 0;
	if (capture_fold_begin(s, e) < 0)
		return -1;
	/* the registry may have been read anew: tables move */
	k->t = table_by_name(s, name);
	rc = k->t && k->t->present && k->t->tracked ? know_own(s, e) : 1;
	if (rc == 0)
		rc = *n = key_scan_next(s, k, e);
	for (int i = 0; i < *n && rc >= 0; i++) {
		rc = stamp_row(s, k->t, &k->keys[i], frags, e);
		*stamped += rc == 1;
	}
	if (rc >= 0 && store_commit(s, e) == 0)
		return 0;
	store_rollback(s);
	return -1;
}

static int stamp_table(struct store *s, const char *name,
    load_progress *progress, void *arg, int64_t *stamped, struct err *e)
{
	struct frag *frags = calloc(FRAGS_MAX, sizeof(*frags));
	struct key_scan k;
	int64_t rows = 0;
	int n = 1, rc = 0;

	if (!frags)
		return err_set(e, ERR_SYSTEM, "out of memory");
	key_scan_init(&k, NULL);
	while (n > 0 && rc == 0) {
		rc = stamp_batch(s, name, &k, frags, &n, stamped, e);
		rows += n;
		if (rc == 0 && progress && n > 0)
			progress(arg, name, rows);
	}
	key_scan_free(&k);
	free(frags);
	return rc;
}

int capture_load(struct store *s, load_progress *progress, void *arg,
    int64_t *stamped, struct err *e)
{
	char **names;
	int n, rc;

	*stamped = 0;
	/* the tables as they are now */
	if (capture_fold_begin(s, e) < 0)
		return -1;
	/* rows that get a version get another claim, see doc/MERGE.md */
	if (know_own(s, e) < 0 ||
	    store_meta_set_int(s, HELD_META_RETRY, 1, e) < 0 ||
	    store_commit(s, e) < 0) {
		store_rollback(s);
		return -1;
	}
	rc = capture_load_order(s, &names, &n, e);
	for (int i = 0; i < n && rc == 0; i++)
		rc = stamp_table(s, names[i], progress, arg, stamped, e);
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return rc;
}
