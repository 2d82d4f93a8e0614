/* Outbox -> stick.  What the peer says that it has applied leaves both; what
 * is ready is written, and stays in the outbox. */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "carry/carry.h"
#include "spool/spool_outbox.h"

/* The sum of a bundle in the outbox: 1; 0 it is gone; -1. */
static int outbox_mark(struct carry *c, uint64_t number, struct spool_mark *m,
    struct err *e)
{
	struct err why = ERR_INIT;
	int rc, fd = spool_open_bundle(&c->site->spool, SPOOL_KIND_OUTBOX,
	    c->peer, number, NULL, &why);

	m->number = number;
	if (fd < 0 && why.kind == ERR_MISSING)
		return 0;
	if (fd < 0) {
		*e = why;
		return -1;
	}
	rc = spool_crc32(fd, &m->crc, &m->size, e);
	close(fd);
	return rc < 0 ? -1 : 1;
}

/* What the peer is known to have applied leaves the outbox.  Its `applied` on
 * the stick counts only for exactly these bytes: whatever became of numbers on
 * either side (a backup put back), no other bundle goes for it. */
static int drop_delivered(struct carry *c, struct err *e)
{
	const struct spool *s = &c->site->spool;
	struct spool_list l;
	unsigned n = 0;
	int rc;

	if (spool_outbox_drop_acked(s, c->peer, &n, e) < 0)
		return -1;
	c->r.delivered += n;
	if (c->theirs->n == 0)
		return 0;
	rc = spool_list(s, SPOOL_KIND_OUTBOX, c->peer, 0, &l, e);
	if (rc < 0)
		return -1;
	for (size_t i = 0; rc >= 0 && i < l.n; i++) {
		struct spool_mark m;

		rc = outbox_mark(c, l.e[i].number, &m, e);
		if (rc <= 0 || !spool_applied_has(c->theirs, &m))
			continue;
		rc = spool_outbox_stored(s, c->peer, m.number, e);
		c->r.delivered++;
	}
	spool_list_free(&l);
	return rc < 0 ? -1 : 0;
}

/* Our bundles on the stick that the peer has applied. */
static int clean_stick(struct carry *c, const char *dir, struct err *e)
{
	struct spool_list l;
	uint64_t acked;
	int rc = carry_stick_list(dir, true, &l, e);

	if (rc == 0)
		rc = spool_acked_read(&c->site->spool, c->peer, &acked, e);
	for (size_t i = 0; rc >= 0 && i < l.n; i++) {
		struct spool_mark m;
		bool has = l.e[i].number <= acked;

		if (!has && c->theirs->n) {
			rc = carry_stick_mark(dir, l.e[i].number, &m, e);
			has = rc == 1 && spool_applied_has(c->theirs, &m);
		}
		if (rc < 0 || !has)
			continue;
		rc = carry_stick_remove(dir, l.e[i].number, e);
		c->r.removed++;
	}
	free(l.e);
	return rc < 0 ? -1 : 0;
}

/* One ready bundle, unless the stick has just these bytes. */
static int write_one(struct carry *c, const char *dir, uint64_t number,
    struct err *e)
{
	char name[SPOOL_NAME_SIZE];
	struct spool_mark ours, there;
	char *path;
	int fd, rc = outbox_mark(c, number, &ours, e);

	if (rc <= 0)
		return rc;
	/* a damaged one that cannot even be read is written again */
	if (carry_stick_mark(dir, number, &there, NULL) == 1 &&
	    there.size == ours.size && there.crc == ours.crc)
		return 0;
	fd = spool_open_bundle(&c->site->spool, SPOOL_KIND_OUTBOX, c->peer,
	    number, NULL, e);
	if (fd < 0)
		return -1;
	c->copied = 0;
	c->size = ours.size;
	c->number = number;
	path = fs_join(dir, spool_name_format(number, name));
	rc = fs_copy(fd, path, carry_more, c, e);
	free(path);
	close(fd);
	if (rc < 0)
		return -1;
	c->r.written++;
	c->r.written_bytes += ours.size;
	return 0;
}

static int write_ready(struct carry *c, const char *dir, struct err *e)
{
	struct spool_list l;
	int rc = spool_list(&c->site->spool, SPOOL_KIND_OUTBOX, c->peer, 0, &l,
	    e);

	if (rc < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < l.n; i++) {
		if (site_stop)
			rc = err_set(e, ERR_AGAIN, "stopped");
		if (rc == 0)
			rc = carry_stick_there(c, e);
		if (rc == 0)
			rc = write_one(c, dir, l.e[i].number, e);
		if (rc == 0 && l.n > 20)
			log_progress("%s: %zu of %zu bundles", c->peer, i + 1,
			    l.n);
	}
	spool_list_free(&l);
	return rc;
}

static bool same_marks(const struct spool_applied *a,
    const struct spool_applied *b)
{
	bool same = a->through == b->through && a->n == b->n;

	/* not by memcmp: there are bytes between the fields */
	for (size_t i = 0; i < a->n && same; i++)
		same = a->mark[i].number == b->mark[i].number &&
		    a->mark[i].size == b->mark[i].size &&
		    a->mark[i].crc == b->mark[i].crc;
	return same;
}

/* What we have applied, as inbox/PEER/applied says it.  Before the bundles,
 * so that a full stick carries it all the same. */
static int write_applied(struct carry *c, const char *dir, struct err *e)
{
	struct spool_applied *there;
	char *from, *to = fs_join(dir, SPOOL_APPLIED);
	int fd, rc = 0;

	there = calloc(1, sizeof(*there));
	if (!there)
		abort();
	if (spool_applied_read_file(to, there, NULL) == 0 &&
	    same_marks(there, c->ours))
		goto done;
	from = fs_format("%s/" SPOOL_INBOX "/%s/" SPOOL_APPLIED,
	    c->site->spool.dir, c->peer);
	fd = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	free(from);
	if (fd >= 0) {
		rc = fs_copy(fd, to, NULL, NULL, e);
		close(fd);
	}
done:
	free(there);
	free(to);
	return rc;
}

/* Is there anything to write? */
static int any_ready(struct carry *c, struct err *e)
{
	struct spool_list l;
	int rc = spool_list(&c->site->spool, SPOOL_KIND_OUTBOX, c->peer, 1, &l,
	    e);
	bool any = l.n > 0;

	if (rc < 0)
		return -1;
	spool_list_free(&l);
	return any || c->ours->n > 0;
}

/* Stopped at any instant: the outbox loses only what the peer has, and what is
 * whole on the stick is known by its bytes. */
int carry_out(struct carry *c, struct err *e)
{
	struct err why = ERR_INIT;
	char *dir;
	int rc;

	if (drop_delivered(c, e) < 0)
		return -1;
	rc = any_ready(c, e);
	if (rc < 0)
		return -1;
	dir = carry_stick_dir(c, c->site->cfg->site.name, c->peer, rc > 0,
	    &why);
	if (!dir) {
		*e = why;
		return why.kind == ERR_NONE ? 0 : -1;
	}
	rc = clean_stick(c, dir, e);
	if (rc == 0 && c->ours->n > 0)
		rc = write_applied(c, dir, e);
	if (rc == 0)
		rc = write_ready(c, dir, e);
	free(dir);
	return rc;
}
