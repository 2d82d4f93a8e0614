#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "capture/capture_p.h"
#include "store/conflict.h"
#include "store/key.h"
#include "store/row.h"

/* The fold turns log entries into fragments, in five passes over a batch:
 *
 *   read     entries -> one struct frow a row, its events in log order;
 *            registers set twice keep their last event only
 *   look     each row: is it in its table, which fragments has it; what the
 *            entries said is corrected by what is there
 *   clock    each event gets its clock, in log order, so that own clocks never
 *            go back
 *   number   events are sorted by (clock, table) and then stand as they were
 *            logged: own sequence numbers rise with clocks, and rows that
 *            were made together travel together, which compresses better
 *   write    registers leave older fragments, new fragments come, the log's
 *            entries go
 *
 * Rows are looked at and written in key order: where keys are random, a batch
 * in log order would visit the pages of each index over and over.
 *
 * All of it is one transaction: a crash leaves the log as it was. */

/* Registers of one row that were set at one moment. */
struct event {
	int64_t wall;    /* of the log entry */
	int64_t high;    /* latest wall of all entries up to that one */
	int64_t clock;
	int64_t least;   /* the clock must not be below this */
	int64_t seq;     /* of its fragment; 0: nothing of it stands */
	uint32_t row;
	uint32_t order;  /* of the log entry */
	uint32_t mask;   /* index into masks */
	int32_t next;    /* of the same row, in log order; -1 */
	bool death;
};

/* An older fragment of a row. */
struct older {
	int64_t seq;
	struct version ver;
	uint32_t mask;
	uint32_t was; /* before this fold */
	bool death;
};

struct frow {
	struct table *t;
	uint64_t hash;       /* of table and key */
	struct value key;
	int32_t first, last; /* events; -1 none */
	uint32_t older;      /* index of its older fragments */
	uint32_t nolder;
	int64_t wall, high;  /* of its last entry */
	uint32_t order;      /* of its last entry */
	bool born, died;     /* an INSERT, a DELETE was logged */
	bool unsure;         /* ... or REPLACE may have taken it: look */
};

/* A row's place in key order: the key's first bytes decide most of it, without
 * a look at the row. */
struct keyed {
	int64_t table;
	uint64_t head;
	uint32_t row;
};

struct fold {
	struct store *s;
	struct arena arena;     /* keys */
	struct buf scratch;
	struct frow *rows;
	uint32_t nrows, caprows;
	struct event *events;
	uint32_t nevents, capevents;
	uint64_t *masks;
	uint32_t nmasks, capmasks;
	struct older *older;
	uint32_t nolder, capolder;
	uint32_t *hash;         /* row + 1; 0 free */
	uint32_t hash_size;
	uint32_t nentries;      /* read from the log */
	int64_t high;           /* latest wall of them */
	struct keyed *by_key;   /* nrows of them, in key order */
	uint32_t *sorted;       /* events that stand, see give_clocks() */
	uint32_t nsorted;
	struct frag *frags;     /* FRAGS_MAX of them, scratch */
	const struct table *looked; /* table of the row before; */
	bool looked_has;        /* it has fragments */
	bool retry;             /* a table that it touches has held rows */
	int64_t last_entry;     /* log sequence of the last entry read */
};

/* Grow an array of the fold so that n more fit. */
#define ROOM(f, list, count)                                                   \
	room((void **)&(f)->list, &(f)->cap##list, (f)->n##list, (count),    \
	    sizeof(*(f)->list))

static int room(void **p, uint32_t *cap, uint32_t used, uint32_t n,
    size_t size)
{
	uint32_t want = used + n, c = *cap ? *cap : 256;
	void *q;

	if (want <= *cap)
		return 0;
	while (c < want)
		c *= 2;
	q = realloc(*p, c * size);
	if (!q)
		return -1;
	*p = q;
	*cap = c;
	return 0;
}

static int no_memory(struct err *e)
{
	return err_set(e, ERR_SYSTEM, "fold: out of memory");
}

static void fold_free(struct fold *f)
{
	arena_free(&f->arena);
	buf_free(&f->scratch);
	free(f->rows);
	free(f->events);
	free(f->masks);
	free(f->older);
	free(f->hash);
	free(f->by_key);
	free(f->sorted);
	free(f->frags);
}

/* ---- read */

