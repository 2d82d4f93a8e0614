#include "config.h"

#include "tests/random_wire.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle/bundle.h"
#include "tests/random_world.h"

#define SITES SITES_MAX

/* A set of 64-bit hashes: an open table, at most half full. */
struct set {
	uint64_t *slot; /* owned; 0: free */
	size_t size, n;
};

struct sent {
	int from, to;
	int64_t number;
	uint64_t *reg;  /* owned; NULL once applied */
	size_t n, cap;
	bool there;     /* in the inbox before an apply */
};

struct wire {
	struct set sent, applied;
	struct sent *flight; /* owned */
	int nflights;
	int waits[4096];     /* flights not yet applied */
	int nwaits;
	uint64_t epoch[SITES];
	int64_t upto[SITES][SITES], until[SITES][SITES];
	struct wire_edge edge[SITES][SITES];
	/* while a bundle is read */
	struct bundle_origin *origins;
	size_t norigins;
	bool again;          /* it is a resend */
};

static uint64_t mix(uint64_t h, uint64_t x)
{
	h ^= x + UINT64_C(0x9E3779B97F4A7C15) + (h << 6) + (h >> 2);
	h = (h ^ h >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	return h ^ h >> 27;
}

static uint64_t mix_bytes(uint64_t h, const void *p, size_t n)
{
	const unsigned char *s = p;

	h = mix(h, n);
	for (size_t i = 0; i < n; i++)
		h = (h ^ s[i]) * UINT64_C(0x100000001b3);
	return mix(h, n);
}

static uint64_t mix_value(uint64_t h, const struct value *v)
{
	h = mix(h, (uint64_t)v->type);
	if (v->type == VALUE_INTEGER)
		return mix(h, (uint64_t)v->i);
	if (v->type == VALUE_REAL)
		return mix_bytes(h, &v->r, sizeof(v->r));
	return v->type == VALUE_NULL ? h : mix_bytes(h, v->p, v->n);
}

static bool set_put(struct set *s, uint64_t h);

static void set_grow(struct set *s)
{
	struct set more = {calloc(s->size ? s->size * 2 : 1024,
	    sizeof(uint64_t)), s->size ? s->size * 2 : 1024, 0};

	if (!more.slot)
		abort();
	for (size_t i = 0; i < s->size; i++)
		if (s->slot[i])
			set_put(&more, s->slot[i]);
	free(s->slot);
	*s = more;
}

/* Was it there before? */
static bool set_put(struct set *s, uint64_t h)
{
	size_t i;

	if (s->n * 2 >= s->size)
		set_grow(s);
	h += h == 0;
	for (i = h % s->size; s->slot[i]; i = (i + 1) % s->size)
		if (s->slot[i] == h)
			return true;
	s->slot[i] = h;
	s->n++;
	return false;
}

static bool set_has(const struct set *s, uint64_t h)
{
	h += h == 0;
	for (size_t i = s->size ? h % s->size : 0; s->size && s->slot[i];
	    i = (i + 1) % s->size)
		if (s->slot[i] == h)
			return true;
	return false;
}

struct wire *wire_new(void)
{
	struct wire *wr = calloc(1, sizeof(*wr));

	if (!wr)
		abort();
	return wr;
}

void wire_free(struct wire *wr)
{
	if (!wr)
		return;
	for (int i = 0; i < wr->nflights; i++)
		free(wr->flight[i].reg);
	free(wr->flight);
	free(wr->sent.slot);
	free(wr->applied.slot);
	free(wr->origins);
	free(wr);
}

const struct wire_edge *wire_edge(const struct wire *wr, int from, int to)
{
	return &wr->edge[from][to];
}

/* ---- reading one bundle */

static struct sent *last(struct wire *wr)
{
	return &wr->flight[wr->nflights - 1];
}

/* A resend lists the ends of what it repeats; its later bundles begin below
 * what was sent before, or below where the sequence ended when it began. */
static int on_head(void *arg, const struct bundle_head *h, struct err *e)
{
	struct wire *wr = arg;
	struct sent *s = last(wr);
	int64_t *upto = &wr->upto[s->from][s->to];
	int64_t *until = &wr->until[s->from][s->to];

	(void)e;
	s->number = h->number;
	free(wr->origins);
	wr->norigins = h->norigins;
	wr->origins = malloc(h->norigins * sizeof(*wr->origins));
	if (!wr->origins)
		abort();
	memcpy(wr->origins, h->origins, h->norigins * sizeof(*wr->origins));
	wr->again = h->nchain > 0 || h->after < *upto || h->after < *until;
	/* "back" reaches to the end of the sequence of that moment */
	if (h->after < *upto)
		*until = INT64_MAX;
	if (h->end)
		*until = 0;
	if (h->upto > *upto)
		*upto = h->upto;
	return 0;
}

static void add_register(struct sent *s, uint64_t h)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 16;
		s->reg = realloc(s->reg, s->cap * sizeof(*s->reg));
		if (!s->reg)
			abort();
	}
	s->reg[s->n++] = h;
}

