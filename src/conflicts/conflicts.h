/* "dialsync conflicts": what lost, what is held, and what a person does about
 * it.  Private to src/conflicts. */
#ifndef CONFLICTS_CONFLICTS_H
#define CONFLICTS_CONFLICTS_H

#include "base/arena.h"
#include "base/json.h"
#include "store/conflict.h"
#include "store/foreign.h"
#include "store/held.h"
#include "store/row.h"
#include "store/row_json.h"

struct text {
	const char *p;  /* NULL: none; NUL at the end */
	size_t n;
};

/* A record of dialsync_conflict; all of it in the arena. */
struct record {
	int64_t n;             /* its local number */
	struct text id, kind, tbl, key, field, row;
	struct text lost_site, won_site, bundle, seen_by;
	struct text settled, settled_by;
	struct value lost, won;
	int64_t lost_clock, won_clock, settled_clock;
};

/* A row of dialsync_held. */
struct held_row {
	int64_t n;             /* "h" and this */
	int64_t t;
	struct value k;
	struct text kind, why, tbl;
	struct buf key;        /* for people; in the arena */
	int64_t since;
};

/* What the command line asked for. */
struct request {
	bool json, all, as_new;
	const char *value;     /* of --value, or NULL */
};

struct work {
	struct store *s;
	const struct request *ask;
	struct arena arena;
	struct buf say;        /* what was done, for people */
	bool held;             /* it is about a held row */
};

/* ---- record.c */

/* Memory that cannot be had ends the program. */
void *work_alloc(struct work *, size_t n);
struct value work_copy(struct work *, const struct value *);

/* The records, the open ones or all, in the order of their numbers: fn for each
 * until it returns other than 0. */
int records_each(struct work *, bool all,
    int (*fn)(struct work *, const struct record *, void *arg), void *arg,
    struct err *);
int helds_each(struct work *,
    int (*fn)(struct work *, const struct held_row *, void *arg), void *arg,
    struct err *);
/* One of them.  ERR_USAGE, with the nearest number, when there is none. */
int record_get(struct work *, int64_t n, struct record *, struct err *);
int held_row_get(struct work *, int64_t n, struct held_row *, struct err *);

/* The record's table and the row's canonical key.  ERR_DATA: the table is not
 * here, or not tracked. */
int record_row(struct work *, const struct record *, struct table **,
    struct value *key, struct err *);
/* The column of that name, or that had it before it was renamed here; -1: not
 * here. */
int record_column(struct work *, const struct table *, const char *name);
/* The foreign key that a 'parent' record speaks of; NULL: no longer there. */
struct foreign *record_foreign(struct work *, const struct record *,
    const struct table *child, struct err *);
/* Both, and the table of its row's JSON, where they can be had; else NULL. */
struct table *record_row_table(struct work *, const struct record *);

/* ---- list.c, show.c */

/* A value for people: 'text', 7, x'00FF', NULL; cut when it is long. */
void put_value(struct buf *, const struct value *, size_t max);
/* Bytes of a peer's, without what a terminal would obey. */
void put_safe(struct buf *, const char *p, size_t n, size_t max);
/* "2026-11-22T09:30:00Z"; "" for 0. */
void put_time(struct buf *, int64_t clock);

int list_all(struct work *, struct buf *out, struct err *);
int show_record(struct work *, const struct record *, struct buf *out,
    struct err *);
int show_held(struct work *, const struct held_row *, struct buf *out,
    struct err *);
void json_record(struct work *, struct json *, const struct record *);
void json_held(struct json *, const struct held_row *);

/* ---- take.c: needs a transaction with an empty log.  What was done is added
 * to work->say.  ERR_DATA: refused, nothing was changed. */
int take_record(struct work *, const struct record *, struct err *);
int dismiss_record(struct work *, const struct record *, struct err *);
int take_held(struct work *, const struct held_row *, struct err *);
int dismiss_held(struct work *, const struct held_row *, struct err *);

/* Triggers and foreign keys as for any careful program, or as for us. */
void as_application(struct work *, bool triggers, bool foreign_keys);
/* An UPDATE of these columns, an INSERT of a row; in its name.  1; 0: no such
 * row; -1: ERR_DATA with the constraint's words. */
int edit_row(struct work *, struct table *, const struct value *key,
    const uint64_t *set, const struct value *values, struct err *);
int insert_row(struct work *, struct table *, const uint64_t *set,
    const struct value *values, struct err *);
/* The value of --value. */
void asked_value(const struct work *, struct value *);
/* The row of the record's JSON, which has this key.  ERR_DATA: it has none, or
 * one of another key, and what to do. */
int kept_row(struct work *, const struct record *, struct table *,
    const struct value *key, struct value *values, struct mask *set,
    struct err *);
int settle(struct work *, const struct record *, const char *how,
    struct err *);

/* take_row.c: whole rows */
int take_death(struct work *, const struct record *, struct err *);
int take_birth(struct work *, const struct record *, struct err *);
int take_life(struct work *, const struct record *, struct err *);
int take_parent(struct work *, const struct record *, struct err *);

/* take_held.c: values that wait for a person.  Keep this site's: they become
 * new edits; or place the others'.  regs: which. */
int wait_keep(struct work *, struct table *, const struct value *key,
    const uint64_t *regs, struct err *);
int wait_place(struct work *, struct table *, const struct value *key,
    const uint64_t *regs, struct err *);

#endif
