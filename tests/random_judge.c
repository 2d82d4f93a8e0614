#include "config.h"

#include "tests/random_fate.h"
#include "tests/random_judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/random_wire.h"

/* ---- tokens by their text */

static unsigned hash(const char *p, size_t n)
{
	unsigned h = 2166136261u;

	while (n-- > 0)
		h = (h ^ (unsigned char)*p++) * 16777619u;
	return h % (TOKENS_MAX * 2);
}

/* The token's number, made when it is new. */
static int token(struct world *w, const char *line, size_t n)
{
	unsigned h = hash(line, n);
	struct token *t;

	for (; w->hash[h]; h = (h + 1) % (TOKENS_MAX * 2)) {
		t = &w->token[w->hash[h] - 1];
		if (strncmp(t->text, line, n) == 0 && !t->text[n])
			return w->hash[h] - 1;
	}
	if (w->ntokens == TOKENS_MAX)
		world_die("too many values", NULL);
	t = &w->token[w->ntokens];
	t->text = strndup(line, n);
	t->site = -1;
	/* nobody wrote just this: what edits of one row made together */
	t->excused = true;
	w->hash[h] = ++w->ntokens;
	return w->ntokens - 1;
}

struct looking {
	struct world *w;
	struct seen *seen;
};

static void look(void *arg, const char *line, size_t n)
{
	struct looking *l = arg;
	int i = token(l->w, line, n);

	l->seen->w[i / 64] |= UINT64_C(1) << (i % 64);
}

void seen_tables(struct world *w, int i, struct seen *seen)
{
	struct looking l = {w, seen};

	memset(seen, 0, sizeof(*seen));
	dump_values(w, i, look, &l);
}

static void add(struct seen *to, const struct seen *from)
{
	for (int k = 0; k < TOKEN_WORDS; k++)
		to->w[k] |= from->w[k];
}

/* Written by that site now, knowing all that it has seen.  The second time it is
 * another writing of the same: by another site, or with a row that came back to
 * its key. */
static void written(struct world *w, int i, struct token *t)
{
	t->again |= t->before != NULL;
	t->site = i;
	t->event = w->event;
	t->excused = false;
	memset(t->over, 0, sizeof(t->over));
	if (!t->before)
		t->before = malloc(sizeof(*t->before));
	if (!t->before)
		abort();
	*t->before = w->site[i].seen;
}

/* The tokens that a record may speak of: "t0.a[...]=value". */
static bool speaks_of(const struct token *t, const char *field, size_t nfield,
    const char *value)
{
	const char *is = strstr(t->text, "]=");

	return strncmp(t->text, field, nfield) == 0 && t->before &&
	    strcmp(is + 2, value) == 0;
}

struct born {
	struct world *w;
	int site;
};

static void born_with(void *arg, const char *field, const char *value)
{
	struct born *b = arg;

	for (int k = 0; k < b->w->ntokens; k++)
		if (speaks_of(&b->w->token[k], field, strlen(field), value))
			b->w->token[k].born |= UINT64_C(1) << b->site;
}

/* What the writer saw and took away was overwritten knowingly. */
void seen_edit(struct world *w, int i, const struct seen *before)
{
	struct node *s = &w->site[i];
	struct seen after;

	add(&s->seen, before);
	seen_tables(w, i, &after);
	for (int k = 0; k < w->ntokens; k++) {
		struct token *t = &w->token[k];
		bool was = seen_has(before, k), is = seen_has(&after, k);

		if (is && !was)
			written(w, i, t);
		if (was && !is && !t->over[i])
			t->over[i] = w->event;
	}
	add(&s->seen, &after);
	if (w->opt.alter)
		each_born_with(w, i, born_with, &(struct born){w, i});
}

/* Has capture looked at the column? */
static bool looked_at(const struct node *s, const char *field)
{
	char from[300];

	snprintf(from, sizeof(from), "dialsync_column c JOIN dialsync_table t"
	    " USING(t) WHERE t.name = '%.2s' AND c.name = '%c' AND c.here",
	    field, field[3]);
	return dump_count(s->app, from) > 0;
}

/* A copy made by hand looks at its columns, and the original does so later: what
 * was put into one that is new has two versions then, of two clocks
 * (doc/STORE.md), and who sees one need not know of the other. */
static void seen_twice(struct world *w, int i)
{
	struct seen now;

	seen_tables(w, i, &now);
	for (int k = 0; k < w->ntokens; k++)
		if (seen_has(&now, k) &&
		    !looked_at(&w->site[i], w->token[k].text))
			w->token[k].born |= UINT64_C(1) << i;
}