static uint64_t key_hash(const struct table *t, const struct value *k)
{
	const uint64_t mul = UINT64_C(0x9E3779B97F4A7C15);
	uint64_t h = mul * (uint64_t)(t->id + 1), w = (uint64_t)k->i;
	size_t i = 0;

	if (k->type == VALUE_INTEGER) {
		h = (h ^ w) * mul;
		return h ^ h >> 32;
	}
	for (; i < k->n; i += sizeof(w)) {
		w = 0;
		memcpy(&w, k->p + i, k->n - i < sizeof(w) ? k->n - i
							  : sizeof(w));
		h = (h ^ w) * mul;
		h ^= h >> 32;
	}
	return h;
}

/* Where a row of that hash is, or would go. */
static uint32_t probe(const struct fold *f, uint64_t hash, struct table *t,
    const struct value *key)
{
	uint32_t at = (uint32_t)hash & (f->hash_size - 1);

	for (; f->hash[at]; at = (at + 1) & (f->hash_size - 1)) {
		const struct frow *r = &f->rows[f->hash[at] - 1];

		if (t && r->hash == hash && r->t == t &&
		    value_same(&r->key, key))
			break;
	}
	return at;
}

static int hash_grow(struct fold *f)
{
	uint32_t size = f->hash_size ? f->hash_size * 4 : 4096;
	uint32_t *h = calloc(size, sizeof(*h));

	if (!h)
		return -1;
	free(f->hash);
	f->hash = h;
	f->hash_size = size;
	for (uint32_t i = 0; i < f->nrows; i++)
		h[probe(f, f->rows[i].hash, NULL, NULL)] = i + 1;
	return 0;
}

/* The row of that key, made when it is new; UINT32_MAX: out of memory. */
static uint32_t find_row(struct fold *f, struct table *t,
    const struct value *key)
{
	uint64_t hash = key_hash(t, key);
	struct frow *r;
	uint32_t at;

	if (f->nrows * 2 >= f->hash_size && hash_grow(f) < 0)
		return UINT32_MAX;
	at = probe(f, hash, t, key);
	if (f->hash[at])
		return f->hash[at] - 1;
	if (ROOM(f, rows, 1) < 0)
		return UINT32_MAX;
	r = &f->rows[f->nrows];
	memset(r, 0, sizeof(*r));
	r->t = t;
	r->hash = hash;
	r->key = *key;
	if (key->type == VALUE_TEXT || key->type == VALUE_BLOB) {
		r->key.p = arena_copy(&f->arena, key->p, key->n);
		if (!r->key.p)
			return UINT32_MAX;
	}
	r->first = r->last = -1;
	f->hash[at] = ++f->nrows;
	return f->nrows - 1;
}

/* An empty mask for table t; its index, UINT32_MAX: out of memory. */
static uint32_t new_mask(struct fold *f, const struct table *t)
{
	uint32_t at = f->nmasks;

	if (ROOM(f, masks, (uint32_t)t->words) < 0)
		return UINT32_MAX;
	memset(&f->masks[at], 0, (size_t)t->words * sizeof(*f->masks));
	f->nmasks += (uint32_t)t->words;
	return at;
}

/* Append an event to a row; NULL: out of memory. */
static struct event *new_event(struct fold *f, uint32_t row, int64_t wall,
    uint32_t order)
{
	struct frow *r = &f->rows[row];
	struct event *ev;
	uint32_t mask = new_mask(f, r->t);

	if (mask == UINT32_MAX || ROOM(f, events, 1) < 0)
		return NULL;
	ev = &f->events[f->nevents];
	memset(ev, 0, sizeof(*ev));
	ev->wall = wall;
	ev->order = order;
	ev->row = row;
	ev->mask = mask;
	ev->next = -1;
	if (r->last >= 0)
		f->events[r->last].next = (int32_t)f->nevents;
	else
		r->first = (int32_t)f->nevents;
	r->last = (int32_t)f->nevents++;
	return ev;
}

/* Registers that are set now leave the row's earlier events. */
static void leave_earlier(struct fold *f, const struct frow *r,
    const uint64_t *m)
{
	int32_t i;

	for (i = r->first; i >= 0; i = f->events[i].next)
		mask_minus(&f->masks[f->events[i].mask], m, r->t->words);
}

