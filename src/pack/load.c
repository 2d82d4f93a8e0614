/* The first load: its beginning, and the row counts of a first bundle. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "capture/capture.h"
#include "capture/load.h"
#include "pack/pack_p.h"

bool pack_load_left(const struct peer *p)
{
	return p->loading == PEER_LOAD_ON && p->mark < p->load;
}

/* The versions come first, in transactions of their own; then one transaction
 * says that the load has begun.  Stopped before that one, it is still wanted,
 * and what has its versions keeps them. */
int pack_load_begin(struct store *s, struct peer *p, struct err *e)
{
	char name[sizeof(p->name)];
	int64_t stamped;

	memcpy(name, p->name, sizeof(name));
	if (capture_load(s, NULL, NULL, &stamped, e) < 0 ||
	    capture_fold_begin(s, e) < 0)
		return -1;
	if (peer_load(s, name, p, e) == 0 &&
	    (p->loading != PEER_LOAD_WANTED ||
		peer_load_start(s, p, e) == 0) &&
	    store_commit(s, e) == 0)
		return 0;
	store_rollback(s);
	return -1;
}

void pack_counts_free(struct pack_counts *c)
{
	for (size_t i = 0; i < c->n; i++)
		free((char *)(uintptr_t)c->list[i].table);
	free(c->list);
	memset(c, 0, sizeof(*c));
}

int pack_counts_take(struct pack_counts *c, struct store *s, struct err *e)
{
	char **names;
	int n, rc = capture_load_order(s, &names, &n, e);

	c->taken = true;
	if (rc == 0) {
		c->list = calloc((size_t)n + 1, sizeof(*c->list));
		if (!c->list)
			rc = err_set(e, ERR_SYSTEM, "pack: out of memory");
	}
	for (int i = 0; i < n && rc == 0 && i < BUNDLE_COUNTS_MAX; i++) {
		struct bundle_count *to = &c->list[c->n];
		char *q = db_quote(names[i]);
		char *sql = fs_format("SELECT count(*) FROM %s", q);

		rc = db_int(s->db, sql, 0, &to->rows, e);
		free(q);
		free(sql);
		if (rc == 0) {
			to->table = names[i];
			names[i] = NULL;
			c->n++;
		}
	}
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return rc;
}
