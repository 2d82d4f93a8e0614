/* JSON for programs.  See status_json.h. */
#include "config.h"

#include "status/status_json.h"

#include "base/clock.h"
#include "base/json.h"

#define STATUS_JSON_VERSION 1

static void put_int(struct json *j, const char *key, int64_t v)
{
	if (v == STATUS_NONE)
		json_null(j, key);
	else
		json_int(j, key, v);
}

static void put_time(struct json *j, const char *key, int64_t wall)
{
	char text[CLOCK_TEXT];

	if (wall == STATUS_NONE) {
		json_null(j, key);
		return;
	}
	clock_format(wall, text);
	json_string(j, key, text);
}

/* The four members of a direction, without its braces. */
static void put_flow_members(struct json *j, const struct status_flow *f)
{
	put_int(j, "bundles_done", f->bundles_done);
	put_int(j, "bundles_total", f->bundles_total);
	put_int(j, "bytes_done", f->bytes_done);
	put_int(j, "bytes_total", f->bytes_total);
}

static void put_flow(struct json *j, const char *key,
    const struct status_flow *f)
{
	json_object(j, key);
	put_flow_members(j, f);
	json_end(j, '}');
}

static void put_line(struct json *j, const struct status_line *l)
{
	json_object(j, NULL);
	json_string(j, "line", l->name);
	json_string(j, "peer", l->peer);
	json_string(j, "direction", l->direction);
	json_string(j, "state", status_state_word(l->state));
	put_time(j, "since", l->since);
	put_int(j, "pid", l->pid);
	json_string(j, "connect", l->connect);
	put_int(j, "bps", l->bps);
	put_int(j, "seconds_left", l->seconds_left);
	json_bool(j, "safe_to_hang_up", l->state == STATUS_SAFE);
	put_flow(j, "receiving", &l->receiving);
	put_flow(j, "sending", &l->sending);
	json_end(j, '}');
}

static void put_processing(struct json *j, const struct status_processing *p)
{
	json_object(j, "processing");
	json_string(j, "peer", p->peer);
	json_string(j, "table", p->table);
	put_flow_members(j, &p->done);
	put_int(j, "changes_done", p->changes_done);
	json_end(j, '}');
}

static void put_peer(struct json *j, const struct status_peer *p)
{
	json_object(j, NULL);
	json_string(j, "name", p->name);
	put_int(j, "unpacked_changes", p->unpacked_changes);
	put_int(j, "outbox_bundles", p->outbox_bundles);
	put_int(j, "outbox_bytes", p->outbox_bytes);
	put_int(j, "inbox_bundles", p->inbox_bundles);
	put_int(j, "waiting_for", p->waiting_for);
	json_string(j, "note", p->note);
	put_int(j, "held_bundles", p->held_bundles);
	put_int(j, "held_rows", p->held_rows);
	put_int(j, "conflicts", p->conflicts);
	put_time(j, "last_call", p->last_call);
	json_string(j, "last_result", p->last_result);
	put_int(j, "last_exit", p->last_exit);
	put_time(j, "next_call", p->next_call);
	put_int(j, "tries", p->tries);
	put_int(j, "estimate_seconds", p->estimate_seconds);
	json_end(j, '}');
}

/* Copy a document with the C1 controls (U+0080 to U+009F) as \u escapes: they
 * are valid in JSON, but a terminal may obey them.  Outside of strings a
 * document has none. */
static void copy_without_c1(struct buf *out, const struct buf *doc)
{
	size_t from = 0;

	for (size_t i = 0; i + 1 < doc->n; i++) {
		unsigned char c = (unsigned char)doc->p[i + 1];

		if ((unsigned char)doc->p[i] != 0xC2 || c > 0x9F)
			continue;
		buf_add(out, doc->p + from, i - from);
		buf_addf(out, "\\u%04x", c);
		from = i + 2;
	}
	if (doc->failed)
		out->failed = true;
	else
		buf_add(out, doc->p + from, doc->n - from);
}

static void put_document(const struct status_model *m, struct buf *out)
{
	static const struct status_flow none = {
		STATUS_NONE, STATUS_NONE, STATUS_NONE, STATUS_NONE
	};
	struct json j;

	json_init(&j, out);
	json_object(&j, NULL);
	json_int(&j, "v", STATUS_JSON_VERSION);
	json_string(&j, "site", m->site);
	put_time(&j, "time", m->time);
	json_string(&j, "state", status_state_word(m->state));
	json_string(&j, "message", status_model_message(m));
	json_bool(&j, "safe_to_hang_up", m->safe_to_hang_up);
	json_array(&j, "lines");
	for (size_t i = 0; i < m->n_lines; i++)
		put_line(&j, &m->lines[i]);
	json_end(&j, ']');
	put_flow(&j, "receiving", m->top ? &m->top->receiving : &none);
	put_flow(&j, "sending", m->top ? &m->top->sending : &none);
	put_processing(&j, &m->processing);
	json_array(&j, "peers");
	for (size_t i = 0; i < m->n_peers; i++)
		put_peer(&j, &m->peers[i]);
	json_end(&j, ']');
	put_int(&j, "parked_values", m->parked);
	json_bool(&j, "no_table_tracked", m->untracked);
	json_array(&j, "table_troubles");
	for (size_t i = 0; i < m->n_troubles; i++)
		json_string(&j, NULL, m->troubles[i]);
	json_end(&j, ']');
	json_end(&j, '}');
	buf_addc(out, '\n');
}

void status_json(const struct status_model *m, struct buf *out)
{
	struct buf doc = BUF_INIT(out->limit);

	put_document(m, &doc);
	copy_without_c1(out, &doc);
	buf_free(&doc);
}