/* The set of columns of a log entry; text "w0,w1,..." from wide tables. */
static void entry_mask(sqlite3_stmt *st, const struct table *t, uint64_t *m)
{
	const char *p;

	memset(m, 0, (size_t)t->words * sizeof(*m));
	if (sqlite3_column_type(st, 2) == SQLITE_INTEGER) {
		m[0] = (uint64_t)sqlite3_column_int64(st, 2);
	} else {
		p = (const char *)sqlite3_column_text(st, 2);
		for (int w = 0; p && w < t->words; w++) {
			m[w] = strtoull(p, NULL, 10);
			p = strchr(p, ',');
			p = p ? p + 1 : NULL;
		}
	}
	/* only registers that the table has now; never life */
	for (int w = 0; w < t->words; w++)
		m[w] &= t->all.w[w];
	mask_clear(m, REG_LIFE);
}

/* One log entry of a row. */
static int add_entry(struct fold *f, uint32_t row, sqlite3_stmt *st,
    uint32_t order)
{
	struct frow *r = &f->rows[row];
	int64_t wall = sqlite3_column_int64(st, 3), code = 1;
	uint64_t m[MASK_WORDS];
	struct event *ev;

	if (sqlite3_column_type(st, 2) == SQLITE_INTEGER)
		code = sqlite3_column_int64(st, 2);
	if (f->nentries == 0 || wall > f->high)
		f->high = wall;
	r->wall = wall;
	r->high = f->high;
	r->order = order;
	if (code == LOG_TOUCH) {
		r->unsure = true;
		return 0;
	}
	if (code == LOG_DEATH) {
		/* what was set before is gone with the row */
		r->died = r->unsure = true;
		r->first = r->last = -1;
		return 0;
	}
	if (code == LOG_BIRTH) {
		r->born = true;
		memcpy(m, r->t->all.w, (size_t)r->t->words * sizeof(*m));
	} else {
		entry_mask(st, r->t, m);
	}
	if (mask_empty(m, r->t->words))
		return 0;
	leave_earlier(f, r, m);
	ev = r->last >= 0 ? &f->events[r->last] : NULL;
	if (!ev || ev->wall != wall)
		ev = new_event(f, row, wall, order);
	if (!ev)
		return -1;
	ev->order = order;
	ev->high = f->high;
	mask_or(&f->masks[ev->mask], m, f->rows[row].t->words);
	return 0;
}

