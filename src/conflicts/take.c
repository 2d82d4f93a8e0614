/* Settling a conflict: the lost value comes back as an ordinary edit, or stays
 * lost.  Either travels like any change, and so does the fact that it is
 * settled. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "conflicts/conflicts.h"

void as_application(struct work *w, bool triggers, bool foreign_keys)
{
	sqlite3_db_config(w->s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER,
	    triggers, NULL);
	sqlite3_db_config(w->s->db, SQLITE_DBCONFIG_ENABLE_FKEY,
	    foreign_keys, NULL);
}

/* A held row cannot be dismissed. */
static int refused(const struct work *w, const struct err *why, struct err *e)
{
	return err_set(e, ERR_DATA, "the table refuses it: %s; nothing was"
	    " changed; change what is in its way, or give another value with"
	    " --value%s", why->text, w->held ? "" : ", or dismiss it");
}

int edit_row(struct work *w, struct table *t, const struct value *key,
    const uint64_t *set, const struct value *values, struct err *e)
{
	struct err why = ERR_INIT;
	int rc = row_update(w->s, t, key, set, values, &why);

	if (rc < 0)
		*e = why;
	return rc == ROW_REFUSED || rc == ROW_TAKEN ? refused(w, &why, e)
						   : rc;
}

int insert_row(struct work *w, struct table *t, const uint64_t *set,
    const struct value *values, struct err *e)
{
	struct err why = ERR_INIT;
	int rc = row_insert(w->s, t, set, values, &why);

	if (rc < 0)
		*e = why;
	return rc == ROW_REFUSED || rc == ROW_TAKEN ? refused(w, &why, e)
						   : rc;
}

void asked_value(const struct work *w, struct value *v)
{
	memset(v, 0, sizeof(*v));
	if (strcmp(w->ask->value, "\\N") == 0)
		return;
	/* text; the column's affinity makes a number of it */
	v->type = VALUE_TEXT;
	v->p = w->ask->value;
	v->n = strlen(v->p);
}

int kept_row(struct work *w, const struct record *r, struct table *t,
    const struct value *key, struct value *values, struct mask *set,
    struct err *e)
{
	if (!r->row.p)
		return err_set(e, ERR_DATA, "the row itself is not known here;"
		    " a site that had it adds it to this conflict, and it"
		    " comes with that site's next bundle; else insert the row"
		    " by hand, and dismiss this");
	if (row_json_get(w->s->db, r->row.p, r->row.n, t, values, set,
		&w->arena, e) < 0)
		return -1;
	if (!row_json_is(t, key, values, set, &w->arena))
		return err_set(e, ERR_DATA, "the row that is kept with it has"
		    " another key, so it is not the one that was lost; insert"
		    " the row by hand, and dismiss this");
	return 0;
}

int settle(struct work *w, const struct record *r, const char *how,
    struct err *e)
{
	struct buf id = {(char *)r->id.p, r->id.n, 0, SIZE_MAX, false};

	return conflict_settle(w->s, &id, how, e);
}

/* ---- a field */

/* The registers that an 'edit' or 'birth' speaks of. */
static int fields_of(struct work *w, const struct record *r,
    const struct table *t, uint64_t *regs, struct err *e)
{
	int i = record_column(w, t, r->field.p);

	memset(regs, 0, sizeof(uint64_t) * MASK_WORDS);
	if (r->field.n == 0) {
		for (int k = 0; k < t->ncols; k++)
			if (t->cols[k].present && !t->cols[k].keypos)
				mask_set(regs, k + REG_COLUMN);
		return 0;
	}
	if (i < 0)
		return err_set(e, ERR_DATA, "table %s has no column %s here"
		    " (any more)", t->name, r->field.p ? r->field.p : "");
	mask_set(regs, i + REG_COLUMN);
	return 0;
}

/* 1 put back, 0 no such row, -1. */
static int put_field(struct work *w, const struct record *r,
    struct table *t, const struct value *key, struct err *e)
{
	uint64_t regs[MASK_WORDS], wait[MASK_WORDS];
	struct value *values = work_alloc(w,
	    (size_t)t->ncols * sizeof(*values));
	bool waits;
	int i, rc;

