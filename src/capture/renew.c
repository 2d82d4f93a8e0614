#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "capture/capture.h"
#include "store/held.h"
#include "store/peer.h"

int capture_renew(struct store *s, int64_t clock, struct err *e)
{
	int64_t old = s->self, was = s->inc, inc = store_random_inc(), self;

	if (store_origin(s, s->site, inc, &self, e) < 0 ||
	    store_meta_set_int(s, "inc", inc, e) < 0)
		return -1;
	s->inc = inc;
	s->self = self;
	if (s->packed > s->last)
		s->last = s->packed;
	s->last++; /* past every clock that was told before */
	s->dirty = true;
	if (store_end(s, old, clock, e) < 0 ||
	    db_execf(s->db, e,
		"UPDATE dialsync_peer SET mark = 0, tag = 0, scan = 0,"
		" full = 1, acked = 0, told = -1, tell = 1,"
		/* past those that were used since the backup: bundles of
		 * those names may still wait in a peer's inbox */
		" number = number + 10000;"
		"DELETE FROM dialsync_told") < 0 ||
	    peer_end_own_inc(s, was, e) < 0 ||
	    store_know(s, self, s->last, e) < 0)
		return -1;
	return store_note(s, e);
}

/* ---- the file beside the database */

/* What it says.  step: how often something was committed that others may hear
 * of; tag: a random one that was made with it; boot: of the machine. */
struct state {
	int64_t step;
	uint64_t tag;
	char boot[48];
};

/* Which run of the machine is this?  An image of a whole disk that was put back
 * brings the file along with the database; but not without a boot. */
static void this_boot(char *out, size_t size)
{
	const char *fake = getenv("DIALSYNC_BOOT");
	struct buf b = BUF_INIT(4096);
	struct err ignored = ERR_INIT;

	out[0] = '\0';
	if (fake)
		snprintf(out, size, "%s", fake);
	else if (fs_read("/proc/sys/kernel/random/boot_id", &b,
		     &ignored) == 0)
		snprintf(out, size, "%.*s",
		    (int)strcspn(buf_str(&b), "\n"), buf_str(&b));
	buf_free(&b);
}

int capture_state_write(struct store *s, const char *path, struct err *e)
{
	char text[160], boot[48];
	int64_t memo, step;
	int n;

	if (store_meta_int(s, "memo", 0, &memo, e) < 0 ||
	    store_meta_int(s, "step", 0, &step, e) < 0)
		return -1;
	this_boot(boot, sizeof(boot));
	n = snprintf(text, sizeof(text), "tag: %016llx\nstep: %lld\nboot: %s\n",
	    (unsigned long long)memo, (long long)step, boot);
	return fs_replace(path, text, (size_t)n, 0644, e);
}

/* 1: the file is there; 0: it is not, or says nothing. */
static int read_state(const char *path, struct state *st, struct err *e)
{
	struct buf b = BUF_INIT(4096);
	struct err why = ERR_INIT;
	int rc = fs_read(path, &b, &why);
	const char *p;

	if (rc < 0 && why.kind != ERR_MISSING && why.kind != ERR_DATA) {
		*e = why;
		return -1;
	}
	memset(st, 0, sizeof(*st));
	p = rc == 0 ? buf_str(&b) : "";
	rc = strncmp(p, "tag: ", 5) == 0;
	if (rc) {
		st->tag = strtoull(p + 5, NULL, 16);
		p = strstr(p, "\nstep: ");
		st->step = p ? strtoll(p + 7, NULL, 10) : -1;
		p = p ? strstr(p, "\nboot: ") : NULL;
		if (p)
			snprintf(st->boot, sizeof(st->boot), "%.*s",
			    (int)strcspn(p + 7, "\n"), p + 7);
	}
	buf_free(&b);
	return rc;
}

/* Nothing was folded since: all that is in the fragments is shared, and of the
 * last clock there may have been more. */
static int renew_restored(struct store *s, int64_t step, struct err *e)
{
	int64_t clock;

	if (store_begin(s, e) < 0)
		return -1;
	clock = s->packed > s->last - 1 ? s->packed : s->last - 1;
	if (capture_renew(s, clock, e) == 0 &&
	    (step < 0 || store_meta_set_int(s, "step", step + 1, e) == 0) &&
	    store_commit(s, e) == 0)
		return 0;
	store_rollback(s);
	return -1;
}

/* The machine was started anew, which an image that was put back looks like:
 * every peer is told what there is here, so that it can tell. */
static int say_hello(struct store *s, struct err *e)
{
	if (store_begin(s, e) < 0)
		return -1;
	if (db_execf(s->db, e, "UPDATE dialsync_peer SET full = 1, tell = 1,"
			       " told = -1 WHERE inc <> 0") == 0 &&
	    store_commit(s, e) == 0)
		return 0;
	store_rollback(s);
	return -1;
}

int capture_state_check(struct store *s, const char *path, struct err *e)
{
	struct state st;
	char boot[48];
	int64_t step, memo;
	int rc = read_state(path, &st, e);
	bool back;

	if (rc < 0 || store_meta_int(s, "step", 0, &step, e) < 0 ||
	    store_meta_int(s, "memo", 0, &memo, e) < 0)
		return -1;
	if (rc == 1)
		back = st.step > step ||
		    (st.step == step && st.tag != (uint64_t)memo);
	else
		back = step > 0;
	this_boot(boot, sizeof(boot));
	if (!back && rc == 1 && strcmp(boot, st.boot) == 0)
		return 0;
	if (!back) {
		if (rc == 1 && st.boot[0] && say_hello(s, e) < 0)
			return -1;
		return capture_state_write(s, path, e);
	}
	if (renew_restored(s, st.step > step ? st.step : -1, e) < 0)
		return -1;
	if (s->warn)
		s->warn(s->warn_arg, "this database is older than what was"
		    " last sent or received here: a backup was put back (or"
		    " the file \"state\" was lost). The site"
		    " goes on as a new incarnation; what was changed here"
		    " since the backup comes back from the peers with the"
		    " next calls");
	return capture_state_write(s, path, e);
}
