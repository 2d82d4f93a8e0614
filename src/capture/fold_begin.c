/* Folding everything, however much it is, without keeping others waiting. */
#include "config.h"

#include "base/clock.h"
#include "capture/capture.h"

/* Entries of one batch: about 8 MB of memory at most, and as many as fold in
 * FOLD_MS, by the batch before: what an entry costs depends on how far the keys
 * lie apart, and on the disk. */
#define FOLD_BATCH_MIN 1000
#define FOLD_BATCH_MAX 32000
#define FOLD_MS        100

static int64_t next_batch(int64_t batch, uint64_t ms)
{
	batch = batch * FOLD_MS / (int64_t)(ms ? ms : 1);
	if (batch > FOLD_BATCH_MAX)
		return FOLD_BATCH_MAX;
	return batch < FOLD_BATCH_MIN ? FOLD_BATCH_MIN : batch;
}

/* The applier's connection has triggers off; only copies run there. */
static int follow_if_off(struct store *s, struct err *e)
{
	int on = 1;

	sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, -1, &on);
	return on ? 0 : capture_follow(s, e);
}

int capture_fold_begin(struct store *s, struct err *e)
{
	int64_t batch = 6000;
	bool more = true, again = false;

	for (;;) {
		uint64_t began, ms;

		store_yield(s, false);
		if (store_begin(s, e) < 0)
			return -1;
		began = clock_ms();
		if (capture_fold(s, batch, &more, e) < 0) {
			store_rollback(s);
			return -1;
		}
		/* the caller's work must not come on top of a long fold */
		ms = clock_ms() - began;
		if (!more && (ms < FOLD_MS / 3 || again)) {
			if (follow_if_off(s, e) == 0)
				return 0;
			store_rollback(s);
			return -1;
		}
		again = !more;
		if (store_commit(s, e) < 0) {
			store_rollback(s);
			return -1;
		}
		batch = next_batch(batch, clock_ms() - began);
	}
}
