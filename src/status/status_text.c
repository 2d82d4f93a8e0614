/* Text for people.  See status_text.h. */
#include "config.h"

#include "status/status_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "schedule/estimate.h"
#include "spool/spool_text.h"

/* A value that came from a file. */
static void put_safe(struct buf *b, const char *s)
{
	spool_escape(b, s, strlen(s));
}

/* "2026-11-22 10:30:00", local. */
static void put_time(struct buf *b, int64_t wall)
{
	time_t t = (time_t)wall;
	struct tm tm;
	char text[40];

	if (localtime_r(&t, &tm) &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm) > 0)
		buf_adds(b, text);
	else
		buf_adds(b, "an unknown time");
}

static void put_bytes(struct buf *b, int64_t n)
{
	char text[40];

	buf_adds(b, n == STATUS_NONE ? "?" :
	    text_bytes(n, text, sizeof(text)));
}

static void put_number(struct buf *b, int64_t n)
{
	if (n == STATUS_NONE)
		buf_addc(b, '?');
	else
		buf_addf(b, "%" PRId64, n);
}

/* "3 bundles", "1 bundle", "an unknown number of bundles".  bounded: the
 * count stops at STATUS_COUNT_MAX. */
static void put_count(struct buf *b, int64_t n, const char *what,
    bool bounded)
{
	if (n == STATUS_NONE)
		buf_adds(b, "an unknown number of");
	else
		buf_addf(b, "%" PRId64 "%s", n,
		    bounded && n >= STATUS_COUNT_MAX ? " or more" : "");
	buf_addf(b, " %s%s", what, n == 1 ? "" : "s");
}

/* "received 2 of 5 bundles, 80.0 KB of 197.0 KB"; nothing when nothing is
 * known. */
static void put_flow(struct buf *b, const char *what,
    const struct status_flow *f)
{
	if (f->bundles_done == STATUS_NONE && f->bytes_done == STATUS_NONE)
		return;
	buf_addf(b, "    %s ", what);
	put_number(b, f->bundles_done);
	if (f->bundles_total != STATUS_NONE)
		buf_addf(b, " of %" PRId64, f->bundles_total);
	buf_adds(b, f->bundles_total == 1 || (f->bundles_total ==
	    STATUS_NONE && f->bundles_done == 1) ? " bundle, " :
	    " bundles, ");
	put_bytes(b, f->bytes_done);
	buf_adds(b, " of ");
	put_bytes(b, f->bytes_total);
	buf_addc(b, '\n');
}

/* What a person may do about a line. */
static const char *line_advice(const struct status_line *l)
{
	if (l->used && l->state == STATUS_UNKNOWN)
		return "its status file is damaged; the next call on this "
		    "line writes a new one";
	if (l->state == STATUS_FAILED && !l->alive)
		return "the next call resumes where this one stopped; "
		    "log/calls.log has more";
	return NULL;
}

static void put_line(struct buf *b, const struct status_line *l)
{
	const char *word = status_state_word(l->state);
	const char *advice = line_advice(l);

	buf_addf(b, "line %s: %s", l->name, word ? word :
	    l->used ? "unknown" : "not used yet");
	if (l->peer)
		buf_addf(b, ", %s %s", l->direction &&
		    strcmp(l->direction, "in") == 0 ? "called by" : "peer",
		    l->peer);
	if (l->since != STATUS_NONE) {
		buf_adds(b, ", since ");
		put_time(b, l->since);
	}
	if (l->state >= STATUS_HANGING_UP && l->bps != STATUS_NONE)
		buf_addf(b, ", %" PRId64 " bps", l->bps);
	if (l->state >= STATUS_HANGING_UP && l->seconds_left != STATUS_NONE)
		buf_addf(b, ", about %" PRId64 " s left", l->seconds_left);
	buf_addc(b, '\n');
	if (l->state == STATUS_FAILED || l->state == STATUS_WAITING) {
		buf_adds(b, "    ");
		put_safe(b, l->message);
		buf_addc(b, '\n');
	}
	put_flow(b, "received", &l->receiving);
	put_flow(b, "sent", &l->sending);
	if (advice)
		buf_addf(b, "    %s\n", advice);
}

static void put_processing(struct buf *b, const struct status_processing *p)
{
	if (!p->peer && p->changes_done == STATUS_NONE)
		return;
	buf_addf(b, "applying what %s sent", p->peer ? p->peer : "a peer");
	if (p->table) {
		buf_adds(b, ", table ");
		put_safe(b, p->table);
	}
	if (p->changes_done != STATUS_NONE) {
		buf_adds(b, ", ");
		put_count(b, p->changes_done, "change", false);
	}
	buf_addc(b, '\n');
	put_flow(b, "applied", &p->done);
}

