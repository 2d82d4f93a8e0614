/* How long a call will be connected: "about 40 s for 3 bundles at 28.8k".
 * Pure; from the bytes to move and from earlier calls on that line. */
#ifndef SCHEDULE_ESTIMATE_H
#define SCHEDULE_ESTIMATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ESTIMATE_CALLS_MAX 16

/* Earlier good calls, newest first. */
struct estimate_calls {
	size_t n;
	struct estimate_call {
		int64_t bytes_sent, bytes_received; /* on the line */
		int64_t seconds;                    /* connected, over 0 */
	} call[ESTIMATE_CALLS_MAX];
};

struct estimate_line {
	bool both_at_once; /* both directions at once: the fuller one counts;
	                      else (zmodem, half duplex) they add up */
	int64_t nominal;   /* bytes a second that its settings or its CONNECT
	                      promise; 0: not known */
};

struct estimate {
	double rate;     /* bytes a second, all overhead in; 0: not known */
	double overhead; /* seconds of a call without data */
	bool measured;   /* rate: by earlier calls, not nominal */
	bool called;     /* there were earlier calls */
};

/* What the earlier calls say; else what the line promises. */
void estimate_make(const struct estimate_calls *calls,
    const struct estimate_line *line, struct estimate *out);

/* Seconds for so many bytes; less than 0: not known, counts as none.  -1:
 * no rate is known, and it is more than a few bytes. */
int64_t estimate_seconds(const struct estimate *e,
    const struct estimate_line *line, int64_t to_send, int64_t to_receive);

/* "CONNECT 33600/V42" -> 33600; 0: says no rate. */
int64_t estimate_connect_bps(const char *connect);

/* "about 40 s for 3 bundles at 28.8k"; "about 3 min for 1 bundle"; bps 0: not
 * known.  Returns out; "" when seconds is less than 0. */
#define ESTIMATE_TEXT 96
const char *estimate_text(int64_t seconds, int64_t bundles, int64_t bps,
    char out[ESTIMATE_TEXT]);

#endif
