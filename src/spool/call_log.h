/* log/calls.log: one line per call, tab-separated, a comment line with the
 * names of the columns first.  New columns come at the end only; a reader
 * takes the ones it knows.
 *
 * Errors: ERR_MISSING no log yet; ERR_SYSTEM. */
#ifndef SPOOL_CALL_LOG_H
#define SPOOL_CALL_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "spool/spool.h"

#define CALL_LOG_LINE_MAX 4096 /* bytes of a line; longer ones are broken */
#define CALL_CONNECT_MAX  200
#define CALL_MESSAGE_MAX  500
#define CALL_PHONE_MAX    64

/* In the order of the columns. */
struct call_record {
	int64_t start, end;           /* wall seconds; UTC in the file */
	char peer[TEXT_NAME_MAX + 1]; /* "" when not known: "-" in the file */
	char line[TEXT_NAME_MAX + 1];
	char direction[8]; /* "out", "in" */
	char result[20];   /* done, busy, no-carrier, ... */
	int exit;
	int64_t seconds; /* connected */
	int64_t bytes_sent, bytes_received;
	int64_t bundles_sent, bundles_received;
	int64_t resent_bytes;
	char connect[CALL_CONNECT_MAX]; /* what the modem said; any bytes */
	char message[CALL_MESSAGE_MAX];
	/* later columns; a reader takes a line without them */
	char phone[CALL_PHONE_MAX]; /* as dialed; "" */
	int64_t try; /* of ours: the n-th since the last good call, the same
	                for all numbers and lines of one try; 0: not known */
};

/* Append one line with one write, synced.  Several processes may do so. */
int call_log_append(
    const struct spool *s, const struct call_record *r, struct err *e);

struct call_log;

/* Open for reading.  Lines appended later may or may not be seen. */
struct call_log *call_log_open(const struct spool *s, struct err *e);
/* The next record from the start, or from the end; each has its own position.
 * 1 and the record, 0 at the end, -1.  Broken lines are skipped. */
int call_log_next(struct call_log *l, struct call_record *r, struct err *e);
int call_log_prev(struct call_log *l, struct call_record *r, struct err *e);
/* How many broken lines were skipped so far. */
uint64_t call_log_skipped(const struct call_log *l);
void call_log_close(struct call_log *l);

#endif