static int on_group(void *arg, struct bundle_group *g, struct err *e)
{
	struct wire *wr = arg;
	struct sent *s = last(wr);
	const char *table = bundle_group_table(g);
	uint64_t t = mix_bytes(1, table, strlen(table));
	struct bundle_rowview r;
	int rc;

	while ((rc = bundle_group_next(g, &r, e)) == 1) {
		const struct bundle_origin *o = &wr->origins[r.origin];
		uint64_t row = mix(mix(mix_bytes(t, o->site, strlen(o->site)),
		    o->inc), (uint64_t)r.clock);

		for (int i = 0; i < bundle_group_nkey(g); i++)
			row = mix_value(row, &r.key[i]);
		if (bundle_group_kind(g) != BUNDLE_UPDATE)
			add_register(s, mix(row, 7));
		for (int i = 0; i < bundle_group_ncols(g); i++) {
			const char *c = bundle_group_col(g, i);

			/* with its value: a copy made by hand in the middle of
			 * a second may give one version to two */
			if (r.has[i])
				add_register(s, mix_value(mix_bytes(row, c,
				    strlen(c)), &r.field[i]));
		}
	}
	return rc;
}

/* ---- what goes over edges */

static uint64_t on_edge(const struct wire *wr, int from, int to, uint64_t reg)
{
	return mix(mix(reg, (uint64_t)(from * SITES + to)),
	    wr->epoch[from] + wr->epoch[to]);
}

/* Had the sender applied it from the receiver, and from others before? */
static void count_echo(struct wire *wr, const struct sent *s, uint64_t reg)
{
	struct wire_edge *edge = &wr->edge[s->from][s->to];

	if (!set_has(&wr->applied, on_edge(wr, s->to, s->from, reg)))
		return;
	for (int i = 0; i < SITES; i++)
		if (i != s->to &&
		    set_has(&wr->applied, on_edge(wr, i, s->from, reg))) {
			edge->two_givers++;
			return;
		}
	edge->echoes++;
}

void wire_sent(struct wire *wr, int flight, int from, int to, const char *path)
{
	static const struct bundle_ops ops = {on_head, on_group, NULL};
	struct err e = ERR_INIT;
	struct wire_edge *edge;
	struct stat st;
	struct sent *s;
	int fd;

	if (!wr)
		return;
	wr->flight = realloc(wr->flight,
	    (size_t)(wr->nflights + 1) * sizeof(*wr->flight));
	fd = open(path, O_RDONLY);
	if (!wr->flight || fd < 0 || wr->nflights != flight ||
	    fstat(fd, &st) < 0)
		abort();
	s = &wr->flight[wr->nflights++];
	memset(s, 0, sizeof(*s));
	s->from = from;
	s->to = to;
	if (bundle_read(fd, &ops, wr, NULL, &e) < 0) {
		fprintf(stderr, "%s: %s\n", path, e.text);
		abort();
	}
	close(fd);
	edge = &wr->edge[from][to];
	edge->bundles++;
	edge->bytes += st.st_size;
	edge->registers += (long long)s->n;
	for (size_t i = 0; i < s->n; i++) {
		bool twice = set_put(&wr->sent,
		    on_edge(wr, from, to, s->reg[i]));

		if (wr->again)
			continue;
		edge->twice += twice;
		count_echo(wr, s, s->reg[i]);
	}
	if (wr->nwaits < (int)(sizeof(wr->waits) / sizeof(wr->waits[0])))
		wr->waits[wr->nwaits++] = flight;
}

static bool in_inbox(struct world *w, const struct sent *s)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/inbox/%s/%08lld.xml.gz",
	    w->site[s->to].dir, w->site[s->from].name, (long long)s->number);
	return access(path, F_OK) == 0;
}

void wire_reads(struct wire *wr, struct world *w, int site)
{
	for (int k = 0; wr && k < wr->nwaits; k++) {
		struct sent *s = &wr->flight[wr->waits[k]];

		if (s->to == site)
			s->there = in_inbox(w, s);
	}
}

void wire_applied(struct wire *wr, struct world *w, int site)
{
	int n = 0;

	for (int k = 0; wr && k < wr->nwaits; k++) {
		struct sent *s = &wr->flight[wr->waits[k]];

		if (s->to != site || !s->there || in_inbox(w, s)) {
			wr->waits[n++] = wr->waits[k];
			continue;
		}
		for (size_t i = 0; i < s->n; i++)
			set_put(&wr->applied,
			    on_edge(wr, s->from, s->to, s->reg[i]));
		free(s->reg);
		s->reg = NULL;
		s->n = 0;
	}
	if (wr)
		wr->nwaits = n;
}

void wire_forget(struct wire *wr, int site)
{
	if (wr)
		wr->epoch[site] += UINT64_C(1) << 32 | 1;
}
