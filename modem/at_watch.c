/* The modem's word that the carrier has gone, in the stream of data.  See
 * at.h. */
#include "modem/at.h"

static const char text[] = "\r\nNO CARRIER\r\n";

void at_watch_feed(struct at_watch *w, const void *p, size_t n,
    uint64_t now_ms)
{
	const char *bytes = p;
	size_t i;

	for (i = 0; i < n; i++) {
		w->since = 0;
		/* CR is the only byte that can begin it anew. */
		if (bytes[i] == text[w->matched])
			w->matched++;
		else
			w->matched = bytes[i] == '\r';
		if (w->matched == sizeof(text) - 1) {
			w->matched = 0;
			w->since = now_ms;
		}
	}
}

uint64_t at_watch_deadline(const struct at_watch *w)
{
	return w->since > 0 ? w->since + AT_WATCH_MS : UINT64_MAX;
}

bool at_watch_lost(const struct at_watch *w, uint64_t now_ms)
{
	return w->since > 0 && now_ms >= w->since + AT_WATCH_MS;
}
