/* What is done with a bundle, from its header and what was applied before. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "apply/order.h"

#define US 5    /* our incarnation */
#define THEM 7  /* the peer's, when we know it */
#define TAG UINT64_C(0xAAAA00000001) /* of position 10 */

struct row {
	const char *name;
	/* the bundle */
	const char *from, *to;
	uint64_t inc, rinc;
	int64_t after, upto;
	uint64_t prev;        /* the tag that it goes on from */
	const char *chain;    /* "10! 14": ends that it lists; !: our tag */
	/* here */
	int64_t pos;
	bool ended, fresh, end_known;
	/* then */
	enum order order;
	const char *why;      /* a part of the reason to hold it */
};

static const struct row rows[] = {
	{"the first of all", "hub", "ann", THEM, 0, 0, 10, 0, NULL,
	    0, false, true, false, ORDER_NEW, NULL},
	{"the first one is missing", "hub", "ann", THEM, 0, 10, 14, TAG, NULL,
	    0, false, true, false, ORDER_GAP, NULL},
	{"the next one", "hub", "ann", THEM, US, 10, 14, TAG, NULL,
	    10, false, false, false, ORDER_APPLY, NULL},
	{"the same again", "hub", "ann", THEM, US, 0, 10, 0, NULL,
	    10, false, false, true, ORDER_DUPLICATE, NULL},
	{"an older one", "hub", "ann", THEM, US, 3, 6, 1, NULL,
	    10, false, false, true, ORDER_DUPLICATE, NULL},
	{"an older one that was never here", "hub", "ann", THEM, US, 3, 6,
	    1, NULL,
	    10, false, false, false, ORDER_FORK, NULL},
	{"the same position, reached another way", "hub", "ann", THEM, US,
	    3, 10, 1, NULL,
	    10, false, false, false, ORDER_FORK, NULL},
	{"a resend cut anew, all of it known", "hub", "ann", THEM, US, 3, 6,
	    1, "3 7 10! 14",
	    10, false, false, false, ORDER_DUPLICATE, NULL},
	{"a resend cut anew, of another history", "hub", "ann", THEM, US, 3,
	    6, 1, "3 7 10 14",
	    10, false, false, false, ORDER_FORK, NULL},
	{"an older acknowledgement", "hub", "ann", THEM, US, 6, 6, 1, NULL,
	    10, false, false, false, ORDER_DUPLICATE, NULL},
	{"a new incarnation that only says so", "hub", "ann", THEM + 1, US,
	    0, 0, 0, NULL,
	    0, false, true, false, ORDER_NEW, NULL},
	{"one is missing", "hub", "ann", THEM, US, 14, 20, 2, NULL,
	    10, false, false, false, ORDER_GAP, NULL},
	{"nothing new, an acknowledgement", "hub", "ann", THEM, US, 10, 10,
	    TAG, NULL,
	    10, false, false, false, ORDER_DUPLICATE, NULL},
	{"a resend from before our position", "hub", "ann", THEM, US, 3, 20,
	    1, "3 10! 14",
	    10, false, false, false, ORDER_APPLY, NULL},
	{"a resend from the beginning", "hub", "ann", THEM, US, 0, 20, 0,
	    "3 10!",
	    10, false, false, false, ORDER_APPLY, NULL},
	{"a resend that does not list our position", "hub", "ann", THEM, US,
	    3, 20, 1, "3 14",
	    10, false, false, false, ORDER_FORK, NULL},
	{"a resend with another tag there", "hub", "ann", THEM, US, 3, 20,
	    1, "3 10 14",
	    10, false, false, false, ORDER_FORK, NULL},
	{"the next one after another state", "hub", "ann", THEM, US, 10, 14,
	    99, NULL,
	    10, false, false, false, ORDER_FORK, NULL},
	{"from someone else", "eve", "ann", THEM, US, 10, 14, TAG, NULL,
	    10, false, false, false, ORDER_HOLD, "it is from eve, not from hub"},
	{"for someone else", "hub", "bob", THEM, US, 10, 14, TAG, NULL,
	    10, false, false, false, ORDER_HOLD, "it is for bob"},
	{"names are told apart by case", "hub", "Ann", THEM, US, 10, 14,
	    TAG, NULL,
	    10, false, false, false, ORDER_HOLD, "it is for Ann"},
	{"a new incarnation", "hub", "ann", THEM + 1, US, 0, 4, 0, NULL,
	    0, false, true, false, ORDER_NEW, NULL},
	{"a new incarnation whose first one is missing", "hub", "ann",
	    THEM + 1, US, 4, 8, 3, NULL,
	    0, false, true, false, ORDER_GAP, NULL},
	{"of an incarnation that has ended", "hub", "ann", THEM - 1, US, 10,
	    14, TAG, NULL,
	    10, true, false, false, ORDER_MERGE, NULL},
	{"ended, and from far ahead", "hub", "ann", THEM - 1, US, 500, 600,
	    1, NULL,
	    10, true, false, false, ORDER_MERGE, NULL},
	{"for an incarnation of ours that has ended", "hub", "ann", THEM,
	    US - 1, 10, 14, TAG, NULL,
	    10, false, false, false, ORDER_MERGE, NULL},
	{"made before it knew us", "hub", "ann", THEM, 0, 10, 14, TAG, NULL,
	    10, false, false, false, ORDER_APPLY, NULL},
	{"wrong sender comes before all else", "eve", "ann", THEM, US - 1,
	    0, 1, 0, NULL,
	    10, true, false, true, ORDER_HOLD, "it is from eve"},
	{"a new incarnation, made for one of ours that has ended", "hub",
	    "ann", THEM + 1, US - 1, 0, 4, 0, NULL,
	    0, false, true, false, ORDER_MERGE, NULL},
};

static size_t read_chain(const char *p, struct bundle_pos *out)
{
	size_t n = 0;
	char *end;

	while (p && *p) {
		out[n].upto = strtoll(p, &end, 10);
		out[n++].tag = *end == '!' ? TAG : 1;
		p = end + (*end == '!');
		p += *p == ' ';
	}
	return n;
}

static void test_rows(void **state)
{
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct bundle_pos chain[8];
		struct bundle_head h;
		struct peer p;
		struct order_in in = {&h, &p, "ann", US, r->ended,
		    r->fresh, r->end_known};
		char why[300] = "?";
		enum order got;

		memset(&h, 0, sizeof(h));
		memset(&p, 0, sizeof(p));
		snprintf(h.from, sizeof(h.from), "%s", r->from);
		snprintf(h.to, sizeof(h.to), "%s", r->to);
		h.inc = r->inc;
		h.rinc = r->rinc;
		h.after = r->after;
		h.upto = r->upto;
		h.prev = (uint32_t)r->prev;
		h.nchain = read_chain(r->chain, chain);
		h.chain = chain;
		snprintf(p.name, sizeof(p.name), "hub");
		p.pos = r->pos;
		p.pos_tag = r->pos ? TAG : 0;
		got = order_decide(&in, why, sizeof(why));
		if (got == r->order &&
		    (r->why ? strstr(why, r->why) != NULL : why[0] == '\0'))
			continue;
		print_error("%s: %d, not %d; \"%s\"\n", r->name, (int)got,
		    (int)r->order, why);
		bad++;
	}
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