/* The copy has seen all that the original has, and what that one overwrote is
 * so in the copy, too, whatever becomes of the original. */
void seen_copied(struct world *w, int i, int copy, bool by_hand)
{
	w->site[copy].seen = w->site[i].seen;
	for (int k = 0; k < w->ntokens; k++)
		w->token[k].over[copy] = w->token[k].over[i];
	if (by_hand && w->opt.alter)
		seen_twice(w, i);
}

void seen_after_apply(struct world *w, int i)
{
	struct node *s = &w->site[i];
	struct seen now;

	seen_tables(w, i, &now);
	for (int k = 0; k < w->ntokens; k++)
		if (seen_has(&now, k) && !seen_has(&s->seen, k) &&
		    w->token[k].before)
			add(&s->seen, w->token[k].before);
	add(&s->seen, &now);
}

/* What was written after the backup, and that nobody else has seen, may be
 * gone; what was overwritten since, and was not told anybody, is there again.
 * What lay in bundles on their way is not asked for. */
void seen_restored(struct world *w, int i)
{
	struct node *s = &w->site[i];
	struct seen others;

	memset(&others, 0, sizeof(others));
	for (int k = 0; k < w->nsites; k++)
		if (k != i)
			add(&others, &w->site[k].seen);
	s->seen = s->backup_seen;
	seen_after_apply(w, i);
	for (int k = 0; k < w->ntokens; k++) {
		struct token *t = &w->token[k];

		if (t->site == i && t->event > s->backup &&
		    !seen_has(&others, k) && !seen_has(&s->seen, k))
			t->excused = true;
		/* what another site overwrote, too, stays so */
		if (t->over[i] > s->backup && t->over[i] > s->packed)
			t->over[i] = 0;
	}
}

/* ---- the end of a world */

static void first_difference(const struct buf *a, const struct buf *b,
    char *out, size_t size)
{
	const char *p = buf_str(a), *q = buf_str(b), *lp = p, *lq = q;

	while (*p && *p == *q) {
		if (*p == '\n') {
			lp = p + 1;
			lq = q + 1;
		}
		p++;
		q++;
	}
	snprintf(out, size, "%.*s | %.*s", (int)strcspn(lp, "\n"), lp,
	    (int)strcspn(lq, "\n"), lq);
}

static void judge_equal(struct world *w)
{
	struct buf a = BUF_INIT(SIZE_MAX);

	dump_site(w, 0, true, &a);
	world_say(w, "%s:\n%s", w->site[0].name, buf_str(&a));
	for (int i = 1; i < w->nsites; i++) {
		struct buf b = BUF_INIT(SIZE_MAX);
		char text[500];

		dump_site(w, i, true, &b);
		if (strcmp(buf_str(&a), buf_str(&b)) != 0) {
			first_difference(&a, &b, text, sizeof(text));
			world_bad(w, "%s and %s differ: %s", w->site[0].name,
			    w->site[i].name, text);
			world_say(w, "%s:\n%s", w->site[i].name, buf_str(&b));
		}
		buf_free(&b);
	}
	buf_free(&a);
}

/* A key has one register, and what is in its table has none of its key aside
 * (store/held.h): else the next to be told of the row hears the wrong spelling. */
static void judge_keys(struct world *w)
{
	static const char *const none[] = {
	    "dialsync_aside a JOIN dialsync_column c USING(t, r)"
	    " WHERE c.here > 1 AND NOT EXISTS(SELECT 1 FROM dialsync_held h"
	    "  WHERE h.t = a.t AND h.k = a.k) AND EXISTS(SELECT 1 FROM"
	    "  dialsync_frag f WHERE f.t = a.t AND f.k = a.k AND f.m > 0"
	    "  AND f.m & 1)",
	    "dialsync_frag f JOIN dialsync_column c USING(t)"
	    " WHERE c.here > 1 AND f.m > 0 AND f.m >> c.r & 1"};

	for (int i = 0; i < w->nsites; i++)
		for (int k = 0; k < 2; k++)
			if (dump_count(w->site[i].app, none[k]))
				world_bad(w, "%s: %s", w->site[i].name,
				    k ? "a column of a key has a register"
				      : "a row's key is aside, too");
}

static bool is_over(const struct world *w, const struct token *t)
{
	for (int i = 0; i < w->nsites; i++)
		if (t->over[i])
			return true;
	return false;
}