	if (fields_of(w, r, t, regs, e) < 0)
		return -1;
	i = record_column(w, t, r->field.p);
	/* no honest site makes such a record */
	if (i < 0 || t->cols[i].keypos)
		return err_set(e, ERR_DATA, "it names no column of %s whose"
		    " value could be put back; dismiss it", t->name);
	values[i] = r->lost;
	if (w->ask->value)
		asked_value(w, &values[i]);
	rc = held_wait(w->s, t, key, wait, e);
	waits = rc == 1 && mask_has(wait, i + REG_COLUMN);
	/* this site's value is in the table: what waited goes */
	if (rc < 0 || (waits && wait_keep(w, t, key, regs, e) < 0))
		return -1;
	as_application(w, true, true);
	rc = edit_row(w, t, key, regs, values, e);
	as_application(w, false, false);
	if (rc == 1) {
		buf_addf(&w->say, "%s of %s %s is ", r->field.p, t->name,
		    r->key.p);
		put_value(&w->say, &values[i], 60);
		buf_adds(&w->say, w->ask->value ? " now" : " again");
	}
	return rc;
}

static int take_edit(struct work *w, const struct record *r, struct err *e)
{
	struct table *t;
	struct value key;
	int rc;

	if (record_row(w, r, &t, &key, e) < 0)
		return -1;
	rc = put_field(w, r, t, &key, e);
	if (rc == 0)
		return err_set(e, ERR_DATA, "%s has no row %s any more, so"
		    " there is nothing to put the value into; a conflict of"
		    " kind \"death\" can bring the row back, else insert it by"
		    " hand, or dismiss this", t->name, r->key.p);
	return rc < 0 ? -1 : settle(w, r, SETTLED_TAKEN, e);
}

/* ---- */

int take_record(struct work *w, const struct record *r, struct err *e)
{
	static const struct {
		const char *kind;
		bool as_new, value;
		int (*take)(struct work *, const struct record *,
		    struct err *);
	} kinds[] = {
		{CONFLICT_EDIT, false, true, take_edit},
		{CONFLICT_DEATH, false, true, take_death},
		{CONFLICT_BIRTH, true, true, take_birth},
		{CONFLICT_LIFE, false, false, take_life},
		{CONFLICT_PARENT, false, false, take_parent},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!r->kind.p || strcmp(kinds[i].kind, r->kind.p) != 0)
			continue;
		if (w->ask->as_new && !kinds[i].as_new)
			return err_set(e, ERR_USAGE, "--as-new is for two rows"
			    " of one key (kind \"birth\"); conflict %lld is of"
			    " kind \"%s\"", (long long)r->n, r->kind.p);
		if (w->ask->value && !kinds[i].value)
			return err_set(e, ERR_USAGE, "conflict %lld is of kind"
			    " \"%s\", which has no value that --value could"
			    " set", (long long)r->n, r->kind.p);
		return kinds[i].take(w, r, e);
	}
	return err_set(e, ERR_DATA, "conflict %lld is of a kind that this"
	    " version does not know: \"%s\"", (long long)r->n,
	    r->kind.p ? r->kind.p : "");
}

int dismiss_record(struct work *w, const struct record *r, struct err *e)
{
	uint64_t regs[MASK_WORDS], wait[MASK_WORDS];
	struct table *t;
	struct value key;
	int rc;

	/* what waited for this decision takes its place */
	if (r->kind.p && (strcmp(r->kind.p, CONFLICT_EDIT) == 0 ||
		strcmp(r->kind.p, CONFLICT_BIRTH) == 0) &&
	    record_row(w, r, &t, &key, NULL) == 0 &&
	    fields_of(w, r, t, regs, NULL) == 0) {
		rc = held_wait(w->s, t, &key, wait, e);
		if (rc == 1 && mask_and(regs, regs, wait, t->words))
			rc = wait_place(w, t, &key, regs, e);
		if (rc < 0)
			return -1;
	}
	buf_adds(&w->say, "what is there stays");
	return settle(w, r, SETTLED_DISMISSED, e);
}
