#include "config.h"

#include "apply/merge.h"

#include <string.h>

/* The fragment that has the row's life register; NULL: none has. */
static struct merge_frag *life_of(struct merge *m)
{
	for (int i = 0; i < m->nfrag; i++)
		if (mask_has(m->frag[i].mask.w, REG_LIFE))
			return &m->frag[i];
	return NULL;
}

/* The incoming fragment met these registers of f.  A sender that knows the
 * version wrote over it knowingly, or has judged the two; unless it has a column
 * under its name of before, where the two never met. */
static void met(struct merge_frag *f, const uint64_t *regs, int words)
{
	uint64_t apart[MASK_WORDS];

	if (!f->sender_knows)
		mask_or(f->clash.w, regs, words);
	else if (mask_and(apart, regs, f->apart.w, words))
		mask_or(f->clash.w, apart, words);
}

/* A death that came. */
static void run_death(struct merge *m, struct merge_frag *life)
{
	if (life && (life->cmp < 0 || (life->cmp == 0 && life->death))) {
		/* the same death, a later one, or a later birth */
		m->alive = !life->death;
		m->dead = life->death;
		m->life_clash = life->cmp < 0 && !life->death &&
		    !life->sender_knows && !m->known;
		return;
	}
	m->dead = true;
	m->kill = true;
	mask_set(m->win.w, REG_LIFE);
	for (int i = 0; i < m->nfrag; i++) {
		struct merge_frag *f = &m->frag[i];

		/* edits that the sender did not know are lost to it */
		if (!f->sender_knows)
			f->clash = f->mask;
		mask_clear(f->clash.w, REG_LIFE);
		mask_clear(f->clash.w, REG_SPELLING);
		/* older ones can never be seen again; later ones stay */
		if (f->cmp >= 0)
			memset(f->keep.w, 0, sizeof(f->keep.w));
		mask_clear(f->keep.w, REG_LIFE);
	}
}

/* Fields (and spelling, and a birth's life) against what is there. */
static void run_registers(struct merge *m)
{
	m->win = m->mask;
	for (int i = 0; i < m->nfrag; i++) {
		struct merge_frag *f = &m->frag[i];
		uint64_t both[MASK_WORDS];

		if (!mask_and(both, f->mask.w, m->mask.w, m->words))
			continue;
		if (f->cmp > 0) {
			mask_minus(f->keep.w, both, m->words);
			met(f, both, m->words);
		} else if (f->cmp == 0) {
			mask_minus(both, f->greater.w, m->words);
			mask_minus(m->win.w, both, m->words);
			mask_minus(f->keep.w, f->greater.w, m->words);
			if (!f->sender_knows)
				mask_or(f->clash.w, f->differs.w, m->words);
		} else {
			mask_minus(m->win.w, both, m->words);
			if (!m->known)
				met(f, both, m->words);
		}
		mask_clear(f->clash.w, REG_LIFE);
		mask_clear(f->clash.w, REG_SPELLING);
	}
}

/* A birth that came and has the row: what is older and not in it goes. */
static void run_birth(struct merge *m)
{
	for (int i = 0; i < m->nfrag; i++) {
		struct merge_frag *f = &m->frag[i];

		if (f->cmp <= 0 || f->base)
			continue;
		mask_or(m->gone.w, f->keep.w, m->words);
		met(f, f->keep.w, m->words);
		memset(&f->keep, 0, sizeof(f->keep));
		mask_clear(f->clash.w, REG_LIFE);
		mask_clear(f->clash.w, REG_SPELLING);
	}
}

/* What came is older than the birth that has the row. */
static void run_before(struct merge *m, struct merge_frag *life)
{
	if (!life->sender_knows && !m->known)
		mask_or(life->clash.w, m->win.w, m->words);
	mask_clear(life->clash.w, REG_LIFE);
	mask_clear(life->clash.w, REG_SPELLING);
	memset(&m->win, 0, sizeof(m->win));
}

void merge_run(struct merge *m)
{
	struct merge_frag *life = life_of(m);

	memset(&m->win, 0, sizeof(m->win));
	memset(&m->gone, 0, sizeof(m->gone));
	m->alive = m->dead = m->kill = m->late = m->life_clash = false;
	for (int i = 0; i < m->nfrag; i++) {
		m->frag[i].keep = m->frag[i].mask;
		memset(&m->frag[i].clash, 0, sizeof(m->frag[i].clash));
	}
	if (m->kind == BUNDLE_DEATH) {
		run_death(m, life);
		return;
	}
	if (life && life->death) {
		bool birth = m->kind == BUNDLE_BIRTH;

		if (life->cmp > 0 && birth) {
			/* a life after that death */
			m->alive = true;
		} else {
			m->dead = true;
			m->late = life->cmp > 0 || !m->known;
			m->life_clash = birth && life->cmp < 0 &&
			    !life->sender_knows && !m->known;
			if (life->cmp <= 0)
				return; /* older than the death: moot */
		}
	} else {
		m->alive = life || m->kind == BUNDLE_BIRTH;
	}
	run_registers(m);
	if (m->partial || m->base)
		return;
	if (life && !life->death && !life->base && life->cmp < 0)
		run_before(m, life);
	else if (m->kind == BUNDLE_BIRTH && mask_has(m->win.w, REG_LIFE))
		run_birth(m);
}