static void judge_lost(struct world *w)
{
	struct buf kept = BUF_INIT(SIZE_MAX);
	struct seen now;

	seen_tables(w, 0, &now);
	for (int i = 0; i < w->nsites; i++)
		dump_kept(w, i, &kept);
	for (int i = 0; i < w->ntokens; i++) {
		const struct token *t = &w->token[i];
		const char *value = strstr(t->text, "]=") + 2;
		char line[500];

		if (is_over(w, t) || t->excused || seen_has(&now, i))
			continue;
		snprintf(line, sizeof(line), " %s ", value);
		if (strstr(buf_str(&kept), line))
			continue;
		for (int k = 0; k < w->nalters; k++)
			if (w->alter[k].drop &&
			    w->alter[k].table == t->text[1] - '0' &&
			    w->alter[k].drop == t->text[3])
				line[0] = '\0';
		if (line[0])
			world_bad(w, "lost: %s, written at %s", t->text,
			    w->site[t->site].name);
	}
	buf_free(&kept);
}

static bool same_key(const char *a, const char *b)
{
	size_t n = (size_t)(strstr(a, "]=") - a);

	return strncmp(a, b, n) == 0 && strncmp(b + n, "]=", 2) == 0;
}

struct falsely {
	struct world *w;
	int n;
};

/* A column that was renamed: what a site wrote under the new name, before the
 * others had it, meets the old one as if it did not know it (doc/STORE.md). */
static bool renamed(const struct world *w, const char *field)
{
	for (int k = 0; k < w->nalters; k++)
		if (w->alter[k].rename && w->alter[k].table == field[1] - '0' &&
		    (w->alter[k].add == field[3] ||
			w->alter[k].rename == field[3]))
			return true;
	return false;
}

/* The loser of this conflict had been seen by the winner's writer.  Values that
 * went from key to key were written at each: then one pair that met unseen is
 * reason enough.  And a site that a row was born at with what waited for a
 * column there wrote that value again, which the winner's writer cannot know
 * from having seen the value before (doc/MERGE.md, "How two changes of a row
 * meet"); so did one of which a copy was made, see seen_copied(). */
static void judge_conflict(void *arg, const char *field, const char *lost,
    const char *won, int loser)
{
	struct falsely *f = arg;
	struct world *w = f->w;
	const struct token *was = NULL;
	size_t n = strlen(field);

	if (renamed(w, field))
		return;
	for (int l = 0; l < w->ntokens; l++) {
		if (!speaks_of(&w->token[l], field, n, lost))
			continue;
		if (loser >= 0 && w->token[l].born >> loser & 1)
			return;
		for (int k = 0; k < w->ntokens; k++) {
			const struct token *t = &w->token[k];

			if (!speaks_of(t, field, n, won) ||
			    !same_key(w->token[l].text, t->text))
				continue;
			/* having seen one writing is not having seen both */
			if (!seen_has(t->before, l) || t->again ||
			    w->token[l].again)
				return;
			was = t;
		}
	}
	if (was) {
		world_say(w, "FALSE CONFLICT: %s lost to %s", lost, was->text);
		f->n++;
	}
}

void judge(struct world *w, struct findings *all)
{
	struct falsely f = {w, 0};
	struct node *s = &w->site[0];
	long long echoes = 0, twice = 0, givers = 0;

	judge_equal(w);
	judge_keys(w);
	judge_lost(w);
	each_conflict(w, 0, judge_conflict, &f);
	for (int a = 0; w->wire && a < w->nsites; a++)
		for (int b = 0; b < w->nsites; b++) {
			const struct wire_edge *e = wire_edge(w->wire, a, b);

			all->registers += e->registers;
			echoes += e->echoes;
			givers += e->two_givers;
			twice += e->twice;
		}
	all->worlds++;
	all->bundles += w->nflights;
	all->tokens += w->ntokens;
	all->conflicts += dump_count(s->app, "dialsync_conflict");
	all->held += dump_count(s->app, "dialsync_held");
	all->kills += w->kills;
	all->restores += w->restores;
	all->copies += w->copies;
	all->alters += w->nalters;
	if (w->restores) {
		all->after_restore += f.n + echoes + givers;
		return;
	}
	all->false_conflicts += f.n;
	all->echoes += echoes;
	all->two_givers += givers;
	all->twice += twice;
	if (f.n || echoes || twice)
		world_say(w, "%d FALSE CONFLICTS, %lld ECHOES, %lld TWICE",
		    f.n, echoes, twice);
}
