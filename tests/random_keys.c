/* Keys of a random world: shared, replaced at any time, brought to the other
 * side late or never; two sites always keep one in common. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "keys/keys.h"
#include "tests/random_fate.h"

static void read_keys(struct world *w, int i, int peer, struct keys *k)
{
	struct err e = ERR_INIT;

	if (keys_read(w->site[i].dir, w->site[peer].name, k, &e) < 0)
		world_die("keys_read", &e);
}

static void write_keys(struct world *w, int i, int peer, const struct keys *k)
{
	struct err e = ERR_INIT;

	if (keys_write(w->site[i].dir, w->site[peer].name, k, &e) < 0)
		world_die("keys_write", &e);
}

static bool has(const struct keys *k, const struct key *one)
{
	for (size_t i = 0; i < k->n; i++)
		if (memcmp(&k->key[i], one, sizeof(*one)) == 0)
			return true;
	return false;
}

/* As site_key_add(): those that are new go on top, the others stay. */
static void put_on_top(struct world *w, int i, int peer,
    const struct keys *more)
{
	struct keys old, all = {.n = 0};

	read_keys(w, i, peer, &old);
	for (size_t k = 0; k < more->n; k++)
		if (!has(&old, &more->key[k]))
			all.key[all.n++] = more->key[k];
	if (all.n == 0 || all.n + old.n > KEYS_MAX)
		return;
	memcpy(all.key + all.n, old.key, old.n * sizeof(old.key[0]));
	all.n += old.n;
	write_keys(w, i, peer, &all);
}

static void make_key(struct world *w, struct keys *k)
{
	k->n = 1;
	for (size_t i = 0; i < sizeof(k->key[0].b); i++)
		k->key[0].b[i] = (uint8_t)rnd(w, 256);
}

void world_new_key(struct world *w, int i, int peer)
{
	struct keys one;

	make_key(w, &one);
	put_on_top(w, i, peer, &one);
	world_say(w, "%s: A NEW KEY FOR %s, %02x%02x", w->site[i].name,
	    w->site[peer].name, one.key[0].b[0], one.key[0].b[1]);
}

void world_bring_key(struct world *w, int from, int to)
{
	struct keys k;

	read_keys(w, from, to, &k);
	put_on_top(w, to, from, &k);
	world_say(w, "%s: THE KEY FROM %s IS BROUGHT", w->site[to].name,
	    w->site[from].name);
}

void world_share_keys(struct world *w)
{
	for (int i = 0; i < w->nsites; i++)
		for (int k = 0; k < i; k++) {
			struct keys have, one;

			if (!w->site[i].peer[k])
				continue;
			read_keys(w, i, k, &have);
			if (have.n > 0)
				continue;
			make_key(w, &one);
			write_keys(w, i, k, &one);
			write_keys(w, k, i, &one);
		}
}

void world_check_keys(struct world *w)
{
	for (int i = 0; i < w->nsites; i++)
		for (int k = 0; k < i; k++) {
			bool common = !w->site[i].peer[k];
			struct keys a, b;

			if (common)
				continue;
			read_keys(w, i, k, &a);
			read_keys(w, k, i, &b);
			for (size_t x = 0; x < a.n; x++)
				common |= has(&b, &a.key[x]);
			if (!common)
				world_bad(w, "%s and %s have no common key",
				    w->site[i].name, w->site[k].name);
		}
}