/* Read at most max entries. */
static int read_log(struct fold *f, int64_t max, struct err *e)
{
	sqlite3_stmt *st = db_preparef(f->s->db, e,
	    "SELECT seq, t, m, w, * FROM dialsync_log ORDER BY seq"
	    " LIMIT %lld", (long long)max);
	struct value cols[16], key;
	struct table *t = NULL;
	uint32_t row;
	int rc, have;

	if (!st)
		return -1;
	have = sqlite3_column_count(st) - 8; /* key columns of the log */
	while ((rc = db_step(st, e)) == 1) {
		int64_t id = sqlite3_column_int64(st, 1);

		f->last_entry = sqlite3_column_int64(st, 0);
		if (!t || t->id != id)
			t = table_by_id(f->s, id);
		/* a table dropped or no longer tracked: nothing to read */
		if (!t || !t->present || !t->tracked || t->nkey > have)
			continue;
		for (int i = 0; i < t->nkey; i++)
			db_column(st, 8 + i, &cols[i]);
		buf_reset(&f->scratch);
		if (!key_make(t, cols, &f->scratch, &key))
			continue; /* a NULL in the key: does not travel */
		row = find_row(f, t, &key);
		if (row == UINT32_MAX || add_entry(f, row, st, f->nentries) < 0) {
			rc = no_memory(e);
			break;
		}
		f->nentries++;
	}
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

/* ---- key order */

static const struct fold *sorting;

static uint64_t key_head(const struct value *k)
{
	uint64_t h = 0;

	if (k->type == VALUE_INTEGER)
		return (uint64_t)k->i ^ UINT64_C(1) << 63;
	for (size_t i = 0; i < 8; i++)
		h = h << 8 | (i < k->n ? (unsigned char)k->p[i] : 0);
	return h;
}

static int by_key(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;
	const struct value *k, *q;
	size_t n;
	int c;

	if (x->table != y->table)
		return x->table < y->table ? -1 : 1;
	if (x->head != y->head)
		return x->head < y->head ? -1 : 1;
	k = &sorting->rows[x->row].key;
	q = &sorting->rows[y->row].key;
	n = k->n < q->n ? k->n : q->n;
	c = n ? memcmp(k->p, q->p, n) : 0;
	return c ? c : k->n < q->n ? -1 : k->n > q->n;
}

static int sort_rows(struct fold *f)
{
	if (f->nrows == 0)
		return 0;
	f->by_key = malloc(f->nrows * sizeof(*f->by_key));
	if (!f->by_key)
		return -1;
	for (uint32_t i = 0; i < f->nrows; i++) {
		f->by_key[i].table = f->rows[i].t->id;
		f->by_key[i].head = key_head(&f->rows[i].key);
		f->by_key[i].row = i;
	}
	sorting = f;
	qsort(f->by_key, f->nrows, sizeof(*f->by_key), by_key);
	return 0;
}

/* ---- look */

/* Keep the row's older fragments. */
static int keep_older(struct fold *f, struct frow *r, int n)
{
	r->older = f->nolder;
	r->nolder = (uint32_t)n;
	if (ROOM(f, older, (uint32_t)n) < 0)
		return -1;
	for (int i = 0; i < n; i++) {
		struct older *o = &f->older[f->nolder++];

		o->seq = f->frags[i].seq;
		o->ver = f->frags[i].ver;
		o->death = f->frags[i].death;
		o->mask = new_mask(f, r->t);
		o->was = new_mask(f, r->t);
		if (o->mask == UINT32_MAX || o->was == UINT32_MAX)
			return -1;
		memcpy(&f->masks[o->mask], f->frags[i].mask.w,
		    (size_t)r->t->words * sizeof(uint64_t));
		memcpy(&f->masks[o->was], f->frags[i].mask.w,
		    (size_t)r->t->words * sizeof(uint64_t));
	}
	return 0;
}

/* The event that stands for the row's birth or death as a whole. */
static int replace_events(struct fold *f, uint32_t row, bool death)
{
	struct frow *r = &f->rows[row];
	struct event *ev;

	r->first = r->last = -1;
	ev = new_event(f, row, r->wall, r->order);
	if (!ev)
		return -1;
	ev->death = death;
	ev->high = r->high;
	if (death)
		mask_set(&f->masks[ev->mask], REG_LIFE);
	else
		memcpy(&f->masks[ev->mask], r->t->all.w,
		    (size_t)r->t->words * sizeof(uint64_t));
	return 0;
}

/* Each event's clock must pass those of the registers that it sets.  A death
 * must pass every register of the row: then a birth that beats the death beats
 * all that was known of the old life too, and the dead row's values need not
 * be kept.  So must a birth, which takes the old life's registers, and every
 * edit must pass the birth. */
static void least_clocks(struct fold *f, const struct frow *r)
{
	uint64_t both[MASK_WORDS];

	for (int32_t i = r->first; i >= 0; i = f->events[i].next) {
		struct event *ev = &f->events[i];

		for (uint32_t k = 0; k < r->nolder; k++) {
			const struct older *o = &f->older[r->older + k];

			if ((ev->death ||
				mask_has(&f->masks[ev->mask], REG_LIFE) ||
				mask_has(&f->masks[o->mask], REG_LIFE) ||
				mask_and(both, &f->masks[ev->mask],
				    &f->masks[o->mask], r->t->words)) &&
			    o->ver.clock >= ev->least)
				ev->least = o->ver.clock + 1;
		}
	}
}

/* Has the table any fragment at all?  Rows come table by table. */
static int look_table(struct fold *f, const struct table *t, struct err *e)
{
	char sql[100];
	int64_t any;
	int rc;

	if (f->looked == t)
		return 0;
	snprintf(sql, sizeof(sql), "SELECT EXISTS(SELECT 1 FROM dialsync_frag"
				   " WHERE t = %lld)", (long long)t->id);
	if (db_int(f->s->db, sql, 0, &any, e) < 0)
		return -1;
	f->looked = t;
	f->looked_has = any != 0;
	rc = held_any(f->s, t, e);
	f->retry |= rc == 1;
	return rc < 0 ? -1 : 0;
}

/* A conflict record's birth leaves open what this site does not know of it. */
static int partial_record(struct fold *f, const struct frow *r,
    struct err *e)
{
	uint64_t open[MASK_WORDS];

	for (int32_t i = r->first; i >= 0; i = f->events[i].next) {
		uint64_t *m = &f->masks[f->events[i].mask];

		if (f->events[i].death || !mask_has(m, REG_LIFE))
			continue;
		if (conflict_partial(f->s, r->t, &r->key, open, e) < 0)
			return -1;
		mask_minus(m, open, r->t->words);
	}
	return 0;
}

/* Is a birth among the row's events? */
static bool has_life(const struct fold *f, const struct frow *r)
{
	for (int32_t i = r->first; i >= 0; i = f->events[i].next)
		if (mask_has(&f->masks[f->events[i].mask], REG_LIFE))
			return true;
	return false;
}

/* A birth takes every older register of its row.  What this site has of columns
 * that are not in its table yet is not to go so: the row is born with it. */
static int keep_parked(struct fold *f, const struct frow *r, struct err *e)
{
	struct mask parked;

	memset(&parked, 0, sizeof(parked));
	if (aside_mask(f->s, r->t, &r->key, parked.w, e) < 0)
		return -1;
	for (int i = 0; i < r->t->ncols; i++)
		if (r->t->cols[i].present)
			mask_clear(parked.w, i + REG_COLUMN);
	for (int32_t i = r->first; i >= 0; i = f->events[i].next) {
		uint64_t *m = &f->masks[f->events[i].mask];

		if (!f->events[i].death && mask_has(m, REG_LIFE))
			mask_or(m, parked.w, r->t->words);
	}
	return 0;
}

/* Correct what the entries said by what is there: a row that is in its table
 * is alive, one that is not (and is not held) is dead. */
static int look_row(struct fold *f, uint32_t row, struct err *e)
{
	struct frow *r = &f->rows[row];
	bool dead = false, held = false;
	int exists = 1, n = 0;

	/* a row that was only inserted or updated is there: whatever takes a
	 * row away logs a death, or a touch before */
	if (r->unsure)
		exists = row_exists(f->s, r->t, &r->key, e);
	if (exists < 0 || look_table(f, r->t, e) < 0)
		return -1;
	if (f->looked_has)
		n = frags_of(f->s, r->t, &r->key, f->frags, FRAGS_MAX, e);
	if (n < 0)
		return -1;
	for (int i = 0; i < n; i++)
		dead |= f->frags[i].death;
	if (keep_older(f, r, n) < 0)
		return no_memory(e);
	if (!exists && aside_any(f->s)) {
		int rc = held_whole(f->s, r->t, &r->key, e);

		if (rc < 0)
			return -1;
		held = rc == 1;
	}
	/* a row that is held whole was not in its table; one with a value
	 * aside was, and an application has taken it away now */
	if (!exists && (dead || (held && !r->died))) {
		r->first = r->last = -1;
		return 0;
	}
	if (!exists) {
		if (replace_events(f, row, true) < 0)
			return no_memory(e);
	} else if ((r->died || dead) && !has_life(f, r)) {
		if (replace_events(f, row, false) < 0)
			return no_memory(e);
	}
	if (r->t->id == 1 && partial_record(f, r, e) < 0)
		return -1;
	if (r->t->id != 1 && aside_any(f->s) && keep_parked(f, r, e) < 0)
		return -1;
	least_clocks(f, &f->rows[row]);
	return 0;
}

/* ---- clock and number */

static int by_number(const void *a, const void *b)
{
	const struct event *x = &sorting->events[*(const uint32_t *)a];
	const struct event *y = &sorting->events[*(const uint32_t *)b];
	const struct table *t = sorting->rows[x->row].t;
	const struct table *u = sorting->rows[y->row].t;

	if (x->clock != y->clock)
		return x->clock < y->clock ? -1 : 1;
	if (t != u)
		return t->id < u->id ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* List the events that still stand in log order: each has an entry of its
 * own, the last one that went into it. */
static int list_events(struct fold *f)
{
	uint32_t n = 0;

	f->sorted = calloc((size_t)f->nentries + 1, sizeof(*f->sorted));
	if (!f->sorted)
		return -1;
	for (uint32_t i = 0; i < f->nrows; i++)
		for (int32_t k = f->rows[i].first; k >= 0;
		    k = f->events[k].next)
			if (!mask_empty(&f->masks[f->events[k].mask],
				f->rows[i].t->words))
				f->sorted[f->events[k].order] =
				    (uint32_t)k + 1;
	for (uint32_t i = 0; i < f->nentries; i++)
		if (f->sorted[i])
			f->sorted[n++] = f->sorted[i] - 1;
	f->nsorted = n;
	return 0;
}

/* Clocks in log order, then sequence numbers in clock order. */
static int give_clocks(struct fold *f)
{
	struct store *s = f->s;

	if (list_events(f) < 0)
		return -1;
	for (uint32_t i = 0; i < f->nsorted; i++) {
		struct event *ev = &f->events[f->sorted[i]];

		/* entries that were overwritten since count, too: a copy of
		 * this database may have been made when they were not */
		ev->clock = ev->high;
		if (ev->clock < ev->least)
			ev->clock = ev->least;
		if (ev->clock <= STORE_CLOCK_LOAD)
			ev->clock = STORE_CLOCK_LOAD + 1;
		if (ev->clock <= s->packed)
			ev->clock = s->packed + 1;
		if (ev->clock < s->last)
			ev->clock = s->last;
		s->last = ev->clock;
		s->dirty = true;
	}
	sorting = f;
	qsort(f->sorted, f->nsorted, sizeof(*f->sorted), by_number);
	for (uint32_t i = 0; i < f->nsorted; i++)
		f->events[f->sorted[i]].seq = store_next_seq(s);
	return 0;
}

/* ---- write */

/* Is it a loss?  A spelling is none, nor is what never had a value. */
static bool loses(const struct table *t, int reg, const struct conflict *c)
{
	return !t->cols[reg - REG_COLUMN].keypos &&
	    (c->loser.origin || c->lost->type != VALUE_NULL);
}

/* What is aside of the registers that the event sets, by column.  What waits for
 * its column is not: it is born with the row, see keep_parked(). */
static bool aside_of(const struct table *t, const uint64_t *aside,
    const uint64_t *set, uint64_t *out)
{
	memset(out, 0, (size_t)t->words * sizeof(*out));
	for (int i = 0; i < t->ncols; i++)
		if (t->cols[i].present && mask_has(aside, i + REG_COLUMN) &&
		    mask_has(set, table_reg(t, i)))
			mask_set(out, i + REG_COLUMN);
	return !mask_empty(out, t->words);
}

/* A value that was aside (held, parked) is replaced by this edit: the edit
 * did not know it, so it is a conflict. */
static int replace_aside(struct fold *f, const struct frow *r,
    const struct event *ev, struct err *e)
{
	struct mask aside;
	uint64_t both[MASK_WORDS];
	struct version won = {ev->clock, f->s->self};
	struct value v;

	memset(&aside, 0, sizeof(aside));
	if (aside_mask(f->s, r->t, &r->key, aside.w, e) < 0)
		return -1;
	if (ev->death) {
		/* all that was kept beside the row goes with it */
		memcpy(both, aside.w, sizeof(both));
		if (held_drop(f->s, r->t, &r->key, e) < 0)
			return -1;
	} else if (!aside_of(r->t, aside.w, &f->masks[ev->mask], both)) {
		return 0;
	}
	/* who edits a value that waited has decided */
	if (!ev->death && held_wait_drop(f->s, r->t, &r->key, both, e) < 0)
		return -1;
	for (int reg = REG_COLUMN; reg < r->t->ncols + REG_COLUMN; reg++) {
		struct conflict c = {
		    .kind = ev->death ? CONFLICT_DEATH : CONFLICT_EDIT,
		    .table = r->t, .key = &r->key,
		    .field = r->t->cols[reg - REG_COLUMN].name,
		    .winner = won, .lost = &v};

		if (!mask_has(both, reg))
			continue;
		for (uint32_t k = 0; k < r->nolder; k++)
			if (mask_has(&f->masks[f->older[r->older + k].was],
				reg))
				c.loser = f->older[r->older + k].ver;
		if (aside_get(f->s, r->t, &r->key, reg, &v, e) < 0 ||
		    (loses(r->t, reg, &c) && conflict_add(f->s, &c, e) < 0) ||
		    aside_drop(f->s, r->t, &r->key, reg, e) < 0)
			return -1;
	}
	return 0;
}

/* The registers that the event sets leave the row's older fragments; those of
 * columns that went from the table do so with a birth. */
static int leave_older(struct fold *f, const struct frow *r,
    const struct event *ev, struct err *e)
{
	/* conflict records complete each other */
	bool born = r->t->id != 1 &&
	    mask_has(&f->masks[ev->mask], REG_LIFE);
	uint64_t both[MASK_WORDS];

	for (uint32_t k = 0; k < r->nolder; k++) {
		struct older *o = &f->older[r->older + k];
		uint64_t *m = &f->masks[o->mask];
		bool some = mask_and(both, m, &f->masks[ev->mask],
		    r->t->words);

		bool all = ev->death || (born && o->ver.clock >
		    STORE_CLOCK_LOAD);

		if (!some && !all)
			continue;
		if (mask_empty(m, r->t->words))
			continue;
		if (all)
			memset(m, 0, (size_t)r->t->words * sizeof(*m));
		else
			mask_minus(m, both, r->t->words);
		if (frag_set_mask(f->s, r->t, o->seq, m, e) < 0)
			return -1;
	}
	return 0;
}

static int write_event(struct fold *f, const struct event *ev, struct err *e)
{
	const struct frow *r = &f->rows[ev->row];
	struct frag fr;

	if (aside_any(f->s) && replace_aside(f, r, ev, e) < 0)
		return -1;
	if (leave_older(f, r, ev, e) < 0)
		return -1;
	fr.seq = ev->seq;
	fr.ver.clock = ev->clock;
	fr.ver.origin = f->s->self;
	fr.arrival = 0;
	fr.death = ev->death;
	memcpy(fr.mask.w, &f->masks[ev->mask],
	    (size_t)r->t->words * sizeof(uint64_t));
	return frag_add(f->s, r->t, &r->key, &fr, e);
}

static int write_all(struct fold *f, struct err *e)
{
	/* the log's entries first: replaced values add entries of their own,
	 * which the next fold takes */
	if (db_execf(f->s->db, e, "DELETE FROM dialsync_log WHERE seq <= %lld",
		(long long)f->last_entry) < 0)
		return -1;
	for (uint32_t i = 0; i < f->nrows; i++) {
		int32_t k = f->rows[f->by_key[i].row].first;

		for (; k >= 0; k = f->events[k].next)
			if (f->events[k].seq &&
			    write_event(f, &f->events[k], e) < 0)
				return -1;
	}
	/* an edit may take a value that a held row claims, or give one up;
	 * the applier looks */
	if (f->retry && store_meta_set_int(f->s, HELD_META_RETRY, 1, e) < 0)
		return -1;
	return store_know(f->s, f->s->self, f->s->last, e);
}

/* Fold at most max entries into fragments; *more: entries are left. */
static int fold_log(struct store *s, int64_t max, bool *more, struct err *e)
{
	struct fold f;
	int rc = -1;
	int64_t left = 0;

	memset(&f, 0, sizeof(f));
	f.s = s;
	buf_init(&f.scratch, SIZE_MAX);
	f.frags = malloc(FRAGS_MAX * sizeof(*f.frags));
	if (!f.frags) {
		no_memory(e);
		goto done;
	}
	if (read_log(&f, max, e) < 0)
		goto done;
	if (sort_rows(&f) < 0) {
		no_memory(e);
		goto done;
	}
	for (uint32_t i = 0; i < f.nrows; i++)
		if (look_row(&f, f.by_key[i].row, e) < 0)
			goto done;
	if (give_clocks(&f) < 0) {
		no_memory(e);
		goto done;
	}
	if (f.last_entry && write_all(&f, e) < 0)
		goto done;
	rc = db_int(s->db, "SELECT EXISTS(SELECT 1 FROM dialsync_log)", 0,
	    &left, e);
	*more = left != 0;
done:
	fold_free(&f);
	return rc;
}

int capture_fold(struct store *s, int64_t max, bool *more, struct err *e)
{
	int rc = capture_hide_new(s, e);

	if (rc == 1) {
		rc = fold_log(s, max, more, e);
		if (rc == 0 && *more)
			return 0;
	}
	if (rc < 0 || capture_refresh(s, s->warn, s->warn_arg, e) < 0)
		return -1;
	return fold_log(s, max, more, e);
}