/* How the last call went. */
static void put_last_call(struct buf *b, const struct status_peer *p)
{
	if (p->last_call == STATUS_NONE) {
		buf_adds(b, "no call yet\n");
		return;
	}
	buf_adds(b, "last call ");
	put_time(b, p->last_call);
	buf_adds(b, ": ");
	put_safe(b, p->last_result ? p->last_result : "unknown");
	if (p->last_exit != 0 && p->last_exit != STATUS_NONE)
		buf_addf(b, " (exit %" PRId64 ")", p->last_exit);
	buf_addc(b, '\n');
}

/* When the next call is, and what it will take. */
static void put_next_call(struct buf *b, const struct status_peer *p)
{
	char about[ESTIMATE_TEXT];

	if (p->next_call != STATUS_NONE || p->tries > 0) {
		buf_adds(b, "    next call: ");
		if (p->next_call == STATUS_NONE)
			buf_adds(b, "not by the clock");
		else if (p->due)
			buf_adds(b, "due now");
		else
			put_time(b, p->next_call);
		if (p->tries > 0) {
			buf_adds(b, "; ");
			put_count(b, p->tries, "call", false);
			buf_adds(b, " failed since the last good one");
		}
		buf_addc(b, '\n');
	}
	if (p->outbox_bundles > 0 && p->estimate_seconds != STATUS_NONE)
		buf_addf(b, "    a call will take %s\n",
		    estimate_text(p->estimate_seconds, p->outbox_bundles,
		    p->estimate_bps == STATUS_NONE ? 0 : p->estimate_bps,
		    about));
}

static void put_peer(struct buf *b, const struct status_peer *p)
{
	buf_addf(b, "peer %s: ", p->name);
	put_last_call(b, p);
	put_next_call(b, p);
	buf_adds(b, "    to send: ");
	put_count(b, p->unpacked_changes, "change", true);
	buf_adds(b, " to pack, ");
	put_count(b, p->outbox_bundles, "bundle", false);
	buf_adds(b, " ready (");
	put_bytes(b, p->outbox_bytes);
	buf_adds(b, ")\n    to apply: ");
	put_count(b, p->inbox_bundles, "bundle", false);
	buf_addc(b, '\n');
	if (p->waiting_for != STATUS_NONE)
		buf_addf(b, "    waiting for bundle %08" PRId64 ", which is "
		    "missing: the next call asks for it again\n",
		    p->waiting_for);
	if (p->note) {
		buf_adds(b, "    ");
		put_safe(b, p->note);
		buf_addc(b, '\n');
	}
	if (p->held_bundles > 0) {
		buf_adds(b, "    held: ");
		put_count(b, p->held_bundles, "bundle", false);
		buf_addf(b, " that could not be applied; the reason is in "
		    "held/%s/*.why; move a bundle back to inbox/%s to try it "
		    "again, or delete it\n", p->name, p->name);
	}
}

/* What concerns the database as a whole; every peer has the same figures. */
static void put_database(struct buf *b, const struct status_model *m,
    const char *note)
{
	const struct status_peer *p = m->n_peers ? &m->peers[0] : NULL;

	if (p && p->held_rows > 0) {
		buf_adds(b, "held: ");
		put_count(b, p->held_rows, "row", true);
		buf_adds(b, " that a constraint refuses or that waits for a "
		    "person; see \"dialsync conflicts\"\n");
	}
	if (p && p->conflicts > 0) {
		buf_adds(b, "conflicts: ");
		put_count(b, p->conflicts, "change", true);
		buf_adds(b, " that lost to another site's, or references to "
		    "rows that are gone; see \"dialsync conflicts\"\n");
	}
	if (m->untracked)
		buf_adds(b, "no table is tracked, so no change is logged; run "
		    "\"dialsync track --all\"\n");
	for (size_t i = 0; i < m->n_troubles; i++) {
		put_safe(b, m->troubles[i]);
		buf_addc(b, '\n');
	}
	if (m->parked > 0) {
		put_count(b, m->parked, "value", false);
		buf_addf(b, " wait%s for a column or table that is not here; "
		    "\"ALTER TABLE ... ADD COLUMN\" or \"dialsync track\" "
		    "brings them in\n", m->parked == 1 ? "s" : "");
	}
	if (note) {
		buf_adds(b, "database: ");
		put_safe(b, note);
		buf_adds(b, "; so changes, held rows and conflicts are not "
		    "known\n");
	}
}

void status_text(const struct status_model *m, const char *database_note,
    struct buf *out)
{
	const char *message = status_model_message(m);

	buf_addf(out, "%s: ", m->site);
	put_safe(out, message ? message : "unknown");
	buf_addc(out, '\n');
	for (size_t i = 0; i < m->n_lines; i++)
		put_line(out, &m->lines[i]);
	put_processing(out, &m->processing);
	for (size_t i = 0; i < m->n_peers; i++)
		put_peer(out, &m->peers[i]);
	put_database(out, m, database_note);
}
