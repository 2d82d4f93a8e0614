/* Stick -> inbox, in the steps of a call: received into part/, synced, moved to
 * the inbox, noted in `stored`.  What is not a whole bundle of that peer for
 * us with that number stays where it is. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "bundle/bundle.h"
#include "carry/carry.h"
#include "spool/spool_part.h"

/* Who it must be from, for, and of what number. */
struct look {
	const char *from, *to;
	uint64_t number;
};

static int look_head(void *arg, const struct bundle_head *h, struct err *e)
{
	const struct look *l = arg;

	if (strcmp(h->from, l->from) == 0 && strcmp(h->to, l->to) == 0 &&
	    (uint64_t)h->number == l->number)
		return 0;
	return err_set(e, ERR_DATA, "inside it says that it is number %lld from"
	    " %s for %s", (long long)h->number, h->from, h->to);
}

static int look_group(void *arg, struct bundle_group *g, struct err *e)
{
	(void)arg;
	(void)g;
	(void)e;
	return 0;
}

/* Read it to its end: gzip's sum and XML are whole.  0; 1 it is not (why). */
static int look_through(struct carry *c, int fd, uint64_t number,
    struct err *why)
{
	static const struct bundle_ops ops = {look_head, look_group, NULL};
	struct look l = {c->peer, c->site->cfg->site.name, number};
	bool cut = false;

	if (bundle_read(fd, &ops, &l, &cut, why) == 0)
		return 0;
	if (why->kind != ERR_DATA && why->kind != ERR_PEER)
		return -1;
	return 1;
}

/* Its bytes into the partial. */
static int fill_part(struct carry *c, int fd, struct spool_part *part,
    uint64_t offset, struct err *e)
{
	char chunk[32768];
	ssize_t n;

	while ((n = pread(fd, chunk, sizeof(chunk), (off_t)offset)) > 0) {
		if (spool_part_append(part, chunk, (size_t)n, e) < 0)
			return -1;
		offset += (uint64_t)n;
		if (!carry_more(c, (size_t)n))
			return err_set(e, ERR_AGAIN, "stopped");
	}
	return n < 0 ? err_sys(e, "read the stick") : 0;
}

/* A bundle that was looked through. */
static int store(struct carry *c, int fd, const struct spool_mark *m,
    struct err *e)
{
	struct spool_source src = {m->size, 0, ""};
	struct spool_part *part;
	uint64_t offset;
	int rc;

	snprintf(src.digest, sizeof(src.digest), "crc32=%08" PRIx32, m->crc);
	if (spool_part_open(&c->site->spool, c->peer, m->number, &src, &part,
		&offset, e) < 0)
		return -1;
	/* a call has got some of it: then it is known to begin the same only
	 * when that call said its sum, and it costs nothing to begin anew */
	if (offset > 0) {
		spool_part_close(part);
		if (spool_part_drop(&c->site->spool, c->peer, m->number,
			e) < 0 ||
		    spool_part_open(&c->site->spool, c->peer, m->number, &src,
			&part, &offset, e) < 0)
			return -1;
	}
	c->copied = 0;
	c->size = m->size;
	c->number = m->number;
	rc = fill_part(c, fd, part, offset, e);
	if (rc == 0)
		rc = spool_part_commit(part, m->size, e);
	if (rc != 0)
		spool_part_close(part);
	return rc;
}

static int take(struct carry *c, const char *dir, const struct spool_mark *m,
    struct err *e)
{
	char name[SPOOL_NAME_SIZE];
	struct err why = ERR_INIT;
	int rc, fd = carry_stick_open(dir, spool_name_format(m->number, name));

	if (fd < 0)
		return 0;
	rc = look_through(c, fd, m->number, &why);
	if (rc == 0) {
		rc = store(c, fd, m, e);
		if (rc == 0)
			c->r.taken++;
		if (rc == 1)
			log_warn("%s: %s is not taken in: another file has its"
			    " name in inbox/%s; it stays on the stick, try"
			    " again when that one is applied", c->peer, name,
			    c->peer);
	} else if (rc == 1) {
		log_warn("%s/%s cannot be used: %s; it is left there, and is"
		    " written again when the stick comes to %s", dir, name,
		    why.text, c->peer);
		c->r.damaged++;
	} else {
		*e = why;
	}
	close(fd);
	return rc < 0 ? -1 : 0;
}

static int one(struct carry *c, const char *dir, uint64_t number,
    const struct spool_known *known, struct err *e)
{
	struct spool_mark m;
	int rc = carry_stick_mark(dir, number, &m, e);

	if (rc <= 0)
		return rc;
	/* applied for good: whoever wrote it learns it from our `applied` */
	if (spool_applied_has(c->ours, &m)) {
		c->r.removed++;
		return carry_stick_remove(dir, number, e);
	}
	return spool_known_exactly(known, &m) ? 0 : take(c, dir, &m, e);
}

/* All of them.  One that cannot be read, or not be deleted (a write-protected
 * stick), does not keep the others back; the first error is what is told. */
static int each(struct carry *c, const char *dir, const struct spool_list *l,
    const struct spool_known *known, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct err why = ERR_INIT;

		if (site_stop)
			return err_set(e, ERR_AGAIN, "stopped");
		if (one(c, dir, l->e[i].number, known, &why) == 0)
			continue;
		if (rc == 0 || why.kind == ERR_AGAIN)
			*e = why;
		rc = -1;
		if (why.kind == ERR_AGAIN || carry_stick_there(c, NULL) < 0)
			break;
	}
	return rc;
}

/* Stopped at any instant: what was stored is known from inbox and `stored`, the
 * rest is still on the stick. */
int carry_in(struct carry *c, struct err *e)
{
	struct spool_known *known;
	struct spool_list l;
	char *dir;
	int rc;

	err_clear(e);
	dir = carry_stick_dir(c, c->peer, c->site->cfg->site.name, false, e);
	if (!dir)
		return e->kind == ERR_NONE ? 0 : -1;
	if (spool_part_sweep(&c->site->spool, c->peer, NULL, e) < 0) {
		free(dir);
		return -1;
	}
	known = spool_known_load(&c->site->spool, c->peer, e);
	rc = known ? carry_stick_list(dir, false, &l, e) : -1;
	if (rc == 0)
		rc = each(c, dir, &l, known, e);
	if (known)
		free(l.e);
	spool_known_free(known);
	free(dir);
	if (c->r.taken)
		spool_wake_applier(&c->site->spool);
	return rc;
}
