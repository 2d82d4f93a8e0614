/* What a site is doing, as values: made from what was read (status files, the
 * spool, the call log, the database), then drawn as text or JSON by others.
 * Pure: no file, no clock, no lock; so every rule of the display is a row in a
 * test.  Specification: doc/STATUS.md.
 *
 * Whatever is not known is STATUS_NONE (numbers, times) or NULL (words). */
#ifndef STATUS_STATUS_MODEL_H
#define STATUS_STATUS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schedule/schedule.h"
#include "spool/call_log.h"
#include "spool/spool.h"
#include "spool/status_file.h"

#define STATUS_NONE INT64_MIN
#define STATUS_SAFE_SECONDS 15   /* how long "You can hang up now." stays */
#define STATUS_COUNT_MAX 100000  /* a count of so many means "or more" */

/* In order of activity: a later one of these is what the site shows.  IDLE and
 * FAILED are equal: there the line that changed last is shown. */
enum status_state {
	STATUS_IDLE,
	STATUS_FAILED,
	STATUS_UNKNOWN,      /* a damaged file, or a word of a later version */
	STATUS_LISTENING,
	STATUS_WAITING,
	STATUS_SAFE,
	STATUS_HANGING_UP,   /* from here on a call is under way */
	STATUS_DIALING,
	STATUS_LOGGING_IN,
	STATUS_CONNECTED,
	STATUS_EXCHANGING
};

/* ---- what was read; everything is borrowed */

struct status_seen_file {
	const char *line;              /* dialer files: the line's name */
	bool configured;               /* it is in dialsync.conf */
	bool there;                    /* it could be read */
	bool alive;                    /* its owner holds the lock */
	const struct status_map *map;  /* may be NULL where not there */
};

struct status_seen_peer {
	const char *name;
	bool counted;                  /* counts is true */
	struct spool_counts counts;
	bool called;                   /* call is its last in the log */
	struct call_record call;
	int64_t unpacked, waiting_for; /* database; STATUS_NONE */
	char *note;                    /* owned; what a person should mend */
	bool scheduled;                /* what follows is known */
	struct schedule_answer next;   /* by the clock */
	int64_t tries;                 /* failed, since the last good call */
	int64_t estimate_s, estimate_bps; /* -1, 0: not known */
};

struct status_seen {
	const char *site;
	int64_t now;                   /* wall seconds */
	const struct status_seen_file *lines;
	size_t n_lines;
	struct status_seen_file applier;
	const struct status_seen_peer *peers;
	size_t n_peers;
	int64_t held_rows, conflicts;  /* database; STATUS_NONE */
	int64_t parked;                /* values whose column is not here */
	bool untracked;                /* no table is tracked at all */
	const char *const *troubles;   /* of tables, a sentence each */
	size_t n_troubles;
};

/* ---- what is shown */

struct status_flow {
	int64_t bundles_done, bundles_total, bytes_done, bytes_total;
};

struct status_line {
	const char *name;
	const char *peer, *direction, *connect;  /* NULL */
	enum status_state state;
	bool used;                     /* there is a status file */
	bool alive;                    /* its owner is */
	int64_t since, pid, bps, seconds_left;
	struct status_flow receiving, sending;
	char message[STATUS_VALUE_MAX + 1];      /* "" where there is none */
};

struct status_processing {
	const char *peer, *table;
	struct status_flow done;
	int64_t changes_done;
};

struct status_peer {
	const char *name;
	int64_t unpacked_changes, outbox_bundles, outbox_bytes, inbox_bundles;
	int64_t waiting_for, held_bundles, held_rows, conflicts;
	int64_t last_call, last_exit;  /* when it began; its exit code */
	const char *last_result;
	int64_t next_call, tries;      /* tries: failed, since a good one */
	bool due;                      /* next_call is now */
	int64_t estimate_seconds, estimate_bps; /* of the next call */
	const char *note;              /* what a person should mend; NULL */
};

struct status_model {
	const char *site;
	int64_t time;
	enum status_state state;       /* of top, or STATUS_IDLE */
	const struct status_line *top; /* the most active line; NULL: none */
	bool safe_to_hang_up;
	struct status_line *lines;     /* owned, as is peers */
	size_t n_lines;
	struct status_processing processing;
	struct status_peer *peers;
	size_t n_peers;
	int64_t parked;
	bool untracked;
	const char *const *troubles;
	size_t n_troubles;
};

/* Work it out.  The model borrows from seen until status_model_free().
 * Errors: ERR_SYSTEM out of memory. */
int status_model_make(const struct status_seen *seen, struct status_model *m,
    struct err *e);
void status_model_free(struct status_model *m);

/* The contract's word; NULL for STATUS_UNKNOWN. */
const char *status_state_word(enum status_state state);

/* One sentence on the whole site; NULL when nothing is known. */
const char *status_model_message(const struct status_model *m);

/* --wait: no call is under way on any line, nor anything that may be one. */
bool status_model_idle(const struct status_model *m);

#endif
