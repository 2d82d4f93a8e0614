#include "config.h"

#include "store/know.h"

bool know_lacks(const struct know_frag *f)
{
	if (know_covers(f->base, f->view, f->clock))
		return false;
	return !f->theirs || f->lost;
}

void know_say(struct know_say *k)
{
	/* what is still to come, the peer does not have with this bundle */
	int64_t may = k->least <= k->known ? k->least - 1 : k->known;

	k->tell = k->known >= 0 && (k->full || k->told != k->known);
	k->may = k->known >= 0 && !k->end && may > k->view;
	k->adopt = k->may ? may : KNOW_NOTHING;
}

int64_t know_take(const struct know_take *k)
{
	/* nobody can tell a site what it did itself */
	if (k->self)
		return KNOW_NOTHING;
	return k->end ? k->sender : k->adopt;
}
