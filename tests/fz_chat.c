/* Fuzzing login scripts: the input is a script, a zero, and what comes.  A
 * script is refused with words, or runs to an end in bounded time. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modem/chat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(c) do { if (!(c)) { \
	fprintf(stderr, "fz_chat: %s does not hold\n", #c); abort(); \
} } while (0)

static void run(struct chat *c, const uint8_t *p, size_t n)
{
	uint64_t now = 0;
	const uint8_t *out;

	chat_start(c, "ann", "sesame", now);
	for (int i = 0; chat_state(c) == CHAT_RUNNING; i++) {
		size_t some = n < 7 ? n : 7, took;

		MUST(i < 100000);
		chat_sent(c, chat_out(c, &out), now);
		if (chat_wants_break(c))
			chat_break_done(c, now);
		took = chat_feed(c, p, some, now);
		MUST(took <= some);
		p += took;
		n -= took;
		MUST(chat_doing(c));
		if (n == 0 && chat_deadline(c) != UINT64_MAX &&
		    chat_out(c, &out) == 0)
			now = chat_deadline(c);
		chat_tick(c, now);
	}
	MUST((chat_state(c) == CHAT_FAILED) == (chat_error(c) != NULL));
	if (chat_error(c) && chat_needs_password(c)) {
		const char *came = strstr(chat_error(c)->text, "ends in \"");

		MUST(!came || !strstr(came, "sesame"));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char script[CHAT_SCRIPT_MAX + 10];
	struct err e = ERR_INIT;
	struct chat *c;
	size_t n = 0;

	while (n < size && n < sizeof(script) - 1 && data[n]) {
		script[n] = (char)data[n];
		n++;
	}
	script[n] = '\0';
	if (chat_parse(script, &c, &e) < 0) {
		MUST(e.kind == ERR_CONFIG && strlen(e.text) > 10);
		return 0;
	}
	run(c, data + n, size - n);
	chat_free(c);
	return 0;
}
